// docs/edges.md: each row of its tables of edges and of second derivatives, fused and unfused, in
// both dtypes.
#include <algorithm>
#include <fstream>
#include <limits>
#include <set>
#include <sstream>

#include "support.hpp"

namespace cotape::tests {

namespace {

using function = std::function<variable(const variable&)>;

variable row_of(const variable& x) { return reshape(x, {1, x.shape().elements()}); }
variable numbers_on(const variable& x, const numbers& values) {
  const xt::xarray<double> wide = xt::adapt(values);
  return cast(x.owner().constant(wide), x.dtype());
}

// f(a, b) where x is (a, b).
function of_both(variable (*f)(operand, operand)) {
  return [f](const variable& x) { return f(slice(x, {0}), slice(x, {1})); };
}

const std::map<std::string, function>& expressions() {
  using v = variable;
  static const std::map<std::string, function> table{
      {"where(x > 0, sqrt(x), 0)", [](v x) { return where(x > 0, sqrt(x), 0); }},
      {"where(x > 0, log(x), 0)", [](v x) { return where(x > 0, log(x), 0); }},
      {"where(x > 0, 1 / x, 0)", [](v x) { return where(x > 0, 1 / x, 0); }},
      {"where(x > 0, xlogy(x, x), 0)", [](v x) { return where(x > 0, xlogy(x, x), 0); }},
      {"sqrt(x) * where(x > 0, 1, 0)", [](v x) { return sqrt(x) * (x > 0); }},
      {"maximum(norm(x), 1e-10)", [](v x) { return maximum(norm(x), 1e-10); }},
      {"x / maximum(norm(x), 1e-10)", [](v x) { return x / maximum(norm(x), 1e-10); }},
      {"x / where(equal(x, 0), 1, x)", [](v x) { return x / where(equal(x, 0), 1, x); }},
      {"x / where(equal(norm(x), 0), 1, norm(x))",
       [](v x) { return x / where(equal(norm(x), 0), 1, norm(x)); }},
      {"sqrt(relu(x))", [](v x) { return sqrt(relu(x)); }},
      {"sqrt(maximum(x, 0))", [](v x) { return sqrt(maximum(x, 0)); }},
      {"sqrt(clamp(x, 0, 1))", [](v x) { return sqrt(clamp(x, 0, 1)); }},
      {"power(relu(x), 0.5)", [](v x) { return power(relu(x), 0.5); }},
      {"sqrt(max(x))", [](v x) { return sqrt(max(x)); }},
      {"sqrt(norm(x))", [](v x) { return sqrt(norm(x)); }},
      {"-xlogy(softmax(x), softmax(x))",
       [](v x) {
         const variable p = softmax(x);
         return -xlogy(p, p);
       }},
      {"power(0, x)",
       [](v x) {
         return power(numbers_on(x, {0, 0}), x);
       }},
      {"sigmoid(x)", [](v x) { return sigmoid(x); }},
      {"tanh(x)", [](v x) { return tanh(x); }},
      {"softplus(x)", [](v x) { return softplus(x); }},
      {"log_sigmoid(x)", [](v x) { return log_sigmoid(x); }},
      {"softsign(x)", [](v x) { return softsign(x); }},
      {"relu6(x)", [](v x) { return relu6(x); }},
      {"hard_sigmoid(x)", [](v x) { return hard_sigmoid(x); }},
      {"hard_tanh(x)", [](v x) { return hard_tanh(x); }},
      {"hard_silu(x)", [](v x) { return hard_silu(x); }},
      {"mish(x)", [](v x) { return mish(x); }},
      {"selu(x)", [](v x) { return selu(x); }},
      {"layer_norm(x)", [](v x) { return layer_norm(x); }},
      {"softmax(x) * {1, 2, 3}",
       [](v x) {
         return softmax(x) * numbers_on(x, {1, 2, 3});
       }},
      {"softmax(x)", [](v x) { return softmax(x); }},
      {"slice(log_softmax(x), {0})", [](v x) { return slice(log_softmax(x), {0}); }},
      {"log_softmax(x)", [](v x) { return log_softmax(x); }},
      {"logsumexp(x)", [](v x) { return logsumexp(x); }},
      {"categorical_crossentropy_from_logits(x, {1, 0, 0})",
       [](v x) {
         return categorical_crossentropy_from_logits(row_of(x), row_of(numbers_on(x, {1, 0, 0})));
       }},
      {"categorical_crossentropy(softmax(x), {1, 0, 0})",
       [](v x) {
         return categorical_crossentropy(softmax(row_of(x)), row_of(numbers_on(x, {1, 0, 0})));
       }},
      {"categorical_crossentropy_from_logits(x, {0, 0, 0})",
       [](v x) {
         return categorical_crossentropy_from_logits(row_of(x), row_of(numbers_on(x, {0, 0, 0})));
       }},
      {"binary_crossentropy_from_logits(x, {0, 1})",
       [](v x) {
         return binary_crossentropy_from_logits(x, numbers_on(x, {0, 1}));
       }},
      {"binary_crossentropy(x, {0, 1})",
       [](v x) {
         return binary_crossentropy(x, numbers_on(x, {0, 1}));
       }},
      {"norm(x)", [](v x) { return norm(x); }},
      {"stddev(x)", [](v x) { return stddev(x); }},
      {"sqrt(x)", [](v x) { return sqrt(x); }},
      {"power(x, 0)", [](v x) { return power(x, 0); }},
      {"power(x, 1)", [](v x) { return power(x, 1); }},
      {"power(x, 2)", [](v x) { return power(x, 2); }},
      {"power(x, 3)", [](v x) { return power(x, 3); }},
      {"power(x, 0.5)", [](v x) { return power(x, 0.5); }},
      {"power(a, b)", of_both(power)},
      {"maximum(a, b)", of_both(maximum)},
      {"minimum(a, b)", of_both(minimum)},
      {"max(x)", [](v x) { return max(x); }},
      {"min(x)", [](v x) { return min(x); }},
      {"relu(x)", [](v x) { return relu(x); }},
      {"sinc(x)", [](v x) { return sinc(x); }},
      {"square(norm(x))", [](v x) { return square(norm(x)); }},
      {"prod(x)", [](v x) { return prod(x); }},
      {"xlogy(x, x)", [](v x) { return xlogy(x, x); }},
      {"xlogy(0, x)", [](v x) { return xlogy(0, x); }},
      {"xlogy(x, 2)", [](v x) { return xlogy(x, 2); }},
  };
  return table;
}

struct edge {
  std::string expression;
  numbers at, values, slopes;
  std::string remark;
};

struct curvature {
  std::string expression;
  numbers at, second;  // the Hessian of the sum of the values
};

numbers parsed(const std::string& list) {
  numbers result;
  std::istringstream in(list);
  for (std::string word; std::getline(in, word, ',');) result.push_back(std::stod(word));
  return result;
}

// The rows of the table whose header starts like this, as lists of cells.
std::vector<std::vector<std::string>> rows_below(const std::string& header) {
  std::ifstream in(COTAPE_SOURCE_DIR "/docs/edges.md");
  std::vector<std::vector<std::string>> result;
  bool inside = false;
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with(header)) {
      inside = static_cast<bool>(std::getline(in, line));
    } else if (!line.starts_with("| ")) {
      inside = false;
    } else if (inside) {
      auto& cells = result.emplace_back();
      for (std::size_t at = 2, end; (end = line.find(" |", at)) != std::string::npos;
           at = end + 3) {
        cells.push_back(line.substr(at, end - at));
      }
    }
  }
  return result;
}

