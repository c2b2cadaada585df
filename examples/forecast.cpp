// A series with a trend and two seasons is told a step ahead: a GRU sees a window of values, each
// beside the one a season before it. Its rivals are naive forecasts, the value before and the one a
// season ago, and a linear function of the same window. What they are compared on, the last fifth,
// no weight and no scale has seen. Both learn how far a value is from the one a season ago, so that
// a trend does not lead them out of what they have seen.
#include <algorithm>
#include <cmath>
#include <cotape/cotape.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using matrix = xt::xarray<double>;

struct arguments {
  std::string csv, column;
  std::int64_t epochs = 60, units = 32, season = 168, window = 48;
};

// --- The series ----------------------------------------------------------------------------------

// The hours of 12 weeks: a trend, a day whose size follows the week, a week, noise of deviation 1.
std::vector<double> made() {
  const std::int64_t n = 12 * 168;
  const tensor noise = generator(1).normal({n}, 0, 1, float64);
  std::vector<double> y;
  for (std::int64_t t = 0; t < n; ++t) {
    const double turn = 2 * std::acos(-1.0) * static_cast<double>(t), week = std::sin(turn / 168);
    y.push_back(50 + 0.02 * static_cast<double>(t) + 8 * week +
                (10 + 5 * week) * std::sin(turn / 24) + noise.data_as<double>()[t]);
  }
  return y;
}

std::vector<double> series_of(const arguments& a) {
  if (a.csv.empty()) return made();
  const csv_table table = read_csv(a.csv);
  const auto column = table.column(a.column.empty() ? table.names().back() : a.column);
  return {column.begin(), column.end()};
}

// --- Windows and their targets -------------------------------------------------------------------

// Of the values from `first` on: what is seen (n, window, 2), and how far each is from the one a
// season ago (n, 1).
struct windows {
  matrix x, y;

  windows(const std::vector<double>& series, std::int64_t first, std::int64_t end,
          const arguments& a) {
    const auto at = [&](std::int64_t t) { return series[static_cast<std::size_t>(t)]; };
    x = xt::zeros<double>({end - first, a.window, std::int64_t{2}});
    y = xt::zeros<double>({end - first, std::int64_t{1}});
    for (std::int64_t t = first; t < end; ++t) {
      const double ago = at(t - a.season);
      for (std::int64_t k = 0; k < a.window; ++k) {
        const std::int64_t seen = t - a.window + k;
        x(t - first, k, 0) = at(seen) - ago;
        x(t - first, k, 1) = at(seen - a.season) - ago;
      }
      y(t - first, 0) = at(t) - ago;
    }
  }
};

// --- Forecasts -----------------------------------------------------------------------------------

struct errors {
  double rmse, mae;
};

errors print_errors(const std::string& name, const std::vector<double>& forecast,
                    const std::vector<double>& truth) {
  double squares = 0, sum = 0;
  for (std::size_t i = 0; i < truth.size(); ++i) {
    squares += (forecast[i] - truth[i]) * (forecast[i] - truth[i]);
    sum += std::abs(forecast[i] - truth[i]);
  }
  const auto n = static_cast<double>(truth.size());
  const errors e{std::sqrt(squares / n), sum / n};
  example::print(name + ", RMSE", e.rmse);
  example::print(name + ", MAE", e.mae);
  return e;
}

// The last tenth of the rows says when to stop.
history train(model& m, const matrix& x, const matrix& y, std::int64_t epochs) {
  m.compile("mse", adam({.rate = 0.003, .gradients = {.clip_norm = 1}}));
  return m.fit(
      x, y,
      {.epochs = epochs, .validation_split = 0.1, .callbacks = {early_stopping({.patience = 15})}});
}

// The values that a model tells, from those a season ago.
std::vector<double> told(model& m, const matrix& x, const std::vector<double>& ago, double scale) {
  const auto y = m.predict<double>(x);
  std::vector<double> forecast;
  for (std::size_t i = 0; i < ago.size(); ++i) forecast.push_back(ago[i] + y(i, 0) * scale);
  return forecast;
}

// Of the values held out, the first 168.
report::panel drawn(const std::vector<double>& truth, const std::vector<double>& forecast,
                    const std::vector<double>& naive) {
  const auto some = [](const std::vector<double>& of) {
    return std::vector(of.begin(), of.begin() + std::min<std::ptrdiff_t>(168, std::ssize(of)));
  };
  return {.title = "A step ahead, values held out",
          .x_label = "step",
          .y_label = "value",
          .curves = {{.name = "truth", .y = some(truth), .style = report::stroke::line},
                     {.name = "GRU", .y = some(forecast), .style = report::stroke::line},
                     {.name = "a season ago", .y = some(naive), .style = report::stroke::thin}}};
}

void study(const arguments& a, const path& output) {
  if (std::min({a.epochs, a.units, a.season, a.window}) < 1) {
    throw value_error("--epochs, --units, --season and --window must be at least 1");
  }
  const std::vector<double> series = series_of(a);
  const auto n = static_cast<std::int64_t>(series.size()), held = n - n / 5,
             first = a.season + a.window;
  if (held - first < 20) throw value_error("the series is too short for --season and --window");
  windows past(series, first, held, a), future(series, held, n, a);
  const double scale = xt::stddev(past.x)();
  for (matrix* m : {&past.x, &past.y, &future.x}) *m /= scale;

  const auto part = [&](std::int64_t back) {
    return std::vector(series.begin() + held - back, series.end() - back);
  };
  const std::vector<double> truth = part(0), ago = part(a.season);
  print_errors("the value before", part(1), truth);
  const errors naive = print_errors("a season ago", ago, truth);
  const symbol seen = input({a.window, 2}, float64);
  model linear(seen, dense(1)(flatten()(seen))), network(seen, dense(1)(gru(a.units)(seen)));
  train(linear, past.x, past.y, a.epochs);
  print_errors("linear", told(linear, future.x, ago, scale), truth);
  const history h = train(network, past.x, past.y, a.epochs);
  const std::vector<double> forecast = told(network, future.x, ago, scale);
  const errors e = print_errors("GRU", forecast, truth);
  example::print("GRU over a season ago, RMSE", e.rmse / naive.rmse);

  const path file = output / "forecast.svg";
  report::write_figure(file,
                       {drawn(truth, forecast, ago),
                        {.title = "Training of the GRU",
                         .x_label = "epoch",
                         .y_label = "mean squared error, scaled",
                         .curves = {{"training", h["loss"]}, {"validation", h["val_loss"]}},
                         .log_y = true}},
                       {.width = 640});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(argc, argv, "Tells a seasonal series a step ahead.",
                      {{"--csv", "table with the series; without it one is made", &a.csv},
                       {"--column", "of the table; the last one unless it is given", &a.column},
                       {"--season", "steps of a season", &a.season},
                       {"--window", "values that are seen", &a.window},
                       {"--epochs", "of the trainings at most", &a.epochs},
                       {"--units", "of the GRU", &a.units}},
                      [&](const path& output) { study(a, output); });
}
