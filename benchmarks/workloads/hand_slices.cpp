// Parts of values by hand: one pass, nothing copied that need not be.
#include <algorithm>

#include "hand.hpp"

namespace bench::HAND {
namespace {

double neighbours(const double* __restrict x, std::size_t n, std::size_t width,
                  double* __restrict dx) {
  double sum = 0;
  for (std::size_t i = 0; i < n; ++i) sum += x[i] * x[i + width];
  std::fill_n(dx, width, 0.0);
  for (std::size_t i = 0; i < n; ++i) dx[i + width] = x[i];
  for (std::size_t i = 0; i < n; ++i) dx[i] += x[i + width];
  return sum;
}

template <bool Wide> std::function<void()> products(hand_buffers& b) {
  const std::size_t width = Wide ? b["width"] : 1, n = b["pieces"] * width;
  const double* x = b.in<double>(0);
  double *y = b.out<double>(1), *dx = b.out<double>(n + width);
  return [=] { *y = neighbours(x, n, width, dx); };
}

// Rows in blocks, so that a block of the result stays in the first cache.
void columns(const std::vector<const float*>& x, std::size_t rows, float* __restrict y) {
  constexpr std::size_t block = 64;
  const std::size_t parts = x.size();
  for (std::size_t first = 0; first < rows; first += block) {
    const std::size_t end = std::min(rows, first + block);
    for (std::size_t p = 0; p < parts; ++p) {
      const float* __restrict column = x[p];
      for (std::size_t i = first; i < end; ++i) y[i * parts + p] = column[i];
    }
  }
}

std::function<void()> stack(hand_buffers& b) {
  const std::size_t parts = b["parts"], rows = b["rows"];
  std::vector<const float*> x;
  for (std::size_t p = 0; p < parts; ++p) x.push_back(b.in<float>(p));
  float* y = b.out<float>(parts * rows);
  return [=] { columns(x, rows, y); };
}

void move_on(const double* __restrict x, std::size_t n, double* __restrict y) {
  y[0] = 0;
  for (std::size_t i = 1; i < n; ++i) y[i] = x[i - 1];
}

std::function<void()> shift(hand_buffers& b) {
  const std::size_t n = b["n"];
  const double* x = b.in<double>(0);
  double* y = b.out<double>(n);
  return [=] { move_on(x, n, y); };
}

double rosenbrock_of(const double* x, std::size_t n) {
  double sum = 0;
  for (std::size_t i = 0; i + 1 < n; ++i) {
    const double d = x[i + 1] - x[i] * x[i], e = 1 - x[i];
    sum += 100 * d * d + e * e;
  }
  return sum;
}

std::function<void()> rosenbrock(hand_buffers& b) {
  const std::size_t n = b["n"];
  const double* x = b.in<double>(0);
  double* y = b.out<double>(1);
  return [=] { *y = rosenbrock_of(x, n); };
}

double rosenbrock_with(const double* __restrict x, std::size_t n, double* __restrict dx) {
  double sum = 0;
  dx[0] = 0;
  for (std::size_t i = 0; i + 1 < n; ++i) {
    const double d = x[i + 1] - x[i] * x[i], e = 1 - x[i];
    sum += 100 * d * d + e * e;
    dx[i] -= 400 * x[i] * d + 2 * e;
    dx[i + 1] = 200 * d;
  }
  return sum;
}

std::function<void()> rosenbrock_grad(hand_buffers& b) {
  const std::size_t n = b["n"];
  const double* x = b.in<double>(0);
  double *y = b.out<double>(1), *dx = b.out<double>(n);
  return [=] { *y = rosenbrock_with(x, n, dx); };
}

}  // namespace

hand_table slices() {
  return {{"element_products", &products<false>},
          {"split_products", &products<true>},
          {"gather_products", &products<true>},
          {"concatenate", &stack},
          {"stack", &stack},
          {"shift", &shift},
          {"rosenbrock", &rosenbrock},
          {"rosenbrock_grad", &rosenbrock_grad}};
}

}  // namespace bench::HAND
