// Random tapes: element-wise operations with broadcasts, reductions, matrix products, moves of
// elements, parameters with updates, gradients. Values stay near 1 so that errors stay readable.
#pragma once

#include <cotape/cotape.hpp>
#include <random>

namespace cotape::tests {

struct graph_options {
  std::vector<shape> shapes;  // of inputs, parameters and constants
  std::size_t operations = 20;
  bool matrices = true;  // products, and everything that moves elements
  bool effects = true;
  dtype values = float64;  // of inputs, parameters and constants
  precision as = precision::as_given;
};

class random_graph {
 public:
  random_graph(unsigned seed, const graph_options& options)
      : t(options.as), options_(options), engine_(seed) {
    for (std::size_t i = 0; i < 2 + below(3); ++i) {
      inputs.push_back(t.input(options.values, pick(options.shapes)));
      pool_.push_back(inputs.back());
    }
    for (std::size_t i = 0; i < 1 + below(3); ++i) {
      parameters.emplace_back("p" + std::to_string(i), draw(pick(options.shapes)));
      pool_.push_back(t.read(parameters.back()));
    }
    pool_.push_back(t.constant(draw(pick(options.shapes))));
    for (std::size_t i = 0; i < options.operations; ++i) {
      pool_.push_back(operation());
      if (options.effects && below(8) == 0) update();
    }
    differentiate();
    for (std::size_t i = 0; i < 1 + below(4); ++i) outputs.push_back(pick(pool_));
  }

  /// Values for the inputs.
  std::vector<tensor> values() {
    std::vector<tensor> result;
    for (const variable& x : inputs) result.push_back(draw(x.shape()));
    return result;
  }

  tape t;
  std::vector<variable> inputs, outputs;
  std::vector<parameter> parameters;

 private:
  std::size_t below(std::size_t n) { return engine_() % n; }
  template <class T> const T& pick(const std::vector<T>& list) { return list[below(list.size())]; }

  tensor draw(const shape& s);
  // A value that broadcasts with x into something of moderate size, or x itself.
  variable partner(variable x);
  variable operation();
  variable unary(variable x);
  variable binary(variable a, variable b);
  variable reduced(variable x);
  variable moved(variable x);
  // x with a transpose of its own or another fitting matrix, scaled and added to.
  variable product(variable x);
  // Assigns to a parameter a value of its shape: a step from where it is, or anything that fits.
  void update();
  void differentiate();

  graph_options options_;
  std::mt19937 engine_;
  std::vector<variable> pool_;
};

}  // namespace cotape::tests
