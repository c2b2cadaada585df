#include "accuracy.hpp"

#include <fstream>
#include <limits>
#include <sstream>

namespace cotape::tests {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(' ');
  return first == std::string::npos ? ""
                                    : text.substr(first, text.find_last_not_of(' ') + 1 - first);
}

std::vector<std::string> pieces(const std::string& text, char separator) {
  std::vector<std::string> list;
  std::istringstream in(text);
  for (std::string piece; std::getline(in, piece, separator);) list.push_back(trimmed(piece));
  return list;
}

struct format {  // of binary floating-point numbers
  int digits, least_exponent, most_exponent;
};
template <class T> constexpr format format_of() {
  using limits = std::numeric_limits<T>;
  return {limits::digits, limits::min_exponent, limits::max_exponent};
}

// |got - wanted| in units of the last place of `of`; beyond the largest number is infinity, taken
// as the next number there would be.
double error_of(real got, real wanted, real of, const format& f) {
  if (std::isnan(got) || std::isnan(wanted)) {
    return std::isnan(got) && std::isnan(wanted) ? 0 : infinity;
  }
  const auto cut = [huge = std::ldexp(1.0L, f.most_exponent)](real x) {
    return std::abs(x) < huge ? x : std::copysign(huge, x);
  };
  const int exponent = of == 0 ? f.least_exponent : std::ilogb(cut(of)) + 1;
  const int in_range = std::clamp(exponent, f.least_exponent, f.most_exponent);
  return static_cast<double>(std::abs(cut(got) - cut(wanted)) /
                             std::ldexp(1.0L, in_range - f.digits));
}

double worst_element(const op_case& c, const arrays& x, const array& got, dtype d) {
  const format f = d == float32 ? format_of<float>() : format_of<double>();
  const real normal = std::ldexp(1.0L, f.least_exponent - 1);
  const shape joint = got.shape;
  double worst = 0;
  each(joint, [&](const index& at) {
    std::vector<real> arguments;
    for (const array& a : x) arguments.push_back(a[at]);
    const real wanted = c.exact(arguments), result = got[at];
    if (result == 0 && std::abs(wanted) < static_cast<real>(c.flushes) * normal) return;
    worst = std::max(worst, error_of(result, wanted, wanted, f));
  });
  return worst;
}

double worst_against_reference(const op_case& c, const arrays& x, const array& got, dtype d) {
  const format f = d == float32 ? format_of<float>() : format_of<double>();
  const array wanted = c.reference(x), magnitude = c.magnitude ? c.magnitude(x) : array();
  double worst = 0;
  for (std::size_t i = 0; i < wanted.data.size(); ++i) {
    const double w = wanted.data[i], g = got.data.at(i);
    if (d == int64) {
      if (g != w) worst = infinity;
    } else if (c.magnitude) {  // in epsilons, which are no smaller than denormal numbers' distance
      const real epsilon = std::ldexp(1.0L, 1 - f.digits), m = magnitude.data.at(i);
      const real unit = std::max(epsilon * m, std::ldexp(1.0L, f.least_exponent - f.digits));
      worst = std::max(worst, g == w ? 0 : static_cast<double>(std::abs(real(g) - w) / unit));
      const bool finite = std::isfinite(m) && std::isfinite(w);
      if (std::isnan(g) != std::isnan(w) || (!finite && !std::isnan(w) && g != w)) worst = infinity;
    } else {
      worst = std::max(worst, error_of(g, w, w, f));
    }
  }
  return worst;
}

}  // namespace

const std::map<std::string, error_bounds>& documented_bounds() {
  static const auto table = [] {
    std::ifstream text(COTAPE_SOURCE_DIR "/docs/accuracy.md");
    std::map<std::string, error_bounds> bounds;
    for (std::string line; std::getline(text, line);) {
      const auto cells = pieces(line, '|');
      if (cells.size() < 4 || cells[2].find_first_of("0123456789xe") != 0) continue;
      const auto number = [](const std::string& s) { return s == "exact" ? 0 : std::stod(s); };
      for (std::string name : pieces(cells[1], ',')) {
        name = trimmed(name.substr(0, name.find('(')));
        bounds[name] = {number(cells[2]), number(cells[3])};
      }
    }
    return bounds;
  }();
  return table;
}

std::string documented_name(const op_case& c) {
  const std::string with_variant = c.name + ": " + pieces(c.variant + ",", ',')[0];
  if (documented_bounds().contains(with_variant)) return with_variant;
  return documented_bounds().contains(c.name) ? c.name : "";
}

double largest_error(const op_case& c, const arrays& x, const array& got, dtype d) {
  if (c.exact && !c.magnitude && d != int64) return worst_element(c, x, got, d);
  return worst_against_reference(c, x, got, d);
}

void expect_accurate(const op_case& c, const arrays& x, const array& got, dtype d) {
  ASSERT_EQ(got.shape.text(), c.reference(x).shape.text());
  const std::string name = documented_name(c);
  ASSERT_NE(name, "") << c.text() << ": add its accuracy to docs/accuracy.md";
  const error_bounds bounds = documented_bounds().at(name);
  EXPECT_LE(largest_error(c, x, got, d), d == float32 ? bounds.float32 : bounds.float64)
      << c.text() << " in " << name_of(d);
}

}  // namespace cotape::tests
