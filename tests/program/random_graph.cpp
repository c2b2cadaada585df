// How the random tapes are drawn.
#include "random_graph.hpp"

namespace cotape::tests {

tensor random_graph::draw(const shape& s) {
  tensor x(value_type{float32, s});
  for (std::int64_t i = 0; i < s.elements(); ++i) {
    x.data_as<float>()[i] = static_cast<float>(engine_() % 20001) / 10000.0F - 1.0F;
  }
  return tensor(x, options_.values);
}

variable random_graph::partner(variable x) {
  for (int i = 0; i < 6; ++i) {
    const variable y = pick(pool_);
    shape joint;
    if (broadcast(x.shape(), y.shape(), joint) && joint.elements() <= 4000) return y;
  }
  return x;
}

variable random_graph::operation() {
  const variable x = pick(pool_);
  switch (below(options_.matrices ? 5 : 3)) {
    case 0: return unary(x);
    case 1: return binary(x, partner(x));
    case 2: return below(3) == 0 ? reduced(x) : binary(partner(x), x);
    case 3: return moved(x);
    default: return product(x);
  }
}

variable random_graph::unary(variable x) {
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

variable random_graph::binary(variable a, variable b) {
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

variable random_graph::reduced(variable x) {
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

variable random_graph::moved(variable x) {
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

variable random_graph::product(variable x) {
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

void random_graph::update() {
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

void random_graph::differentiate() {
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

}  // namespace cotape::tests
