// How the images of windows are split over threads.
#include "kernels/windows.hpp"

#include <gtest/gtest.h>

#include <atomic>

#include "cotape/threads.hpp"

namespace cotape::kernels {
namespace {

int parts_of_images(const windows& w) {
  std::atomic<int> parts = 0;
  for_images(w, [&](std::int64_t, std::int64_t) { ++parts; });
  return parts;
}

// The taps of the largest windows are 2^64: as a whole number, none.
TEST(Windows, ThatAreLargeAreSharedByThreads) {
  const int before = num_threads();
  set_num_threads(2);
  windows w{.batch = 8, .channels = 1};
  EXPECT_EQ(parts_of_images(w), 1);
  constexpr std::int64_t large = std::int64_t{1} << 31;
  w.axes[0].size = w.axes[1].size = large;
  w.axes[2].size = 4;
  EXPECT_EQ(parts_of_images(w), 2);
  set_num_threads(before);
}

}  // namespace
}  // namespace cotape::kernels
