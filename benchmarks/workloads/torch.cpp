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

// The value and its gradients for some inputs.
list with_gradients(const Tensor& y, const list& xs) {
  list out = torch::autograd::grad({y}, xs);
  out.insert(out.begin(), y);
  return out;
}

// --- Rows ---------------------------------------------------------------------------------------

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

Tensor norm_columns(const list& in) {
  return torch::batch_norm(in[0], in[1], in[2], {}, {}, true, 0, 1e-5, false);
}

list batch_norm(const settings&, const list& in) {
  const auto [y, mean, inverse] =
      torch::native_batch_norm(in[0], in[1], in[2], {}, {}, true, 0, 1e-5);
  return {y, mean, inverse.pow(-2) - 1e-5};
}

list batch_norm_grad(const settings&, const list& in) {
  const Tensor y = norm_columns(in);
  list out = torch::autograd::grad({y}, {in[0], in[1], in[2]}, {in[3].detach()});
  out.insert(out.begin(), y);
  return out;
}

template <int Axis> list mean_var(const settings&, const list& in) {
  const auto [v, m] = torch::var_mean(in[0], at::IntArrayRef{Axis}, false);
  return {m, v};
}

// --- Slices -------------------------------------------------------------------------------------

list concatenate(const settings&, const list& in) {
  list columns;
  for (const Tensor& x : in) columns.push_back(x.view({-1, 1}));
  return {torch::cat(columns, 1)};
}

list shift(const settings&, const list& in) {
  return {torch::constant_pad_nd(in[0].slice(0, 0, -1), {1, 0})};
}

Tensor rosenbrock_of(const Tensor& x) {
  const Tensor a = x.slice(0, 0, -1), b = x.slice(0, 1);
  return (100 * (b - a * a).square() + (1 - a).square()).sum();
}

list lstm(const settings&, const list& in) {
  const Tensor none = torch::zeros_like(in[3]).detach();
  const auto [y, h, c] =
      torch::lstm(in[0].detach(), {in[4].detach().unsqueeze(0), in[5].detach().unsqueeze(0)},
                  {in[1].t(), in[2].t(), in[3], none}, true, 1, 0.0, true, false, false);
  return with_gradients((h.squeeze(0) * in[6].detach()).sum(), {in[1], in[2], in[3]});
}

// --- Products -----------------------------------------------------------------------------------

// As torch has them: (batch, channels, sizes...), of the same order in memory.
list convolution(const list& in, std::int64_t groups) {
  const Tensor x = in[0].permute({0, 3, 1, 2}), w = in[1].permute({3, 2, 0, 1});
  const Tensor y = torch::conv2d(x, w, {}, 1, "same", 1, groups).permute({0, 2, 3, 1});
  list out = torch::autograd::grad({y}, {in[0], in[1]}, {in[2].detach()});
  out.insert(out.begin(), y);
  return out;
}

Tensor convolve(const Tensor& x, const Tensor& kernel, const Tensor& bias) {
  const Tensor k = kernel.view({5, 5, x.size(1), -1}).permute({3, 2, 0, 1});
  return torch::max_pool2d(torch::relu(torch::conv2d(x, k, bias)), 2);
}

list lenet(const settings&, const list& in) {
  const Tensor images = in[0].detach().permute({0, 3, 1, 2});
  const Tensor second = convolve(convolve(images, in[2], in[3]), in[4], in[5]);
  const Tensor flat = second.permute({0, 2, 3, 1}).reshape({second.size(0), -1});
  const Tensor hidden = torch::relu(torch::addmm(in[7], flat, in[6]));
  return with_gradients(torch::cross_entropy_loss(torch::addmm(in[9], hidden, in[8]), in[1]),
                        {in.begin() + 2, in.end()});
}

// --- Graphs -------------------------------------------------------------------------------------

Tensor chain_of(const settings& s, Tensor x) {
  const std::size_t operations = s["operations"];
  if (operations > 0) x = x * x;
  if (operations > 1) x = x + 0.5;
  if (operations > 2) x = x * 0.75;
  if (operations > 3) x = torch::sigmoid(x);
  if (operations > 4) x = x * x;
  if (operations > 5) x = x + 1;
  if (operations > 6) x = torch::reciprocal(x);
  if (operations > 7) x = torch::exp(x);
  if (operations > 8) x = x - 0.25;
  if (operations > 9) x = torch::sqrt(x);
  return x;
}

list sigmoid_tanh(const settings&, const list& in) {
  return with_gradients((torch::sigmoid(in[1] * in[0] + in[2]) * torch::tanh(in[0])).sum(), in);
}

list kmeans(const settings&, const list& in) {
  const Tensor points = in[0].detach();
  const Tensor distances =
      points.square().sum(1, true) - 2 * points.matmul(in[1].t()) + in[1].square().sum(1);
  return with_gradients(std::get<0>(distances.min(1)).sum(), {in[1]});
}

list terms(const settings&, const list& in) {
  Tensor y = torch::tanh(in[1].matmul(in[0]));
  for (std::size_t i = 2; i < in.size(); ++i) y = y + torch::tanh(in[i].matmul(in[0]));
  return {y};
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
      {"batch_norm", &batch_norm},
      {"batch_norm_grad", &batch_norm_grad, true},
      {"softmax", [](const settings&, const list& in) { return list{torch::softmax(in[0], 1)}; }},
      {"sum_rows", [](const settings&, const list& in) { return list{torch::sum(in[0], 1)}; }},
      {"sum_columns", [](const settings&, const list& in) { return list{torch::sum(in[0], 0)}; }},
      {"sum_all", [](const settings&, const list& in) { return list{torch::sum(in[0])}; }},
      {"max_rows", [](const settings&, const list& in) { return list{torch::amax(in[0], 1)}; }},
      {"mean_var_rows", &mean_var<1>},
      {"mean_var_columns", &mean_var<0>},
      {"concatenate", &concatenate},
      {"stack", [](const settings&, const list& in) { return list{torch::stack(in, 1)}; }},
      {"shift", &shift},
      {"rosenbrock", [](const settings&, const list& in) { return list{rosenbrock_of(in[0])}; }},
      {"rosenbrock_grad",
       [](const settings&, const list& in) { return with_gradients(rosenbrock_of(in[0]), in); },
       true},
      {"lstm", &lstm, true},
      {"batched_products_grad",
       [](const settings&, const list& in) {
         return with_gradients(in[0].matmul(in[1]).square().sum(), in);
       },
       true},
      {"lookup",
       [](const settings&, const list& in) { return list{torch::embedding(in[0], in[1])}; }},
      {"softmax_cross_entropy",
       [](const settings&, const list& in) {
         return with_gradients(torch::cross_entropy_loss(in[0], in[1]), {in[0]});
       },
       true},
      {"convolution_grad", [](const settings&, const list& in) { return convolution(in, 1); },
       true},
      {"depthwise_grad",
       [](const settings& s, const list& in) { return convolution(in, s.number("channels")); },
       true},
      {"lenet", &lenet, true},
      {"chain", [](const settings& s, const list& in) { return list{chain_of(s, in[0])}; }},
      {"chain_grad",
       [](const settings& s, const list& in) {
         return with_gradients(chain_of(s, in[0]).sum(), in);
       },
       true},
      {"sigmoid_tanh_grad", &sigmoid_tanh, true},
      {"kmeans", &kmeans, true},
      {"terms", &terms},
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
