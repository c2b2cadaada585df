// Parts of values: slices, pieces, shifts, and how their adjoints come together.
#include "workload.hpp"

namespace bench {
namespace {

using cotape::operand;
using cotape::range;
using list = std::vector<variable>;

// The value and the gradient of a function of one input.
list with_gradient(variable y, variable x) { return {y, gradient(y, x)}; }

// --- Many pieces of one value -------------------------------------------------------------------

std::int64_t width_of(const settings& s) {
  return s.all().size() > 1 ? s.number("width") : 1;  // elements have none
}

// One piece more than there are products.
std::vector<tensor> pieces_data(const settings& s) {
  const std::int64_t n = (s.number("pieces") + 1) * width_of(s);
  return {random_data().doubles(cotape::shape{n})};
}

// The sum of the products of neighbours.
outputs neighbours(const problem& p) {
  const auto width = static_cast<std::size_t>(width_of(p.sizes));
  const std::size_t n = p.sizes["pieces"] * width;
  const double* x = p.in[0].data_as<double>();
  outputs out{{0}, std::vector<double>(n + width)};
  for (std::size_t i = 0; i < n; ++i) {
    out[0][0] += x[i] * x[i + width];
    out[1][i] += x[i + width];
    out[1][i + width] += x[i];
  }
  return out;
}

variable products_of(const list& pieces) {
  variable y = sum(pieces[0] * pieces[1]);
  for (std::size_t i = 2; i < pieces.size(); ++i) y = y + sum(pieces[i - 1] * pieces[i]);
  return y;
}

list element_products(const settings& s, const list& in) {
  const variable x = in[0];
  variable y = slice(x, {0}) * slice(x, {1});
  for (std::int64_t i = 1; i < s.number("pieces"); ++i) {
    y = y + slice(x, {i}) * slice(x, {i + 1});
  }
  return with_gradient(y, x);
}

list split_products(const settings& s, const list& in) {
  return with_gradient(products_of(split(in[0], s.number("pieces") + 1)), in[0]);
}

list gather_products(const settings& s, const list& in) {
  const variable x = reshape(in[0], {-1, width_of(s)});
  list rows;
  for (std::int64_t i = 0; i <= s.number("pieces"); ++i) {
    rows.push_back(gather(x, x.owner().constant(i)));
  }
  return with_gradient(products_of(rows), in[0]);
}

// --- Columns side by side -----------------------------------------------------------------------

std::vector<tensor> columns_data(const settings& s) {
  random_data d;
  std::vector<tensor> in;
  for (std::size_t i = 0; i < s["parts"]; ++i) in.push_back(d.floats({s.number("rows")}));
  return in;
}

list concatenate_columns(const settings&, const list& in) {
  std::vector<operand> columns;
  for (variable x : in) columns.emplace_back(reshape(x, {-1, 1}));
  return {concatenate(columns, 1)};
}

list stack_columns(const settings&, const list& in) {
  return {stack(std::vector<operand>(in.begin(), in.end()), 1)};
}

// --- Neighbours by two slices -------------------------------------------------------------------

std::vector<tensor> vector_data(const settings& s) {
  return {random_data().doubles({s.number("n")}, -2, 2)};
}

variable rosenbrock(const settings& s, variable x) {
  const std::int64_t n = s.number("n");
  const variable a = slice(x, {range(0, n - 1)}), b = slice(x, {range(1, n)});
  return sum(100 * square(b - square(a)) + square(1 - a));
}

}  // namespace

std::vector<workload> slices_workloads() {
  return {
      {.name = "element_products",
       .text =
           "sum of x[i] x[i + 1], each element sliced from one vector of doubles, with gradient",
       .sizes = {{"pieces", 10000}},
       .data = &pieces_data,
       .record = &element_products,
       .expected = &neighbours},
      {.name = "split_products",
       .text = "the same of the pieces that split cuts a vector of doubles into",
       .sizes = {{"pieces", 10000}, {"width", 4}},
       .data = &pieces_data,
       .record = &split_products,
       .expected = &neighbours},
      {.name = "gather_products",
       .text = "the same of the rows of a matrix of doubles, each gathered by its index",
       .sizes = {{"pieces", 10000}, {"width", 4}},
       .data = &pieces_data,
       .record = &gather_products,
       .expected = &neighbours},
      {.name = "concatenate",
       .text = "columns of floats, each of shape (rows, 1), into one matrix",
       .sizes = {{"parts", 16}, {"rows", 30000}},
       .data = &columns_data,
       .record = &concatenate_columns},
      {.name = "stack",
       .text = "vectors of floats as the columns of a matrix",
       .sizes = {{"parts", 16}, {"rows", 30000}},
       .data = &columns_data,
       .record = &stack_columns},
      {.name = "shift",
       .text = "n doubles moved on by one place: pad(slice(x))",
       .sizes = {{"n", 1000}},
       .data = &vector_data,
       .record =
           [](const settings& s, const list& in) {
             return list{pad(slice(in[0], {range(0, s.number("n") - 1)}), {1}, {0})};
           }},
      {.name = "rosenbrock",
       .text = "sum of 100 (x[i + 1] - x[i]^2)^2 + (1 - x[i])^2 of n doubles",
       .sizes = {{"n", 1000}},
       .data = &vector_data,
       .record = [](const settings& s, const list& in) { return list{rosenbrock(s, in[0])}; }},
      {.name = "rosenbrock_grad",
       .text = "the same with its gradient",
       .sizes = {{"n", 1000}},
       .data = &vector_data,
       .record = [](const settings& s,
                    const list& in) { return with_gradient(rosenbrock(s, in[0]), in[0]); }},
  };
}

}  // namespace bench
