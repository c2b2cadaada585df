// Sums and maxima.
#include "kernels/isa/sums.hpp"

namespace cotape::kernels {
namespace {

// Of numbers; of equals the earlier one stays.
template <class T> struct max_of_numbers {
  using value = T;
  static T neutral() { return T(-__builtin_inf()); }
  static T combine(T m, T x) { return x > m ? x : m; }
  template <class A> static xsimd::batch<T, A> combine(xsimd::batch<T, A> m, xsimd::batch<T, A> x) {
    return xsimd::max(x, m);
  }
};

#if defined(__AVX512F__)
unsigned unordered(batch<float> x, batch<float> y) {
  return _mm512_cmp_ps_mask(x, y, _CMP_UNORD_Q);
}
unsigned unordered(batch<double> x, batch<double> y) {
  return _mm512_cmp_pd_mask(x, y, _CMP_UNORD_Q);
}
#endif

// A whole piece holds no NaN. A comparison that gives a mask takes a cycle, so one for two vectors
// and a maximum that asks nothing take less time than one for each. (One definition for all sets:
// gcovr wants a function of one name to stand on one line.)
template <class T> bool holds_numbers([[maybe_unused]] const T* a) {
#if defined(__AVX512F__)
  unsigned nan = 0;
  for (std::int64_t i = 0; i < piece_elements; i += 2 * lanes<T>::size) {
    nan |= unordered(load_batch(a + i), load_batch(a + i + lanes<T>::size));
  }
  return nan == 0;
#else
  return false;
#endif
}

// NaN wins; of equals the earlier one stays. (xsimd 8.1's x != x misses NaN from AVX on.)
template <class T> struct max_op {
  using value = T;
  using terms = const T*;
  struct total {
    T max;
    void start(T x) { max = x; }
    void add(T x) { max = combine(max, x); }
    void merge(const total& next) { add(next.max); }
    T finish() const { return max; }
  };
  using piece = T;
  static constexpr bool piece_in_result = true;
  static T neutral() { return T(-__builtin_inf()); }
  static T combine(T m, T x) { return x != x ? x : max_of_numbers<T>::combine(m, x); }
  template <class A> static xsimd::batch<T, A> combine(xsimd::batch<T, A> m, xsimd::batch<T, A> x) {
    return xsimd::select(xsimd::isnan(x), x, xsimd::max(x, m));
  }
  static terms terms_of(const step& s) { return static_cast<terms>(s.a); }
  static T segment(const T* a, std::int64_t n) {
    if (n == piece_elements && holds_numbers(a)) return segment_of<max_of_numbers<T>>(a, n);
    return segment_of<max_op>(a, n);
  }
  static void whole(const T* a, std::int64_t n, std::int64_t count, T* d) {
    whole_rows<max_op>(a, n, count, d);
  }
  static void add_rows(const T* a, std::int64_t stride, std::int64_t rows, std::int64_t width,
                       T* sum, bool start) {
    add_rows_of<max_op>(a, stride, rows, width, sum, start);
  }
};

template <class T> void max_run(const step& s) {
  reduce<max_op<T>>(s, *static_cast<const reduction*>(s.side), max_op<T>::neutral());
}

}  // namespace

template <> kernel sum_kernel<current>(dtype type) {
  return type == float32 ? &sum_run<float> : &sum_run<double>;
}

template <> kernel max_kernel<current>(dtype type) {
  return type == float32 ? &max_run<float> : &max_run<double>;
}

}  // namespace cotape::kernels
