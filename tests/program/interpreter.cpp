// The rules of the reference interpreter, one operation after the other.
#include "interpreter.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <string_view>

namespace cotape::tests {

numbers numbers_of(array_view v) {
  const auto n = static_cast<std::size_t>(v.shape().elements());
  numbers result(n);
  for (std::size_t i = 0; i < n; ++i) {
    result[i] = v.dtype() == float32   ? static_cast<double>(v.data_as<float>()[i])
                : v.dtype() == float64 ? v.data_as<double>()[i]
                                       : static_cast<double>(v.data_as<std::int64_t>()[i]);
  }
  return result;
}

class interpreter::walk {
 public:
  explicit walk(tape& t) : t_(t) {}

  void bind(variable input, array_view value) { bound_[input.index()] = numbers_of(value); }
  /// Values of all nodes at the parameters' present values.
  void run() {
    values_.resize(t_.size());
    for (std::uint32_t i = 0; i < t_.size(); ++i) evaluate(i);
  }
  const numbers& at(variable v) const { return values_[v.index()]; }
  /// What the tape's effects write: the last assignment to each parameter.
  std::map<std::uint32_t, numbers> updates() const {
    std::map<std::uint32_t, numbers> result;
    for (const effect& e : t_.effects()) {
      if (e.parameter != no_node) result[e.parameter] = values_[e.value];
    }
    return result;
  }

 private:
  using index = std::vector<std::int64_t>;
  using view = std::span<const std::int64_t>;

  const shape& shape_of(std::uint32_t i) const { return t_.type_of(i).shape; }
  static std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

  // The index of flat position k.
  static index unravel(const shape& s, std::int64_t k) {
    index result(s.rank());
    for (std::size_t i = s.rank(); i-- > 0; k /= s[i]) result[i] = k % s[i];
    return result;
  }
  // The flat position of an index, broadcast: missing axes and axes of size 1 stay at 0.
  static std::size_t ravel(const shape& s, const index& of) {
    std::int64_t k = 0;
    for (std::size_t i = 0; i < s.rank(); ++i) {
      const std::int64_t at = of[of.size() - s.rank() + i];
      k = k * s[i] + (s[i] == 1 ? 0 : at);
    }
    return static_cast<std::size_t>(k);
  }
  // An operand's value in the output's shape.
  numbers spread(std::uint32_t from, const shape& to) const {
    if (shape_of(from) == to) return values_[from];
    numbers result(at(to.elements()));
    for (std::int64_t k = 0; k < to.elements(); ++k) {
      result[at(k)] = values_[from][ravel(shape_of(from), unravel(to, k))];
    }
    return result;
  }

  void evaluate(std::uint32_t i) {
    const node& n = t_.nodes()[i];
    const std::string_view name = n.op->name;
    numbers& y = values_[i];
    if (n.op->how == form::source) y = source(i, name);
    else if (n.op->how == form::view) y = values_[n.in[0]];
    else if (n.op->how == form::elementwise) y = elementwise(i, name);
    else if (n.op->how == form::reduction) y = reduction(i, name);
    else y = moved(i, name);
    ASSERT_EQ(y.size(), at(shape_of(i).elements())) << name;
  }

  numbers source(std::uint32_t i, std::string_view name) const {
    if (name == "input") return bound_.at(i);
    const std::int64_t word = t_.attributes_of(i)[0];
    if (name == "constant") return numbers_of(t_.tensor_at(at(word)));
    if (name == "read") return numbers_of(t_.parameter_at(at(word)).view());
    return {t_.type_of(i).dtype == int64 ? static_cast<double>(word) : std::bit_cast<double>(word)};
  }

  numbers elementwise(std::uint32_t i, std::string_view name) const {
    const node& n = t_.nodes()[i];
    const numbers a = spread(n.in[0], shape_of(i));
    const numbers b = n.in[1] != no_node ? spread(n.in[1], shape_of(i)) : a;
    const numbers c = n.in[2] != no_node ? spread(n.in[2], shape_of(i)) : a;
    numbers y(a.size());
    const auto f = function(name);
    for (std::size_t k = 0; k < y.size(); ++k) y[k] = f(a[k], b[k], c[k]);
    return y;
  }

  static double (*function(std::string_view name))(double, double, double) {
    using f = double (*)(double, double, double);
    static const std::map<std::string_view, f> table{
        {"add", [](double a, double b, double) { return a + b; }},
        {"multiply", [](double a, double b, double) { return a * b; }},
        {"divide", [](double a, double b, double) { return a / b; }},
        {"power", [](double a, double b, double) { return std::pow(a, b); }},
        {"maximum", [](double a, double b, double) { return std::max(a, b); }},
        {"minimum", [](double a, double b, double) { return std::min(a, b); }},
        {"less", [](double a, double b, double) { return double(a < b); }},
        {"less_equal", [](double a, double b, double) { return double(a <= b); }},
        {"equal", [](double a, double b, double) { return double(a == b); }},
        {"chain", [](double a, double b, double) { return a == 0 ? 0 : a * b; }},
        {"absorbing_multiply",
         [](double a, double b, double) { return a == 0 || b == 0 ? 0 : a * b; }},
        {"select", [](double a, double b, double c) { return a != 0 ? b : c; }},
        {"broadcast_to", [](double a, double, double) { return a; }},
        {"reciprocal", [](double a, double, double) { return 1 / a; }},
        {"exp", [](double a, double, double) { return std::exp(a); }},
        {"log", [](double a, double, double) { return std::log(a); }},
        {"log1p", [](double a, double, double) { return std::log1p(a); }},
        {"sqrt", [](double a, double, double) { return std::sqrt(a); }},
        {"sin", [](double a, double, double) { return std::sin(a); }},
        {"cos", [](double a, double, double) { return std::cos(a); }},
        {"tanh", [](double a, double, double) { return std::tanh(a); }},
        {"sigmoid", [](double a, double, double) { return 1 / (1 + std::exp(-a)); }},
        {"relu", [](double a, double, double) { return std::max(a, 0.0); }},
        {"erf", [](double a, double, double) { return std::erf(a); }},
        {"abs", [](double a, double, double) { return std::abs(a); }},
        {"sign", [](double a, double, double) { return double(a > 0) - double(a < 0); }}};
    return table.at(name);
  }

