// An operation of one's own, in one's own program: arcsinh, checked against numeric
// differentiation, then used in a model like any other.
#include <cmath>
#include <cotape/check.hpp>
#include <cotape/cotape.hpp>
#include <iostream>
#include <limits>
#include <xtensor/xio.hpp>

using namespace cotape;

struct arcsinh_op {  // y = log(x + sqrt(1 + x^2)),  dy/dx = 1 / sqrt(1 + x^2)
  static constexpr auto name = "arcsinh";
  template <class T> static T kernel(T x) { return std::asinh(x); }
  static variable derivative(variable x, variable, variable dy) {
    return chain(dy, reciprocal(sqrt(1 + square(x))));
  }
};
variable arcsinh(operand x) { return apply<arcsinh_op>(x); }

int main() {
  parameter x("x", xt::xarray<double>{-3.0, -0.5, 0.25, 1.0, 8.0});
  const gradient_check check =
      check_gradient([&](tape& t) { return sum(arcsinh(t.read(x)) * t.constant(0.5)); });
  std::cout << check;

  tape t;
  const variable y = arcsinh(t.read(x));
  const variable slope = gradient(sum(y), t.read(x));
  const variable curvature = gradient(sum(slope), t.read(x));
  std::cout << "x          " << x.value<double>() << "\narcsinh    " << y.value<double>()
            << "\nslope      " << slope.value<double>() << "\ncurvature  "
            << curvature.value<double>() << "\n";
  // Far out too there are numbers, and no NaN.
  const double infinity = std::numeric_limits<double>::infinity();
  const variable far = t.constant(xt::xarray<double>{-infinity, infinity});
  std::cout << "at infinity " << arcsinh(far).value<double>() << ", slope "
            << gradient(sum(arcsinh(far)), far).value<double>() << "\n";
  return check.ok() ? 0 : 1;
}
