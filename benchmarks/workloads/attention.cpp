// Attention, and a block of a transformer.
#include "workload.hpp"

namespace bench {
namespace {

using list = std::vector<variable>;

// The value, and what comes back of its adjoint.
list with_gradients(variable y, const list& xs, variable dy) {
  list out = vjp(y, xs, dy);
  out.insert(out.begin(), y);
  return out;
}

// --- Attention of long sequences ----------------------------------------------------------------

// Inputs: q, k, v and the values' adjoint, (heads, length, features) each.
list attend(const settings&, const list& in) {
  return with_gradients(attention(in[0], in[1], in[2]), {in[0], in[1], in[2]}, in[3]);
}

list attend_at_once(const settings& s, const list& in) {
  const double scale = 1 / std::sqrt(static_cast<double>(s.number("features")));
  const variable weights = softmax(scale * matmul(in[0], transpose(in[1], {0, 2, 1})));
  return with_gradients(matmul(weights, in[2]), {in[0], in[1], in[2]}, in[3]);
}

std::vector<tensor> attention_data(const settings& s) {
  random_data d;
  std::vector<tensor> in;
  for (int i = 0; i < 4; ++i) {
    in.push_back(d.floats({s.number("heads"), s.number("length"), s.number("features")}));
  }
  return in;
}

// --- A block of a transformer -------------------------------------------------------------------

// Inputs: x (batch, length, units), the values' adjoint, then of both normalizations scale and
// shift, k's weights, and of q, v, what is seen, the wide and the narrow layer weights and bias:
// one of k's would add the same number to all that a row matches.
list block(const settings& s, const list& in) {
  const variable &x = in[0], &dy = in[1];
  const std::int64_t batch = s.number("batch"), length = s.number("length");
  const auto dense = [&](variable from, std::size_t i) { return matmul(from, in[i]) + in[i + 1]; };
  const auto in_heads = [&](variable from) {
    return transpose(reshape(from, {batch, length, s.number("heads"), -1}), {0, 2, 1, 3});
  };
  const variable normal = layer_norm(x, in[2], in[3], -1, 1e-5);
  const variable seen = attention(in_heads(dense(normal, 7)), in_heads(matmul(normal, in[6])),
                                  in_heads(dense(normal, 9)), {.causal = true});
  const variable joined = reshape(transpose(seen, {0, 2, 1, 3}), {batch, length, -1});
  const variable h = x + dense(joined, 11);
  const variable wide = relu(dense(layer_norm(h, in[4], in[5], -1, 1e-5), 13));
  list to{in.begin() + 2, in.end()};
  to.insert(to.begin(), x);
  return with_gradients(h + dense(wide, 15), to, dy);
}

std::vector<tensor> block_data(const settings& s) {
  const std::int64_t units = s.number("units"), wide = 4 * units;
  const cotape::shape rows{s.number("batch"), s.number("length"), units};
  random_data d;
  std::vector<tensor> in;
  for (int i = 0; i < 2; ++i) in.push_back(d.floats(rows));
  for (int i = 0; i < 2; ++i) {
    in.push_back(d.floats({units}, 0.5, 1.5));
    in.push_back(d.floats({units}));
  }
  const auto layer = [&](std::int64_t inputs, std::int64_t outputs) {
    const double limit = std::sqrt(6.0 / static_cast<double>(inputs + outputs));
    in.push_back(d.floats({inputs, outputs}, -limit, limit));
    in.push_back(d.floats({outputs}, -0.1, 0.1));
  };
  layer(units, units);
  in.pop_back();
  for (int i = 0; i < 3; ++i) layer(units, units);
  layer(units, wide);
  layer(wide, units);
  return in;
}

}  // namespace

std::vector<workload> attention_workloads() {
  return {{.name = "attention",
           .text = "attention of `length` rows by `heads` heads, with the gradients of q, k and v "
                   "(hand and reference: the weights of all rows are kept)",
           .sizes = {{"heads", 4}, {"length", 1024}, {"features", 32}},
           .data = &attention_data,
           .record = &attend,
           .reference = &attend_at_once},
          {.name = "transformer_block",
           .text = "a causal block of a transformer, normalized in front of its parts, with the "
                   "gradients of its input and parameters",
           .sizes = {{"batch", 16}, {"length", 64}, {"units", 128}, {"heads", 4}},
           .data = &block_data,
           .record = &block}};
}

}  // namespace bench
