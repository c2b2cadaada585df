// Slopes at kinks and ties by the policy of the tape: docs/edges.md.
#include <limits>

#include "support.hpp"

namespace cotape::tests {

namespace {

using function = std::function<variable(const variable&)>;

struct policy {
  kink_policy chosen;
  double relu, leaky, abs;  // slopes at 0; leaky with alpha = 1/4
  numbers maximum;          // of the two operands at a tie
  numbers max;              // of elements 1, 2 and 4 of five, which tie
};

const policy policies[] = {
    {kink_policy::standard, 0, 0.25, 0, {0.5, 0.5}, {0, 1 / 3., 1 / 3., 0, 1 / 3.}},
    {kink_policy::left, 0, 0.25, -1, {1, 0}, {0, 1, 0, 0, 0}},
    {kink_policy::right, 1, 1, 1, {0, 1}, {0, 0, 0, 0, 1}},
    {kink_policy::split, 0.5, 0.625, 0, {0.5, 0.5}, {0, 1 / 3., 1 / 3., 0, 1 / 3.}},
};

struct graph : graph_under_test {
  explicit graph(const policy& p) { t.kinks = p.chosen; }
};

// f's values and slopes at points, in both dtypes.
void expect_slopes(const policy& p, const function& f, const numbers& at, const numbers& values,
                   const numbers& slopes) {
  const shape s{static_cast<std::int64_t>(at.size())};
  for (dtype d : {float64, float32}) {
    graph g(p);
    const variable x = g.input(d, array(s, at));
    const variable y = f(x);
    const arrays got = g.run({y, gradient(sum(y), x)});
    expect_near(got[0], array(s, values), d, 0, 0);
    expect_near(got[1], array(s, slopes), d, 1, 0);
  }
}

}  // namespace

TEST(KinkPolicies, ChooseTheSlopeAtZeroAndNothingElse) {
  for (const policy& p : policies) {
    SCOPED_TRACE(static_cast<int>(p.chosen));
    const numbers at{-2, -0.0, 0, 2};
    expect_slopes(p, [](variable x) { return relu(x); }, at, {0, 0, 0, 2}, {0, p.relu, p.relu, 1});
    expect_slopes(p, [](variable x) { return leaky_relu(x, 0.25); }, at, {-0.5, 0, 0, 2},
                  {0.25, p.leaky, p.leaky, 1});
    expect_slopes(p, [](variable x) { return abs(x); }, at, {2, 0, 0, 2}, {-1, p.abs, p.abs, 1});
    expect_slopes(p, [](variable x) { return elu(x, 0.25); }, {0, 2}, {0, 2}, {p.leaky, 1});
    expect_slopes(p, [](variable x) { return selu(x) / 1.0507009873554805; }, {0, 2}, {0, 2},
                  {p.leaky == 0.25 ? 1.6732632423543772
                   : p.leaky == 1  ? 1
                                   : 1.3366316211771886,
                   1});
    expect_slopes(p, [](variable x) { return celu(x, 0.25); }, {0, 2}, {0, 2}, {1, 1});
    const double low = p.maximum[1], high = p.maximum[0];  // at a lower and at an upper bound
    expect_slopes(p, [](variable x) { return relu6(x); }, {-1, 0, 3, 6, 7}, {0, 0, 3, 6, 6},
                  {0, p.relu, 1, high, 0});
    expect_slopes(p, [](variable x) { return 6 * hard_sigmoid(x); }, {-4, -3, 0, 3, 4},
                  {0, 0, 3, 6, 6}, {0, p.relu, 1, high, 0});
    expect_slopes(p, [](variable x) { return 2 * hard_silu(x); }, {-4, -3, 0, 3, 4},
                  {0, 0, 0, 6, 8}, {0, -p.relu, 1, 2 + high, 2});
    expect_slopes(p, [](variable x) { return hard_tanh(x); }, {-2, -1, 0, 1, 2}, {-1, -1, 0, 1, 1},
                  {0, low, 1, high, 0});
    expect_slopes(p, [](variable x) { return sign(x); }, at, {-1, 0, 0, 1}, {0, 0, 0, 0});
    expect_slopes(p,
                  [](variable x) {
                    return norm(reshape(x, {2, 1}), 1);
                  },
                  {0, 3}, {0, 3}, {0, 1});
  }
}

TEST(KinkPolicies, ChooseTheOperandAtATie) {
  for (const policy& p : policies) {
    SCOPED_TRACE(static_cast<int>(p.chosen));
    for (auto* f : {static_cast<variable (*)(operand, operand)>(maximum),
                    static_cast<variable (*)(operand, operand)>(minimum)}) {
      const bool larger = f == static_cast<variable (*)(operand, operand)>(maximum);
      graph g(p);
      const variable a = g.input(float64, array({3}, {1, 2, 3}));
      const variable b = g.input(float64, array({3}, {1, 3, 2}));
      const arrays got = g.run(gradient(sum(f(a, b)), {a, b}));
      const double up = larger ? 1 : 0;
      expect_close(got[0], array({3}, {p.maximum[0], 1 - up, up}), 0);
      expect_close(got[1], array({3}, {p.maximum[1], up, 1 - up}), 0);
    }
  }
}

TEST(KinkPolicies, ChooseTheElementOfAReducedTie) {
  for (const policy& p : policies) {
    SCOPED_TRACE(static_cast<int>(p.chosen));
    const numbers at{1, 5, 5, 2, 5};
    graph g(p);
    const variable x = g.input(float64, array({5}, at));
    const variable rows = g.input(float64, array({2, 5}, {1, 5, 5, 2, 5, -9, -3, -3, -8, -3}));
    const variable columns = g.input(float64, array({5, 1}, at));
    const variable block = g.input(float64, array({1, 2, 3, 1}, {1, 5, 5, 2, 5, 0}));
    const arrays got =
        g.run({gradient(max(x), x), gradient(-min(-x), x), gradient(sum(max(rows, 1)), rows),
               gradient(max(columns, 0), columns), gradient(sum(max(block, {1, 2})), block)});
    numbers twice = p.max, six = p.max;
    twice.insert(twice.end(), p.max.begin(), p.max.end());
    six.push_back(0);
    expect_close(got[0], array({5}, p.max), 1e-15);
    expect_close(got[1], array({5}, p.max), 1e-15);
    expect_close(got[2], array({2, 5}, twice), 1e-15);
    expect_close(got[3], array({5, 1}, p.max), 1e-15);
    expect_close(got[4], array({1, 2, 3, 1}, six), 1e-15);
  }
}

// NaN is larger, and smaller, than every number, and equal to itself.
TEST(KinkPolicies, ChooseAmongElementsThatAreNan) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const policy& p : policies) {
    SCOPED_TRACE(static_cast<int>(p.chosen));
    for (auto* f : {static_cast<variable (*)(operand, operand)>(maximum),
                    static_cast<variable (*)(operand, operand)>(minimum)}) {
      graph g(p);
      const variable a = g.input(float64, array({3}, {nan, nan, 1}));
      const variable b = g.input(float64, array({3}, {nan, 1, nan}));
      const arrays got = g.run(gradient(sum(f(a, b)), {a, b}));
      expect_close(got[0], array({3}, {p.maximum[0], 1, 0}), 0);
      expect_close(got[1], array({3}, {p.maximum[1], 0, 1}), 0);
    }
    graph g(p);
    const variable x = g.input(float64, array({5}, {1, nan, nan, 2, nan}));
    for (const variable& y : {max(x), min(x)}) {
      expect_close(g.run(gradient(y, x)), array({5}, p.max), 1e-15);
    }
  }
}

TEST(KinkPolicies, HoldForWhatIsRecordedAfterThem) {
  graph_under_test g;
  const variable x = g.input(float64, array({1}, 0));
  const variable y = sum(relu(x)), before = gradient(y, x);
  g.t.kinks = kink_policy::right;
  const arrays got = g.run({before, gradient(y, x)});
  EXPECT_EQ(got[0].data[0], 0);
  EXPECT_EQ(got[1].data[0], 1);
  auto f = compile([](variable z) {
    z.owner().kinks = kink_policy::split;
    return gradient(sum(relu(z)), z);
  });
  EXPECT_EQ(f(xt::xarray<double>{0.0}).number(), 0.5);
}

}  // namespace cotape::tests