std::vector<edge> documented_edges() {
  std::vector<edge> result;
  for (const auto& cells : rows_below("| expression | x | value |")) {
    result.push_back({cells.at(0), parsed(cells.at(1)), parsed(cells.at(2)), parsed(cells.at(3)),
                      cells.size() > 4 ? cells[4] : ""});
  }
  return result;
}

std::vector<curvature> documented_curvatures() {
  std::vector<curvature> result;
  for (const auto& cells : rows_below("| expression | x | second derivatives |")) {
    result.push_back({cells.at(0), parsed(cells.at(1)), parsed(cells.at(2))});
  }
  return result;
}

bool fits_float32(const edge& e) {
  if (e.remark.starts_with("float64")) return false;
  for (const numbers* list : {&e.at, &e.values, &e.slopes}) {
    for (double x : *list) {
      if (std::isfinite(x) && std::abs(x) > std::numeric_limits<float>::max()) return false;
    }
  }
  return true;
}

void expect_numbers(const numbers& got, const numbers& wanted, const char* what) {
  ASSERT_EQ(got.size(), wanted.size()) << what;
  for (std::size_t i = 0; i < got.size(); ++i) {
    if (got[i] == wanted[i] || (std::isnan(got[i]) && std::isnan(wanted[i]))) continue;
    EXPECT_TRUE(std::isfinite(wanted[i]) &&
                std::abs(got[i] - wanted[i]) <= 2e-6 * std::abs(wanted[i]))
        << what << " " << i << " is " << got[i] << ", not " << wanted[i];
  }
}

