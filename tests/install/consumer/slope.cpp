// Outside the tree: the slope of the sum of a matrix times itself, by BLAS.
#include <cotape/cotape.hpp>

double slope_of_square(double at) {
  using namespace cotape;
  tape t;
  const parameter w{"w", xt::xarray<double>(xt::ones<double>({128, 128}) * (at / 128))};
  const variable read = t.read(w);
  return gradient(sum(matmul(read, read)), read).value<double>()(0, 0);  // 2 * 128 * at / 128
}
