// Joins of symbols: their values, how rows broadcast, and what they refuse.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <xtensor/xtensor.hpp>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using cotape::tests::message_of;

using array = xt::xarray<float>;
using single = xt::xtensor<float, 2>;  // a column

const array first = {{1, -2, 3}, {4, 5, -6}};
const array second = {{2, 2, 2}, {-1, 0, 7}};

array joined(model& m, const array& a, const array& b) {
  tape t;
  return m(std::vector{t.constant(a), t.constant(b)})[0].value<float>();
}

array of_two(symbol (*join)(const std::vector<symbol>&, const char*, int), const array& a,
             const array& b) {
  const symbol x = input({static_cast<std::int64_t>(a.shape(1))});
  const symbol y = input({static_cast<std::int64_t>(b.shape(1))});
  model m({x, y}, join({x, y}, __builtin_FILE(), __builtin_LINE()));
  return joined(m, a, b);
}

TEST(Joins, ActElementByElement) {
  EXPECT_EQ(of_two(add, first, second), (array{{3, 0, 5}, {3, 5, 1}}));
  EXPECT_EQ(of_two(subtract, first, second), (array{{-1, -4, 1}, {5, 5, -13}}));
  EXPECT_EQ(of_two(multiply, first, second), (array{{2, -4, 6}, {-4, 0, -42}}));
  EXPECT_EQ(of_two(maximum, first, second), (array{{2, 2, 3}, {4, 5, 7}}));
  EXPECT_EQ(of_two(minimum, first, second), (array{{1, -2, 2}, {-1, 0, -6}}));
  EXPECT_EQ(of_two(average, first, second), (array{{1.5f, 0, 2.5f}, {1.5f, 2.5f, 0.5f}}));
  const array column = xt::view(second, xt::all(), xt::range(0, 1));
  EXPECT_EQ(of_two(add, first, column), (array{{3, 0, 5}, {3, 4, -7}}));
}

// The names of these functions are those of ops.hpp: each call finds its own.
TEST(Joins, AreToldFromOperationsByTheirArguments) {
  const symbol x = input({2}), y = input({2});
  tape t;
  const variable a = t.constant(3.0f), b = t.constant(4.0f);
  const parameter p("p", 2.0f);
  const std::vector<symbol> symbols{add({x, y}),     subtract({x, y}), multiply({x, y}),
                                    maximum({x, y}), minimum({x, y}),  concatenate({x, y}),
                                    average({x, y}), dot({x, y})};
  EXPECT_EQ(symbols.size(), 8u);
  EXPECT_EQ(add(a, b).value<float>()(), 7);
  EXPECT_EQ(add(a, p).value<float>()(), 5);
  EXPECT_EQ(subtract(a, 1).value<float>()(), 2);
  EXPECT_EQ(multiply(2, b).value<float>()(), 8);
  EXPECT_EQ(maximum(a, b).value<float>()(), 4);
  EXPECT_EQ(minimum(a, b).value<float>()(), 3);
  EXPECT_EQ(concatenate({expand_dims(a, 0), expand_dims(b, 0)}).shape(), (shape{2}));
}

TEST(Joins, TakeOnePartAndMany) {
  const symbol x = input({1});
  model m(x, {add({x}), average({x, x, x}), multiply({x, x, x, x})});
  tape t;
  const auto y = m(std::vector{t.constant(single{{3}, {2}})});
  EXPECT_EQ(y[0].value<float>(), (single{{3}, {2}}));
  EXPECT_EQ(y[1].value<float>(), (single{{3}, {2}}));
  EXPECT_EQ(y[2].value<float>(), (single{{81}, {16}}));
}

// A batch as long as a part has rows: its axis must not meet another one.
TEST(Joins, KeepTheBatchFirst) {
  const symbol x = input({2, 3}), y = input({3});
  model m({x, y}, add({x, y}));
  tape t;
  const array a = xt::reshape_view(xt::arange<float>(12), {2, 2, 3});
  const array b = {{100, 200, 300}, {1000, 2000, 3000}};
  array wanted = a;
  for (std::size_t n = 0; n < 2; ++n) {
    for (std::size_t i = 0; i < 2; ++i) {
      for (std::size_t j = 0; j < 3; ++j) wanted(n, i, j) += b(n, j);
    }
  }
  EXPECT_EQ(m(std::vector{t.constant(a), t.constant(b)})[0].value<float>(), wanted);
}

// Against the sums of products, written out.
TEST(Dot, SumsProductsAlongAnAxisOfEach) {
  const symbol x = input({4, 3, 2}), y = input({5, 3});
  model m({x, y}, dot({x, y}, {.axes = {2, -1}}));
  generator random(3);
  tape t;
  const array a = to_xarray<float>(random.normal({6, 4, 3, 2}));
  const array b = to_xarray<float>(random.normal({6, 5, 3}));
  const array found = m(std::vector{t.constant(a), t.constant(b)})[0].value<float>();
  ASSERT_EQ(found.shape(), (array::shape_type{6, 4, 2, 5}));
  for (std::size_t n = 0; n < 6; ++n) {
    for (std::size_t i = 0; i < 4; ++i) {
      for (std::size_t k = 0; k < 2; ++k) {
        for (std::size_t l = 0; l < 5; ++l) {
          double sum = 0;
          for (std::size_t j = 0; j < 3; ++j) sum += double{a(n, i, j, k)} * b(n, l, j);
          EXPECT_NEAR(found(n, i, k, l), sum, 1e-5);
        }
      }
    }
  }
}

TEST(Dot, OfVectorsIsAColumnAndNormalizedACosine) {
  const symbol x = input({3}), y = input({3});
  model plain({x, y}, dot({x, y})), cosine({x, y}, dot({x, y}, {.normalize = true}));
  EXPECT_EQ(joined(plain, first, second), (single{{4}, {-46}}));
  const array found = joined(cosine, first, second);
  EXPECT_NEAR(found(0, 0), 4 / std::sqrt(14.0 * 12), 1e-6);
  EXPECT_NEAR(found(1, 0), -46 / std::sqrt(77.0 * 50), 1e-6);
  EXPECT_EQ(joined(cosine, array{{0, 0, 0}}, array{{1, 2, 3}}), (single{{0}}));
}

TEST(Joins, SayWhatDoesNotFit) {
  const symbol x = input({2}), y = input({3}), z = input({2, 3});
  const auto message = [](const std::function<void()>& f) {
    const std::string all = message_of(f);
    return all.substr(0, all.find(" ["));
  };
  EXPECT_EQ(message([&] { subtract({x}); }), "subtract: 1 parts, it takes two");
  EXPECT_EQ(message([&] { dot({x, x, x}); }), "dot: 3 parts, it takes two");
  EXPECT_EQ(message([&] { add(std::vector<symbol>{}); }), "add: no inputs");
  EXPECT_EQ(message([&] {
              model({x, y}, dot({x, y}));
            }),
            "dot: axis 1 of (2, 2) and axis 1 of (2, 3) differ in size");
  EXPECT_EQ(message([&] {
              model({x, z}, dot({x, z}, {.axes = {0, 1}}));
            }),
            "dot: axis 0 is the batch: the products are summed along another");
  EXPECT_EQ(message([&] {
              model({x, y}, add({x, y}));
            }),
            "add: cannot broadcast (2, 2) with (2, 3)");
}

}  // namespace
