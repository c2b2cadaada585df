// What pieces are added to, in plain loops: the totals of blocks (see orders.hpp).
#pragma once

#include <cmath>
#include <type_traits>

namespace cotape::kernels::testing {

template <class T> struct plus {
  T operator()(T m, T x) const { return m + x; }
};
template <class T> struct larger {  // NaN wins; of equals the first stays
  T operator()(T m, T x) const { return std::isnan(x) || x > m ? x : m; }
};

struct double_pair {  // Neumaier's compensated sum
  double sum = 0, lost = 0;
  void add(double x) {
    const double next = sum + x;
    lost += std::abs(sum) >= std::abs(x) ? (sum - next) + x : (x - next) + sum;
    sum = next;
  }
};

template <class T> class total_of_sums {
 public:
  explicit total_of_sums(T piece) : pair_{piece, 0} {}
  void add(T piece) {
    if constexpr (std::is_same_v<T, float>) pair_.sum += static_cast<double>(piece);
    else pair_.add(piece);
  }
  void merge(const total_of_sums& next) {
    if constexpr (std::is_same_v<T, float>) {
      pair_.sum += next.pair_.sum;
    } else {
      pair_.add(next.pair_.sum);
      pair_.lost += next.pair_.lost;
    }
  }
  T result() const {
    const bool exact = pair_.lost == 0 || std::isnan(pair_.lost);
    return static_cast<T>(exact ? pair_.sum : pair_.sum + pair_.lost);
  }

 private:
  double_pair pair_;
};

template <class T> struct total_of_maxima {
  T most;
  explicit total_of_maxima(T piece) : most(piece) {}
  void add(T piece) { most = larger<T>()(most, piece); }
  void merge(const total_of_maxima& next) { add(next.most); }
  T result() const { return most; }
};

// Sums of squares of small numbers (times 2^600), of others and of large ones (times 2^-600);
// floats have only the middle one.
struct squares {
  double small = 0, middle = 0, large = 0;
};
template <class T> struct total_of_squares {
  squares s;
  explicit total_of_squares(const squares& piece) : s(piece) {}
  void add(const squares& piece) {
    s = {s.small + piece.small, s.middle + piece.middle, s.large + piece.large};
  }
  void merge(const total_of_squares& next) { add(next.s); }
  T result() const {
    if (std::is_same_v<T, float> || !(s.middle <= 0x1p1000)) {
      return static_cast<T>(std::sqrt(s.middle));
    }
    if (s.large > 0) {
      return static_cast<T>(std::sqrt(s.large + s.middle * 0x1p-600 * 0x1p-600) * 0x1p600);
    }
    if (s.middle > 0) return static_cast<T>(std::sqrt(s.middle + s.small * 0x1p-600 * 0x1p-600));
    return static_cast<T>(std::sqrt(s.small) * 0x1p-600);
  }
};

}  // namespace cotape::kernels::testing
