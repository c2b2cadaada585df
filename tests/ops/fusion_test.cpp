// Fused against unfused: for every operation with its gradient, and for random graphs. They agree
// bit for bit or, where multiply-adds are used, each is within 4 times the other's error against a
// run in double.
#include "support.hpp"

namespace cotape::tests {

namespace {

double distance(const array& a, const array& b) {
  double worst = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) {
    const double x = a.data[i], y = b.data[i];
    if (x == y || (std::isnan(x) && std::isnan(y))) continue;
    worst = std::isfinite(x - y) ? std::max(worst, std::abs(x - y)) : HUGE_VAL;
  }
  return worst;
}

double largest(const array& x) {
  double m = 0;
  for (double e : x.data) m = std::max(m, std::abs(e));
  return m;
}

// float32 results with and without fusion, and the same in double; `scale` is what they round by.
void expect_agreement(const array& fused, const array& unfused, const array& exact, double scale) {
  ASSERT_EQ(fused.shape, unfused.shape);
  ASSERT_EQ(fused.shape, exact.shape);
  if (distance(fused, unfused) == 0) return;
  const double unit = 6e-8 * scale;
  const double a = distance(fused, exact), b = distance(unfused, exact);
  EXPECT_LE(a, 4 * b + unit);
  EXPECT_LE(b, 4 * a + unit);
}

using builder = std::function<variables(graph_under_test&, dtype)>;

// What the rounding of a result is relative to: its own largest element, or that of all results,
// for the terms of a gradient may cancel in one input's and not in another's.
enum class scale_of { each, all };

void expect_agreement(const builder& build, scale_of relative_to = scale_of::each) {
  graph_under_test single, exact;
  const variables y = build(single, float32), z = build(exact, float64);
  const arrays fused = single.run(y), unfused = single.run(y, {.fuse = false});
  const arrays fused_exact = exact.run(z), unfused_exact = exact.run(z, {.fuse = false});
  double all = 0;
  for (const array& x : unfused_exact) all = std::max(all, largest(x));
  for (std::size_t i = 0; i < y.size(); ++i) {
    SCOPED_TRACE("output " + std::to_string(i));
    const double scale = relative_to == scale_of::all ? all : largest(unfused_exact[i]);
    expect_agreement(fused[i], unfused[i], fused_exact[i], scale);
    EXPECT_LE(distance(fused_exact[i], unfused_exact[i]), 1e-12 * scale);
    // Both may be wrong alike.
    EXPECT_LE(distance(fused[i], fused_exact[i]), 1e-3 * largest(fused_exact[i]) + 1e-5);
  }
}

// A row's value and gradients at x.
variables value_and_gradients(const op_case& c, const arrays& x, graph_under_test& g, dtype d) {
  variables floating;
  for (std::size_t i = 0; i < x.size(); ++i) {
    const variable v = g.input(c.inputs[i].from.in(d), x[i]);
    if (v.dtype() != int64) floating.push_back(v);
  }
  const variable y = c.apply(g.inputs);
  variables results{y};
  if (c.derivative == slope::smooth) {
    const variable loss = sum(cast(y * y, d));
    for (const variable& v : gradient(loss, floating)) results.push_back(v);
  }
  return results;
}

// Graphs of operations without jumps over shapes that broadcast to (rows, columns).
class random_graph {
 public:
  random_graph(unsigned seed, graph_under_test& g, dtype d) : random_(seed) {
    static const std::int64_t sizes[] = {1, 2, 3, 5, 8, 17, 64, 130, 600};
    rows_ = sizes[random_() % 8];
    columns_ = sizes[random_() % 9];
    for (const shape& s : {shape{rows_, columns_}, shape{rows_, columns_}, shape{columns_},
                           shape{rows_, 1}, shape{}, shape{1, columns_}}) {
      values_.push_back(g.input(d, rounded(draw_normal(s, random_), float32)));
    }
    inputs_ = values_;
    const auto steps = 5 + random_() % 40;
    for (std::size_t i = 0; i < steps; ++i) values_.push_back(next());
  }

  /// Some of the values, and the gradients of a loss over all of them.
  variables results() {
    variable loss = mean(values_.back());
    for (std::size_t i = values_.size() - 1; i-- > values_.size() - 5;) {
      loss = loss + mean(tanh(values_[i]));
    }
    variables result{loss, values_.back(), values_[values_.size() - 2]};
    for (const variable& g : gradient(loss, inputs_)) result.push_back(g);
    return result;
  }
  variable loss() { return results()[0]; }
  const variables& inputs() const { return inputs_; }

