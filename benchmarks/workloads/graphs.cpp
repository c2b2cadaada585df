// Graphs of many values: recursions, sums of terms, chains of operations, runs of scalars.
#include "graphs.hpp"

namespace bench {
namespace {

using list = std::vector<variable>;

list with_gradients(variable y, const list& xs) {
  list out = gradient(y, xs);
  out.insert(out.begin(), y);
  return out;
}

// --- Determinants -------------------------------------------------------------------------------

using minors = std::vector<variable>;  // by the set of columns

list elements_of(variable a) {
  const std::int64_t n = a.shape()[0];
  list elements;
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t j = 0; j < n; ++j) elements.push_back(slice(a, {i, j}));
  }
  return elements;
}

// Of the last rows and the columns of the set; `known` keeps the minors, if anything does.
variable minor_of(const list& a, std::size_t n, std::size_t row, unsigned columns, minors* known) {
  if (row == n) return {};
  if (known != nullptr && !(*known)[columns].empty()) return (*known)[columns];
  variable y;
  bool odd = false;
  for (std::size_t j = 0; j < n; ++j) {
    if ((columns >> j & 1U) == 0) continue;
    const variable rest = minor_of(a, n, row + 1, columns & ~(1U << j), known);
    const variable term = rest.empty() ? a[row * n + j] : a[row * n + j] * rest;
    y = y.empty() ? term : odd ? y - term : y + term;
    odd = !odd;
  }
  if (known != nullptr) (*known)[columns] = y;
  return y;
}

list determinant(const settings& s, const list& in) {
  const std::size_t n = s["size"];
  return with_gradients(minor_of(elements_of(in[0]), n, 0, (1U << n) - 1, nullptr), in);
}

list determinant_memoised(const settings& s, const list& in) {
  const std::size_t n = s["size"];
  minors known(std::size_t{1} << n);
  return with_gradients(minor_of(elements_of(in[0]), n, 0, (1U << n) - 1, &known), in);
}

// --- Chains of element-wise operations ----------------------------------------------------------

variable chain_of(std::size_t operations, variable x) {
  if (operations > 0) x = x * x;
  if (operations > 1) x = x + 0.5;
  if (operations > 2) x = x * 0.75;
  if (operations > 3) x = sigmoid(x);
  if (operations > 4) x = x * x;
  if (operations > 5) x = x + 1;
  if (operations > 6) x = 1 / x;
  if (operations > 7) x = exp(x);
  if (operations > 8) x = x - 0.25;
  if (operations > 9) x = sqrt(x);
  return x;
}

std::vector<tensor> chain_data(const settings& s) {
  return {random_data().floats({s.number("n")}, 0.5, 1.5)};
}

std::vector<tensor> sigmoid_tanh_data(const settings& s) {
  random_data d;
  std::vector<tensor> in;
  for (double limit : {2, 2, 1}) in.push_back(d.floats({s.number("n")}, -limit, limit));
  return in;
}

list sigmoid_tanh(const settings&, const list& in) {
  return with_gradients(sum(sigmoid(in[1] * in[0] + in[2]) * tanh(in[0])), in);
}

// --- k-means ------------------------------------------------------------------------------------

std::vector<tensor> kmeans_data(const settings& s) {
  random_data d;
  std::vector<tensor> in{d.doubles({s.number("points"), s.number("features")})};
  in.push_back(d.doubles({s.number("clusters"), s.number("features")}));
  return in;
}

list kmeans(const settings&, const list& in) {
  const variable points = in[0], centers = in[1];
  const variable distances = sum(square(points), 1, cotape::keep_dims) -
                             2 * matmul(points, transpose(centers)) + sum(square(centers), 1);
  return with_gradients(sum(min(distances, 1)), {centers});
}

list two_products(const settings&, const list& in) {
  const variable y = matmul(in[0], transpose(in[1]));
  return {y, matmul(transpose(y), in[0])};
}

// --- Runs of scalars ----------------------------------------------------------------------------

list scalar_loop(const settings& s, const list& in) {
  variable x = in[0], sum;
  for (std::size_t i = 0; i < s["n"]; ++i) {
    x = x * exp(-x) + reciprocal(1 + x);
    sum = i == 0 ? x : sum + x;
  }
  return with_gradients(sum, in);
}

std::vector<tensor> species_data(const settings&) {
  std::vector<tensor> in;
  for (double v : {1.0, 0.5, 1.1, 0.4, 0.9, 0.3}) {
    in.emplace_back(cotape::value_type{cotape::float64, {}});
    *in.back().data_as<double>() = v;
  }
  return in;
}

