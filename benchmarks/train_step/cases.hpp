// The cases of train_step and the data they run on: the same for every engine.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace bench {

enum class task { network, chain, loop };
enum class activation { sigmoid, relu };
enum class loss { binary_crossentropy, half_mean_squared, mean_squared, softmax_crossentropy };

/// network: one training step of dense layers, update included. The loss is a mean over the batch;
///   binary cross-entropy stands behind a last sigmoid, the others behind a last linear layer, and
///   half_mean_squared (the mean of (y - t)^2 / 2) behind a last activation.
/// chain: value and gradients of sum(sigmoid(a x + b) tanh(x)) for x, a and b of n floats.
/// loop: x <- x exp(-x) + 1/(1 + x), n times; the sum of all x and its derivative for the first.
struct spec {
  std::string name;
  task kind = task::network;
  std::size_t n = 0;               // chain and loop
  std::vector<std::size_t> sizes;  // of the layers, inputs first
  std::size_t batch = 0;
  bench::activation activation = bench::activation::relu;
  bench::loss loss = bench::loss::mean_squared;
  bool adam = false;      // else plain gradient descent
  double epsilon = 1e-7;  // of Adam

  friend bool operator==(const spec&, const spec&) = default;
  std::size_t layers() const { return sizes.size() - 1; }
};

/// Where a layer's weights (inputs by units, row-major) and bias stand among all weights.
struct layer_place {
  std::size_t inputs, units, weights, bias, end;
};
std::vector<layer_place> places_of(const spec& s);

/// A case and its data. Which members are filled depends on the kind.
struct problem {
  spec what;
  std::vector<float> x;              // batch by inputs, or the chain's x
  std::vector<float> targets;        // batch by outputs
  std::vector<std::int64_t> labels;  // batch: softmax_crossentropy instead of targets
  std::vector<float> weights;        // first values, laid out as places_of says
  std::vector<float> a, b;           // chain
  double x0 = 0;                     // loop
};

/// Adam's decay rates; all engines use Algorithm 1 of Kingma and Ba (2015).
inline constexpr double beta1 = 0.9, beta2 = 0.999;
/// So small that a benchmark of any length stays where it starts.
inline constexpr double timing_rate = 1e-6;

const std::vector<spec>& all_cases();
problem make_problem(const spec& s);

}  // namespace bench
