// libtorch: each case as a function of tensors. glibc is told to keep freed blocks, without which
// page faults take up to 40 % of a step.
#include <malloc.h>
#include <torch/torch.h>

#include "engines.hpp"

namespace bench {
namespace {

using torch::Tensor;
using list = std::vector<Tensor>;
using computation = list (*)(const settings&, const list& in);

Tensor copy(const cotape::tensor& x) {
  const std::vector<std::int64_t> sizes(x.shape().begin(), x.shape().end());
  const auto type = x.dtype() == cotape::float32   ? torch::kFloat32
                    : x.dtype() == cotape::float64 ? torch::kFloat64
                                                   : torch::kInt64;
  return torch::from_blob(const_cast<void*>(x.data()), sizes, type).clone();
}

void append(std::vector<double>& all, const Tensor& t) {
  const Tensor flat = t.detach().to(torch::kFloat64).contiguous();
  all.insert(all.end(), flat.data_ptr<double>(), flat.data_ptr<double>() + flat.numel());
}

class computed : public stepper {
 public:
  computed(const problem& p, computation f, bool differentiates)
      : sizes_(p.sizes), f_(f), differentiates_(differentiates) {
    for (const cotape::tensor& x : p.in) {
      in_.push_back(copy(x));
      if (differentiates && in_.back().is_floating_point()) in_.back().requires_grad_();
    }
  }

  void run(std::size_t steps) override {
    const torch::AutoGradMode mode(differentiates_);
    for (std::size_t i = 0; i < steps; ++i) out_ = f_(sizes_, in_);
  }
  std::vector<double> values() override {
    std::vector<double> all;
    for (const Tensor& t : out_) append(all, t);
    return all;
  }

 private:
  settings sizes_;
  computation f_;
  bool differentiates_;
  list in_, out_;
};

Tensor norm_layer(const list& in) {
  return torch::layer_norm(in[0], {in[0].size(1)}, in[1], in[2], 1e-5);
}

list layer_norm(const settings&, const list& in) { return {norm_layer(in)}; }

list layer_norm_grad(const settings&, const list& in) {
  const Tensor y = norm_layer(in);
  list out = torch::autograd::grad({y}, {in[0], in[1], in[2]}, {in[3].detach()});
  out.insert(out.begin(), y);
  return out;
}

struct row {
  const char* name;
  computation f;
  bool differentiates = false;
};
const std::vector<row>& table() {
  static const std::vector<row> rows{
      {"layer_norm", &layer_norm},
      {"layer_norm_grad", &layer_norm_grad, true},
      {"softmax", [](const settings&, const list& in) { return list{torch::softmax(in[0], 1)}; }},
      {"sum_rows", [](const settings&, const list& in) { return list{torch::sum(in[0], 1)}; }},
      {"sum_columns", [](const settings&, const list& in) { return list{torch::sum(in[0], 0)}; }},
      {"sum_all", [](const settings&, const list& in) { return list{torch::sum(in[0])}; }},
      {"max_rows", [](const settings&, const list& in) { return list{torch::amax(in[0], 1)}; }},
      {"mean_var_rows",
       [](const settings&, const list& in) {
         const auto [v, m] = torch::var_mean(in[0], at::IntArrayRef{1}, false);
         return list{m, v};
       }},
      {"mean_var_columns",
       [](const settings&, const list& in) {
         const auto [v, m] = torch::var_mean(in[0], at::IntArrayRef{0}, false);
         return list{m, v};
       }},
  };
  return rows;
}

}  // namespace

prepared make_torch(const problem& p) {
  mallopt(M_MMAP_THRESHOLD, 1 << 30);
  mallopt(M_TRIM_THRESHOLD, 1 << 30);
  torch::set_num_threads(static_cast<int>(p.threads));
  torch::set_num_interop_threads(1);
  for (const row& r : table()) {
    if (r.name == p.what->name)
      return {.runs = std::make_unique<computed>(p, r.f, r.differentiates)};
  }
  return {};
}

}  // namespace bench
