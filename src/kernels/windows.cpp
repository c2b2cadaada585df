// The functions of windows for the instruction set in use.
#include "kernels/windows.hpp"

#include "kernels/isa/entries.hpp"
#include "kernels/threads.hpp"

namespace cotape::kernels {

constexpr std::int64_t least_share = 200'000;  // elements that a thread reads

template <class T> patch_functions<T> chosen_patch_functions() {
  return for_isa(chosen_isa(), []<class Arch>() { return patches_of<Arch>(T{}); });
}
template patch_functions<float> chosen_patch_functions();
template patch_functions<double> chosen_patch_functions();

template <class T> depthwise_functions<T> chosen_depthwise_functions() {
  return for_isa(chosen_isa(), []<class Arch>() { return depthwise_of<Arch>(T{}); });
}
template depthwise_functions<float> chosen_depthwise_functions();
template depthwise_functions<double> chosen_depthwise_functions();

template <class T> pooling_functions<T> chosen_pooling_functions() {
  return for_isa(chosen_isa(), []<class Arch>() { return pooling_of<Arch>(T{}); });
}
template pooling_functions<float> chosen_pooling_functions();
template pooling_functions<double> chosen_pooling_functions();

void for_images(const windows& w, const std::function<void(std::int64_t, std::int64_t)>& f) {
  const std::int64_t work = w.batch * w.places() * w.taps() * w.channels;
  const int parts =
      static_cast<int>(std::clamp<std::int64_t>(w.batch, 1, parts_of(work, least_share)));
  parallel(parts, [&](int part) {
    const std::int64_t first = w.batch * part / parts, end = w.batch * (part + 1) / parts;
    f(first, end - first);
  });
}

}  // namespace cotape::kernels