 private:
  variable any() {
    const std::size_t n = values_.size();
    return random_() % 2 == 0 ? values_[random_() % n]
                              : values_[n - 1 - random_() % std::min<std::size_t>(n, 4)];
  }
  variable full(const variable& x) { return broadcast_to(x, {rows_, columns_}); }

  variable next() {
    const variable a = any(), b = any();
    switch (random_() % 24) {
      case 0: return a + b;
      case 1: return a - b;
      case 2: return a * b * 0.5;
      case 3: return a / (1 + b * b);
      case 4: return tanh(a);
      case 5: return sigmoid(a) - 0.25;
      case 6: return sin(a) + cos(b);
      case 7: return relu(a) + 0.1 * a;
      case 8: return maximum(a, b);
      case 9: return log1p(square(a));
      case 10: return exp(-abs(a));
      case 11: return sqrt(1 + square(a));
      case 12: return 0.7 * a + 0.3 * b + 0.1;
      case 13: return select(full(values_[0]) < 0.1, a, b);
      case 14: return a.shape().rank() == 2 ? mean(a, 1, keep_dims) : mean(a);
      case 15: return a.shape().rank() == 2 ? mean(a, 0) : mean(a);
      case 16: return tanh(sum(a * b * 0.01));
      case 17: return max(full(a), 1, keep_dims);
      case 18: return a - mean(a);
      case 19: return softmax(full(a));
      case 20: return reshape(reshape(full(a), {-1}) * 0.5, {rows_, columns_});
      case 21: return transpose(transpose(full(a)) * 0.9);
      case 22: return norm(full(a), 1, keep_dims) * 0.1;
      default:
        return matmul(full(a), matmul(transpose(full(b)), full(a))) *
               (0.1 / static_cast<double>(rows_ * columns_));
    }
  }

  engine random_;
  std::int64_t rows_, columns_;
  variables values_, inputs_;
};

}  // namespace

TEST(Fusion, ChangesNoOperationNorItsGradient) {
  engine random(1);
  for (const op_case& c : op_cases()) {
    SCOPED_TRACE(c.text());
    std::vector<std::vector<shape>> trials(1);
    for (const argument& a : c.inputs) trials[0].push_back(a.shape);
    if (c.elementwise) {
      for (std::int64_t n : {9, 513}) trials.emplace_back(c.inputs.size(), shape{n});
      trials.emplace_back(c.inputs.size(), shape{1, 700}).front() = shape{2, 1};
    }
    for (const auto& shapes : trials) {
      arrays x = draw(c, shapes, random);
      for (array& a : x) a = rounded(a, float32);
      expect_agreement(
          [&](graph_under_test& g, dtype d) { return value_and_gradients(c, x, g, d); });
    }
  }
}

TEST(Fusion, ChangesNoRandomGraph) {
  for (unsigned seed = 0; seed < 150; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    expect_agreement(
        [&](graph_under_test& g, dtype d) { return random_graph(seed, g, d).results(); },
        scale_of::all);
  }
}

TEST(Fusion, FusesThoseGraphs) {
  graph_under_test g;
  const variables y = random_graph(3, g, float32).results();
  EXPECT_NE(program(g.t, g.inputs, y).explain(),
            program(g.t, g.inputs, y, {.fuse = false}).explain());
}

TEST(RandomGraphs, HaveTheGradientThatDifferencesShow) {
  for (unsigned seed = 0; seed < 60; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    graph_under_test g;
    random_graph graph(seed, g, float64);
    const variable loss = graph.loss();
    engine random(seed);
    arrays x, direction;
    for (const tensor& t : g.values) {
      x.push_back(to_array(t));
      direction.push_back(draw_normal(x.back().shape, random));
    }
    const double got = dot(g.run(gradient(loss, graph.inputs())), direction);
    const double wanted = difference(
        [&](double h) {
          const arrays there = moved(x, h, direction);
          for (std::size_t i = 0; i < there.size(); ++i) g.values[i] = to_tensor(there[i], float64);
          return g.run(loss).data[0];
        },
        1e-6);
    EXPECT_NEAR(got, wanted, 1e-6 * std::max(1.0, std::abs(wanted)));
  }
}

}  // namespace cotape::tests
