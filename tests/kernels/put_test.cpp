// Assemblies against plain loops that store or add one part after the other, element by element.
#include "kernels/axes.hpp"

namespace cotape::kernels::testing {
namespace {

struct put_part {
  axes where;
  bool adds = false;
};

struct put_case {
  const char* what;
  std::size_t size;
  std::vector<put_part> parts;
  bool fills = false;
};

// As many columns of a matrix as it has, one a part.
put_case columns(const char* what, std::int64_t rows, std::int64_t count, std::int64_t width) {
  put_case c{what, static_cast<std::size_t>(rows * width), {}};
  for (std::int64_t k = 0; k < count; ++k) c.parts.push_back({{{{rows, width}}, k}});
  return c;
}

std::vector<put_case> cases() {
  std::vector<put_case> all{
      {"nothing", 100, {}, true},
      {"a run", 1000, {{{{{999, 1}}, 1}}}, true},
      {"a run that leaves the rest", 1000, {{{{{500, 1}}, 100}}}},
      {"an element", 10, {{{{}, 3}}}, true},
      {"runs that overlap",
       30000,
       {{{{{29999, 1}}, 0}}, {{{{29999, 1}}, 1}, true}, {{{{17, 1}}, 5}, true}},
       true},
      {"large runs that overlap",
       600001,
       {{{{{600000, 1}}, 0}}, {{{{600000, 1}}, 1}, true}, {{{{200000, 3}}, 1}, true}},
       true},
      {"runs side by side", 900000, {{{{{300000, 1}}, 0}}, {{{{600000, 1}}, 300000}}}},
      {"boxes",
       400 * 900,
       {{{{{400, 900}, {300, 1}}, 0}},
        {{{{400, 900}, {600, 1}}, 300}},
        {{{{200, 1800}, {450, 2}}, 901}, true}}},
      {"boxes of three axes",
       60 * 70 * 80,
       {{{{{60, 5600}, {69, 80}, {79, 1}}, 81}}, {{{{30, 11200}, {35, 160}, {40, 2}}, 0}, true}},
       true},
      {"backwards", 600007, {{{{{600007, -1}}, 600006}}, {{{{1000, 3}}, 4}, true}}},
      {"a column that is read by one", 300000, {{{{{100000, 3}}, 2}}}, true},
      {"parts between columns",
       90000,
       {{{{{30000, 3}}, 0}}, {{{{29999, 3}}, 4}}, {{{{30000, 3}}, 2}}, {{{{90000, 1}}, 0}, true}},
       true},
      columns("a few columns", 20, 16, 16),
      columns("two columns", 30000, 2, 2),
      columns("three columns of five", 30001, 3, 5),
      columns("sixteen columns", 30000, 16, 16),
      columns("seventeen columns", 20011, 17, 17),
      columns("eight columns of nine", 5003, 8, 9)};
  put_case many{"many elements", 20000, {}, true};
  for (std::int64_t k = 0; k < 20000; ++k)
    many.parts.push_back({{{}, (k * 7919) % 20000}, k > 9000});
  all.push_back(many);
  put_case backwards = columns("columns from the last on, but one", 9001, 11, 11);
  std::reverse(backwards.parts.begin(), backwards.parts.end());
  backwards.parts.erase(backwards.parts.begin() + 2);
  backwards.fills = true;
  all.push_back(backwards);
  return all;
}

template <class T> class Assemble : public ::testing::Test {};
using element_types = ::testing::Types<float, double, std::int64_t>;
TYPED_TEST_SUITE(Assemble, element_types);

TYPED_TEST(Assemble, GivesTheBitsOfPlainLoopsAtAnyNumberOfThreads) {
  using T = TypeParam;
  for (const put_case& c : cases()) {
    SCOPED_TRACE(c.what);
    std::vector<buffer<T>> from;
    buffer<T> expected(c.size, T(-5));
    if (c.fills) std::fill(expected.begin(), expected.end(), T(2));
    puts a;
    a.fills = c.fills;
    a.rest = bits_of(2, dtype_of<T>::value);
    for (const put_part& p : c.parts) {
      from.emplace_back(p.where.elements());
      for (std::size_t i = 0; i < from.back().size(); ++i) {
        from.back()[i] = static_cast<T>(static_cast<double>(i % 1009 + from.size()) / 3);
        T& to = expected[p.where.place(i)];
        to = p.adds ? to + from.back()[i] : from.back()[i];
      }
      a.add(p.where.map(), from.back().data(), p.adds);
    }
    const kernel run = put(dtype_of<T>::value, static_cast<std::int64_t>(c.size), a);
    for (int n : {1, 2, 4}) {
      const threads set(n);
      const buffer<T> d(c.size, T(-5));
      const step s = make_step(run, d.data(), nullptr, nullptr, nullptr, c.size, &a);
      s.run(s);
      ASSERT_TRUE(same_bits(d, expected)) << n << " threads";
    }
  }
}

// What stands between the places of a map stays as it is.
TYPED_TEST(Assemble, StoresOneByOneAreTheInverseOfLoads) {
  using T = TypeParam;
  const std::vector<axes> maps = {{{}, 3},
                                  {{{1300, 1}}, 5},
                                  {{{9, 20}, {7, 2}}, 1},
                                  {{{1000, -1}}, 999},
                                  {{{30, -40}, {20, -2}}, 29 * 40 + 39},
                                  {{{30, -40}, {20, 1}}, 29 * 40},
                                  {{{5, 170}, {17, 1}, {10, 17}}, 0}};
  for (const axes& m : maps) {
    const auto a = counting<T>(m.elements());
    for (const bool adds : {false, true}) {
      const buffer<T> d(m.source_size(), T(-5)), expected(m.source_size(), T(-5));
      for (std::size_t i = 0; i < a.size(); ++i) {
        expected[m.place(i)] = adds ? expected[m.place(i)] + a[i] : a[i];
      }
      puts one;
      one.add(m.map(), a.data(), adds);
      step s = make_step(nullptr, d.data(), nullptr, nullptr, nullptr, d.size(), &one);
      s.run = put(dtype_of<T>::value, s.n, one);
      s.run(s);
      EXPECT_TRUE(same_bits(d, expected)) << "map " << &m - maps.data();
    }
  }
}

}  // namespace
}  // namespace cotape::kernels::testing
