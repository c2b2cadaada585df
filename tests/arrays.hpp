// A naive n-dimensional array of doubles and plain loops over it: what the references of the op
// cases are written with. Knows nothing of the library but its shape.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <functional>
#include <vector>

#include "cotape/shape.hpp"

namespace cotape::tests {

using index = std::vector<std::int64_t>;
using numbers = std::vector<double>;
using real = long double;  // for results that are rounded once

struct array {
  cotape::shape shape;
  numbers data;

  explicit array(const cotape::shape& s = {}, double fill = 0)
      : shape(s), data(static_cast<std::size_t>(s.elements()), fill) {}
  array(const cotape::shape& s, numbers values) : shape(s), data(std::move(values)) {}

  /// The element at an index; axes of size 1 and missing leading axes repeat, as in broadcasting.
  double& operator[](const index& at) {
    std::size_t place = 0;
    for (std::size_t i = 0; i < shape.rank(); ++i) {
      const std::int64_t k = at[at.size() - shape.rank() + i];
      place = place * static_cast<std::size_t>(shape[i]) +
              static_cast<std::size_t>(shape[i] == 1 ? 0 : k);
    }
    return data.at(place);
  }
  double operator[](const index& at) const { return const_cast<array&>(*this)[at]; }
};

/// Calls f(index) for every index of a shape, in row-major order.
template <class F> void each(const shape& s, F f) {
  index at(s.rank(), 0);
  for (std::int64_t n = 0; n < s.elements(); ++n) {
    f(static_cast<const index&>(at));
    for (std::size_t i = s.rank(); i-- > 0 && ++at[i] == s[i];) at[i] = 0;
  }
}

inline shape shape_from(const index& sizes) { return shape(std::span<const std::int64_t>(sizes)); }
inline index sizes_of(const shape& s) { return {s.begin(), s.end()}; }

/// The shape that arrays have together: the largest rank, on each axis the size that is not 1.
inline shape joint_shape(const std::vector<array>& x) {
  index sizes;
  for (const array& a : x) {
    const index own = sizes_of(a.shape);
    if (own.size() > sizes.size()) sizes.insert(sizes.begin(), own.size() - sizes.size(), 1);
    for (std::size_t i = 1; i <= own.size(); ++i) {
      std::int64_t& size = sizes[sizes.size() - i];
      if (size == 1) size = own[own.size() - i];
    }
  }
  return shape_from(sizes);
}

using scalar_function = std::function<double(const numbers&)>;

/// f of the elements at each index of the joint shape.
inline array each_element(const scalar_function& f, const std::vector<array>& x) {
  array y(joint_shape(x));
  each(y.shape, [&](const index& at) {
    numbers arguments;
    for (const array& a : x) arguments.push_back(a[at]);
    y[at] = f(arguments);
  });
  return y;
}

inline array sizes_of_terms(const array& x) {
  return each_element([](const numbers& e) { return std::abs(e[0]); }, {x});
}

inline bool contains(const index& list, std::int64_t axis) {
  return std::find(list.begin(), list.end(), axis) != list.end();
}

/// An index without (keep false), or with 0 on, the given axes.
inline index without(const index& at, const index& axes, bool keep) {
  index rest;
  for (std::size_t i = 0; i < at.size(); ++i) {
    const bool reduced = contains(axes, static_cast<std::int64_t>(i));
    if (!reduced || keep) rest.push_back(reduced ? 0 : at[i]);
  }
  return rest;
}

/// f of all elements along the axes (counted from 0), in row-major order.
inline array reduce(const array& x, const index& axes, bool keep, const scalar_function& f) {
  index sizes;
  for (std::size_t i = 0; i < x.shape.rank(); ++i) {
    const bool reduced = contains(axes, static_cast<std::int64_t>(i));
    if (!reduced || keep) sizes.push_back(reduced ? 1 : x.shape[i]);
  }
  array y(shape_from(sizes));
  std::vector<numbers> runs(y.data.size());
  array number(y.shape);
  for (std::size_t i = 0; i < number.data.size(); ++i) number.data[i] = static_cast<double>(i);
  each(x.shape, [&](const index& at) {
    runs[static_cast<std::size_t>(number[without(at, axes, keep)])].push_back(x[at]);
  });
  for (std::size_t i = 0; i < runs.size(); ++i) y.data[i] = f(runs[i]);
  return y;
}

/// log(exp(x) / sum(exp(v))) of each x of v.
inline std::vector<real> log_probabilities(const numbers& v) {
  const real most = *std::max_element(v.begin(), v.end());
  real total = 0;
  for (double x : v) total += std::exp(x - most);
  std::vector<real> y;
  for (double x : v) y.push_back(x - most - std::log(total));
  return y;
}

/// Every run of elements along one axis, replaced by f of it (of the same length).
inline array along(const array& x, std::int64_t axis,
                   const std::function<numbers(const numbers&)>& f) {
  array y(x.shape);
  each(x.shape, [&](const index& at) {
    if (at[static_cast<std::size_t>(axis)] != 0) return;
    index moving = at;
    numbers run;
    std::int64_t& k = moving[static_cast<std::size_t>(axis)];
    for (k = 0; k < x.shape[static_cast<std::size_t>(axis)]; ++k) run.push_back(x[moving]);
    const numbers result = f(run);
    for (k = 0; k < x.shape[static_cast<std::size_t>(axis)]; ++k) {
      y[moving] = result[static_cast<std::size_t>(k)];
    }
  });
  return y;
}

/// y[i] = x[from(i)] for every index i of s.
inline array rearranged(const array& x, const shape& s,
                        const std::function<index(const index&)>& from) {
  array y(s);
  each(s, [&](const index& at) { y[at] = x[from(at)]; });
  return y;
}

}  // namespace cotape::tests
