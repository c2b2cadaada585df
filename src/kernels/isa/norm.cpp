// The Euclidean norm, without overflow or underflow in between: floats are
// squared as doubles; the squares of doubles go into one of three sums, two of them scaled
// (J. L. Blue, A portable Fortran program to find the Euclidean norm of a vector, 1978).
#include "kernels/isa/folds.hpp"
#include "kernels/isa/lanes.hpp"

namespace cotape::kernels {
namespace {

struct add_op {
  template <class B> static B combine(B m, B x) { return m + x; }
};

constexpr double shrink = 0x1p-600, grow = 0x1p600;  // for large and for small squares
constexpr double least = 0x1p-960, most = 0x1p960;   // sums of squares taken as they are

struct float_norm {
  using value = float;
  using terms = const float*;
  static terms terms_of(const step& s) { return static_cast<terms>(s.a); }
  using piece = double;
  static constexpr bool piece_in_result = false;
  struct total {
    double squares;
    void start(double x) { squares = x; }
    void add(double x) { squares += x; }
    void merge(const total& next) { squares += next.squares; }
    float finish() const { return static_cast<float>(__builtin_sqrt(squares)); }
  };
  static double segment(const float* a, std::int64_t n);
  static void whole(const float* a, std::int64_t n, std::int64_t count, float* d) {
    for (std::int64_t i = 0; i < count; ++i) d[i] = of(segment(a + i * n, n)).finish();
  }
  static total of(double squares) { return {squares}; }
  static void add_rows(const float* a, std::int64_t stride, std::int64_t rows, std::int64_t width,
                       double* sum, bool start);
};

struct three_sums {
  double small, middle, large;
  void start(const three_sums& x) { *this = x; }
  void add(const three_sums& x) {
    small += x.small;
    middle += x.middle;
    large += x.large;
  }
  void merge(const three_sums& next) { add(next); }
  void add_square(double x) {
    const double size = x < 0 ? -x : x;
    if (size > 0x1p480) {
      large += (x * shrink) * (x * shrink);
    } else if (size < 0x1p-480) {
      small += (x * grow) * (x * grow);
    } else {
      middle += x * x;
    }
  }
  double finish() const {
    if (!(middle <= 0x1p1000)) return __builtin_sqrt(middle);  // NaN or infinite
    if (large > 0) return __builtin_sqrt(large + middle * shrink * shrink) * grow;
    if (middle > 0) return __builtin_sqrt(middle + small * shrink * shrink);
    return __builtin_sqrt(small) * shrink;
  }
};

struct double_norm {
  using value = double;
  using terms = const double*;
  static terms terms_of(const step& s) { return static_cast<terms>(s.a); }
  using piece = three_sums;
  using total = three_sums;
  static constexpr bool piece_in_result = false;
  static three_sums segment(const double* a, std::int64_t n);
  static void whole(const double* a, std::int64_t n, std::int64_t count, double* d) {
    for (std::int64_t i = 0; i < count; ++i) d[i] = segment(a + i * n, n).finish();
  }
  static void add_rows(const double* a, std::int64_t stride, std::int64_t rows, std::int64_t width,
                       three_sums* sum, bool start);
};

// 8 floats as doubles.
lanes<double> widen(const float* p) {
  using small = float __attribute__((vector_size(batch<double>::size * 4)));
  using large = double __attribute__((vector_size(batch<double>::size * 8)));
  lanes<double> v;
  for (std::int64_t j = 0; j < lanes<double>::parts; ++j) {
    small x;
    __builtin_memcpy(&x, p + j * lanes<double>::width, sizeof x);
    v.part[j] = decltype(batch<double>::data)(__builtin_convertvector(x, large));
  }
  return v;
}

lanes<double> widen_first(const float* p, std::int64_t n) {
  double copy[8] = {};
  for (std::int64_t i = 0; i < n; ++i) copy[i] = static_cast<double>(p[i]);
  return lanes<double>::load(copy);
}

lanes<double> load(const double* p) { return lanes<double>::load(p); }
lanes<double> load(const float* p) { return widen(p); }
lanes<double> load_first(const double* p, std::int64_t n) {
  return lanes<double>::load_first(p, n, 0);
}
lanes<double> load_first(const float* p, std::int64_t n) { return widen_first(p, n); }

void add_squares(lanes<double>& sum, const lanes<double>& x) {
  for (std::int64_t j = 0; j < lanes<double>::parts; ++j) sum.part[j] += x.part[j] * x.part[j];
}

enum class scale { none, down, up };

template <scale Scale> lanes<double> scaled(lanes<double> x) {
  if constexpr (Scale != scale::none) {
    for (auto& part : x.part) part *= batch<double>(Scale == scale::up ? grow : shrink);
  }
  return x;
}

template <scale Scale, class T> double squares(const T* a, std::int64_t n) {
  lanes<double> zero;
  for (auto& part : zero.part) part = batch<double>(0.0);
  lanes<double> sum[4] = {zero, zero, zero, zero};
  std::int64_t i = 0;
  for (; i + 32 <= n; i += 32) {
    for (int j = 0; j < 4; ++j) add_squares(sum[j], scaled<Scale>(load(a + i + 8 * j)));
  }
  for (; i + 8 <= n; i += 8) add_squares(sum[0], scaled<Scale>(load(a + i)));
  if (i < n) add_squares(sum[0], scaled<Scale>(load_first(a + i, n - i)));
  return reduce_lanes<add_op>(
      combine<add_op>(combine<add_op>(sum[0], sum[2]), combine<add_op>(sum[1], sum[3])));
}

double float_norm::segment(const float* a, std::int64_t n) { return squares<scale::none>(a, n); }

three_sums double_norm::segment(const double* a, std::int64_t n) {
  const double plain = squares<scale::none>(a, n);
  if (plain >= least && plain <= most) return {0, plain, 0};
  bool finite = true;
  for (std::int64_t i = 0; i < n; ++i) finite = finite && a[i] - a[i] == 0;
  if (!finite) return {0, plain, 0};
  if (plain < least) return {squares<scale::up>(a, n), 0, 0};
  return {0, 0, squares<scale::down>(a, n)};
}

// Along outer axes: the squares of a column's piece, one after the other.
void add_square(double& sum, float x) { sum += static_cast<double>(x) * static_cast<double>(x); }
void add_square(three_sums& sum, double x) { sum.add_square(x); }

template <class Op>
void add_square_rows(const typename Op::value* a, std::int64_t stride, std::int64_t rows,
                     std::int64_t width, typename Op::piece* sum, bool start) {
  for (std::int64_t k = 0; start && k < width; ++k) sum[k] = {};
  for (std::int64_t i = 0; i < rows; ++i, a += stride) {
    for (std::int64_t k = 0; k < width; ++k) add_square(sum[k], a[k]);
  }
}

void float_norm::add_rows(const float* a, std::int64_t stride, std::int64_t rows,
                          std::int64_t width, double* sum, bool start) {
  add_square_rows<float_norm>(a, stride, rows, width, sum, start);
}
void double_norm::add_rows(const double* a, std::int64_t stride, std::int64_t rows,
                           std::int64_t width, three_sums* sum, bool start) {
  add_square_rows<double_norm>(a, stride, rows, width, sum, start);
}

template <class Op> void norm_run(const step& s) {
  reduce<Op>(s, *static_cast<const reduction*>(s.side), 0);
}

}  // namespace

template <> kernel norm_kernel<current>(dtype type) {
  return type == float32 ? &norm_run<float_norm> : &norm_run<double_norm>;
}

}  // namespace cotape::kernels
