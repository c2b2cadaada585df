// Op cases: reductions, softmax and the like, cumulative sums.
#include <limits>

#include "op_cases.hpp"

namespace cotape::tests {

namespace {

using reduction = variable (*)(operand, const axes&, dims);

double sum_of(const numbers& v) {
  long double total = 0;
  for (double x : v) total += x;
  return static_cast<double>(total);
}
double mean_of(const numbers& v) { return sum_of(v) / static_cast<double>(v.size()); }
double deviation_of(const numbers& v) {  // sum of squared deviations
  const double m = mean_of(v);
  double total = 0;
  for (double x : v) total += (x - m) * (x - m);
  return total;
}
double var_of(const numbers& v) { return deviation_of(v) / static_cast<double>(v.size()); }
double stddev_of(const numbers& v) { return std::sqrt(var_of(v)); }
double sample_var_of(const numbers& v) {
  return deviation_of(v) / static_cast<double>(v.size() - 1);
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
  double p = 1;
  for (double x : v) p *= x;
  return p;
}
double norm_of(const numbers& v) {
  double total = 0;
  for (double x : v) total += x * x;
  return std::sqrt(total);
}
double logsumexp_of(const numbers& v) {
  double total = 0;
  for (double x : v) total += std::exp(x);
  return std::log(total);
}
numbers softmax_of(const numbers& v) {
  numbers y;
  for (double x : v) y.push_back(std::exp(x - logsumexp_of(v)));
  return y;
}
numbers log_softmax_of(const numbers& v) {
  numbers y;
  for (double x : v) y.push_back(x - logsumexp_of(v));
  return y;
}
numbers cumsum_of(const numbers& v) {
  numbers y;
  for (double x : v) y.push_back((y.empty() ? 0 : y.back()) + x);
  return y;
}

// Rows for one reduction: all axes; the first; the last, kept; two that are not adjacent.
void append(std::vector<op_case>& rows, const char* name, reduction f, scalar_function reference,
            domain from = {}) {
  const auto row = [&](const char* variant, shape s, axes over, dims d, index reduced) {
    op_case c{name, variant, {{s, from}}, {}, {}};
    c.apply = [=](const variables& v) { return f(v[0], over, d); };
    c.reference = [=](const arrays& x) { return reduce(x[0], reduced, d == keep_dims, reference); };
    c.scale = 4;
    rows.push_back(std::move(c));
  };
  row("all axes", {3, 4}, {}, dims::drop, {0, 1});
  row("first axis", {3, 4}, 0, dims::drop, {0});
  row("last axis, kept", {3, 4}, -1, keep_dims, {1});
  row("axes 0 and 2 of 3", {2, 3, 4}, {2, 0}, dims::drop, {0, 2});
  row("no axis", {3, 4}, axes{std::vector<std::int64_t>{}}, dims::drop, {});
  row("a scalar", {}, {}, dims::drop, {});
}

void append_along(std::vector<op_case>& rows, const char* name,
                  variable (*f)(operand, std::int64_t), numbers (*reference)(const numbers&)) {
  for (std::int64_t axis : {0, 1, -1}) {
    op_case c{name, "axis " + std::to_string(axis), {{{3, 4, 2}, {}}}, {}, {}};
    c.apply = [=](const variables& v) { return f(v[0], axis); };
    c.reference = [=](const arrays& x) { return along(x[0], axis < 0 ? 2 : axis, reference); };
    c.scale = 4;
    rows.push_back(std::move(c));
  }
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
  append(rows, "sum", sum, sum_of);
  append(rows, "mean", mean, mean_of);
  append(rows, "max", max, max_of, distinct());
  append(rows, "min", min, min_of, distinct());
  append(rows, "prod", prod, prod_of, away_from_zero());
  append(rows, "norm", norm, norm_of, away_from_zero());
  append(rows, "logsumexp", logsumexp, logsumexp_of);
  const auto population = [](operand x, const axes& a, dims d) { return var(x, a, d); };
  append(rows, "var", population, var_of);
  // Not over single elements: there its derivative is infinite.
  std::vector<op_case> deviations;
  append(
      deviations, "stddev", [](operand x, const axes& a, dims d) { return stddev(x, a, d); },
      stddev_of);
  rows.insert(rows.end(), deviations.begin(), deviations.end() - 2);
  op_case sample{"var", "correction 1", {{{3, 4}, {}}}, {}, {}};
  sample.apply = [](const variables& v) { return var(v[0], 1, dims::drop, 1); };
  sample.reference = [](const arrays& x) { return reduce(x[0], {1}, false, sample_var_of); };
  sample.scale = 4;
  rows.push_back(sample);
  append_along(rows, "softmax", softmax, softmax_of);
  append_along(rows, "log_softmax", log_softmax, log_softmax_of);
  append_along(rows, "cumsum", cumsum, cumsum_of);
  for (std::int64_t axis : {0, 1, -1}) rows.push_back(argmax_case(axis));
  rows.push_back(maxout_case({2, 3, 4}, 2, -1));
  rows.push_back(maxout_case({2, 6, 4}, 3, 1));
  rows.push_back(maxout_case({4, 3, 2}, 4, 0));
  rows.push_back(maxout_case({4, 3, 2}, 1, 1));
  return rows;
}

}  // namespace cotape::tests
