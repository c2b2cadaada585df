// Broadcasts and reductions over a matrix of floats.
#include "workload.hpp"

namespace bench {
namespace {

using list = std::vector<variable>;

cotape::shape matrix(const settings& s) { return {s.number("rows"), s.number("cols")}; }

std::vector<tensor> one_matrix(const settings& s) { return {random_data().floats(matrix(s))}; }

constexpr double epsilon = 1e-5;

std::vector<tensor> normalized_data(const settings& s, bool with_adjoint) {
  random_data d;
  const cotape::shape row{s.number("cols")};
  std::vector<tensor> in{d.floats(matrix(s), -2, 3)};
  in.push_back(d.floats(row, 0.5, 1.5));
  in.push_back(d.floats(row));
  if (with_adjoint) in.push_back(d.floats(matrix(s)));
  return in;
}

// The value and the gradients for x, scale and shift.
list with_gradients(variable y, const list& in) {
  list out{y};
  for (variable g : vjp(y, {in[0], in[1], in[2]}, in[3])) out.push_back(g);
  return out;
}

workload layer_norm_case(const settings& sizes) {
  return {
      .name = "layer_norm",
      .text = "y = (x - mean) / sqrt(variance + 1e-5) * scale + shift, over rows",
      .sizes = sizes,
      .data = [](const settings& s) { return normalized_data(s, false); },
      .record = [](const settings&,
                   const list& in) { return list{layer_norm(in[0], in[1], in[2], -1, epsilon)}; }};
}

workload layer_norm_grad_case(const settings& sizes) {
  return {.name = "layer_norm_grad",
          .text = "layer_norm's y and, for an adjoint dy, the gradients for x, scale and shift",
          .sizes = sizes,
          .data = [](const settings& s) { return normalized_data(s, true); },
          .record =
              [](const settings&, const list& in) {
                return with_gradients(layer_norm(in[0], in[1], in[2], -1, epsilon), in);
              }};
}

workload batch_norm_case(const settings& sizes) {
  return {.name = "batch_norm",
          .text =
              "y = (x - mean) / sqrt(variance + 1e-5) * scale + shift, over columns; mean and "
              "variance",
          .sizes = sizes,
          .data = [](const settings& s) { return normalized_data(s, false); },
          .record =
              [](const settings&, const list& in) {
                const auto [y, mean, variance] = batch_norm(in[0], in[1], in[2], epsilon);
                return list{y, mean, variance};
              }};
}

workload batch_norm_grad_case(const settings& sizes) {
  return {.name = "batch_norm_grad",
          .text = "batch_norm's y and, for an adjoint dy, the gradients for x, scale and shift",
          .sizes = sizes,
          .data = [](const settings& s) { return normalized_data(s, true); },
          .record =
              [](const settings&, const list& in) {
                return with_gradients(batch_norm(in[0], in[1], in[2], epsilon).y, in);
              }};
}

workload simple(const char* name, const char* text, const settings& sizes, recording record) {
  return {.name = name, .text = text, .sizes = sizes, .data = &one_matrix, .record = record};
}

}  // namespace

std::vector<workload> rows_workloads() {
  const settings sizes{{"rows", 4096}, {"cols", 512}};
  const settings pixels{{"rows", 25088}, {"cols", 32}};  // 32 images of 28 x 28, 32 channels
  return {
      layer_norm_case(sizes),
      layer_norm_grad_case(sizes),
      batch_norm_case(pixels),
      batch_norm_grad_case(pixels),
      simple("softmax", "softmax over rows", sizes,
             [](const settings&, const list& in) { return list{softmax(in[0])}; }),
      simple("sum_rows", "sum of each row", sizes,
             [](const settings&, const list& in) { return list{sum(in[0], 1)}; }),
      simple("sum_columns", "sum of each column", sizes,
             [](const settings&, const list& in) { return list{sum(in[0], 0)}; }),
      simple("sum_all", "sum of all elements", sizes,
             [](const settings&, const list& in) { return list{sum(in[0])}; }),
      simple("max_rows", "largest of each row", sizes,
             [](const settings&, const list& in) { return list{max(in[0], 1)}; }),
      simple("mean_var_rows", "mean and variance of each row", sizes,
             [](const settings&, const list& in) {
               return list{mean(in[0], 1), var(in[0], 1)};
             }),
      simple("mean_var_columns", "mean and variance of each column", sizes,
             [](const settings&, const list& in) {
               return list{mean(in[0], 0), var(in[0], 0)};
             }),
  };
}

}  // namespace bench
