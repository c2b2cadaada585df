// Random tapes: element-wise operations with broadcasts, reductions, matrix products, moves of
// elements, parameters with updates, gradients. Values stay near 1 so that errors stay readable.
#pragma once

#include <cotape/cotape.hpp>
#include <random>

namespace cotape::testing {

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

  tensor draw(const shape& s) {
    tensor x(value_type{float32, s});
    for (std::int64_t i = 0; i < s.elements(); ++i) {
      x.data_as<float>()[i] = static_cast<float>(engine_() % 20001) / 10000.0F - 1.0F;
    }
    return tensor(x, options_.values);
  }

  // A value that broadcasts with x into something of moderate size, or x itself.
  variable partner(variable x) {
    for (int i = 0; i < 6; ++i) {
      const variable y = pick(pool_);
      shape joint;
      if (broadcast(x.shape(), y.shape(), joint) && joint.elements() <= 4000) return y;
    }
    return x;
  }

  variable operation() {
    const variable x = pick(pool_);
    switch (below(options_.matrices ? 5 : 3)) {
      case 0: return unary(x);
      case 1: return binary(x, partner(x));
      case 2: return below(3) == 0 ? reduced(x) : binary(partner(x), x);
      case 3: return moved(x);
      default: return product(x);
    }
  }

  variable unary(variable x) {
    switch (below(18)) {
      case 0: return tanh(x);
      case 1: return sigmoid(x);
      case 2: return sin(x);
      case 3: return relu(x);
      case 4: return abs(x);
      case 5: return -x;
      case 6: return exp(tanh(x));
      case 7: return 1 * x;
      case 8: return x * 1;
      case 9: return 0.5 * x;
      case 10: return x * 0;
      case 11: return square(tanh(x));
      case 12: return sqrt(1 + square(x));
      case 13: return log(1.5 + cos(x));
      case 14: return stop_gradient(x);
      case 15: return erf(x) - 0.25;
      case 16: return power(x, 2);
      default: return reciprocal(2 + sin(x));
    }
  }

  variable binary(variable a, variable b) {
    switch (below(9)) {
      case 0: return a + b;
      case 1: return a - b;
      case 2: return tanh(a) * b;
      case 3: return maximum(a, b);
      case 4: return minimum(a, b);
      case 5: return select(less(a, b), a, b * 0.5);
      case 6: return a / (2 + sin(b));
      case 7: return chain(less(a, 0), b);
      default: return a * sigmoid(b) + b;
    }
  }

  variable reduced(variable x) {
    axes over;
    if (x.shape().rank() != 0 && below(3) != 0) {
      over = static_cast<std::int64_t>(below(x.shape().rank()));
    }
    const dims d = below(2) == 0 ? dims::keep : dims::drop;
    if (x.shape().elements() == 0) return sum(x, over, d);
    switch (below(4)) {
      case 0: return max(x, over, d);
      case 1: return norm(x + 2, over, d) * 0.1;
      case 2: return sum(x, over, d) * 0.1;
      default: return mean(x, over, d);
    }
  }

  variable moved(variable x) {
    const auto rank = static_cast<std::int64_t>(x.shape().rank());
    if (rank == 0) return broadcast_to(x, pick(options_.shapes));
    const auto axis = static_cast<std::int64_t>(below(x.shape().rank()));
    switch (below(6)) {
      case 0: return transpose(x);
      case 1: {
        const shape& s = pick(options_.shapes);
        if (s.elements() == x.shape().elements()) return reshape(x, s);
        return reshape(x, {-1, x.shape().elements() == 0 ? 1 : x.shape()[x.shape().rank() - 1]});
      }
      case 2: return slice(x, {range(std::nullopt, std::nullopt, below(2) == 0 ? -1 : 2)});
      case 3: return x.shape().elements() < 2000 ? concatenate({x, sin(x)}, axis) : x;
      case 4: return rank < 4 ? expand_dims(x, axis) : x;
      default: break;
    }
    if (x.shape()[static_cast<std::size_t>(axis)] == 0) return x;
    tensor indices({int64, {3}});
    for (int i = 0; i < 3; ++i) {
      indices.data_as<std::int64_t>()[i] = static_cast<std::int64_t>(
          below(static_cast<std::size_t>(x.shape()[static_cast<std::size_t>(axis)])));
    }
    return gather(x, t.constant(indices), axis);
  }

  // x with a transpose of its own or another fitting matrix, scaled and added to.
  variable product(variable x) {
    if (x.shape().rank() != 2 || x.shape()[0] > 64 || x.shape()[1] > 700) return unary(x);
    variable y = below(2) == 0 ? matmul(x, transpose(x)) : variable();
    for (int i = 0; y.empty() && i < 8; ++i) {
      const variable w = pick(pool_);
      if (w.shape().rank() != 2 || w.shape()[0] > 700 || w.shape()[1] > 64) continue;
      if (w.shape()[0] == x.shape()[1]) y = matmul(x, w);
      else if (w.shape()[1] == x.shape()[1] && w.shape()[0] <= 64) y = matmul(x, transpose(w));
      else if (w.shape()[0] == x.shape()[0]) y = matmul(transpose(x), w);
      if (!y.empty() && y.shape().elements() > 4000) y = {};
    }
    if (y.empty()) return sigmoid(x);
    if (below(2) == 0) y = y * 0.125;
    if (below(2) == 0) y = tanh(y);
    const variable z = partner(y);
    if (z.shape() == y.shape() && below(2) == 0) y = below(2) == 0 ? y + z : z + y;
    return y;
  }

  // Assigns to a parameter a value of its shape: a step from where it is, or anything that fits.
  void update() {
    const parameter& p = pick(parameters);
    const variable w = t.read(p), other = t.read(pick(parameters));
    for (int i = 0; i < 6; ++i) {
      const variable v = below(4) == 0 ? other : pick(pool_);
      if (v.type() != w.type()) continue;
      switch (below(5)) {
        case 0: t.assign(p, v); break;
        case 1: t.assign(p, v * 1); break;
        case 2: t.assign(p, w - 0.1 * v); break;
        case 3: t.assign(p, v + w); break;
        default: t.assign(p, w + v); break;
      }
      if (below(2) == 0) pool_.push_back(t.read(p));
      return;
    }
  }

  void differentiate() {
    const variable loss = sum(tanh(pick(pool_))) + sum(sin(pick(pool_)));
    std::vector<variable> xs{pick(pool_), pick(inputs)};
    for (const parameter& p : parameters) xs.push_back(t.read(p));
    for (const variable& g : gradient(loss, xs)) {
      if (below(2) == 0) outputs.push_back(g);
      pool_.push_back(g);
    }
    if (below(2) == 0) outputs.push_back(loss);
    if (options_.effects && below(2) == 0) {
      update();
      update();
    }
  }

  graph_options options_;
  std::mt19937 engine_;
  std::vector<variable> pool_;
};

}  // namespace cotape::testing
