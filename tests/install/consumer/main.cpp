// A program outside the tree: d(w^2)/dw at w = 3.
#include <cotape/cotape.hpp>

int main() {
  using namespace cotape;
  tape t;
  parameter w{"w", xt::xarray<float>{3.0f}};
  variable read = t.read(w);
  xt::xarray<float> slope = gradient(sum(read * read), {read})[0].value<float>();
  return slope(0) == 6.0f ? 0 : 1;
}
