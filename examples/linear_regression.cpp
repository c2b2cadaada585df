// Linear regression on house prices: gradient descent with scaled columns ends where the closed
// form is, and what the largest rate has to do with the curvature of the loss.
#include <cmath>
#include <cotape/cotape.hpp>
#include <cotape/csv.hpp>
#include <cotape/scaling.hpp>
#include <iostream>
#include <xtensor-blas/xlinalg.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using matrix = xt::xarray<double>;

const std::string distance_column = "X3 distance to the nearest MRT station";
const std::vector<std::string> features{"X2 house age", distance_column,
                                        "X4 number of convenience stores", "X5 latitude",
                                        "X6 longitude"};
const std::string price_column = "Y house price of unit area";

csv_table read_table(const std::string& file) {
  if (file.empty()) {
    throw error(
        "name the data set's file with --csv FILE. It is published by the UCI Machine Learning "
        "Repository as \"Real Estate Valuation\" (https://archive.ics.uci.edu/dataset/477): "
        "download it there and save its table as CSV, the first line with the columns' names");
  }
  std::vector<std::string> needed = features;
  needed.push_back(price_column);
  return read_csv(file, {.columns = needed});
}

struct points {
  matrix x, y;  // (rows, columns), (rows)

  // The mean squared error of weights (columns, then the bias).
  variable loss(variable w) const {
    tape& t = w.owner();
    return mse(matmul(append_ones(t.constant(x)), w), t.constant(y));
  }
  matrix with_ones() const {
    return xt::concatenate(xt::xtuple(x, xt::ones<double>({x.shape(0), std::size_t{1}})), 1);
  }
  // The weights of least squares.
  matrix closed_form() const { return std::get<0>(xt::linalg::lstsq(with_ones(), y)); }
  double curvature() const {
    const matrix start = xt::zeros<double>({x.shape(1) + 1});
    return example::largest_curvature([&](variable w) { return loss(w); }, start);
  }
  double loss_at(const matrix& w) const {
    return xt::mean(xt::square(xt::linalg::dot(with_ones(), w) - y))();
  }
};

matrix z_scores(const matrix& x) {
  standard_scaler scaler;
  scaler.fit(x);
  return scaler.transform(x);
}

struct path_down {
  std::vector<double> loss, first, bias;  // after 0, 1, ... steps; the first weight
};

path_down descend(const points& p, double rate, int steps) {
  const std::size_t columns = p.x.shape(1);
  const parameter w("w", xt::zeros<double>({columns + 1}));
  sgd optimizer({.rate = rate});
  tape t;
  const variable loss = p.loss(t.read(w));
  optimizer.minimize(loss);
  program step(t, {}, {loss});
  path_down d;
  for (int i = 0; i <= steps; ++i) {
    const matrix at = w.value<double>();
    d.first.push_back(at(0));
    d.bias.push_back(at(columns));
    step.run({});
    d.loss.push_back(step.output(0).number());
  }
  return d;
}

// All five features: descent against the closed form, and the rates that diverge.
report::panel all_features(const csv_table& table, const matrix& price) {
  const points raw{table.columns(features), price}, scaled{z_scores(raw.x), price};
  const path_down d = descend(scaled, 0.1, 1000);
  for (std::size_t steps : {0u, 1u, 10u, 100u, 1000u}) {
    example::print("MSE after " + std::to_string(steps) + " steps", d.loss[steps]);
  }
  const double best = scaled.loss_at(scaled.closed_form());
  example::print("MSE of the closed form", best);
  example::print("R2", 1 - best / xt::variance(price)());

  const double sharpest = raw.curvature(), limit = 2 / sharpest;
  example::print("scaled curvature", scaled.curvature());
  example::print("unscaled curvature", sharpest);
  example::print("unscaled largest rate", limit);
  const path_down below = descend(raw, 0.98 * limit, 1000),
                  above = descend(raw, 1.02 * limit, 1000);
  example::print("unscaled, MSE after 1000 steps at 0.98 of the largest rate", below.loss.back());
  example::print("unscaled, MSE after 1000 steps at 1.02 of the largest rate", above.loss.back());
  return {.title = "Five features: the loss by step",
          .x_label = "step + 1",
          .y_label = "mean squared error",
          .curves = {{"z-scores, rate 0.1", d.loss, {}, report::stroke::line},
                     {"unscaled, 0.98 of the largest rate", below.loss, {}, report::stroke::line},
                     {"unscaled, 1.02", above.loss, {}, report::stroke::line}},
          .log_y = true,
          .log_x = true,
          .y_range = report::interval{50, 1e6},
          .markers = {{"closed form", best, best, report::axis::y}}};
}

std::vector<double> as_vector(const matrix& x) { return {x.begin(), x.end()}; }

// The price by the distance alone: line, residuals, and the loss over the line's two weights.
std::vector<report::panel> by_distance(const csv_table& table, const matrix& price) {
  const points p{table.columns({distance_column}), price};
  const matrix w = p.closed_form(), distance = xt::view(p.x, xt::all(), 0);
  example::print("slope by distance", w(0));
  example::print("bias by distance", w(1));
  example::print("MSE by distance", p.loss_at(w));
  const double reach = xt::amax(distance)();
  const matrix residuals = price - (distance * w(0) + w(1));

  const points scaled{z_scores(p.x), price};
  const path_down d = descend(scaled, 0.1, 60);
  const matrix end = scaled.closed_form();
  report::surface s = report::sample(
      [&](double slope, double bias) {
        return scaled.loss_at({slope, bias});
      },
      {-22, 10}, {-4, 62}, 61);
  s.levels = {105, 150, 250, 400, 700, 1100, 1600, 2200};
  s.label = "mean squared error";
  s.log_z = true;
  const char* metres = "distance to the nearest station (m)";
  return {
      {.title = "Price by distance",
       .x_label = metres,
       .y_label = "price of unit area (10,000 NT$ per ping)",
       .curves =
           {{"houses", as_vector(price), as_vector(distance), report::stroke::points},
            {"least squares", {w(1), w(1) + w(0) * reach}, {0, reach}, report::stroke::line}}},
      {.title = "What the line leaves",
       .x_label = metres,
       .y_label = "price - prediction",
       .curves = {{"residuals", as_vector(residuals), as_vector(distance), report::stroke::points}},
       .markers = {{"", 0, 0, report::axis::y}}},
      {.title = "The loss over slope and bias, and the path of descent (rate 0.1)",
       .x_label = "slope, by z-scored distance",
       .y_label = "bias",
       .curves = {{"descent", d.bias, d.first, report::stroke::line, 1},
                  {"each step", d.bias, d.first, report::stroke::points, 1},
                  {"closed form", {end(1)}, {end(0)}, report::stroke::points, 6}},
       .map = std::move(s)}};
}

void study(const std::string& file, const path& output) {
  const csv_table table = read_table(file);
  std::cout << table.describe() << "\n";
  const matrix price = table.column(price_column);
  std::vector<report::panel> panels = by_distance(table, price);
  panels.push_back(all_features(table, price));
  const path picture = output / "linear_regression.svg";
  report::write_figure(picture, panels, {.columns = 2});
  example::print_picture(picture);
}

}  // namespace

int main(int argc, char** argv) {
  std::string file;
  return example::run(argc, argv, "Linear regression on the UCI set \"Real Estate Valuation\".",
                      {{"--csv", "the data set's table, with the columns' names", &file}},
                      [&](const path& output) { study(file, output); });
}
