// Universal approximation (Cybenko, 1989): sums of N sigmoid units, c_1 sigmoid(w_1 x + b_1) + ...
// + c_0, come as close to a continuous function as one likes if N is large enough. Here they are
// fitted to a function of one and to one of two variables.
#include <cmath>
#include <cotape/cotape.hpp>
#include <numbers>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using std::numbers::pi;
using matrix = xt::xarray<double>;

constexpr std::int64_t sizes[] = {5, 20, 100};

// A sum of n sigmoid units of (rows, variables) inputs in [-1, 1].
class sigmoid_sum {
 public:
  sigmoid_sum(std::int64_t variables, std::int64_t n)
      : w_("w", zeros({variables, n}, float64)),
        b_("b", zeros({n}, float64)),
        c_("c", zeros({n, 1}, float64)),
        c0_("c0", 0.0) {
    // Steep enough for as many steps as there are units along an axis, and spread over the inputs.
    generator random(1);
    const double along = std::pow(static_cast<double>(n), 1 / static_cast<double>(variables));
    w_.set(random.normal({variables, n}, 0, 2 + along, float64));
    const matrix centres = to_xarray<double>(random.uniform({variables, n}, -1, 1, float64));
    b_.set(matrix(-xt::sum(w_.value<double>() * centres, {0})));
  }
  variable operator()(variable x) const { return matmul(sigmoid(matmul(x, w_) + b_), c_) + c0_; }

 private:
  parameter w_, b_, c_, c0_;
};

void fit(const sigmoid_sum& model, const matrix& x, const matrix& y) {
  constexpr int steps = 5000;
  adam optimizer({.rate = 0.02});
  auto step = compile([&](variable in, variable target) {
    const variable loss = mse(model(in), target);
    optimizer.minimize(loss);
    return loss;
  });
  for (int i = 0; i < steps; ++i) {
    optimizer.rate().set(0.01 * (1 + std::cos(pi * i / steps)));
    step(x, y);
  }
}

double root_mean_square(const matrix& e) { return std::sqrt(xt::mean(xt::square(e))()); }

std::string units(std::int64_t n) { return std::to_string(n) + " units"; }
std::vector<double> as_vector(const matrix& x) { return {x.begin(), x.end()}; }

void fit_line(const path& output) {
  const auto f = [](const matrix& x) -> matrix {
    return xt::sin(pi * x) + 0.5 * xt::sin(4 * pi * x);
  };
  const matrix x = xt::linspace<double>(-1, 1, 201).reshape({201, 1});
  const matrix between = xt::linspace<double>(-0.995, 0.995, 200).reshape({200, 1});
  report::panel fits{.title = "Sums of sigmoid units fitted to a function of x",
                     .x_label = "x",
                     .y_label = "y",
                     .curves = {{"sin(pi x) + sin(4 pi x) / 2", as_vector(f(x)), as_vector(x),
                                 report::stroke::dashed, 6}}};
  report::curve errors{"root mean square error", {}, {}};
  for (std::int64_t n : sizes) {
    const sigmoid_sum model(1, n);
    fit(model, x, f(x));
    auto predict = compile([&](variable in) { return model(in); });
    errors.x.push_back(static_cast<double>(n));
    errors.y.push_back(root_mean_square(predict(between).value<double>() - f(between)));
    example::print("one variable, " + units(n) + ", error", errors.y.back());
    fits.curves.push_back({units(n), as_vector(predict(x).value<double>()), as_vector(x)});
  }
  report::panel measured{.title = "Error between the points of the fit",
                         .x_label = "units",
                         .y_label = "root mean square error",
                         .curves = {errors},
                         .log_y = true,
                         .log_x = true};
  const path file = output / "universal_approximation_1d.svg";
  report::write_figure(file, {fits, measured});
  example::print_picture(file);
}

void fit_surface(const path& output) {
  const auto f = [](double x, double y) { return std::sin(pi * x) * std::cos(pi * y); };
  constexpr std::size_t points = 31;
  const auto rows = [&](double reach) {
    const auto grid = report::sample(f, {-reach, reach}, {-reach, reach}, points);
    matrix x = matrix::from_shape({points * points, 2}),
           y = matrix::from_shape({points * points, 1});
    for (std::size_t i = 0; i < points * points; ++i) {
      x(i, 0) = grid.x[i % points];
      x(i, 1) = grid.y[i / points];
      y(i, 0) = grid.z[i];
    }
    return std::pair{x, y};
  };
  const auto [x, y] = rows(1);
  const auto [between_x, between_y] = rows(0.97);
  const auto map_of = [&](const std::string& title, const matrix& z) {
    report::surface s = report::sample(f, {-1, 1}, {-1, 1}, points);
    s.z = as_vector(z);
    s.levels = {-0.8, -0.4, 0, 0.4, 0.8};
    s.colours = report::palette::diverging;
    return report::panel{
        .title = title, .x_label = "x", .y_label = "y", .equal_units = true, .map = std::move(s)};
  };
  std::vector<report::panel> panels{map_of("sin(pi x) cos(pi y)", y)};
  for (std::int64_t n : sizes) {
    const sigmoid_sum model(2, n);
    fit(model, x, y);
    auto predict = compile([&](variable in) { return model(in); });
    const double e = root_mean_square(predict(between_x).value<double>() - between_y);
    example::print("two variables, " + units(n) + ", error", e);
    panels.push_back(map_of(units(n), predict(x).value<double>()));
  }
  const path file = output / "universal_approximation_2d.svg";
  report::write_figure(file, panels, {.columns = 2, .width = 460, .height = 400});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Fits sums of sigmoid units to functions.",
                      [](const path& output) {
                        fit_line(output);
                        fit_surface(output);
                      });
}
