#include "accuracy.hpp"

#include <array>
#include <bit>
#include <cstdlib>
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

const std::map<std::string, error_bounds>& documented_bounds(quantity q) {
  static const auto tables = [] {
    std::ifstream text(COTAPE_SOURCE_DIR "/docs/accuracy.md");
    std::array<std::map<std::string, error_bounds>, 3> of_quantity;
    auto about = quantity::value;
    for (std::string line; std::getline(text, line);) {
      if (line.starts_with("## ")) {
        about = line == "## First derivatives"           ? quantity::first_derivative
                : line == "## Numbers one after another" ? quantity::step_back
                                                         : quantity::value;
      }
      const auto cells = pieces(line, '|');
      if (cells.size() < 4 || cells[2].find_first_of("0123456789xe") != 0) continue;
      const auto number = [](const std::string& s) { return s == "exact" ? 0 : std::stod(s); };
      for (std::string name : pieces(cells[1], ',')) {
        name = trimmed(name.substr(0, name.find('(')));
        auto& bounds = of_quantity[static_cast<std::size_t>(about)];
        bounds[name] = {number(cells[2]), number(cells[3])};
      }
    }
    return of_quantity;
  }();
  return tables[static_cast<std::size_t>(q)];
}

std::string documented_name(const op_case& c, quantity q) {
  const auto& bounds = documented_bounds(q);
  const std::string with_variant = c.name + ": " + pieces(c.variant + ",", ',')[0];
  if (bounds.contains(with_variant)) return with_variant;
  return bounds.contains(c.name) ? c.name : "";
}

double error_in_units(real got, real wanted, real of, dtype d) {
  return error_of(got, wanted, of, d == float32 ? format_of<float>() : format_of<double>());
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

std::size_t number_of_arguments() {
  const char* wanted = std::getenv("COTAPE_ACCURACY_ARGUMENTS");
  return wanted == nullptr ? 30000 : std::stoul(wanted);
}

namespace {

template <class T> double any_finite(engine& random) {
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  for (;;) {
    const T x = std::bit_cast<T>(static_cast<bits>(random()));
    if (std::isfinite(x)) return static_cast<double>(x);
  }
}
double any_finite(dtype d, engine& random) {
  return d == float32 ? any_finite<float>(random) : any_finite<double>(random);
}

// Each element from one of the argument's domains, or any number.
array draw_widely(const op_case& c, const argument& a, std::int64_t n, dtype d, engine& random) {
  std::vector<domain> domains = c.also;
  domains.push_back(a.from);
  std::vector<array> drawn;
  for (const domain& from : domains) drawn.push_back(draw({{n}, from}, random));
  array x(shape{n});
  for (std::size_t i = 0; i < x.data.size(); ++i) {
    const std::size_t k = random() % (domains.size() + c.unbounded);
    x.data[i] = k < domains.size() ? drawn[k].data[i] : any_finite(d, random);
  }
  return rounded(x, d);
}

// Whether numbers of any size may stand for its elements.
bool is_open(const domain& d) {
  const bool numbers = d.kind != domain::kind::whole && d.kind != domain::kind::indices;
  return numbers && (d.kind != domain::kind::interval || d.low == -d.high);
}

}  // namespace

arrays draw_widely(const op_case& c, dtype d, engine& random) {
  arrays x;
  for (const argument& a : c.inputs) {
    x.push_back(draw_widely(c, a, static_cast<std::int64_t>(number_of_arguments()), d, random));
  }
  return x;
}

arrays draw_scaled(const op_case& c, const std::vector<shape>& shapes, dtype d, engine& random) {
  arrays x = draw(c, shapes, random);
  const auto power = [&](int most) {
    return std::ldexp(1.0, std::uniform_int_distribution<int>(-most, most)(random));
  };
  const auto way = random() % 3;
  const double factor = power(20);
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (way != 0 && c.unbounded && is_open(c.inputs[i].from)) {
      for (double& e : x[i].data) e *= way == 1 ? factor : power(8);
    }
    x[i] = rounded(x[i], d);
  }
  return x;
}

namespace {

template <class T> numbers special_numbers() {
  using limits = std::numeric_limits<T>;
  numbers x;
  for (const T e : {T(0), limits::denorm_min(), limits::min() / 3, limits::min(), T(0.5), T(1),
                    T(2), T(3), T(0.7), T(1e-30), limits::max(), limits::infinity()}) {
    x.push_back(static_cast<double>(e));
    x.push_back(static_cast<double>(-e));
  }
  x.push_back(std::numeric_limits<double>::quiet_NaN());
  return x;
}

}  // namespace

arrays special_arguments(std::size_t operands, dtype d) {
  const numbers each = d == float32 ? special_numbers<float>() : special_numbers<double>();
  arrays x(operands);
  std::size_t repeated = 1;
  for (std::size_t i = 0; i < operands; ++i) repeated *= each.size();
  for (std::size_t i = 0, stride = 1; i < operands; ++i, stride *= each.size()) {
    x[i] = array(shape{static_cast<std::int64_t>(repeated)});
    for (std::size_t k = 0; k < repeated; ++k) x[i].data[k] = each[k / stride % each.size()];
  }
  return x;
}

}  // namespace cotape::tests
