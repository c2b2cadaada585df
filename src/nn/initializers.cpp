// First values of weights.
#include "cotape/initializers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <vector>

namespace cotape {

namespace {

struct fans {
  double in = 1, out = 1;
  explicit fans(const shape& s) {
    double taps = 1;
    for (std::size_t i = 0; i + 2 < s.rank(); ++i) taps *= static_cast<double>(s[i]);
    if (s.rank() > 1) in = taps * static_cast<double>(s[s.rank() - 2]);
    if (s.rank() > 0) out = taps * static_cast<double>(s[s.rank() - 1]);
    if (s.rank() == 1) in = out;
  }
};

tensor symmetric(generator& random, const shape& s, double limit, dtype d) {
  return random.uniform(s, -limit, limit, d);
}

tensor filled(const shape& s, double value) {
  tensor result(value_type{float64, s});
  std::fill_n(result.data_as<double>(), s.elements(), value);
  return result;
}

void demand_deviation(const char* who, double mean, double deviation) {
  if (deviation >= 0 && !std::isnan(mean)) return;
  throw value_error(fmt::format("{}: a mean of {} and a deviation of {}", who, mean, deviation));
}

// Gram and Schmidt's process over the rows, as modified: what is left of orthogonality is rounding
// times the condition number (Björck, 1967), about the size of a matrix that was drawn.
void make_orthonormal(double* rows, std::int64_t count, std::int64_t size) {
  const auto product = [=](const double* a, const double* b) {
    double sum = 0;
    for (std::int64_t k = 0; k < size; ++k) sum += a[k] * b[k];
    return sum;
  };
  for (std::int64_t i = 0; i < count; ++i) {
    double* row = rows + i * size;
    for (std::int64_t j = 0; j < i; ++j) {
      const double* other = rows + j * size;
      const double share = product(row, other);
      for (std::int64_t k = 0; k < size; ++k) row[k] -= share * other[k];
    }
    const double length = std::sqrt(product(row, row));
    for (std::int64_t k = 0; k < size; ++k) row[k] /= length;
  }
}

initializer told(std::string text, initializer f) {
  f.text = std::move(text);
  return f;
}

struct named_drawing {
  const char* name;
  tensor (*f)(generator&, const shape&, dtype);
};
constexpr std::array drawings{
    named_drawing{"glorot_uniform", glorot_uniform}, named_drawing{"glorot_normal", glorot_normal},
    named_drawing{"he_uniform", he_uniform},         named_drawing{"he_normal", he_normal},
    named_drawing{"lecun_uniform", lecun_uniform},   named_drawing{"lecun_normal", lecun_normal}};

}  // namespace

// A function of the user's own has no text.
initializer::initializer(tensor (*f)(generator&, const shape&, dtype))
    : function([f](generator& r, const shape& s) { return f(r, s, float32); }) {
  for (const named_drawing& d : drawings) {
    if (d.f == f) text = d.name;
  }
}

initializer::initializer(tensor (*f)(const shape&, dtype))
    : function([f](generator&, const shape& s) { return f(s, float32); }),
      text(f == zeros  ? "zeros"
           : f == ones ? "ones"
                       : "") {}

tensor glorot_uniform(generator& random, const shape& s, dtype d) {
  const fans f(s);
  return symmetric(random, s, std::sqrt(6 / (f.in + f.out)), d);
}

tensor glorot_normal(generator& random, const shape& s, dtype d) {
  const fans f(s);
  return random.normal(s, 0, std::sqrt(2 / (f.in + f.out)), d);
}

tensor he_uniform(generator& random, const shape& s, dtype d) {
  return symmetric(random, s, std::sqrt(6 / fans(s).in), d);
}

tensor he_normal(generator& random, const shape& s, dtype d) {
  return random.normal(s, 0, std::sqrt(2 / fans(s).in), d);
}

tensor lecun_uniform(generator& random, const shape& s, dtype d) {
  return symmetric(random, s, std::sqrt(3 / fans(s).in), d);
}

tensor lecun_normal(generator& random, const shape& s, dtype d) {
  return random.normal(s, 0, std::sqrt(1 / fans(s).in), d);
}

tensor zeros(const shape& s, dtype d) { return tensor(value_type{d, s}); }

tensor ones(const shape& s, dtype d) {
  const tensor result = filled(s, 1);
  return d == float64 ? result : tensor(result, d);
}

initializer random_normal(double mean, double deviation) {
  demand_deviation("random_normal", mean, deviation);
  return told(fmt::format("random_normal({}, {})", mean, deviation),
              [=](generator& r, const shape& s) { return r.normal(s, mean, deviation); });
}

initializer random_uniform(double low, double high) {
  if (!(low <= high)) {
    throw value_error(fmt::format("random_uniform: nothing lies between {} and {}", low, high));
  }
  return told(fmt::format("random_uniform({}, {})", low, high),
              [=](generator& r, const shape& s) { return r.uniform(s, low, high); });
}

// What lies outside, one in 22, is drawn again until nothing does.
initializer truncated_normal(double mean, double deviation) {
  demand_deviation("truncated_normal", mean, deviation);
  return told(fmt::format("truncated_normal({}, {})", mean, deviation), [=](generator& random,
                                                                            const shape& s) {
    tensor result = random.normal(s, 0, 1, float64);
    std::vector<double*> outside;
    const std::span<double> all(result.data_as<double>(), static_cast<std::size_t>(s.elements()));
    for (double& x : all) outside.push_back(&x);
    for (;;) {
      std::erase_if(outside, [](const double* x) { return std::abs(*x) <= 2; });
      if (outside.empty()) break;
      const tensor again =
          random.normal({static_cast<std::int64_t>(outside.size())}, 0, 1, float64);
      for (std::size_t i = 0; i < outside.size(); ++i) *outside[i] = again.data_as<double>()[i];
    }
    for (double& x : all) x = mean + deviation * x;
    return result;
  });
}

initializer constant_value(double value) {
  return told(fmt::format("constant_value({})", value),
              [=](generator&, const shape& s) { return filled(s, value); });
}

initializer orthogonal(double gain) {
  return told(fmt::format("orthogonal({})", gain), [=](generator& random, const shape& s) {
    if (s.rank() < 2) {
      throw shape_error(fmt::format("orthogonal: {} has less than two axes", s.text()));
    }
    const std::int64_t columns = s[s.rank() - 1];
    const std::int64_t rows = columns == 0 ? 0 : s.elements() / columns;
    const std::int64_t count = std::min(rows, columns), size = std::max(rows, columns);
    tensor vectors = random.normal({count, size}, 0, 1, float64);
    make_orthonormal(vectors.data_as<double>(), count, size);
    tensor result(value_type{float64, s});
    for (std::int64_t i = 0; i < rows; ++i) {
      for (std::int64_t j = 0; j < columns; ++j) {
        const std::int64_t from = rows < columns ? i * size + j : j * size + i;
        result.data_as<double>()[i * columns + j] = gain * vectors.data_as<double>()[from];
      }
    }
    return result;
  });
}

initializer identity_matrix(double gain) {
  return told(fmt::format("identity_matrix({})", gain), [=](generator&, const shape& s) {
    if (s.rank() != 2) {
      throw shape_error(fmt::format("identity_matrix: {} is no matrix", s.text()));
    }
    tensor result(value_type{float64, s});
    for (std::int64_t i = 0; i < std::min(s[0], s[1]); ++i) {
      result.data_as<double>()[i * s[1] + i] = gain;
    }
    return result;
  });
}

}  // namespace cotape