  numbers reduction(std::uint32_t i, std::string_view name) const {
    const node& n = t_.nodes()[i];
    const shape &x = shape_of(n.in[0]), &to = shape_of(i);
    const std::int64_t first = t_.attributes_of(i)[0], count = t_.attributes_of(i)[1];
    numbers y(at(to.elements()), name == "max" ? -INFINITY : 0);
    for (std::int64_t k = 0; k < x.elements(); ++k) {
      index at_input = unravel(x, k);
      at_input.erase(at_input.begin() + first, at_input.begin() + first + count);
      double &sum = y[ravel(to, at_input)], v = values_[n.in[0]][at(k)];
      sum = name == "max" ? std::max(sum, v) : name == "norm" ? std::hypot(sum, v) : sum + v;
    }
    return y;
  }

  // Everything that picks elements by index, and matmul.
  numbers moved(std::uint32_t i, std::string_view name) const {
    const node& n = t_.nodes()[i];
    const numbers& a = values_[n.in[0]];
    const shape &from = shape_of(n.in[0]), &to = shape_of(i);
    const view words = t_.attributes_of(i);
    if (name == "cast") return a;
    if (name == "matmul") return matmul(n, to);
    numbers y(at(to.elements()), name == "embed" ? std::bit_cast<double>(words.back()) : 0);
    // Walks the larger side of what is moved and maps its index to the other.
    const bool outwards = name == "embed" || name == "scatter_add";
    const shape& walked = outwards ? from : to;
    for (std::int64_t k = 0; k < walked.elements(); ++k) {
      const index w = unravel(walked, k);
      if (name == "concatenate") {
        index other = w;
        const auto axis = at(words[0]);
        const bool second = w[axis] >= from[axis];
        if (second) other[axis] -= from[axis];
        const std::uint32_t part = n.in[second ? 1 : 0];
        y[at(k)] = values_[part][ravel(shape_of(part), other)];
      } else if (outwards) {
        double& target = y[ravel(to, other_index(i, name, w))];
        target = name == "embed" ? a[at(k)] : target + a[at(k)];
      } else {
        y[at(k)] = a[ravel(from, other_index(i, name, w))];
      }
    }
    return y;
  }

  index other_index(std::uint32_t i, std::string_view name, const index& w) const {
    const node& n = t_.nodes()[i];
    const view words = t_.attributes_of(i);
    index other = w;
    if (name == "transpose") {
      for (std::size_t k = 0; k < w.size(); ++k) other[at(words[k])] = w[k];
    } else if (name == "slice" || name == "embed") {
      const std::size_t rank = w.size();
      for (std::size_t k = 0; k < rank; ++k)
        other[k] = words[rank + k] + w[k] * words[2 * rank + k];
    } else {  // gather and scatter_add: the indices' axes stand for one
      const shape& indices = shape_of(n.in[1]);
      const auto axis = w.begin() + words[0];
      const index of_index(axis, axis + static_cast<std::ptrdiff_t>(indices.rank()));
      other.erase(other.begin() + words[0],
                  other.begin() + words[0] + static_cast<std::ptrdiff_t>(indices.rank()));
      other.insert(other.begin() + words[0],
                   static_cast<std::int64_t>(values_[n.in[1]][ravel(indices, of_index)]));
    }
    return other;
  }

  numbers matmul(const node& n, const shape& to) const {
    const shape &a = shape_of(n.in[0]), &b = shape_of(n.in[1]);
    const std::size_t rank = to.rank();
    numbers y(at(to.elements()), 0);
    for (std::int64_t k = 0; k < to.elements(); ++k) {
      index left = unravel(to, k), right = left;
      for (std::int64_t j = 0; j < a[rank - 1]; ++j) {
        left[rank - 1] = right[rank - 2] = j;
        y[at(k)] += values_[n.in[0]][ravel(a, left)] * values_[n.in[1]][ravel(b, right)];
      }
    }
    return y;
  }

  tape& t_;
  std::map<std::uint32_t, numbers> bound_;
  std::vector<numbers> values_;
};

interpreter::interpreter(tape& t) : walk_(std::make_unique<walk>(t)) {}
interpreter::~interpreter() = default;
void interpreter::bind(variable input, array_view value) { walk_->bind(input, value); }
void interpreter::run() { walk_->run(); }
const numbers& interpreter::at(variable v) const { return walk_->at(v); }
std::map<std::uint32_t, numbers> interpreter::updates() const { return walk_->updates(); }

}  // namespace cotape::tests
