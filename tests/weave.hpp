// A kernel of one's own, by public headers alone: any number of operands of one type, attributes,
// scratch, a derivative. Over the elements in row-major order, n of each operand and k operands,
//   y[i] = weight * sum over j of x_j[i] * x_j+1[i + shift],  indices modulo n and k.
#pragma once

#include <algorithm>
#include <cotape/cotape.hpp>
#include <limits>

namespace cotape::tests {

struct weaving {
  std::int64_t shift = 0;
  double weight = 1;
  bool turned = false;  // the result backwards
  constexpr void fields(auto f) {
    f("shift", shift);
    f("weight", weight);
    f("turned", turned);
  }
};

extern const primitive weave_op;

inline value_type infer_weave(const signature& s) {
  if (s.inputs.empty()) throw value_error(std::string(s.op) + ": it needs an operand");
  for (const value_type* t : s.inputs) {
    if (*t == *s.inputs[0]) continue;
    throw shape_error(std::string(s.op) + ": " + t->text() + " differs from " +
                      s.inputs[0]->text());
  }
  return *s.inputs[0];
}

// The sums stand in the scratch, in double precision. It is spoiled before anything is read.
template <class T> void run_weave(const kernel_call& c) noexcept {
  const auto with = attributes_of<weaving>(c);
  const std::span<T> y = c.result<T>();
  const std::size_t n = y.size(), k = c.inputs.size();
  const std::span<double> sums = c.scratch<double>();
  std::fill(sums.begin(), sums.end(), std::numeric_limits<double>::quiet_NaN());
  std::fill(y.begin(), y.end(), std::numeric_limits<T>::quiet_NaN());
  std::fill(sums.begin(), sums.begin() + static_cast<std::ptrdiff_t>(n), 0.0);
  for (std::size_t j = 0; j < k; ++j) {
    const std::span<const T> a = c.operand<T>(j), b = c.operand<T>((j + 1) % k);
    for (std::size_t i = 0; i < n; ++i) {
      sums[i] += double{a[i]} * double{b[(i + static_cast<std::size_t>(with.shift)) % n]};
    }
  }
  const double weight{static_cast<T>(with.weight)};  // as the rule's literal
  for (std::size_t i = 0; i < n; ++i) {
    y[i] = static_cast<T>(weight * sums[with.turned ? n - 1 - i : i]);
  }
}

inline void lower_weave(lowering& l) {
  l.scratch_bytes = (static_cast<std::size_t>(l.output.shape.elements()) + 1) * sizeof(double);
  lower_to_kernel(l, run_weave<float>, run_weave<double>);
}

// x[i + by], indices modulo n.
inline variable rolled(const variable& x, std::int64_t by) {
  const std::int64_t n = x.shape().elements(), start = n == 0 ? 0 : (by % n + n) % n;
  if (start == 0) return x;
  return concatenate({slice(x, {{start, std::nullopt}}), slice(x, {{0, start}})});
}

inline void derive_weave(derivation& d) {
  const auto with = attributes_of<weaving>(d);
  const std::size_t k = d.inputs.size();
  const auto flat = [](const variable& x) { return reshape(x, {-1}); };
  variable dy = with.weight * flat(d.adjoint);
  if (with.turned) dy = slice(dy, {{std::nullopt, std::nullopt, -1}});
  for (std::size_t j = 0; j < k; ++j) {
    if (!d.needed[j]) continue;
    const variable next = rolled(flat(d.inputs[(j + 1) % k]), with.shift);
    const variable before = rolled(dy * flat(d.inputs[(j + k - 1) % k]), -with.shift);
    d.adjoints[j] = reshape(dy * next + before, d.inputs[j].shape());
  }
}

inline const primitive weave_op{.name = "weave",
                                .how = form::kernel,
                                .arity = any_number,
                                .infer = infer_weave,
                                .derive = derive_weave,
                                .lower = lower_weave,
                                .attributes_text = fields_text<weaving>};

inline variable weave(const std::vector<variable>& x, const weaving& with = {},
                      const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  return x.at(0).owner().record(weave_op, x, words_of(with), {file, line});
}

}  // namespace cotape::tests
