#include "example.hpp"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cotape/cotape.hpp>
#include <iostream>

namespace example {

int run(int argc, char** argv, const std::string& what, const std::vector<option>& options,
        const std::function<void(const std::filesystem::path& output)>& body) {
  CLI::App app(what);
  std::string output = default_output;
  app.add_option("--output", output, "folder for pictures")->capture_default_str();
  for (const option& o : options) {
    std::visit([&](auto* value) { app.add_option(o.flag, *value, o.help)->capture_default_str(); },
               o.value);
  }
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    return app.exit(e);
  }
  try {
    std::filesystem::create_directories(output);
    body(output);
  } catch (const std::exception& e) {
    std::cerr << std::filesystem::path(argv[0]).filename().string() << ": " << e.what() << "\n";
    return 1;
  }
  return 0;
}

void print(const std::string& name, double value) {
  const auto before = std::cout.precision(12);
  std::cout << name << ": " << value << "\n";
  std::cout.precision(before);
}

void print_picture(const std::filesystem::path& file) {
  std::cout << "picture " << file.string() << "\n";
}

xt::xarray<double> column(const std::vector<double>& values) {
  auto x = xt::xarray<double>::from_shape({values.size(), 1});
  std::copy(values.begin(), values.end(), x.begin());
  return x;
}

cotape::report::panel mistakes(const std::string& title,
                               const xt::xarray<std::int64_t>& confusion) {
  const auto count = [&](double taken, double truth) {
    const auto row = std::lround(truth), column = std::lround(taken);
    return row == column ? 0 : static_cast<double>(confusion(row, column));
  };
  // Many points a field, so that each is seen as a square.
  const double last = static_cast<double>(confusion.shape(0)) - 0.51;
  cotape::report::surface s = cotape::report::sample(count, {-0.49, last}, {-0.49, last}, 200);
  s.label = "test images";
  return {.title = title,
          .x_label = "taken for",
          .y_label = "class",
          .equal_units = true,
          .map = std::move(s)};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t n = values.size();
  return (values[(n - 1) / 2] + values[n / 2]) / 2;
}

double largest_curvature(const std::function<cotape::variable(cotape::variable)>& loss,
                         const xt::xarray<double>& w) {
  using namespace cotape;
  // The second derivative times v is the gradient of (gradient, v).
  auto times = compile([&](variable at, variable v) {
    const variable product = gradient(sum(gradient(loss(at), at) * v), at);
    const variable length = norm(product);
    return std::vector{product / length, length};
  });
  xt::xarray<double> v = xt::ones<double>(w.shape());
  v /= std::sqrt(static_cast<double>(v.size()));
  double curvature = 0;
  for (int i = 0; i < 10000; ++i) {
    const auto& out = times(w, v);
    v = out[0].value<double>();
    const double next = out[1].number();
    if (std::abs(next - curvature) <= 1e-15 * next) break;
    curvature = next;
  }
  return curvature;
}

}  // namespace example
