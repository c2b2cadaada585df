// Nine people by height and weight: logistic regression with raw, min-max scaled and z-scored
// columns. The loss is curved far more one way than the other as long as the columns are raw, so
// the largest safe rate is tiny and descent creeps along a valley.
#include <cmath>
#include <cotape/cotape.hpp>
#include <iostream>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using numbers = xt::xarray<double>;

const numbers people = {{180, 83}, {170, 73}, {175, 78}, {170, 64}, {163, 52},
                        {154, 45}, {165, 70}, {160, 55}, {173, 71}};  // cm, kg
const numbers male = {1, 1, 1, 0, 0, 0, 1, 0, 1};

// The mean binary cross-entropy of weights (height, weight, bias).
variable loss_of(variable w, const numbers& x) {
  tape& t = w.owner();
  return binary_crossentropy_from_logits(matmul(append_ones(t.constant(x)), w), t.constant(male));
}

struct fitted {
  double rate;
  int to_0_3 = 0, to_0_1 = 0;  // iterations until the loss is no larger
  std::vector<double> height = {}, weight = {}, loss = {};  // the path
  double bias = 0;
};

fitted fit(const std::string& name, const numbers& x) {
  // 1 / L, L the loss's largest curvature anywhere: that at 0, where sigmoid' is 1/4, the largest
  // eigenvalue of X^T X / (4 n), X with a column of ones.
  const numbers start = xt::zeros<double>({3});
  fitted f{.rate =
               1 / example::largest_curvature([&](variable w) { return loss_of(w, x); }, start)};
  const parameter w("w", start);
  sgd optimizer({.rate = f.rate});
  tape t;
  const variable loss = loss_of(t.read(w), x);
  optimizer.minimize(loss);
  program step(t, {}, {loss});
  for (int i = 0; i < 100000 && f.to_0_1 == 0; ++i) {
    const numbers at = w.value<double>();
    f.height.push_back(at(0));
    f.weight.push_back(at(1));
    f.bias = at(2);
    step.run({});
    f.loss.push_back(step.output(0).number());
    if (f.to_0_3 == 0 && f.loss.back() <= 0.3) f.to_0_3 = i;
    if (f.loss.back() <= 0.1) f.to_0_1 = i;
  }
  example::print(name + " safe rate", f.rate);
  example::print(name + " iterations to loss 0.3", f.to_0_3);
  example::print(name + " iterations to loss 0.1", f.to_0_1);
  return f;
}

// The loss around the path, with the bias that the path ends with.
report::panel contours(const std::string& name, const numbers& x, const fitted& f) {
  auto loss = compile([&](variable w) { return loss_of(w, x); });
  numbers w = {0, 0, f.bias};
  const auto around = [](const std::vector<double>& at) {
    const auto [low, high] = std::minmax_element(at.begin(), at.end());
    const double room = std::max(*high - *low, 1e-3) * 0.6;
    return report::interval{*low - room, *high + room};
  };
  report::surface s = report::sample(
      [&](double height, double weight) {
        w(0) = height;
        w(1) = weight;
        return loss(w).number();
      },
      around(f.height), around(f.weight));
  s.levels = {0.03, 0.1, 0.2, 0.3, 0.5, 0.7, 1, 2, 4, 8, 16};
  s.label = "loss, at the last bias";
  s.log_z = true;
  return {.title = name + ": " + std::to_string(f.to_0_1) + " iterations to loss 0.1",
          .x_label = "weight of the height",
          .y_label = "weight of the weight",
          .curves = {{"descent", f.weight, f.height, report::stroke::line, 1},
                     {"start", {f.weight.front()}, {f.height.front()}, report::stroke::points, 6},
                     {"end", {f.weight.back()}, {f.height.back()}, report::stroke::points, 4}},
          .map = std::move(s)};
}

void study(const path& output) {
  min_max_scaler to_one;
  standard_scaler to_z;
  to_one.fit(people);
  to_z.fit(people);
  const std::vector<std::pair<std::string, numbers>> tables{
      {"raw", people}, {"min-max", to_one.transform(people)}, {"z-score", to_z.transform(people)}};
  std::vector<report::panel> maps;
  report::panel losses{
      .title = "Loss by iteration, each at its safe rate",
      .x_label = "iteration",
      .y_label = "mean cross-entropy",
      .log_y = true,
      .log_x = true,
      .markers = {{"0.3 and 0.1", 0.3, 0.3, report::axis::y}, {"", 0.1, 0.1, report::axis::y}}};
  for (const auto& [name, x] : tables) {
    const fitted f = fit(name, x);
    maps.push_back(contours(name, x, f));
    losses.curves.push_back({name, f.loss, {}, report::stroke::line});
  }
  maps.push_back(losses);
  const path file = output / "height_weight.svg";
  report::write_figure(file, maps, {.columns = 2});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Logistic regression with raw and scaled columns.", study);
}
