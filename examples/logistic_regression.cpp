// From a line to logistic regression, in three stages: a line with the squared error moves its
// boundary for points that were right already; a sigmoid with the squared error can be stuck where
// it is flat; a sigmoid with the cross-entropy learns. And what scaling does to it.
#include <cmath>
#include <cotape/cotape.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using numbers = xt::xarray<double>;

using example::column;

const numbers hours = column({2, 4, 6, 8, 10, 12, 14}), passed = column({0, 0, 0, 1, 1, 1, 1});
const numbers hours_and_one = column({2, 4, 6, 8, 10, 12, 14, 60}),
              passed_and_one = column({0, 0, 0, 1, 1, 1, 1, 1});
const numbers days = column({5, 30, 95, 100, 265, 270, 290, 300, 365}),
              days_passed = column({0, 0, 0, 0, 1, 1, 1, 1, 1});

constexpr std::int64_t epochs = 5000, batch = 9;  // all rows at once

std::vector<double> as_vector(const numbers& x) { return {x.begin(), x.end()}; }

// One unit: w x + b, or the sigmoid of it.
class unit {
 public:
  explicit unit(const char* activation, double w = 0)
      : model_({input({1}, float64), dense(1, activation, zeros)}) {
    weight().set(column({w}));
  }
  history fit(const numbers& x, const numbers& y, const char* loss, double rate,
              std::int64_t count = epochs) {
    model_.compile(loss, sgd({.rate = rate}), {"binary_accuracy"});
    return model_.fit(x, y, {.epochs = count, .batch_size = batch});
  }
  numbers predict(const numbers& x) { return model_.predict<double>(x); }
  logs evaluate(const numbers& x, const numbers& y) { return model_.evaluate(x, y); }
  const parameter& weight() const { return parameters_[0]; }
  double w() const { return weight().value<double>()(0, 0); }
  double b() const { return parameters_[1].value<double>()(0); }

 private:
  sequential model_;
  std::vector<parameter> parameters_ = model_.parameters();
};

report::curve points(const std::string& name, const numbers& x, const numbers& y) {
  return {name, as_vector(y), as_vector(x), report::stroke::points, 5};
}

numbers range(double low, double high) {
  return xt::linspace<double>(low, high, 201).reshape({201, 1});
}

// --- A line with the squared error --------------------------------------------------------------

// The least squares line, and where it passes 1/2. In z-scores the loss has the same curvature 2
// along both weights, so that one step at rate 1/2 ends at the minimum.
report::panel lines() {
  report::panel p{.title = "A line, squared error",
                  .x_label = "hours",
                  .y_label = "passed",
                  .curves = {points("students", hours_and_one, passed_and_one)},
                  .y_range = report::interval{-0.5, 2.5},
                  .markers = {{"", 0.5, 0.5, report::axis::y}}};
  const auto fit = [&](const std::string& name, const numbers& x, const numbers& y) {
    standard_scaler z;
    z.fit(x);
    unit line("identity");
    line.fit(z.transform(x), y, "mse", 0.5, 2);
    const double boundary = z.inverse_transform(column({(0.5 - line.b()) / line.w()}))(0, 0);
    example::print(name + " boundary", boundary);
    const numbers at = range(0, 62);
    p.curves.push_back(
        {name, as_vector(line.predict(z.transform(at))), as_vector(at), report::stroke::line});
    p.markers.push_back({p.markers.size() == 1 ? "boundaries" : "", boundary, boundary});
  };
  fit("line", hours, passed);
  fit("line with the point (60, 1)", hours_and_one, passed_and_one);
  return p;
}

// --- A sigmoid with the squared error, and with the cross-entropy -------------------------------

constexpr double rate = 0.007, flat_start = -1.7;

report::panel sigmoids(const char* title, const char* loss, const std::string& name) {
  report::panel p{.title = title,
                  .x_label = "hours",
                  .y_label = "probability of passing",
                  .curves = {points("students", hours, passed)},
                  .y_range = report::interval{-0.1, 1.3},
                  .markers = {{"", 0.5, 0.5, report::axis::y}}};
  const numbers at = range(0, 18);
  const auto add = [&](const std::string& curve, unit& u) {
    p.curves.push_back({curve, as_vector(u.predict(at)), as_vector(at), report::stroke::line});
  };
  unit u("sigmoid", flat_start);
  add("w = -1.7, the start", u);
  u.fit(hours, passed, loss, rate);
  add("after 5000 epochs", u);
  example::print(name + " from w = -1.7, right of 7",
                 7 * u.evaluate(hours, passed)["binary_accuracy"]);
  example::print(name + " from w = -1.7, w", u.w());
  return p;
}

