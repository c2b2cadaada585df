// How far the transcendental functions are off, through compiled programs on the best instruction
// set: errors in units in the last place against long double, over the whole range of arguments,
// within the bounds of README.md's table; NaN, infinities, zeros and denormals as the mathematics
// has them.
#include <bit>
#include <fstream>
#include <iomanip>
#include <iostream>
#include <limits>
#include <map>
#include <sstream>

#include "support.hpp"

namespace cotape::tests {

namespace {

using real = long double;

struct function {
  const char* name;
  std::function<variable(const variables&)> apply;
  std::function<real(real, real)> exact;  // the second argument only where there are two
  std::vector<std::pair<double, double>> ranges = {};  // drawn from beside the whole range
  bool two = false;
  std::vector<double> exponents = {};  // of a power: the second argument is one of them
  bool flushes = false;                // results below the smallest normal number may be 0
};

real softplus_of(real x) { return x > 0 ? x + log1pl(expl(-x)) : log1pl(expl(x)); }
real logit_of(real x) {
  return fabsl(2 * x - 1) < 0.5L ? log1pl((2 * x - 1) / (1 - x)) : logl(x / (1 - x));
}
real xlogy_of(real x, real y) { return x == 0 && !std::isnan(y) ? 0 : x * logl(y); }

using unary_operation = variable (*)(operand);
function one(const char* name, unary_operation f, real (*exact)(real),
             std::vector<std::pair<double, double>> ranges) {
  return {name, [f](const variables& v) { return f(v[0]); },
          [exact](real x, real) { return exact(x); }, std::move(ranges)};
}

std::vector<function> functions() {
  const auto sigmoid_of = [](real x) { return 1 / (1 + expl(-x)); };
  const auto power_of = [](const variables& v) { return power(v[0], v[1]); };
  std::vector<double> whole;
  for (int n = -8; n <= 8; ++n) whole.push_back(n);
  function logistic = one("sigmoid", sigmoid, sigmoid_of, {{-1, 1}, {-20, 20}, {-750, 750}});
  logistic.flushes = true;
  return {
      one("exp", exp, expl, {{-1, 1}, {-110, 90}, {-750, 710}}),
      one("expm1", expm1, expm1l, {{-1, 1}, {-20, 90}, {-40, 710}}),
      one("log", log, logl, {{0.5, 2}, {0.99, 1.01}, {0, 100}}),
      one("log1p", log1p, log1pl, {{-1, 1}, {-0.01, 0.01}, {-1, 100}}),
      one("sqrt", sqrt, sqrtl, {{0, 4}}),
      one("sin", sin, sinl, {{-4, 4}, {-100, 100}, {-1e6, 1e6}}),
      one("cos", cos, cosl, {{-4, 4}, {-100, 100}, {-1e6, 1e6}}),
      one("tanh", tanh, tanhl, {{-1, 1}, {-10, 10}, {-20, 20}}),
      logistic,
      one("softplus", softplus, softplus_of, {{-1, 1}, {-20, 20}, {-110, 110}, {-750, 750}}),
      one("erf", erf, erfl, {{-1, 1}, {-4, 4}, {-7, 7}}),
      one("logit", logit, logit_of, {{0, 1}, {0.49, 0.51}, {0.25, 0.75}, {0.9, 1}}),
      {"power",
       power_of,
       powl,
       {{0, 4}, {-20, 20}},
       true,
       {0.5, -0.5, 1 / 3.0, -2.7, 7.1, 99, 1e-3}},
      {"power, whole n", power_of, powl, {{-4, 4}, {0.9, 1.1}}, true, whole},
      {"xlogy", [](const variables& v) { return xlogy(v[0], v[1]); }, xlogy_of, {{0, 2}}, true},
  };
}

template <class T> using bits_of = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;

// Any finite number: random bits.
template <class T> T any_finite(engine& random) {
  for (;;) {
    const T x = std::bit_cast<T>(static_cast<bits_of<T>>(random()));
    if (std::isfinite(x)) return x;
  }
}

template <class T> std::vector<T> draw_arguments(const function& f, std::size_t n, engine& random) {
  std::vector<T> x;
  for (std::size_t i = 0; i < n; ++i) {
    const std::size_t k = i % (f.ranges.size() + 1);
    if (k == 0) {
      x.push_back(any_finite<T>(random));
    } else {
      const auto [low, high] = f.ranges[k - 1];
      x.push_back(static_cast<T>(std::uniform_real_distribution<double>(low, high)(random)));
    }
  }
  return x;
}

// f of all arguments, as a program computes it.
template <class T>
std::vector<T> values(const function& f, const std::vector<T>& a, const std::vector<T>& b) {
  const auto n = static_cast<std::int64_t>(a.size());
  tape t;
  variables inputs{t.input(dtype_of<T>::value, {n})};
  std::vector<array_view> given{array_view({dtype_of<T>::value, {n}}, a.data())};
  if (f.two) {
    inputs.push_back(t.input(dtype_of<T>::value, {n}));
    given.push_back(array_view({dtype_of<T>::value, {n}}, b.data()));
  }
  program code(t, inputs, {f.apply(inputs)});
  code.run(given);
  const T* y = code.output(0).view().template data_as<T>();
  return {y, y + n};
}

// |got - exact| in units in the last place of exact; infinities are the next number there would be.
template <class T> double ulps(T got, real exact) {
  using limits = std::numeric_limits<T>;
  const real huge = ldexpl(1, limits::max_exponent);
  if (std::isnan(got) || std::isnan(exact)) {
    return std::isnan(got) && std::isnan(exact) ? 0 : std::numeric_limits<double>::infinity();
  }
  const auto cut = [&](real x) { return fabsl(x) < huge ? x : copysignl(huge, x); };
  const real wanted = cut(exact);
  const int exponent =
      wanted == 0 ? limits::min_exponent : std::max(ilogbl(wanted) + 1, limits::min_exponent);
  const real unit = ldexpl(1, std::min(exponent, limits::max_exponent) - limits::digits);
  return static_cast<double>(fabsl(cut(static_cast<real>(got)) - wanted) / unit);
}

struct worst {
  double error = 0, a = 0, b = 0;
};

template <class T> worst largest_error(const function& f, std::size_t n, engine& random) {
  const std::vector<T> a = draw_arguments<T>(f, n, random);
  std::vector<T> b(n);
  if (f.two) b = draw_arguments<T>(f, n, random);
  std::shuffle(b.begin(), b.end(), random);
  if (!f.exponents.empty()) {
    for (T& e : b) e = static_cast<T>(f.exponents[random() % f.exponents.size()]);
  }
  const std::vector<T> y = values(f, a, b);
  worst w;
  for (std::size_t i = 0; i < n; ++i) {
    const real exact = f.exact(static_cast<real>(a[i]), static_cast<real>(b[i]));
    if (f.flushes && y[i] == 0 && fabsl(exact) < std::numeric_limits<T>::min()) continue;
    const double e = ulps(y[i], exact);
    if (e > w.error) w = {e, static_cast<double>(a[i]), static_cast<double>(b[i])};
  }
  return w;
}

// README.md's rows `| name | float32 | float64 |`.
std::map<std::string, std::pair<double, double>> documented_bounds() {
  std::ifstream readme(COTAPE_SOURCE_DIR "/README.md");
  std::map<std::string, std::pair<double, double>> bounds;
  bool within = false;
  for (std::string line; std::getline(readme, line);) {
    if (line.starts_with("#")) within = line.ends_with("Accuracy");
    if (!within || !line.starts_with("| ")) continue;
    std::istringstream cells(line.substr(2));
    std::string name, float32_bound, float64_bound;
    std::getline(cells, name, '|');
    std::getline(cells, float32_bound, '|');
    std::getline(cells, float64_bound, '|');
    name.erase(name.find_last_not_of(' ') + 1);
    if (float32_bound.find_first_of("0123456789") == 1) {
      bounds[name] = {std::stod(float32_bound), std::stod(float64_bound)};
    }
  }
  return bounds;
}

void expect_within(const char* dtype, const worst& w, double bound) {
  std::cout << "  " << dtype << " " << std::setprecision(4) << w.error << " (at " << std::hexfloat
            << w.a << ", " << w.b << std::defaultfloat << ")";
  EXPECT_LE(w.error, bound) << "in " << dtype;
}

}  // namespace

TEST(Transcendentals, AreWithinTheDocumentedErrors) {
  engine random(21);
  const auto bounds = documented_bounds();
  constexpr std::size_t n = 200000;
  EXPECT_EQ(bounds.size(), functions().size());
  for (const function& f : functions()) {
    SCOPED_TRACE(f.name);
    const auto bound = bounds.contains(f.name) ? bounds.at(f.name) : std::pair<double, double>();
    std::cout << std::left << std::setw(15) << f.name;
    expect_within("float32", largest_error<float>(f, n, random), bound.first);
    expect_within("float64", largest_error<double>(f, n, random), bound.second);
    std::cout << "\n";
  }
}

namespace {

template <class T> std::vector<T> special_numbers() {
  using limits = std::numeric_limits<T>;
  std::vector<T> x{
      0,        limits::denorm_min(), limits::min() / 3, limits::min(), T(0.5), 1, 2, 3, T(0.7),
      T(1e-30), limits::max(),        limits::infinity()};
  for (std::size_t i = x.size(); i-- > 0;) x.push_back(-x[i]);
  x.push_back(limits::quiet_NaN());
  return x;
}

// NaN, infinity and zero with its sign, where the function is one of these.
template <class T> bool alike(T got, real exact) {
  const T wanted = static_cast<T>(exact);
  if (std::isnan(wanted)) return std::isnan(got);
  if (std::isinf(wanted)) return got == wanted;
  if (wanted == 0) return got == 0 && std::signbit(got) == std::signbit(wanted);
  return std::isfinite(got) && std::signbit(got) == std::signbit(wanted);
}

template <class T> void expect_special_values(const function& f) {
  std::vector<T> a, b;
  const std::vector<T> numbers = special_numbers<T>();
  for (T x : numbers) {
    for (T y : f.two ? numbers : std::vector<T>{0}) {
      a.push_back(x);
      b.push_back(y);
    }
  }
  const std::vector<T> y = values(f, a, b);
  for (std::size_t i = 0; i < a.size(); ++i) {
    const real exact = f.exact(static_cast<real>(a[i]), static_cast<real>(b[i]));
    EXPECT_TRUE(alike(y[i], exact)) << name_of(dtype_of<T>::value) << " at " << a[i] << ", " << b[i]
                                    << ": " << y[i] << ", not " << exact;
  }
}

}  // namespace

TEST(Transcendentals, TakeSpecialNumbersAsMathematicsDoes) {
  for (const function& f : functions()) {
    SCOPED_TRACE(f.name);
    expect_special_values<float>(f);
    expect_special_values<double>(f);
  }
}

}  // namespace cotape::tests
