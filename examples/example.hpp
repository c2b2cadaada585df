// What the example programs share: arguments, printed figures, data sets' folders.
//
// An example computes, prints each of its figures as a line `name: value`, and draws pictures into
// the folder of --output. tests/examples/figures_test.cpp runs it and checks those lines, so a new
// example takes a source file, a line in CMakeLists.txt and a row there.
#pragma once

#include <cotape/figures.hpp>
#include <cotape/tape.hpp>
#include <cotape/xtensor.hpp>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <variant>
#include <vector>

namespace example {

/// A command line option, whose value is what `value` points to unless it is given.
struct option {
  std::string flag, help;
  std::variant<std::string*, std::int64_t*, double*, std::vector<std::string>*> value;
};

/// Where an example leaves its pictures unless --output says otherwise; git ignores it.
inline constexpr const char* default_output = "cotape_output";

/// Parses the arguments (--help, --output and `options`), makes the output folder and calls the
/// body with it. Gives main's result: 1, after "PROGRAM: message", if the body throws.
int run(int argc, char** argv, const std::string& what, const std::vector<option>& options,
        const std::function<void(const std::filesystem::path& output)>& body);
inline int run(int argc, char** argv, const std::string& what,
               const std::function<void(const std::filesystem::path& output)>& body) {
  return run(argc, argv, what, {}, body);
}

/// Prints "name: value", to 12 digits.
void print(const std::string& name, double value);
/// Prints the name of a picture that was drawn.
void print_picture(const std::filesystem::path& file);

/// Values as a column, (n, 1).
xt::xarray<double> column(const std::vector<double>& values);

/// A map of a confusion matrix without its diagonal: how many test images of each class were taken
/// for which other one.
cotape::report::panel mistakes(const std::string& title, const xt::xarray<std::int64_t>& confusion);

/// The value in the middle; of an even number the mean of the middle two.
double median(std::vector<double> values);

/// The largest eigenvalue of the second derivative of a loss at w, by power iteration: gradient
/// descent on a quadratic loss diverges at rates above 2 over it.
double largest_curvature(const std::function<cotape::variable(cotape::variable)>& loss,
                         const xt::xarray<double>& w);

}  // namespace example
