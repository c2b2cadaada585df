// Values of every operation against its independent reference.
#include "accuracy.hpp"
#include "support.hpp"

namespace cotape::tests {

namespace {

void expect_reference(const op_case& c, const std::vector<shape>& shapes, dtype d, engine& random) {
  SCOPED_TRACE(c.text() + " in " + name_of(d) + ", first shape " + shapes[0].text());
  arrays x = draw(c, shapes, random);
  for (array& a : x) a = rounded(a, d);
  graph_under_test g(c, x, d);
  expect_accurate(c, x, g.run(c.apply(g.inputs)), d);
}

}  // namespace

TEST(EveryOperation, HasItsReferencesValue) {
  engine random(1);
  for (const op_case& c : op_cases()) {
    for (dtype d : {float64, float32}) expect_reference(c, own_shapes(c), d, random);
  }
}

// Loops run over tiles of 512 elements and whole vectors.
TEST(EveryElementwiseOperation, HasItsReferencesValueAtAnySize) {
  engine random(2);
  for (const op_case& c : op_cases()) {
    if (!c.elementwise) continue;
    std::vector<shape> trials{{}, {3, 0}, {1, 1, 1}, {3, 500}};
    for (std::int64_t n : {0, 1, 7, 8, 9, 15, 16, 17, 511, 512, 513, 1500}) trials.push_back({n});
    for (const shape& s : trials) {
      const std::vector<shape> shapes(c.inputs.size(), s);
      for (dtype d : {float64, float32}) expect_reference(c, shapes, d, random);
    }
  }
}

// Kernels compute vectors of elements at once, some of them behind a value's end.
TEST(EveryElementwiseOperation, GivesAnElementTheSameBitsBesideAnyOthers) {
  engine random(4);
  for (const op_case& c : op_cases()) {
    if (!c.elementwise) continue;
    for (dtype d : {float64, float32}) {
      SCOPED_TRACE(c.text() + " in " + name_of(d));
      const arrays x = draw(c, std::vector<shape>(c.inputs.size(), shape{8704}), random);
      arrays beside = x;
      for (array& a : beside) {
        for (std::size_t i = 0; i < a.data.size(); ++i) {
          if (i % 17 != 0) a.data[i] *= i < 4352 ? 0.01 : 1e3;
        }
      }
      graph_under_test g(c, x, d), other(c, beside, d);
      const array y = g.run(c.apply(g.inputs)), z = other.run(c.apply(other.inputs));
      int differences = 0;
      for (std::size_t i = 0; i < y.data.size(); i += 17) differences += y.data[i] != z.data[i];
      EXPECT_EQ(differences, 0);
    }
  }
}

TEST(EveryElementwiseOperation, TakesIntegersWhereTheyHaveAMeaning) {
  engine random(3);
  std::size_t taken = 0;
  for (const op_case& c : op_cases()) {
    if (!c.elementwise) continue;
    SCOPED_TRACE(c.text());
    op_case on_integers = c;
    for (argument& a : on_integers.inputs) a.from = indices(4);
    for (std::int64_t n : {0, 1, 9, 513}) {
      const std::vector<shape> shapes(c.inputs.size(), shape{n});
      const arrays x = draw(on_integers, shapes, random);
      graph_under_test g(on_integers, x, int64);
      if (!c.integers) {
        EXPECT_THROW(c.apply(g.inputs), dtype_error);
        continue;
      }
      ++taken;
      const variable y = c.apply(g.inputs);
      EXPECT_EQ(y.dtype(), int64);
      expect_accurate(c, x, g.run(y), int64);
    }
  }
  EXPECT_GT(taken, 0u);
}

TEST(Integers, WrapAround) {
  using limits = std::numeric_limits<std::int64_t>;
  tape t;
  const variable most = t.constant(limits::max()), least = t.constant(limits::min());
  EXPECT_EQ((most + 1).value<std::int64_t>()(), limits::min());
  EXPECT_EQ((least - 1).value<std::int64_t>()(), limits::max());
  EXPECT_EQ((-least).value<std::int64_t>()(), limits::min());
  EXPECT_EQ(abs(least).value<std::int64_t>()(), limits::min());
  EXPECT_EQ((most * most).value<std::int64_t>()(), 1);
  const variable both = stack({most, most}), zeros = t.constant(xt::xarray<std::int64_t>{0, 0});
  EXPECT_EQ(scatter_add(both, zeros, 1).value<std::int64_t>()(0), -2);
}

}  // namespace cotape::tests
