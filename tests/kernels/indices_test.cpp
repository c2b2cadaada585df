// gather and scatter_add against plain loops, and their errors.
#include "expect_error.hpp"
#include "kernels/buffers.hpp"

namespace cotape::kernels::testing {
namespace {

template <class T> class Indices : public ::testing::Test {};
using element_types = ::testing::Types<float, double, std::int64_t>;
TYPED_TEST_SUITE(Indices, element_types);

template <class T>
void run(kernel k, const buffer<T>& d, const buffer<T>& a, const buffer<std::int64_t>& index,
         const reduction& g, bool labels = false) {
  const picking p{.seen = g, .labels = labels, .op = "pick", .where = {"a/model.cpp", 12}};
  step s = make_step(k, d.data(), a.data(), index.data(), nullptr, d.size(), &p);
  s.rows = static_cast<std::uint32_t>(index.size());
  s.run(s);
}

std::size_t size(std::int64_t a, std::size_t b, std::int64_t c) {
  return static_cast<std::size_t>(a * c) * b;
}

template <class T> buffer<T> small_integers(std::size_t n) {
  buffer<T> b(n);
  for (std::size_t i = 0; i < n; ++i) b[i] = static_cast<T>(i % 97);
  return b;
}

TYPED_TEST(Indices, GatherPicksAndScatterAddsRows) {
  using T = TypeParam;
  for (const reduction& g : {reduction{1, 5, 1}, reduction{3, 5, 1}, reduction{1, 5, 7},
                             reduction{2, 5, 33}, reduction{2, 5, 0}, reduction{0, 5, 2}}) {
    for (const auto& index : {buffer<std::int64_t>{4, 0, 0, 2, 4, 4, 1}, buffer<std::int64_t>(0)}) {
      const std::size_t rows = index.size(), inner = static_cast<std::size_t>(g.inner);
      const auto a = small_integers<T>(size(g.outer, 5, g.inner));
      const buffer<T> picked(size(g.outer, rows, g.inner));
      run(gather(dtype_of<T>::value), picked, a, index, g);
      const buffer<T> added(a.size(), T(2)), expected(a.size(), T(2));
      run(scatter_add(dtype_of<T>::value), added, picked, index, g);
      for (std::size_t i = 0; i < picked.size(); ++i) {
        const std::size_t row = i / inner % rows, o = i / inner / rows;
        const std::size_t from = (o * 5 + static_cast<std::size_t>(index[row])) * inner + i % inner;
        ASSERT_EQ(picked[i], a[from]);
        expected[from] += picked[i];
      }
      for (std::size_t i = 0; i < a.size(); ++i) ASSERT_EQ(added[i], expected[i]);
    }
  }
}

// Rows of few elements have loops of their own, long lists of indices are split over threads.
TYPED_TEST(Indices, RowsOfAnySizeArePickedAndAddedAtAnyNumberOfThreads) {
  using T = TypeParam;
  std::vector<std::pair<std::int64_t, std::size_t>> sizes{{3, 120000}, {64, 9000}, {700, 900}};
  for (std::int64_t inner = 1; inner <= 40; ++inner) sizes.emplace_back(inner, 50);
  for (std::int64_t inner : {63, 64, 65, 127, 128, 129, 200}) sizes.emplace_back(inner, 50);
  for (const auto& [inner, rows] : sizes) {
    const reduction g{2, 101, inner};
    const std::size_t width = static_cast<std::size_t>(inner);
    const auto a = small_integers<T>(size(2, 101, inner));
    buffer<std::int64_t> index(rows);
    for (std::size_t i = 0; i < rows; ++i) index[i] = static_cast<std::int64_t>(i * i % 101);
    for (int n : {1, 2, 4}) {
      const threads set(n);
      const buffer<T> picked(size(2, rows, inner)), added(a.size(), T(0)), expected(a.size(), T(0));
      run(gather(dtype_of<T>::value), picked, a, index, g);
      run(scatter_add(dtype_of<T>::value), added, picked, index, g);
      for (std::size_t i = 0; i < picked.size(); ++i) {
        const std::size_t row = i / width % rows, o = i / width / rows;
        const std::size_t from =
            (o * 101 + static_cast<std::size_t>(index[row])) * width + i % width;
        ASSERT_EQ(picked[i], a[from]) << inner;
        expected[from] += picked[i];
      }
      EXPECT_TRUE(same_bits(added, expected)) << inner;
    }
  }
}

TEST(IndicesOutside, AreToldWithTheOperationAndItsLine) {
  const reduction g{1, 3, 2};
  const buffer<float> a(6, 1.0F), d(4, 9.0F);
  for (std::int64_t bad : {std::int64_t{3}, std::int64_t{-1}}) {
    const buffer<std::int64_t> index{1, bad};
    const auto message = [&](kernel k, const buffer<float>& to, const buffer<float>& from,
                             bool labels) {
      return tests::message_of([&] { run(k, to, from, index, g, labels); });
    };
    const std::string number = std::to_string(bad),
                      text = "pick: index " + number +
                             ", element 1 of the indices, is outside 0..2 [at model.cpp:12]";
    EXPECT_EQ(message(gather(float32), d, a, false), text);
    EXPECT_EQ(message(scatter_add(float32), a, d, false), text);
    EXPECT_EQ(
        message(gather(float32), d, a, true),
        "pick: label " + number + " in row 1 is none of the 3 classes, 0..2 [at model.cpp:12]");
    EXPECT_EQ(d[0], 9.0F);
    EXPECT_EQ(a[0], 1.0F);
  }
}

}  // namespace
}  // namespace cotape::kernels::testing
