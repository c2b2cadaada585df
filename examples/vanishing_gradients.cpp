// Vanishing gradients: the size of the weight gradients in each of 10 layers of width 100, for
// three activations, before any training. sigmoid' is at most 1/4, so each sigmoid layer that the
// reverse sweep passes takes a factor away, and the first layers learn next to nothing.
#include <cmath>
#include <cotape/cotape.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

constexpr std::int64_t layers = 10, width = 100, rows = 100, seeds = 10;

struct recipe {
  std::string activation, initializer_name;
  initializer make;
};

// The norm of each layer's weight gradient for the mean squared error against N(0, 1) targets.
std::vector<double> gradient_norms(const recipe& r, std::int64_t seed) {
  generator random(seed);
  tape t(precision::float64);
  variable y = t.constant(random.normal({rows, width}, 0, 1, float64));
  const variable target = t.constant(random.normal({rows, width}, 0, 1, float64));
  std::vector<variable> weights;
  for (std::int64_t i = 0; i < layers; ++i) {
    weights.push_back(t.constant(r.make(random, {width, width})));
    y = matmul(y, weights.back());
    if (i + 1 < layers) y = activate(r.activation, y);
  }
  std::vector<operand> norms;
  for (const variable& g : gradient(mse(y, target), weights)) norms.push_back(norm(g));
  const auto values = stack(norms).value<double>();
  return {values.begin(), values.end()};
}

// Layer by layer, the median over the seeds.
std::vector<double> median_norms(const recipe& r) {
  std::vector<std::vector<double>> of_seeds;
  for (std::int64_t seed = 0; seed < seeds; ++seed) of_seeds.push_back(gradient_norms(r, seed));
  std::vector<double> medians;
  for (std::size_t layer = 0; layer < static_cast<std::size_t>(layers); ++layer) {
    std::vector<double> norms;
    for (const auto& of_seed : of_seeds) norms.push_back(of_seed[layer]);
    medians.push_back(example::median(norms));
  }
  return medians;
}

void study(const path& output) {
  const auto glorot = [](generator& g, const shape& s) { return glorot_uniform(g, s, float64); };
  const auto he = [](generator& g, const shape& s) { return he_normal(g, s, float64); };
  report::panel p{.title = "Gradients of 10 layers of width 100, before training",
                  .x_label = "layer, from the input",
                  .y_label = "norm of the weight gradient, median of 10 seeds",
                  .log_y = true};
  for (const recipe& r : {recipe{"sigmoid", "Glorot", glorot}, recipe{"tanh", "Glorot", glorot},
                          recipe{"relu", "He", he}}) {
    const auto norms = median_norms(r);
    example::print(r.activation + " first layer", norms.front());
    example::print(r.activation + " last layer", norms.back());
    example::print(r.activation + " last over first", norms.back() / norms.front());
    p.curves.push_back({r.activation + " (" + r.initializer_name + ")", norms});
  }
  const path file = output / "vanishing_gradients.svg";
  report::write_figure(file, {p});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Weight gradients by layer for three activations.", study);
}
