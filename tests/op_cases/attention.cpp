// Op cases: attention by its definition, and positions.
#include "op_cases.hpp"

namespace cotape::tests {

namespace {

struct seeing {
  bool causal = false;
  double scale = 0;  // 0: that of the width
  array mask = array({}, 1.0);
};

std::int64_t size_of(const array& x, std::size_t from_end) {
  return x.shape[x.shape.rank() - from_end];
}

// Of row `at` of the result: the weight of each key, and how large the terms of its score are.
struct weighing {
  std::vector<real> weight;
  real terms = 0;
};
weighing weights_of(const arrays& x, const index& at, const seeing& how) {
  index row = at, key = at;
  const std::int64_t t = at[at.size() - 2], d = size_of(x[0], 1);
  const real scale = how.scale == 0 ? 1 / std::sqrt(static_cast<real>(d)) : how.scale;
  weighing w;
  real most = -std::numeric_limits<real>::infinity(), total = 0;
  for (std::int64_t s = 0; s < size_of(x[1], 2); ++s) {
    index seen = at;
    seen.back() = s;
    key[key.size() - 2] = s;
    real score = 0, terms = 0;
    for (std::int64_t i = 0; i < d; ++i) {
      row.back() = key.back() = i;
      const real term = scale * x[0][row] * x[1][key];
      score += term;
      terms += std::abs(term);
    }
    const bool sees = how.mask[seen] != 0 && (!how.causal || s <= t);
    w.weight.push_back(sees ? score : -std::numeric_limits<real>::infinity());
    w.terms = std::max(w.terms, terms);
    most = std::max(most, w.weight.back());
  }
  for (real& e : w.weight) total += e = std::isinf(most) ? 0 : std::exp(e - most);
  for (real& e : w.weight) e = total == 0 ? 0 : e / total;
  return w;
}

// The sum over keys of weight f(v), times `factor` of the terms.
template <class F, class G> array of_keys(const arrays& x, const seeing& how, F f, G factor) {
  index sizes = sizes_of(x[0].shape);
  sizes.back() = size_of(x[2], 1);
  array y(shape_from(sizes));
  each(y.shape, [&](const index& at) {
    const weighing w = weights_of(x, at, how);
    index key = at;
    real total = 0;
    for (std::int64_t s = 0; s < size_of(x[2], 2); ++s) {
      key[key.size() - 2] = s;
      total += w.weight[static_cast<std::size_t>(s)] * f(static_cast<real>(x[2][key]));
    }
    y[at] = static_cast<double>(total * factor(w.terms));
  });
  return y;
}

op_case row(std::string variant, std::vector<shape> shapes, const seeing& how) {
  op_case c{"attention", std::move(variant), {}, {}, {}};
  for (const shape& s : shapes) c.inputs.push_back({s, {}});
  c.apply = [how](const variables& v) {
    attention_options o{.causal = how.causal};
    if (how.mask.shape.rank() > 0) {
      xt::xarray<double> mask = xt::zeros<double>(sizes_of(how.mask.shape));
      std::copy(how.mask.data.begin(), how.mask.data.end(), mask.begin());
      o.mask = v[0].owner().constant(mask);
    }
    if (how.scale != 0) o.scale = how.scale;
    return attention(v[0], v[1], v[2], o);
  };
  c.reference = [how](const arrays& x) {
    return of_keys(
        x, how, [](real e) { return e; }, [](real) { return real{1}; });
  };
  c.magnitude = [how](const arrays& x) {
    return of_keys(
        x, how, [](real e) { return std::abs(e); }, [](real terms) { return 1 + 2 * terms; });
  };
  return c;
}

// x, or its size, and beside it f of its position's angle.
op_case turning(std::string name, std::string variant, shape s,
                std::function<variable(const variable&)> apply,
                std::function<real(const array& x, const index& at, bool sizes)> f) {
  op_case c{std::move(name), std::move(variant), {{std::move(s), {}}}, {}, {}};
  c.apply = [apply = std::move(apply)](const variables& v) { return apply(v[0]); };
  const auto made = [f = std::move(f)](const arrays& x, bool sizes) {
    array y(x[0].shape);
    each(y.shape, [&](const index& at) { y[at] = static_cast<double>(f(x[0], at, sizes)); });
    return y;
  };
  c.reference = [made](const arrays& x) { return made(x, false); };
  c.magnitude = [made](const arrays& x) { return made(x, true); };
  return c;
}

real angle(const array& x, const index& at, std::int64_t i, real longest) {
  const real d = static_cast<real>(x.shape[x.shape.rank() - 1]);
  return static_cast<real>(at[at.size() - 2]) / std::pow(longest, 2 * static_cast<real>(i) / d);
}

op_case turned(std::string variant, shape s, double longest) {
  const auto f = [=](const array& x, const index& at, bool sizes) {
    const std::int64_t half = x.shape[x.shape.rank() - 1] / 2, i = at.back() % half;
    index first = at, second = at;
    first.back() = i;
    second.back() = i + half;
    const real c = std::cos(angle(x, at, i, longest)), n = std::sin(angle(x, at, i, longest));
    const real a = x[first], b = x[second];
    if (sizes) return std::abs(a) + std::abs(b);
    return at.back() < half ? a * c - b * n : b * c + a * n;
  };
  return turning(
      "rotary", std::move(variant), std::move(s),
      [=](const variable& v) { return rotary(v, longest); }, f);
}

op_case placed(std::string variant, shape s, double longest) {
  const auto f = [=](const array& x, const index& at, bool sizes) {
    const real a = angle(x, at, at.back() / 2, longest);
    return sizes ? real{1} : at.back() % 2 == 0 ? std::sin(a) : std::cos(a);
  };
  op_case c = turning(
      "sinusoidal_positions", std::move(variant), std::move(s),
      [=](const variable& v) { return sinusoidal_positions(v, longest); }, f);
  c.derivative = slope::zero;
  return c;
}

}  // namespace

std::vector<op_case> attention_cases() {
  // The second row sees nothing.
  const array mask({3, 5}, {1, 0, 1, 1, 0, 0, 0, 0, 0, 0, 1, 1, 0, 2, -1});
  std::vector<op_case> rows;
  rows.push_back(row("plain", {{2, 3, 4}, {2, 5, 4}, {2, 5, 3}}, {}));
  rows.push_back(row("causal", {{4, 3}, {4, 3}, {4, 2}}, {.causal = true}));
  rows.push_back(row("causal, fewer keys", {{5, 3}, {3, 3}, {3, 2}}, {.causal = true}));
  rows.push_back(row("causal, more keys", {{3, 2}, {5, 2}, {5, 2}}, {.causal = true, .scale = 2}));
  for (op_case& c : rows) c.grows = true;
  rows.push_back(row("shared keys", {{2, 2, 3, 4}, {5, 4}, {2, 1, 5, 3}}, {}));
  rows.push_back(row("masked", {{2, 3, 4}, {2, 5, 4}, {2, 5, 3}}, {.mask = mask}));
  rows.push_back(row("masked, causal", {{3, 4}, {5, 4}, {5, 3}}, {.causal = true, .mask = mask}));
  rows.push_back(turned("", {2, 5, 6}, 10000));
  rows.push_back(turned("matrix", {4, 2}, 3));
  rows.push_back(placed("even", {5, 6}, 10000));
  rows.push_back(placed("odd", {4, 3}, 100));
  return rows;
}

}  // namespace cotape::tests
