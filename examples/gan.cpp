// A generative adversarial network (Goodfellow et al., "Generative adversarial nets", 2014) that
// learns to draw points of eight Gaussians on a ring: two models, each trained by its own step.
#include <cmath>
#include <cotape/cotape.hpp>
#include <iostream>
#include <numbers>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using points = xt::xarray<float>;

constexpr std::int64_t hidden = 2, units = 64;  // hidden: values that a point is made of
constexpr int centres = 8;
constexpr double radius = 2, deviation = 0.1;

struct arguments {
  std::int64_t steps = 4000, batch = 256, seed = 0;
  double rate = 1e-3;
};

double angle_of(int centre) { return 2 * std::numbers::pi * centre / centres; }

points from_ring(generator& random, std::int64_t n) {
  points x = to_xarray<float>(random.normal({n, 2}, 0, deviation));
  const points which = to_xarray<float>(random.uniform({n}, 0, centres));
  for (std::size_t i = 0; i < x.shape(0); ++i) {
    const double angle = angle_of(std::min(static_cast<int>(which(i)), centres - 1));
    x(i, 0) += static_cast<float>(radius * std::cos(angle));
    x(i, 1) += static_cast<float>(radius * std::sin(angle));
  }
  return x;
}

// The share of points within three deviations of a centre, and the centres that have at least a
// fifth of the points that they should have.
struct quality {
  double near = 0;
  int reached = 0;
};
quality judge(const points& x) {
  std::vector<int> at(centres, 0);
  int near = 0;
  for (std::size_t i = 0; i < x.shape(0); ++i) {
    for (int k = 0; k < centres; ++k) {
      const double dx = x(i, 0) - radius * std::cos(angle_of(k));
      const double dy = x(i, 1) - radius * std::sin(angle_of(k));
      if (std::hypot(dx, dy) > 3 * deviation) continue;
      ++near;
      ++at[static_cast<std::size_t>(k)];
    }
  }
  const auto n = static_cast<double>(x.shape(0));
  quality q{near / n};
  for (int count : at) q.reached += count > 0.2 * n / centres ? 1 : 0;
  return q;
}

report::panel drawn(const std::string& title, const points& made, const points& real) {
  const auto cloud = [](const std::string& name, const points& p) {
    report::curve c{.name = name, .y = {}, .style = report::stroke::points};
    for (std::size_t i = 0; i < p.shape(0); ++i) {
      c.x.push_back(p(i, 0));
      c.y.push_back(p(i, 1));
    }
    return c;
  };
  return {.title = title,
          .curves = {cloud("data", real), cloud("drawn", made)},
          .equal_units = true,
          .x_range = report::interval{-3, 3},
          .y_range = report::interval{-3, 3}};
}

void study(const arguments& a, const path& output) {
  if (a.steps < 1 || a.batch < 1) throw value_error("--steps and --batch must be at least 1");
  sequential draws({input({hidden}), dense(units, "relu"), dense(units, "relu"), dense(2)}, a.seed);
  sequential judges({input({2}), dense(units, "leaky_relu"), dense(units, "leaky_relu"), dense(1)},
                    a.seed + 1);
  generator random(a.seed + 2);
  adam of_judge({.rate = a.rate, .beta1 = 0.5}), of_drawer({.rate = a.rate, .beta1 = 0.5});
  // The loss of a judgement that is asked to be 1 (it is data) or 0.
  const auto loss = [&](variable x, double wanted) {
    const variable logits = judges(x);
    return binary_crossentropy_from_logits(logits, wanted + 0 * logits);
  };
  auto judge_step = compile([&](variable real, variable noise) {
    const variable l = loss(real, 1) + loss(draws(noise), 0);
    of_judge.minimize(l, judges.parameters());
    return l;
  });
  // It is not told what is right, but what would be taken for data.
  auto draw_step = compile([&](variable noise) {
    const variable l = loss(draws(noise), 1);
    of_drawer.minimize(l, draws.parameters());
    return l;
  });
  const tensor looked_at = random.normal({1000, hidden});
  const points real = from_ring(random, 300);
  std::vector<report::panel> panels;
  std::vector<double> of_judges, of_draws;
  const auto show = [&](std::int64_t step) {
    const points made = draws.predict<float>(looked_at);
    panels.push_back(drawn("after " + std::to_string(step) + " steps", made, real));
  };
  for (std::int64_t step = 0; step < a.steps; ++step) {
    if (step == 0 || step == a.steps / 20 || step == a.steps / 4) show(step);
    of_judges.push_back(
        judge_step(from_ring(random, a.batch), random.normal({a.batch, hidden})).number());
    of_draws.push_back(draw_step(random.normal({a.batch, hidden})).number());
  }
  show(a.steps);
  const quality q = judge(draws.predict<float>(looked_at));
  example::print("centres that are drawn", q.reached);
  example::print("share of the points within three deviations of a centre", q.near);
  panels.push_back(
      {.title = "Losses",
       .x_label = "step",
       .y_label = "cross-entropy",
       .curves = {{.name = "that judges", .y = of_judges, .style = report::stroke::thin},
                  {.name = "that draws", .y = of_draws, .style = report::stroke::thin}}});
  const auto taken_for_data = [&](double x, double y) {
    const points at{{static_cast<float>(x), static_cast<float>(y)}};
    return 1 / (1 + std::exp(-static_cast<double>(judges.predict<float>(at)(0, 0))));
  };
  report::surface map = report::sample(taken_for_data, {-3, 3}, {-3, 3});
  map.label = "probability";
  panels.push_back({.title = "What is taken for data", .equal_units = true, .map = map});
  const path file = output / "gan.svg";
  report::write_figure(file, panels, {.columns = 3});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(argc, argv, "Trains a generative adversarial network on a ring of Gaussians.",
                      {{"--steps", "of each of the two", &a.steps},
                       {"--batch", "points a step", &a.batch},
                       {"--rate", "of both", &a.rate},
                       {"--seed", "of first weights and points", &a.seed}},
                      [&](const path& output) { study(a, output); });
}