// Both losses by the weight, at bias 0.
report::panel losses_by_weight() {
  report::panel p{.title = "The two losses by w, at b = 0",
                  .x_label = "w",
                  .y_label = "loss",
                  .y_range = report::interval{0, 3},
                  .markers = {{"the start", flat_start, flat_start}}};
  const numbers at = xt::linspace<double>(-2.5, 2.5, 201);
  for (const char* loss : {"mse", "binary_crossentropy"}) {
    auto loss_of = compile([&](variable w) {
      tape& t = w.owner();
      return loss_function(loss)(sigmoid(t.constant(hours) * w), t.constant(passed));
    });
    std::vector<double> values;
    for (const double w : at) values.push_back(loss_of(w).number());
    p.curves.push_back({loss, values, as_vector(at), report::stroke::line});
  }
  return p;
}

// Cross-entropy from 0: the figures of each step.
report::panel from_zero() {
  unit u("sigmoid");
  const history first = u.fit(hours, passed, "binary_crossentropy", rate, 1);
  example::print("after 1 step, w", u.w());
  example::print("after 1 step, b", u.b());
  const history rest = u.fit(hours, passed, "binary_crossentropy", rate, epochs - 1);
  example::print("at the end, w", u.w());
  example::print("at the end, b", u.b());
  example::print("at the end, loss", u.evaluate(hours, passed)["loss"]);
  for (const double x : {3, 7, 17}) {
    example::print("probability at " + std::to_string(std::lround(x)) + " hours",
                   u.predict(column({x}))(0, 0));
  }
  std::vector<double> losses = first["loss"];
  losses.insert(losses.end(), rest["loss"].begin(), rest["loss"].end());
  return {.title = "Cross-entropy from w = b = 0",
          .x_label = "epoch",
          .y_label = "binary cross-entropy",
          .curves = {{"loss", losses, {}, report::stroke::line}},
          .log_x = true,
          .y_range = report::interval{0, 0.8}};
}

// --- Days studied: raw and scaled ---------------------------------------------------------------

report::panel days_studied() {
  report::panel p{.title = "Days studied",
                  .x_label = "days",
                  .y_label = "probability of passing",
                  .curves = {points("students", days, days_passed)},
                  .y_range = report::interval{-0.1, 1.3},
                  .markers = {{"", 0.5, 0.5, report::axis::y}}};
  const numbers at = range(0, 370);
  const auto right = [](unit& u, const numbers& x) {
    return 9 * u.evaluate(x, days_passed)["binary_accuracy"];
  };
  unit raw("sigmoid"), scaled("sigmoid");
  raw.fit(days, days_passed, "binary_crossentropy", 1e-4);  // larger rates jump about
  example::print("raw days, right of 9", right(raw, days));
  standard_scaler z;
  z.fit(days);
  scaled.fit(z.transform(days), days_passed, "binary_crossentropy", 0.1);
  const double boundary = z.inverse_transform(column({-scaled.b() / scaled.w()}))(0, 0);
  example::print("z-scored days, right of 9", right(scaled, z.transform(days)));
  example::print("z-scored days, boundary", boundary);
  p.curves.push_back(
      {"raw, rate 0.0001", as_vector(raw.predict(at)), as_vector(at), report::stroke::line});
  p.curves.push_back({"z-scored, rate 0.1", as_vector(scaled.predict(z.transform(at))),
                      as_vector(at), report::stroke::line});
  p.markers.push_back({"boundary, z-scored", boundary, boundary});
  return p;
}

void study(const path& output) {
  const std::vector<report::panel> panels{
      lines(),
      sigmoids("A sigmoid, squared error", "mse", "squared error"),
      sigmoids("A sigmoid, cross-entropy", "binary_crossentropy", "cross-entropy"),
      losses_by_weight(),
      from_zero(),
      days_studied()};
  const path file = output / "logistic_regression.svg";
  report::write_figure(file, panels, {.columns = 3, .width = 480, .height = 380});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "From a line to logistic regression.", study);
}
