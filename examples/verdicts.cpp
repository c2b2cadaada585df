// Each verdict of the gradient checker, with the table that shows it. README.md quotes what this
// prints.
#include <cotape/cotape.hpp>
#include <iostream>

using namespace cotape;

struct cube_op {  // y = x^3, and a derivative of 2 x^2 that should be 3 x^2
  static constexpr auto name = "cube";
  template <class T> static T kernel(T x) { return x * x * x; }
  static variable derivative(variable x, variable, variable dy) { return chain(dy, 2 * square(x)); }
};

int main() {
  const xt::xarray<double> x = {{0.5, -1.0, 2.0}, {1.5, 0.0, -0.5}};
  const xt::xarray<double> w = {{0.1, 0.4}, {-0.3, 0.2}, {0.5, -0.6}};

  std::cout << check_gradient([](variable a, variable b) { return softmax(matmul(a, b)); }, {x, w})
            << check_gradient([](variable a) { return exp(apply<cube_op>(tanh(a))); }, {x})
            << check_gradient([](variable a) { return relu(a); }, {x})
            << check_gradient([](variable a) { return 1e-9 * sum(a) + 1e6; }, {x})
            << check_gradient([](variable a) { return a > 10; }, {x})
            << check_gradient([](variable a) { return log(square(a)); }, {x});
}