// Euler steps; `change` is applied to the first species in the middle.
template <class Change> variable lotka_volterra(const settings& s, const list& in, Change change) {
  variable x = in[0], y = in[1];
  const variable a = in[2], b = in[3], c = in[4], d = in[5];
  const std::size_t steps = s["steps"];
  for (std::size_t i = 0; i < steps; ++i) {
    if (i == steps / 2) x = change(x);
    const variable both = x * y;
    const variable dx = a * x - b * both, dy = d * both - c * y;
    x = x + time_step * dx;
    y = y + time_step * dy;
  }
  return x + y;
}

struct saturate_op {  // y = x / (1 + x / 1000)
  static constexpr auto name = "saturate";
  template <class T> static T kernel(T x) { return x / (1 + x * T(0.001)); }
  static variable derivative(variable x, variable, variable dy) {
    return chain(dy, reciprocal(square(1 + x * 0.001)));
  }
};

list own_operation(const settings& s, const list& in) {
  return {lotka_volterra(s, in, [](variable x) { return cotape::apply<saturate_op>(x); })};
}

list without_own_operation(const settings& s, const list& in) {
  return {lotka_volterra(s, in, [](variable x) { return x / (1 + x * 0.001); })};
}

list lotka_volterra_grad(const settings& s, const list& in) {
  return with_gradients(lotka_volterra(s, in, [](variable x) { return x; }), in);
}

}  // namespace

std::vector<workload> graphs_workloads() {
  return {
      {.name = "determinant",
       .text = "determinant of doubles by recursive minors with gradient (reference: each minor "
               "recorded once)",
       .sizes = {{"size", 8}},
       .data =
           [](const settings& s) {
             std::vector<tensor> in{random_data().doubles({s.number("size"), s.number("size")})};
             return in;
           },
       .record = &determinant,
       .reference = &determinant_memoised},
      adam_case(),
      rows_case(),
      terms_case(),
      {.name = "chain",
       .text = "the first of ten operations on n floats: x x, x + 0.5, 0.75 x, sigmoid(x), x x, "
               "x + 1, 1 / x, exp(x), x - 0.25, sqrt(x)",
       .sizes = {{"operations", 10}, {"n", 1000}},
       .data = &chain_data,
       .record = [](const settings& s,
                    const list& in) { return list{chain_of(s["operations"], in[0])}; }},
      {.name = "chain_grad",
       .text = "the sum of chain's values with its gradient",
       .sizes = {{"operations", 10}, {"n", 1000}},
       .data = &chain_data,
       .record =
           [](const settings& s, const list& in) {
             return with_gradients(sum(chain_of(s["operations"], in[0])), in);
           }},
      {.name = "sigmoid_tanh_grad",
       .text = "sum(sigmoid(a x + b) tanh(x)) of n floats with three gradients: train_step's chain",
       .sizes = {{"n", 1000}},
       .data = &sigmoid_tanh_data,
       .record = &sigmoid_tanh},
      {.name = "kmeans",
       .text = "sum of squared distances to the nearest of the centers, doubles, with their "
               "gradient (reference: two products of the same sizes)",
       .sizes = {{"points", 10000}, {"features", 16}, {"clusters", 1000}},
       .data = &kmeans_data,
       .record = &kmeans,
       .make_reference =
           [](const problem& p) {
             prepared made = make_program(p, &two_products);
             made.expected = in_double(p, &two_products);
             return made;
           }},
      {.name = "scalar_loop",
       .text = "x <- x exp(-x) + 1 / (1 + x), n times: the sum of all x with its derivative, on "
               "scalars: train_step's tape_1e6",
       .sizes = {{"n", 142858}},
       .data =
           [](const settings&) {
             std::vector<tensor> in{tensor({cotape::float64, {}})};
             *in[0].data_as<double>() = 0.5;
             return in;
           },
       .record = &scalar_loop},
      {.name = "lotka_volterra_grad",
       .text = "two species' sum after Euler steps, with the gradients for their first values and "
               "four rates, on scalars",
       .sizes = {{"steps", 100000}},
       .data = &species_data,
       .record = &lotka_volterra_grad},
      {.name = "own_operation",
       .text = "the same sum without gradients, with one operation of the user's in the middle "
               "(reference: composed instead)",
       .sizes = {{"steps", 100000}},
       .data = &species_data,
       .record = &own_operation,
       .reference = &without_own_operation},
  };
}

}  // namespace bench
