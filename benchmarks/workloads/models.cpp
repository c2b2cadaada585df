// Models whose graphs are full of slices: LSTMs and bundle adjustment.
#include "workload.hpp"

namespace bench {
namespace {

using cotape::all;
using cotape::range;
using list = std::vector<variable>;

// --- An LSTM layer ------------------------------------------------------------------------------

struct lstm_state {
  variable h, c;
};

// The gates i, f, g, o stand side by side in z.
lstm_state lstm_step(variable z, variable c, std::int64_t units) {
  const auto gate = [&](std::int64_t k) {
    return slice(z, {all, range(k * units, (k + 1) * units)});
  };
  c = sigmoid(gate(1)) * c + sigmoid(gate(0)) * tanh(gate(2));
  return {sigmoid(gate(3)) * tanh(c), c};
}

// Inputs: x (steps, batch, units), Wx and Wh (units, 4 units), b, h, c, and the last h's adjoint.
list lstm(const settings& s, const list& in) {
  const std::int64_t steps = s.number("steps"), batch = s.number("batch"), n = s.number("units");
  const variable x = reshape(in[0], {steps * batch, n});
  const variable fed = reshape(matmul(x, in[1]) + in[3], {steps, batch, 4 * n});
  lstm_state now{in[4], in[5]};
  for (std::int64_t t = 0; t < steps; ++t) {
    now = lstm_step(slice(fed, {t}) + matmul(now.h, in[2]), now.c, n);
  }
  const variable loss = sum(now.h * in[6]);
  list out = gradient(loss, {in[1], in[2], in[3]});
  out.insert(out.begin(), loss);
  return out;
}

std::vector<tensor> lstm_data(const settings& s) {
  const std::int64_t steps = s.number("steps"), batch = s.number("batch"), n = s.number("units");
  random_data d;
  std::vector<tensor> in;
  in.push_back(d.floats({steps, batch, n}));
  for (int i = 0; i < 2; ++i) in.push_back(d.floats({n, 4 * n}, -0.1, 0.1));
  in.push_back(d.floats({4 * n}));
  for (int i = 0; i < 3; ++i) in.push_back(d.floats({batch, n}));
  return in;
}

// --- ADBench's LSTM objective (github.com/microsoft/ADBench), whose gates have no matrices -------

constexpr std::int64_t bits = 14;  // of a character

// Inputs: main parameters (2 layers, 4 bits), extra (3, bits), state (2 layers, bits), a sequence.
std::vector<tensor> adbench_data(const settings& s) {
  const std::int64_t layers = s.number("layers");
  random_data d;
  std::vector<tensor> in;
  in.push_back(d.doubles({2 * layers, 4 * bits}));
  in.push_back(d.doubles({3, bits}));
  in.push_back(d.doubles({2 * layers, bits}));
  in.push_back(d.doubles({s.number("chars"), bits}, 0, 1));
  return in;
}

struct adbench_layer {
  list weights, biases;  // of forget, in, out, change
  variable h, c;

