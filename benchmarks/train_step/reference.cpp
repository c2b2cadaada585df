// The double reference: plain loops, no thought for speed.
#include <algorithm>
#include <cmath>

#include "engine.hpp"

namespace bench {
namespace {

using vector = std::vector<double>;

double sigmoid(double z) { return 1 / (1 + std::exp(-z)); }

bool last_is_active(const spec& s) { return s.loss == loss::half_mean_squared; }

// z = x w + b
vector affine(const vector& x, const layer_place& l, const std::vector<float>& w, std::size_t m) {
  vector z(m * l.units);
  for (std::size_t i = 0; i < m; ++i) {
    for (std::size_t j = 0; j < l.units; ++j) z[i * l.units + j] = w[l.bias + j];
    for (std::size_t k = 0; k < l.inputs; ++k) {
      const double xik = x[i * l.inputs + k];
      const float* row = &w[l.weights + k * l.units];
      for (std::size_t j = 0; j < l.units; ++j) z[i * l.units + j] += xik * row[j];
    }
  }
  return z;
}

// The loss of the last layer's values; turns them into its derivative.
double apply_loss(const problem& p, vector& z) {
  const spec& s = p.what;
  const std::size_t n = s.sizes.back();
  const double scale = 1.0 / static_cast<double>(s.batch), each = scale / static_cast<double>(n);
  double total = 0;
  for (std::size_t i = 0; i < s.batch; ++i) {
    double* row = &z[i * n];
    if (s.loss == loss::softmax_crossentropy) {
      const auto label = static_cast<std::size_t>(p.labels[i]);
      double sum = 0;
      for (std::size_t j = 0; j < n; ++j) sum += std::exp(row[j]);
      total += scale * (std::log(sum) - row[label]);
      for (std::size_t j = 0; j < n; ++j) row[j] = scale * std::exp(row[j]) / sum;
      row[label] -= scale;
      continue;
    }
    for (std::size_t j = 0; j < n; ++j) {
      const double t = p.targets[i * n + j], d = row[j] - t;
      if (s.loss == loss::binary_crossentropy) {
        const double y = sigmoid(row[j]);
        total -= each * (t * std::log(y) + (1 - t) * std::log(1 - y));
        row[j] = each * (y - t);
      } else {
        const double half = s.loss == loss::half_mean_squared ? 0.5 : 1.0;
        total += each * half * d * d;
        row[j] = each * half * 2 * d;
      }
    }
  }
  return total;
}

double activate(activation a, double z) {
  return a == activation::relu ? std::max(z, 0.0) : sigmoid(z);
}

// The activation's derivative from its value.
double slope(activation a, double y) {
  return a == activation::relu ? (y > 0 ? 1.0 : 0.0) : y * (1 - y);
}

// The layer's gradients into `gradient`; gives its input's.
vector backward(const layer_place& l, const std::vector<float>& w, const vector& x,
                const vector& dz, std::size_t m, vector& gradient) {
  vector dx(m * l.inputs);
  for (std::size_t i = 0; i < m; ++i) {
    const double* d = &dz[i * l.units];
    for (std::size_t j = 0; j < l.units; ++j) gradient[l.bias + j] += d[j];
    for (std::size_t k = 0; k < l.inputs; ++k) {
      const double xik = x[i * l.inputs + k];
      const float* row = &w[l.weights + k * l.units];
      double* g = &gradient[l.weights + k * l.units];
      double sum = 0;
      for (std::size_t j = 0; j < l.units; ++j) {
        g[j] += xik * d[j];
        sum += d[j] * row[j];
      }
      dx[i * l.inputs + k] = sum;
    }
  }
  return dx;
}

outcome network(const problem& p) {
  const spec& s = p.what;
  const auto places = places_of(s);
  std::vector<vector> values{vector(p.x.begin(), p.x.end())};
  for (std::size_t l = 0; l < s.layers(); ++l) {
    values.push_back(affine(values[l], places[l], p.weights, s.batch));
    if (l + 1 == s.layers() && !last_is_active(s)) break;
    for (double& v : values.back()) v = activate(s.activation, v);
  }
  const vector last = values.back();
  outcome result{0, vector(p.weights.size())};
  vector d = last;
  result.loss = apply_loss(p, d);
  for (std::size_t l = s.layers(); l-- > 0;) {
    if (l + 1 < s.layers() || last_is_active(s)) {
      for (std::size_t i = 0; i < d.size(); ++i) d[i] *= slope(s.activation, values[l + 1][i]);
    }
    d = backward(places[l], p.weights, values[l], d, s.batch, result.gradient);
  }
  if (s.adam) {  // the first step: both moments' corrections cancel
    for (double& g : result.gradient) g /= std::abs(g) + s.epsilon;
  }
  return result;
}

outcome chain(const problem& p) {
  const std::size_t n = p.what.n;
  outcome result{0, vector(3 * n)};
  for (std::size_t i = 0; i < n; ++i) {
    const double x = p.x[i], s = sigmoid(double(p.a[i]) * x + p.b[i]), t = std::tanh(x);
    const double db = t * s * (1 - s);
    result.loss += s * t;
    result.gradient[i] = db * p.a[i] + s * (1 - t * t);
    result.gradient[n + i] = db * x;
    result.gradient[2 * n + i] = db;
  }
  return result;
}

outcome loop(const problem& p) {
  double x = p.x0, dx = 1;
  outcome result{0, {0}};
  for (std::size_t i = 0; i < p.what.n; ++i) {
    const double e = std::exp(-x), r = 1 / (1 + x);
    dx *= e - x * e - r * r;
    x = x * e + r;
    result.loss += x;
    result.gradient[0] += dx;
  }
  return result;
}

}  // namespace

outcome reference(const problem& p) {
  switch (p.what.kind) {
    case task::network: return network(p);
    case task::chain: return chain(p);
    default: return loop(p);
  }
}

}  // namespace bench
