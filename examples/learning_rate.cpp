// What the learning rate does: gradient descent on x0^2 + x1^2 at three rates, and the loss curves
// of one small network at three rates.
#include <algorithm>
#include <cmath>
#include <cotape/cotape.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

struct descent {
  std::vector<double> steps, distances;  // |x| after 0, 1, ... steps
  xt::xarray<double> end;
};

descent descend(double rate) {
  const parameter x("x", xt::xarray<double>{-3, 4});
  sgd optimizer({.rate = rate});
  tape t;
  const variable at = t.read(x);
  optimizer.minimize(sum(square(at)));
  program step(t, {}, {norm(at)});  // gives |x|, then moves x
  descent d;
  for (int i = 0; i <= 100; ++i) {
    d.end = x.value<double>();
    step.run({});
    d.steps.push_back(i);
    d.distances.push_back(step.output(0).number());
  }
  return d;
}

report::panel compare_descents() {
  report::panel p{.title = "Gradient descent on x0^2 + x1^2",
                  .x_label = "step",
                  .y_label = "distance from the minimum",
                  .log_y = true};
  for (const auto& [rate, name] :
       {std::pair{0.1, "0.1"}, std::pair{1e-10, "1e-10"}, std::pair{10.0, "10"}}) {
    const descent d = descend(rate);
    const std::string label = std::string("rate ") + name;
    example::print(label + " distance", d.distances.back());
    example::print(label + " x0", d.end(0));
    example::print(label + " x1", d.end(1));
    p.curves.push_back({label, d.distances, d.steps, report::stroke::line});
  }
  return p;
}

// The losses of a 1-16-1 network that learns sin(3 x) from 64 points by gradient descent.
std::vector<double> learn(double rate, int epochs) {
  const xt::xarray<double> x = xt::linspace<double>(-1, 1, 64).reshape({64, 1});
  const xt::xarray<double> y = xt::sin(3 * x);
  generator random(1);
  const parameter w1("w1", glorot_uniform(random, {1, 16}, float64)),
      b1("b1", zeros({16}, float64));
  const parameter w2("w2", glorot_uniform(random, {16, 1}, float64)), b2("b2", zeros({1}, float64));
  sgd optimizer({.rate = rate});
  auto step = compile([&](variable in, variable target) {
    const variable loss = mse(matmul(tanh(matmul(in, w1) + b1), w2) + b2, target);
    optimizer.minimize(loss);
    return loss;
  });
  std::vector<double> losses;
  for (int i = 0; i < epochs; ++i) losses.push_back(step(x, y).number());
  return losses;
}

report::panel compare_networks() {
  report::panel p{.title = "A 1-16-1 network learns sin(3 x)",
                  .x_label = "epoch",
                  .y_label = "mean squared error",
                  .log_y = true,
                  .log_x = true,
                  .y_range = report::interval{1e-3, 1e3}};
  for (const auto& [rate, name] :
       {std::pair{1e-4, "too small: 0.0001"}, std::pair{0.1, "right: 0.1"},
        std::pair{0.9, "too large: 0.9"}}) {
    const auto losses = learn(rate, 2000);
    example::print(std::string("network ") + name + ", loss after 100 epochs", losses[99]);
    example::print(std::string("network ") + name + ", lowest loss",
                   *std::min_element(losses.begin(), losses.end()));
    p.curves.push_back({name, losses, {}, report::stroke::line});
  }
  return p;
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Shows what the learning rate does.", [](const path& output) {
    const path file = output / "learning_rate.svg";
    report::write_figure(file, {compare_descents(), compare_networks()});
    example::print_picture(file);
  });
}
