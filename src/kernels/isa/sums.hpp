// Sums. A piece of a row has 4 accumulators of 64 bytes each and a fixed tree; pieces go into a
// more accurate total. Maxima go the same way.
#pragma once

#include "kernels/isa/folds.hpp"
#include "kernels/isa/lanes.hpp"

namespace cotape::kernels {
namespace {

// A float's total is a double; a double's is a pair (Neumaier's compensated sum).
struct float_total {
  double sum;
  void start(float x) { sum = static_cast<double>(x); }
  void add(float x) { sum += static_cast<double>(x); }
  void merge(const float_total& next) { sum += next.sum; }
  float finish() const { return static_cast<float>(sum); }
};

struct double_total {
  double sum, lost;
  void start(double x) {
    sum = x;
    lost = 0;
  }
  void add(double x) {
    const double next = sum + x;
    lost += magnitude(sum) >= magnitude(x) ? (sum - next) + x : (x - next) + sum;
    sum = next;
  }
  void merge(const double_total& next) {
    add(next.sum);
    lost += next.lost;
  }
  // An infinite sum leaves NaN in `lost`; a sum of -0 stays -0.
  double finish() const { return lost != 0 && lost == lost ? sum + lost : sum; }
  static double magnitude(double x) { return x < 0 ? -x : x; }
};

template <class T> struct total_of { using type = float_total; };
template <> struct total_of<double> { using type = double_total; };

// --- Along the last axis ------------------------------------------------------------------------

template <class Op, class Terms> typename Op::value segment_of(Terms a, std::int64_t n) {
  using v = lanes<typename Op::value>;
  constexpr std::int64_t width = v::size;
  if (n < width) return reduce_lanes<Op>(v::load_first(a, n, Op::neutral()));
  v sum = v::load(a);
  std::int64_t i = width;
  if (n >= 4 * width) {
    v sum1 = v::load(a + width), sum2 = v::load(a + 2 * width), sum3 = v::load(a + 3 * width);
    for (i = 4 * width; i + 4 * width <= n; i += 4 * width) {
      sum = combine<Op>(sum, v::load(a + i));
      sum1 = combine<Op>(sum1, v::load(a + i + width));
      sum2 = combine<Op>(sum2, v::load(a + i + 2 * width));
      sum3 = combine<Op>(sum3, v::load(a + i + 3 * width));
    }
    sum = combine<Op>(combine<Op>(sum, sum2), combine<Op>(sum1, sum3));
  }
  for (; i + width <= n; i += width) sum = combine<Op>(sum, v::load(a + i));
  if (i < n) sum = combine<Op>(sum, v::load_first(a + i, n - i, Op::neutral()));
  return reduce_lanes<Op>(sum);
}

// Rows of n elements that fill Parts batches, the last one not wholly.
template <class Op, std::int64_t Parts>
void short_rows(typename Op::terms a, std::int64_t n, std::int64_t count, typename Op::value* d) {
  using value = typename Op::value;
  using v = lanes<value>;
  if constexpr (Parts <= v::parts) {
    const head<value> last(n - (Parts - 1) * v::width);
    const batch<value> rest(Op::neutral());
    for (std::int64_t i = 0; i < count; ++i, a += n) {
      v row;
      for (std::int64_t j = 0; j + 1 < Parts; ++j) {
        row.part[j] = load_batch(a + j * v::width);
      }
      row.part[Parts - 1] = load_first(last, a + (Parts - 1) * v::width, rest);
      d[i] = reduce_parts<Op, Parts>(row);
    }
  }
}

template <class Op>
void whole_rows(typename Op::terms a, std::int64_t n, std::int64_t count, typename Op::value* d) {
  using v = lanes<typename Op::value>;
  if (n < v::size) {
    switch (n / v::width) {
      case 0: return short_rows<Op, 1>(a, n, count, d);
      case 1: return short_rows<Op, 2>(a, n, count, d);
      case 2: return short_rows<Op, 3>(a, n, count, d);
      default: return short_rows<Op, 4>(a, n, count, d);
    }
  }
  for (std::int64_t i = 0; i < count; ++i) d[i] = segment_of<Op>(a + i * n, n);
}

// --- Along outer axes ---------------------------------------------------------------------------

// Adds `rows` rows into d (or starts it with them), Count batches of columns.
template <class Op, int Count>
void add_columns(typename Op::terms a, std::int64_t stride, std::int64_t rows,
                 typename Op::value* d, bool start) {
  using b = batch<typename Op::value>;
  constexpr std::int64_t width = b::size;
  b sum[Count];
  for (int j = 0; j < Count; ++j) {
    sum[j] = start ? load_batch(a + j * width) : b::load_unaligned(d + j * width);
  }
  for (std::int64_t i = start ? 1 : 0; i < rows; ++i) {
    for (int j = 0; j < Count; ++j) {
      sum[j] = Op::combine(sum[j], load_batch(a + (i * stride + j * width)));
    }
  }
  for (int j = 0; j < Count; ++j) sum[j].store_unaligned(d + j * width);
}

template <class Op>
void add_rows_of(typename Op::terms a, std::int64_t stride, std::int64_t rows, std::int64_t width,
                 typename Op::value* d, bool start) {
  // Of long rows four at a time: memory is read in so many places at once.
  for (; rows > 4 && width >= 256; rows -= 4, a += 4 * stride, start = false) {
    add_rows_of<Op>(a, stride, 4, width, d, start);
  }
  using b = batch<typename Op::value>;
  constexpr std::int64_t step_width = b::size;
  std::int64_t k = 0;
  for (; k + 4 * step_width <= width; k += 4 * step_width) {
    add_columns<Op, 4>(a + k, stride, rows, d + k, start);
  }
  for (; k + step_width <= width; k += step_width) {
    add_columns<Op, 1>(a + k, stride, rows, d + k, start);
  }
  if (k == width) return;
  const head<typename Op::value> last(width - k);
  const b rest(Op::neutral());
  b sum = start ? load_first(last, a + k, rest) : last.load(d + k, rest);
  for (std::int64_t i = start ? 1 : 0; i < rows; ++i) {
    sum = Op::combine(sum, load_first(last, a + (i * stride + k), rest));
  }
  last.store(d + k, sum);
}

// Of the elements of an operand, or of what is made from several (see elementwise.hpp).
template <class T, class Terms = const T*> struct sum_op {
  using value = T;
  using terms = Terms;
  using piece = T;
  using total = typename total_of<T>::type;
  static constexpr bool piece_in_result = true;
  static T neutral() { return T(-0.0); }
  template <class B> static B combine(B m, B x) { return m + x; }
  static Terms terms_of(const step& s) {
    if constexpr (std::is_same_v<Terms, const T*>) return static_cast<Terms>(s.a);
    else return Terms(s);
  }
  template <class Part> static T segment(Part a, std::int64_t n) {
    return segment_of<sum_op>(a, n);
  }
  static void whole(Terms a, std::int64_t n, std::int64_t count, T* d) {
    whole_rows<sum_op>(a, n, count, d);
  }
  static void add_rows(Terms a, std::int64_t stride, std::int64_t rows, std::int64_t width, T* sum,
                       bool start) {
    add_rows_of<sum_op>(a, stride, rows, width, sum, start);
  }
};

template <class T, class Terms = const T*> void sum_run(const step& s) {
  reduce<sum_op<T, Terms>>(s, *static_cast<const reduction*>(s.side), T(0));
}

}  // namespace
}  // namespace cotape::kernels
