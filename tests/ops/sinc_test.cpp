// sinc and its derivatives of any order.
#include "sinc.hpp"

#include "support.hpp"

namespace cotape::tests {

TEST(Sinc, HasDerivativesOfEveryOrder) {
  const numbers at{0, -0.0, 1e-9, 0.3, -0.5, 1, 2.75, -7.5, 12};
  const shape s{static_cast<std::int64_t>(at.size())};
  for (const bool fuse : {true, false}) {
    graph_under_test g;
    const variable x = g.input(float64, array(s, at));
    variables y{sinc(x)};
    for (int n = 1; n <= 8; ++n) y.push_back(gradient(sum(y.back()), x));
    const arrays got = g.run(y, {.fuse = fuse});
    for (int n = 0; n <= 8; ++n) {
      const double bound = std::pow(std::acos(-1.0), n) / (n + 1);
      for (std::size_t i = 0; i < at.size(); ++i) {
        const auto wanted = static_cast<double>(sinc_derivative_of(at[i], n));
        EXPECT_NEAR(got[static_cast<std::size_t>(n)].data[i], wanted, 2e-15 * bound)
            << "order " << n << " at " << at[i];
      }
    }
    EXPECT_DOUBLE_EQ(got[2].data[0], -3.2898681336964529);  // -pi^2 / 3
    EXPECT_EQ(got[0].data[5], 0);                           // at a whole number
  }
}

TEST(Sinc, HasNoDerivativeOfAnOrderThatIsNone) {
  graph_under_test g;
  const variable x = g.input(float64, array({1}, 0.25));
  for (double n : {-1.0, 0.5, 257.0, std::nan("")}) {
    EXPECT_TRUE(std::isnan(g.run(sinc_derivative(x, n)).data[0])) << n;
  }
  for (double n : {0.0, 256.0}) {
    EXPECT_FALSE(std::isnan(g.run(sinc_derivative(x, n)).data[0])) << n;
  }
}

}  // namespace cotape::tests