  variable step(variable x) {
    const variable forget = sigmoid(x * weights[0] + biases[0]);
    const variable in = sigmoid(h * weights[1] + biases[1]);
    const variable out = sigmoid(x * weights[2] + biases[2]);
    c = c * forget + in * tanh(h * weights[3] + biases[3]);
    h = out * tanh(c);
    return h;
  }
};

list gates_of(variable parameters, std::int64_t row) {
  list gates;
  for (std::int64_t k = 0; k < 4; ++k) {
    gates.push_back(slice(parameters, {row, range(k * bits, (k + 1) * bits)}));
  }
  return gates;
}

// `input` gives the first layer's input at a step.
template <class Input> list adbench(const settings& s, const list& in, Input input) {
  const std::int64_t chars = s.number("chars");
  const variable extra = in[1], scale = slice(extra, {1}), shift = slice(extra, {2});
  std::vector<adbench_layer> layers;
  for (std::int64_t l = 0; l < s.number("layers"); ++l) {
    layers.push_back({gates_of(in[0], 2 * l), gates_of(in[0], 2 * l + 1), slice(in[2], {2 * l}),
                      slice(in[2], {2 * l + 1})});
  }
  variable total;
  for (std::int64_t t = 0; t + 1 < chars; ++t) {
    variable x = input(t);
    for (adbench_layer& l : layers) x = l.step(x);
    const variable y = x * scale + shift;
    const variable share = sum(slice(in[3], {t + 1}) * (y - log(sum(exp(y)) + 2)));
    total = t == 0 ? share : total + share;
  }
  const variable loss = total / static_cast<double>(-(chars - 1) * bits);
  list out = gradient(loss, {in[0], in[1]});
  out.insert(out.begin(), loss);
  return out;
}

list adbench_sliced(const settings& s, const list& in) {
  const variable all_inputs = in[3] * slice(in[1], {0});
  return adbench(s, in, [&](std::int64_t t) { return slice(all_inputs, {t}); });
}

list adbench_by_gates(const settings& s, const list& in) {
  const variable factor = slice(in[1], {0});
  return adbench(s, in, [&](std::int64_t t) { return slice(in[3], {t}) * factor; });
}

// --- Bundle adjustment (ADBench's "ba")
// -----------------------------------------------------------

using vector3 = std::array<variable, 3>;

variable dot(const vector3& a, const vector3& b) { return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]; }

// x turned about the axis r by its length (Rodrigues).
vector3 rotate(const vector3& r, const vector3& x) {
  const variable angle = sqrt(dot(r, r)), c = cos(angle), s = sin(angle);
  const vector3 u{r[0] / angle, r[1] / angle, r[2] / angle};
  const variable along = dot(u, x) * (1 - c);
  vector3 y;
  for (std::size_t i = 0; i < 3; ++i) {
    const std::size_t j = (i + 1) % 3, k = (i + 2) % 3;
    y[i] = x[i] * c + (u[j] * x[k] - u[k] * x[j]) * s + u[i] * along;
  }
  return y;
}

// Inputs: cameras (rotation, centre, focal length, image centre, two of distortion), points,
// weights, features, and the camera and the point of each observation. The blocks for camera,
// point and weight of each observation, of the first component of its error, then of the second.
list bundle_adjustment(const settings&, const list& in) {
  const variable camera = gather(in[0], in[4]), point = gather(in[1], in[5]), weight = in[2];
  const auto column = [](variable x, int j) { return slice(x, {all, j}); };
  vector3 turn, moved;
  for (int j = 0; j < 3; ++j) {
    turn[static_cast<std::size_t>(j)] = column(camera, j);
    moved[static_cast<std::size_t>(j)] = column(point, j) - column(camera, 3 + j);
  }
  const vector3 seen = rotate(turn, moved);
  const variable p = seen[0] / seen[2], q = seen[1] / seen[2], r = square(p) + square(q);
  const variable stretch =
      column(camera, 6) * (1 + column(camera, 9) * r + column(camera, 10) * square(r));
  const variable first = weight * (p * stretch + column(camera, 7) - column(in[3], 0));
  const variable second = weight * (q * stretch + column(camera, 8) - column(in[3], 1));
  list out{first, second};
  for (variable error : {first, second}) {
    for (variable block : gradient(sum(error), {camera, point, weight})) out.push_back(block);
  }
  return out;
}

std::vector<tensor> bundle_data(const settings& s) {
  const std::int64_t cameras = s.number("cameras"), points = s.number("points"),
                     n = s.number("observations");
  random_data d;
  std::vector<tensor> in;
  in.push_back(d.doubles({cameras, 11}, -0.2, 0.2));
  in.push_back(d.doubles({points, 3}, 2, 4));
  in.push_back(d.doubles({n}, 0.5, 1));
  in.push_back(d.doubles({n, 2}));
  in.push_back(d.indices({n}, cameras));
  in.push_back(d.indices({n}, points));
  return in;
}

}  // namespace

std::vector<workload> models_workloads() {
  return {
      {.name = "lstm",
       .text = "an LSTM layer over `steps` inputs: sum(h dh) of the last h, with the weights' "
               "gradients",
       .sizes = {{"steps", 128}, {"batch", 32}, {"units", 128}},
       .data = &lstm_data,
       .record = &lstm},
      {.name = "adbench_lstm",
       .text =
           "ADBench's LSTM objective with gradient; its input layer is one value that is sliced "
           "by rows (reference: written step by step)",
       .sizes = {{"layers", 2}, {"chars", 1024}},
       .data = &adbench_data,
       .record = &adbench_sliced,
       .reference = &adbench_by_gates},
      {.name = "bundle_adjustment",
       .text = "errors and Jacobian blocks, 2 x 15 an observation, of ADBench's bundle adjustment",
       .sizes = {{"cameras", 49}, {"points", 7776}, {"observations", 31843}},
       .data = &bundle_data,
       .record = &bundle_adjustment},
  };
}

}  // namespace bench
