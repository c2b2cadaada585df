// Op cases: reductions, softmax and the like, cumulative sums.
#include <limits>

#include "op_cases.hpp"

namespace cotape::tests {

namespace {

using reduction = variable (*)(operand, const axes&, dims);

// Each in long double; the result is rounded once.
real total_of(const numbers& v, const std::function<real(real)>& term) {
  real total = 0;
  for (double x : v) total += term(x);
  return total;
}
double sum_of(const numbers& v) {
  return static_cast<double>(total_of(v, [](real x) { return x; }));
}
real exact_mean_of(const numbers& v) {
  return total_of(v, [](real x) { return x; }) / static_cast<real>(v.size());
}
double mean_of(const numbers& v) { return static_cast<double>(exact_mean_of(v)); }
real deviation_of(const numbers& v) {  // sum of squared deviations
  return total_of(v, [m = exact_mean_of(v)](real x) { return (x - m) * (x - m); });
}
double var_of(const numbers& v) {
  return static_cast<double>(deviation_of(v) / static_cast<real>(v.size()));
}
double stddev_of(const numbers& v) {
  return static_cast<double>(std::sqrt(deviation_of(v) / static_cast<real>(v.size())));
}
double sample_var_of(const numbers& v) {
  return static_cast<double>(deviation_of(v) / static_cast<real>(v.size() - 1));
}
double max_of(const numbers& v) {
  double m = -std::numeric_limits<double>::infinity();
  for (double x : v) m = x > m ? x : m;
  return m;
}
double min_of(const numbers& v) {
  double m = std::numeric_limits<double>::infinity();
  for (double x : v) m = x < m ? x : m;
  return m;
}
double prod_of(const numbers& v) {
  real p = 1;
  for (double x : v) p *= x;
  return static_cast<double>(p);
}
double norm_of(const numbers& v) {
  return static_cast<double>(std::sqrt(total_of(v, [](real x) { return x * x; })));
}
double logsumexp_of(const numbers& v) {
  return static_cast<double>(v[0] - log_probabilities(v)[0]);
}
numbers softmax_of(const numbers& v) {
  numbers y;
  for (real l : log_probabilities(v)) y.push_back(static_cast<double>(std::exp(l)));
  return y;
}
numbers log_softmax_of(const numbers& v) {
  const auto y = log_probabilities(v);
  return {y.begin(), y.end()};
}
numbers cumsum_of(const numbers& v) {
  numbers y;
  real total = 0;
  for (double x : v) y.push_back(static_cast<double>(total += x));
  return y;
}

// What errors are relative to: of sums the same of the terms' sizes; of logarithms of sums of n
// terms 1 + log n more; of a probability p, the exponential of a rounded number, p (1 - log p).
double sum_magnitude(const numbers& v) {
  return static_cast<double>(total_of(v, [](real x) { return std::abs(x); }));
}
double mean_magnitude(const numbers& v) { return sum_magnitude(v) / static_cast<double>(v.size()); }
double log_magnitude(double l, const numbers& v) {
  return std::abs(l) + 1 + std::log(static_cast<double>(v.size()));
}
double logsumexp_magnitude(const numbers& v) { return log_magnitude(logsumexp_of(v), v); }
numbers log_softmax_magnitude(const numbers& v) {
  numbers y;
  for (double l : log_softmax_of(v)) y.push_back(log_magnitude(l, v));
  return y;
}
numbers cumsum_magnitude(const numbers& v) {
  numbers y;
  for (double x : v) y.push_back((y.empty() ? 0 : y.back()) + std::abs(x));
  return y;
}
numbers softmax_magnitude(const numbers& v) {
  numbers y;
  for (double l : log_softmax_of(v)) y.push_back(std::exp(l) * (1 - l));
  return y;
}

// Where rules go wrong. Differences tell the derivatives there, but at kinks.
struct special_point {
  const char* name;
  numbers at;
};
const std::vector<special_point> special_points{
    {"at zeros", {0, 0, 0}},     {"at equal elements", {2, 2, 2}}, {"at one zero", {0, -1.5, 3}},
    {"at two zeros", {0, 3, 0}}, {"at a tie", {2, 1, 2}},          {"at one element", {1.5}}};
struct kink {
  const char *name, *point;
  numbers gradient;
};
const std::vector<kink> kinks{{"max", "at zeros", {1 / 3., 1 / 3., 1 / 3.}},
                              {"max", "at equal elements", {1 / 3., 1 / 3., 1 / 3.}},
                              {"max", "at a tie", {0.5, 0, 0.5}},
                              {"min", "at zeros", {1 / 3., 1 / 3., 1 / 3.}},
                              {"min", "at equal elements", {1 / 3., 1 / 3., 1 / 3.}},
                              {"min", "at two zeros", {0.5, 0, 0.5}},
                              {"norm", "at zeros", {0, 0, 0}},
                              {"stddev", "at zeros", {0, 0, 0}},
                              {"stddev", "at equal elements", {0, 0, 0}},
                              {"stddev", "at one element", {0}}};

using array_function = std::function<array(const arrays&)>;

void append_special(std::vector<op_case>& rows, const char* name,
                    const std::function<variable(const variables&)>& f,
                    const array_function& reference, const array_function& magnitude) {
  for (const special_point& p : special_points) {
    const auto n = static_cast<std::int64_t>(p.at.size());
    op_case c{name, p.name, {{{n}, fixed(p.at)}}, f, reference};
    c.unbounded = false;
    c.magnitude = magnitude;
    for (const kink& k : kinks) {
      if (c.name != k.name || c.variant != k.point) continue;
      c.derivative = slope::kinked;
      c.gradient = k.gradient;
    }
    rows.push_back(std::move(c));
  }
}

// Rows for one reduction: all axes; the first; the last, kept; two that are not adjacent.
void append(std::vector<op_case>& rows, const char* name, reduction f, scalar_function reference,
            domain from = {}, scalar_function magnitude = {}) {
  const auto row = [&](const char* variant, shape s, axes over, dims d, index reduced) {
    op_case c{name, variant, {{s, from}}, {}, {}};
    c.apply = [=](const variables& v) { return f(v[0], over, d); };
    c.reference = [=](const arrays& x) { return reduce(x[0], reduced, d == keep_dims, reference); };
    c.grows = true;
    if (magnitude) {
      c.magnitude = [=](const arrays& x) {
        return reduce(x[0], reduced, d == keep_dims, magnitude);
      };
    }
    rows.push_back(std::move(c));
  };
  row("all axes", {3, 4}, {}, dims::drop, {0, 1});
  row("first axis", {3, 4}, 0, dims::drop, {0});
  row("last axis, kept", {3, 4}, -1, keep_dims, {1});
  row("axes 0 and 2 of 3", {2, 3, 4}, {2, 0}, dims::drop, {0, 2});
  row("no axis", {3, 4}, axes{std::vector<std::int64_t>{}}, dims::drop, {});
  row("a scalar", {}, {}, dims::drop, {});
  const auto of_all = [](const scalar_function& g) -> array_function {
    if (!g) return {};
    return [g](const arrays& x) { return reduce(x[0], {0}, false, g); };
  };
  append_special(
      rows, name, [=](const variables& v) { return f(v[0], {}, dims::drop); }, of_all(reference),
      of_all(magnitude));
}

void append_along(std::vector<op_case>& rows, const char* name,
                  variable (*f)(operand, std::int64_t), numbers (*reference)(const numbers&),
                  numbers (*magnitude)(const numbers&)) {
  for (std::int64_t axis : {0, 1, -1}) {
    op_case c{name, "axis " + std::to_string(axis), {{{3, 4, 2}, {}}}, {}, {}};
    c.apply = [=](const variables& v) { return f(v[0], axis); };
    c.reference = [=](const arrays& x) { return along(x[0], axis < 0 ? 2 : axis, reference); };
    c.grows = true;
    c.magnitude = [=](const arrays& x) { return along(x[0], axis < 0 ? 2 : axis, magnitude); };
    rows.push_back(std::move(c));
  }
  append_special(
      rows, name, [=](const variables& v) { return f(v[0], 0); },
      [=](const arrays& x) { return along(x[0], 0, reference); },
      [=](const arrays& x) { return along(x[0], 0, magnitude); });
}

// Of neighbours along an axis of (3, 4, 2) or the like: rearranged so that the pieces are an axis.
op_case maxout_case(shape s, std::int64_t pieces, std::int64_t axis) {
  op_case c{"maxout",
            std::to_string(pieces) + " along axis " + std::to_string(axis),
            {{s, distinct()}},
            {},
            {}};
  c.apply = [=](const variables& v) { return maxout(v[0], pieces, axis); };
  c.reference = [=](const arrays& x) {
    const auto at = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
    index sizes = sizes_of(s);
    sizes[at] /= pieces;
    array y(shape_from(sizes));
    each(y.shape, [&](const index& i) {
      numbers group;
      for (std::int64_t k = 0; k < pieces; ++k) {
        index from = i;
        from[at] = i[at] * pieces + k;
        group.push_back(x[0][from]);
      }
      y[i] = max_of(group);
    });
    return y;
  };
  return c;
}

op_case glu_case(shape s, std::int64_t axis) {
  op_case c{"glu", "axis " + std::to_string(axis), {{s, {}}}, {}, {}};
  c.apply = [axis](const variables& v) { return glu(v[0], axis); };
  c.reference = [=](const arrays& x) {
    const auto at = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
    index sizes = sizes_of(x[0].shape);
    const std::int64_t half = sizes[at] /= 2;
    array y(shape_from(sizes));
    each(y.shape, [&](const index& i) {
      index beside = i;
      beside[at] += half;
      const real gate = 1 / (1 + std::exp(-static_cast<real>(x[0][beside])));
      y[i] = static_cast<double>(x[0][i] * gate);
    });
    return y;
  };
  return c;
}

op_case argmax_case(std::int64_t axis) {
  op_case c{"argmax", "axis " + std::to_string(axis), {{{3, 5, 2}, whole(-2, 2)}}, {}, {}};
  c.apply = [axis](const variables& v) { return argmax(v[0], axis); };
  c.reference = [axis](const arrays& x) {
    return reduce(x[0], {axis < 0 ? axis + 3 : axis}, false, [](const numbers& v) {
      return static_cast<double>(std::max_element(v.begin(), v.end()) - v.begin());
    });
  };
  c.derivative = slope::zero;
  return c;
}

}  // namespace

std::vector<op_case> reduction_cases() {
  std::vector<op_case> rows;
  append(rows, "sum", sum, sum_of, {}, sum_magnitude);
  append(rows, "mean", mean, mean_of, {}, mean_magnitude);
  append(rows, "max", max, max_of, distinct());
  append(rows, "min", min, min_of, distinct());
  append(rows, "prod", prod, prod_of, away_from_zero());
  for (op_case& c : rows) {
    if (c.name == "prod") c.unbounded = c.grows = false;  // no infinities on the way
  }
  append(rows, "norm", norm, norm_of, away_from_zero());
  append(rows, "logsumexp", logsumexp, logsumexp_of, {}, logsumexp_magnitude);
  const auto population = [](operand x, const axes& a, dims d) { return var(x, a, d); };
  append(rows, "var", population, var_of);
  std::vector<op_case> deviations;
  append(
      deviations, "stddev", [](operand x, const axes& a, dims d) { return stddev(x, a, d); },
      stddev_of);
  for (op_case& c : deviations) {  // a kink at every single element
    if (c.variant != "no axis" && c.variant != "a scalar") rows.push_back(std::move(c));
  }
  op_case sample{"var", "correction 1", {{{3, 4}, {}}}, {}, {}};
  sample.apply = [](const variables& v) { return var(v[0], 1, dims::drop, 1); };
  sample.reference = [](const arrays& x) { return reduce(x[0], {1}, false, sample_var_of); };
  rows.push_back(sample);
  append_along(rows, "softmax", softmax, softmax_of, softmax_magnitude);
  append_along(rows, "log_softmax", log_softmax, log_softmax_of, log_softmax_magnitude);
  append_along(rows, "cumsum", cumsum, cumsum_of, cumsum_magnitude);
  for (std::int64_t axis : {0, 1, -1}) rows.push_back(argmax_case(axis));
  rows.push_back(glu_case({2, 3, 4}, -1));
  rows.push_back(glu_case({4, 3, 2}, 0));
  rows.push_back(maxout_case({2, 3, 4}, 2, -1));
  rows.push_back(maxout_case({2, 6, 4}, 3, 1));
  rows.push_back(maxout_case({4, 3, 2}, 4, 0));
  rows.push_back(maxout_case({4, 3, 2}, 1, 1));
  return rows;
}

}  // namespace cotape::tests
