// Functions over floating-point numbers one after another: within their range, exact where they
// saturate, and going one way, but for the steps back that docs/accuracy.md owns to.
#include <array>
#include <bit>
#include <cstdlib>
#include <iomanip>
#include <iostream>
#include <limits>
#include <set>

#include "accuracy.hpp"

namespace cotape::tests {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

// So many numbers of a function and dtype, twice; 2^32 are all floats.
std::uint64_t count() {
  const char* wanted = std::getenv("COTAPE_WALKED_NUMBERS");
  return wanted == nullptr ? 1 << 21 : std::stoull(wanted);
}

struct per_dtype {
  double float32, float64;
  double in(dtype d) const { return d == cotape::float32 ? float32 : float64; }
};

// From here on, outwards, each result is `value`, or the argument itself.
struct saturation {
  per_dtype from;
  double value = 0;
  bool itself = false;
};

struct bounds {
  double low = -infinity, high = infinity;
};
using operation = variable (*)(operand);

// A function where it goes one way: up (1) or down (-1); 0: neither.
struct stretch {
  int way;
  std::string name;
  operation f;
  bounds results, arguments;
  std::vector<saturation> ends;
};

saturation always(double value, per_dtype from) { return {from, value}; }
saturation itself(per_dtype from) { return {from, 0, true}; }

stretch up(std::string name, operation f, bounds results, bounds arguments = {},
           std::vector<saturation> ends = {}) {
  return {1, std::move(name), f, results, arguments, std::move(ends)};
}
stretch down(std::string name, operation f, bounds results, bounds arguments,
             std::vector<saturation> ends = {}) {
  return {-1, std::move(name), f, results, arguments, std::move(ends)};
}

std::vector<stretch> exponentials() {
  const per_dtype vanishes{-104, -746}, overflows{89, 710}, one{17.4, 37.5};
  return {up("exp", exp, {0}, {}, {always(0, vanishes), always(infinity, overflows)}),
          up("expm1", expm1, {-1}, {}, {always(-1, {-18, -38}), always(infinity, overflows)}),
          up("log", log, {}, {0}),
          up("log1p", log1p, {}, {-1}),
          up("tanh", tanh, {-1, 1}, {},
             {always(-1, {-9.0110025, -19.1}), always(1, {9.0110025, 19.1})}),
          up("sigmoid", sigmoid, {0, 1}, {}, {always(0, vanishes), always(1, one)}),
          up("softplus", softplus, {0}, {}, {always(0, vanishes), itself(one)}),
          up("log_sigmoid", log_sigmoid, {-infinity, 0}, {},
             {itself({-17.4, -37.5}), always(0, {104, 746})}),
          up("logit", logit, {}, {0, 1}),
          down("gaussian", gaussian, {0, 1}, {0}, {always(0, {14.5, 38.7})}),
          up("erf", erf, {-1, 1}, {}, {always(-1, {-4, -6}), always(1, {4, 6})}),
          up("normal_cdf", normal_cdf, {0, 1}, {}, {always(0, {-15, -39}), always(1, {5.7, 8.5})})};
}

std::vector<stretch> activations() {
  const per_dtype zero{0, 0}, one{17.4, 37.5};
  const saturation none = always(0, {-15, -39}), all = itself({5.7, 8.5});
  const operation leaky = [](operand x) { return leaky_relu(x); };
  const operation unit = [](operand x) { return elu(x); };
  const operation step = [](operand x) { return heaviside(x, 0.5); };
  const operation smooth = [](operand x) { return celu(x); };
  return {
      up("elu", unit, {-1}, {}, {always(-1, {-18, -38}), itself(zero)}),
      up("celu", smooth, {-1}, {}, {always(-1, {-18, -38}), itself(zero)}),
      up("selu", selu, {-1.7581}),
      up("softsign", softsign, {-1, 1}, {}, {always(-1, {-4e7, -2e16}), always(1, {4e7, 2e16})}),
      up("relu6", relu6, {0, 6}, {}, {always(0, {-1e-300, -1e-300}), always(6, {6, 6})}),
      up("hard_sigmoid", hard_sigmoid, {0, 1}, {}, {always(0, {-3, -3}), always(1, {3, 3})}),
      up("hard_tanh", hard_tanh, {-1, 1}, {}, {always(-1, {-1, -1}), always(1, {1, 1})}),
      up("leaky_relu", leaky, {}, {}, {itself(zero)}),
      up("relu", relu, {0}, {}, {always(0, {-1e-300, -1e-300}), itself(zero)}),
      up("sign", sign, {-1, 1}),
      up("heaviside", step, {0, 1}),
      down("abs", abs, {0}, {-infinity, 0}),
      down("silu", silu, {-0.27847, 0}, {-infinity, -1.28}, {always(0, {-120, -760})}),
      up("silu", silu, {-0.27847}, {-1.27}, {itself(one)}),
      down("gelu", gelu, {-0.16998, 0}, {-infinity, -0.76}, {none}),
      up("gelu", gelu, {-0.16998}, {-0.75}, {all}),
      down("gelu_tanh", gelu_tanh, {-0.17005, 0}, {-infinity, -0.76}, {none}),
      up("gelu_tanh", gelu_tanh, {-0.17005}, {-0.75}, {all})};
}

std::vector<stretch> powers() {
  const operation cube = [](operand x) { return power(x, 3); };
  const operation inverse_square = [](operand x) { return power(x, -2); };
  const operation root = [](operand x) { return power(x, 0.5); };
  return {up("sqrt", sqrt, {0}, {0}),
          up("square", square, {0}, {0}),
          down("reciprocal", reciprocal, {0}, {0}),
          up("power: n = 3", cube, {}),
          down("power: n = -2", inverse_square, {0}, {0}),
          up("power: n = 1/2", root, {0}, {0}),
          {0, "sin", sin, {-1, 1}, {-1e6, 1e6}, {}},
          up("sin", sin, {-1, 1}, {-1.57, 1.57}),
          {0, "cos", cos, {-1, 1}, {-1e6, 1e6}, {}},
          down("cos", cos, {-1, 1}, {0, 3.14})};
}

std::vector<stretch> stretches() {
  std::vector<stretch> all = exponentials();
  for (const auto& more : {activations(), powers()})
    all.insert(all.end(), more.begin(), more.end());
  return all;
}

// Numbers in their order, by whole numbers: those of 0, denormals, ... infinity are 0, 1, ...
template <class T> struct ordered {
  using bits = std::conditional_t<sizeof(T) == 4, std::uint32_t, std::uint64_t>;
  static std::int64_t place(T x) {
    const auto size = static_cast<std::int64_t>(std::bit_cast<bits>(std::abs(x)));
    return std::signbit(x) ? -size : size;
  }
  static T at(std::int64_t place) {
    const T size = std::bit_cast<T>(static_cast<bits>(std::abs(place)));
    return place < 0 ? -size : size;
  }
};

template <class T> class walk {
 public:
  explicit walk(const stretch& s)
      : s_(s),
        d_(sizeof(T) == 4 ? float32 : float64),
        x_(t_.input(d_, {length})),
        code_(t_, {x_}, {s.f(x_)}),
        arguments_(value_type{d_, {length}}) {}

  // All numbers from `low` to `high`, or blocks of them.
  void over(double low, double high, std::uint64_t most) {
    const auto first = ordered<T>::place(static_cast<T>(low));
    const auto numbers = static_cast<std::uint64_t>(ordered<T>::place(static_cast<T>(high))) -
                         static_cast<std::uint64_t>(first) + 1;
    const std::uint64_t all = (numbers + length - 1) / length;
    const std::uint64_t blocks = std::min(all, std::max<std::uint64_t>(1, most / length));
    started_ = false;
    for (std::uint64_t b = 0; b < blocks; ++b) {
      const std::uint64_t skipped = all == blocks ? b * length : numbers / blocks * b;
      block(static_cast<std::int64_t>(static_cast<std::uint64_t>(first) + skipped),
            static_cast<std::int64_t>(std::min<std::uint64_t>(length, numbers - skipped)));
    }
  }
  double step_back() const { return static_cast<double>(step_back_); }

 private:
  static constexpr std::int64_t length = 512;

  void block(std::int64_t first, std::int64_t n) {
    T* x = arguments_.data_as<T>();
    for (std::int64_t i = 0; i < length; ++i) x[i] = ordered<T>::at(first + std::min(i, n - 1));
    const std::array<array_view, 1> inputs{arguments_};
    code_.run(inputs);
    const T* y = code_.output(0).view().data_as<T>();
    for (std::int64_t i = 0; i < n; ++i) examine(x[i], y[i]);
  }

  void examine(T x, T y) {
    const auto low = static_cast<T>(s_.results.low), high = static_cast<T>(s_.results.high);
    if (!(y >= low && y <= high)) fail(x, y, "outside its range");
    for (const saturation& e : s_.ends) {
      const double from = e.from.in(d_);
      if (from < 0 ? x > from : x < from) continue;
      if (y != (e.itself ? x : static_cast<T>(e.value))) fail(x, y, "where it saturates");
    }
    const bool back = s_.way > 0 ? y < last_ : s_.way < 0 && y > last_;
    if (started_ && back) {
      step_back_ = std::max(step_back_, std::abs(ordered<T>::place(y) - ordered<T>::place(last_)));
    }
    last_ = y;
    started_ = true;
  }

  void fail(T x, T y, const char* what) {
    if (++failures_ > 3) return;
    ADD_FAILURE() << s_.name << " in " << name_of(d_) << ": " << std::setprecision(17) << y
                  << " at " << x << ", " << what;
  }

  const stretch& s_;
  dtype d_;
  tape t_;
  variable x_;
  program code_;
  tensor arguments_;
  bool started_ = false;
  T last_ = 0;
  std::int64_t step_back_ = 0;
  int failures_ = 0;
};

// Where most happens, and everywhere.
template <class T> double step_back(const stretch& s) {
  walk<T> w(s);
  const auto [low, high] = s.arguments;
  w.over(std::max(low, -0x1p10), std::min(high, 0x1p10), count());
  w.over(low, high, count());
  return w.step_back();
}

}  // namespace

TEST(Walk, StaysInRangeSaturatesExactlyAndStepsBackAsDocumented) {
  std::map<std::string, error_bounds> worst;
  for (const stretch& s : stretches()) {
    error_bounds& w = worst[s.name];
    w.float32 = std::max(w.float32, step_back<float>(s));
    w.float64 = std::max(w.float64, step_back<double>(s));
  }
  const auto& documented = documented_bounds(quantity::step_back);
  for (const auto& [name, w] : worst) {
    std::cout << std::left << std::setw(20) << name << std::setw(10) << w.float32 << w.float64
              << "\n";
    EXPECT_TRUE(documented.contains(name)) << name << " has no row in docs/accuracy.md";
    if (!documented.contains(name)) continue;
    EXPECT_LE(w.float32, documented.at(name).float32) << name << " in float32";
    EXPECT_LE(w.float64, documented.at(name).float64) << name << " in float64";
  }
  for (const auto& [name, bounds] : documented) EXPECT_TRUE(worst.contains(name)) << name;
}

}  // namespace cotape::tests
