#include "gradient_check.hpp"

namespace cotape::tests {

namespace {

constexpr int repeats = 6;

bool moves(const argument& a) {
  return a.from.kind != domain::kind::whole && a.from.kind != domain::kind::indices;
}

std::vector<std::vector<shape>> shapes_to_try(const op_case& c) {
  std::vector<shape> own;
  for (const argument& a : c.inputs) own.push_back(a.shape);
  std::vector<std::vector<shape>> result{own};
  if (c.elementwise && c.inputs.size() > 1) {
    std::vector<shape> broadcasting{{3, 1}, {1, 4}, {4}};
    broadcasting.resize(c.inputs.size());
    result.push_back(broadcasting);
    std::reverse(broadcasting.begin(), broadcasting.end());
    result.push_back(broadcasting);
  }
  return result;
}

}  // namespace

trial::trial(const op_case& row, std::vector<shape> of_inputs, engine& random)
    : c(row), shapes(std::move(of_inputs)), x(draw(row, shapes, random)) {
  for (std::size_t i = 0; i < shapes.size(); ++i) {
    const auto aim = [&] {
      return moves(row.inputs[i]) ? draw_normal(shapes[i], random) : array(shapes[i]);
    };
    direction.push_back(aim());
    second_direction.push_back(aim());
  }
  w = draw_normal(row.reference(x).shape, random);
}

std::vector<std::vector<trial>> trials_of(const op_case& c) {
  const std::string name = c.text();
  std::seed_seq seed(name.begin(), name.end());
  engine random(seed);
  std::vector<std::vector<trial>> result;
  for (const auto& shapes : shapes_to_try(c)) {
    result.emplace_back();
    for (int i = 0; i < repeats; ++i) result.back().emplace_back(c, shapes, random);
  }
  return result;
}

differentiated::differentiated(const trial& t, const arrays& x, const differentiation& how)
    : g(t.c, x, float64) {
  y = t.c.apply(g.inputs);
  for (const variable& v : g.inputs) {
    if (v.dtype() != int64) xs.push_back(v);
  }
  w = g.input(y.dtype(), t.w);
  gradients = how ? how(y, xs, w) : vjp(y, xs, w);
}

arrays floating(const op_case& c, const arrays& x) {
  arrays result;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (c.inputs[i].from.in(float64) != int64) result.push_back(x[i]);
  }
  return result;
}

double value_at(const trial& t, const arrays& x) {
  graph_under_test g(t.c, x, float64);
  return dot(g.run(t.c.apply(g.inputs)), t.w);
}

double slope_by_differences(const trial& t) {
  return difference([&](double h) { return value_at(t, moved(t.x, h, t.direction)); });
}

double slope_by_gradients(const trial& t, const arrays& gradients) {
  return dot(gradients, floating(t.c, t.direction));
}

bool agree(double got, double wanted, double tolerance) {
  return std::abs(got - wanted) <= tolerance * std::max(1.0, std::abs(wanted));
}

}  // namespace cotape::tests