void check(const edge& e, const function& f, dtype d, bool fuse) {
  SCOPED_TRACE(e.expression + (fuse ? ", fused, " : ", unfused, ") + name_of(d));
  graph_under_test g;
  const variable x = g.input(d, array({static_cast<std::int64_t>(e.at.size())}, e.at));
  const variable y = f(x), dx = gradient(sum(y), x), second = hessian(sum(y), x);
  const arrays got = g.run({y, dx, second}, {.fuse = fuse});
  expect_numbers(got[0].data, e.values, "value");
  expect_numbers(got[1].data, e.slopes, "gradient");
  const bool known = e.remark.find("second derivative is NaN") != std::string::npos;
  const auto is_nan = [](double s) { return std::isnan(s); };
  EXPECT_EQ(std::any_of(got[2].data.begin(), got[2].data.end(), is_nan), known)
      << "second derivatives: " << ::testing::PrintToString(got[2].data);
}

void check(const curvature& c, const function& f, dtype d, bool fuse) {
  SCOPED_TRACE(c.expression + (fuse ? ", fused, " : ", unfused, ") + name_of(d));
  graph_under_test g;
  const variable x = g.input(d, array({static_cast<std::int64_t>(c.at.size())}, c.at));
  const arrays got = g.run({hessian(sum(f(x)), x)}, {.fuse = fuse});
  expect_numbers(got[0].data, c.second, "second derivative");
}

}  // namespace

TEST(Edges, AreAsDocumented) {
  std::set<std::string> met;
  for (const edge& e : documented_edges()) {
    const auto it = expressions().find(e.expression);
    ASSERT_NE(it, expressions().end()) << e.expression;
    met.insert(e.expression);
    for (const bool fuse : {true, false}) {
      check(e, it->second, float64, fuse);
      if (fits_float32(e)) check(e, it->second, float32, fuse);
    }
  }
  for (const auto& [text, f] : expressions()) EXPECT_TRUE(met.contains(text)) << text;
}

TEST(Edges, HaveTheDocumentedSecondDerivatives) {
  const std::vector<curvature> rows = documented_curvatures();
  ASSERT_GE(rows.size(), 10u);
  for (const curvature& c : rows) {
    const auto it = expressions().find(c.expression);
    ASSERT_NE(it, expressions().end()) << c.expression;
    for (const bool fuse : {true, false}) {
      for (const dtype d : {float64, float32}) check(c, it->second, d, fuse);
    }
  }
}

}  // namespace cotape::tests
