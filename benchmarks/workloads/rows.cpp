// Broadcasts and reductions over a matrix of floats.
#include "workload.hpp"

namespace bench {
namespace {

using cotape::keep_dims;
using list = std::vector<variable>;

cotape::shape matrix(const settings& s) { return {s.number("rows"), s.number("cols")}; }

std::vector<tensor> one_matrix(const settings& s) { return {random_data().floats(matrix(s))}; }

variable layer_norm(variable x, variable scale, variable shift) {
  const variable normal = (x - mean(x, 1, keep_dims)) / sqrt(var(x, 1, keep_dims) + 1e-5);
  return normal * scale + shift;
}

workload layer_norm_case(const settings& sizes) {
  return {.name = "layer_norm",
          .text = "y = (x - mean) / sqrt(variance + 1e-5) * scale + shift, over rows",
          .sizes = sizes,
          .data =
              [](const settings& s) {
                random_data d;
                const cotape::shape row{s.number("cols")};
                std::vector<tensor> in{d.floats(matrix(s), -2, 3)};
                in.push_back(d.floats(row, 0.5, 1.5));
                in.push_back(d.floats(row));
                return in;
              },
          .record = [](const settings&,
                       const list& in) { return list{layer_norm(in[0], in[1], in[2])}; }};
}

workload layer_norm_grad_case(const settings& sizes) {
  return {.name = "layer_norm_grad",
          .text = "layer_norm's y and, for an adjoint dy, the gradients for x, scale and shift",
          .sizes = sizes,
          .data =
              [](const settings& s) {
                random_data d;
                const cotape::shape row{s.number("cols")};
                std::vector<tensor> in{d.floats(matrix(s), -2, 3)};
                in.push_back(d.floats(row, 0.5, 1.5));
                in.push_back(d.floats(row));
                in.push_back(d.floats(matrix(s)));
                return in;
              },
          .record =
              [](const settings&, const list& in) {
                list out{layer_norm(in[0], in[1], in[2])};
                for (variable g : vjp(out[0], {in[0], in[1], in[2]}, in[3])) out.push_back(g);
                return out;
              }};
}

workload simple(const char* name, const char* text, const settings& sizes, recording record) {
  return {.name = name, .text = text, .sizes = sizes, .data = &one_matrix, .record = record};
}

}  // namespace

std::vector<workload> rows_workloads() {
  const settings sizes{{"rows", 4096}, {"cols", 512}};
  return {
      layer_norm_case(sizes),
      layer_norm_grad_case(sizes),
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
