// Losses: what each says to a prediction, and to a few of them by hand.
#include <cotape/cotape.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using numbers = xt::xarray<double>;

double value(const loss_function& loss, const numbers& prediction, const numbers& target) {
  tape t;
  return loss(t.constant(prediction), t.constant(target)).value<double>()();
}

void by_hand() {
  const numbers p = {0.1, 0.7, 0.2}, t = {0, 1, 0};
  for (const char* name : {"sum_squared_error", "half_squared_error", "mse", "mae", "huber",
                           "categorical_crossentropy"}) {
    example::print(std::string(name) + " of (0.1, 0.7, 0.2) for (0, 1, 0)", value(name, p, t));
  }
  example::print("binary_crossentropy of (0.9, 0.6, 0.2, 0.3) for (1, 1, 0, 0)",
                 value("binary_crossentropy", {0.9, 0.6, 0.2, 0.3}, {1, 1, 0, 0}));
  for (const char* name : {"mape", "msle"}) {
    example::print(std::string(name) + " of (1.5, 1.5, 5) for (1, 2, 4)",
                   value(name, {1.5, 1.5, 5}, {1, 2, 4}));
  }
}

// Losses of single predictions in an interval.
report::panel by_prediction(report::panel p, const std::vector<const char*>& losses, double target,
                            report::interval range) {
  const numbers at = xt::linspace<double>(range.low, range.high, 201);
  for (const char* name : losses) {
    report::curve c{name, {}, {at.begin(), at.end()}, report::stroke::line};
    for (const double prediction : at) c.y.push_back(value(name, {prediction}, {target}));
    p.curves.push_back(std::move(c));
  }
  return p;
}

void study(const path& output) {
  by_hand();
  const path file = output / "losses.svg";
  report::write_figure(
      file, {by_prediction({.title = "Regression: the target is 1",
                            .x_label = "prediction",
                            .y_label = "loss",
                            .y_range = report::interval{0, 4},
                            .markers = {{"", 1}}},
                           {"mse", "half_squared_error", "mae", "huber", "msle"}, 1, {-0.9, 4}),
             by_prediction({.title = "Classes: the target is 1",
                            .x_label = "predicted probability of 1",
                            .y_label = "loss",
                            .y_range = report::interval{0, 5}},
                           {"binary_crossentropy", "mse"}, 1, {0, 1}),
             by_prediction({.title = "From logits: the target is 1",
                            .x_label = "logit",
                            .y_label = "loss",
                            .y_range = report::interval{0, 5}},
                           {"binary_crossentropy_from_logits"}, 1, {-6, 6})});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "What the losses say to a prediction.", study);
}
