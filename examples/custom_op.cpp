// An operation of one's own, in one's own program: softsign, checked against numeric
// differentiation, then used in a model like any other.
#include <cmath>
#include <cotape/check.hpp>
#include <cotape/cotape.hpp>
#include <iostream>
#include <xtensor/xio.hpp>

using namespace cotape;

struct softsign_op {  // y = x / (1 + |x|),  dy/dx = 1 / (1 + |x|)^2
  static constexpr auto name = "softsign";
  template <class T> static T kernel(T x) { return x / (1 + std::abs(x)); }
  static variable derivative(variable x, variable, variable dy) {
    return chain(dy, reciprocal(square(1 + abs(x))));
  }
};
variable softsign(operand x) { return apply<softsign_op>(x); }

int main() {
  parameter x("x", xt::xarray<double>{-3.0, -0.5, 0.25, 1.0, 8.0});
  const gradient_check check =
      check_gradient([&](tape& t) { return sum(softsign(t.read(x)) * t.constant(0.5)); });
  std::cout << check;

  tape t;
  const variable y = softsign(t.read(x));
  const variable slope = gradient(sum(y), t.read(x));
  const variable curvature = gradient(sum(slope), t.read(x));
  std::cout << "x          " << x.value<double>() << "\nsoftsign   " << y.value<double>()
            << "\nslope      " << slope.value<double>() << "\ncurvature  "
            << curvature.value<double>() << "\n";
  return check.ok() ? 0 : 1;
}
