// Op cases: normalizations, each element from its group's numbers by the definition.
#include <map>

#include "op_cases.hpp"

namespace cotape::tests {

namespace {

// What is normalized together: elements of x for which this is equal.
using grouping = std::function<index(const index& at)>;

struct normalizing {
  grouping group;
  real epsilon = 1e-3L;
  bool centred = true;
};

grouping all_but(const index& axes) {
  return [axes](const index& at) { return without(at, axes, true); };
}
// The sample, and the group of channels, of `size` each.
grouping channels_by(std::int64_t size) {
  return [size](const index& at) { return index{at.front(), at.back() / size}; };
}

struct statistics {
  real mean, variance, size;  // size: the mean of |x|
};
statistics statistics_of(const numbers& v, bool centred) {
  const auto n = static_cast<real>(v.size());
  statistics s{0, 0, 0};
  for (double x : v) s.size += std::abs(static_cast<real>(x)) / n;
  for (double x : v) s.mean += centred ? x / n : 0;
  for (double x : v) s.variance += (x - s.mean) * (x - s.mean) / n;
  return s;
}

using finish = std::function<real(real x, const statistics& s)>;

// f of each element and of its group's statistics.
array of_groups(const array& x, const normalizing& how, const finish& f) {
  std::map<index, numbers> groups;
  each(x.shape, [&](const index& at) { groups[how.group(at)].push_back(x[at]); });
  std::map<index, statistics> known;
  for (const auto& [key, v] : groups) known[key] = statistics_of(v, how.centred);
  array y(x.shape);
  each(x.shape,
       [&](const index& at) { y[at] = static_cast<double>(f(x[at], known.at(how.group(at)))); });
  return y;
}

// y scale + shift, of those that are among the inputs.
array moved(array y, const arrays& x, bool sizes) {
  const auto term = [&](real e) { return sizes ? std::abs(e) : e; };
  const array unit = y;
  each(y.shape, [&](const index& at) {
    real e = unit[at];
    if (x.size() > 1) e *= term(x[1][at]);
    if (x.size() > 2) e += term(x[2][at]);
    y[at] = static_cast<double>(e);
  });
  return y;
}

op_case row(std::string name, std::string variant, std::vector<shape> shapes,
            std::function<variable(const variables&)> apply, const normalizing& how) {
  op_case c{std::move(name), std::move(variant), {}, std::move(apply), {}};
  for (const shape& s : shapes) c.inputs.push_back({s, {}});
  c.reference = [how](const arrays& x) {
    const auto unit = [&](real e, const statistics& s) {
      return (e - s.mean) / std::sqrt(s.variance + how.epsilon);
    };
    return moved(of_groups(x[0], how, unit), x, false);
  };
  c.magnitude = [how](const arrays& x) {
    const auto unit = [&](real e, const statistics& s) {
      return (std::abs(e) + s.size) / std::sqrt(s.variance + how.epsilon);
    };
    return moved(of_groups(x[0], how, unit), x, true);
  };
  c.grows = true;
  return c;
}

void append_batch(std::vector<op_case>& rows) {
  const normalizing channels{all_but({0})}, of_images{all_but({0, 1, 2})};
  const auto apply = [](const variables& v) { return batch_norm(v[0], v[1], v[2]).y; };
  rows.push_back(row("batch_norm", "rows", {{5, 3}, {3}, {3}}, apply, channels));
  rows.push_back(row("batch_norm", "images", {{2, 3, 2, 4}, {4}, {4}}, apply, of_images));
  rows.push_back(row(
      "batch_norm", "plain", {{5, 3}}, [](const variables& v) { return batch_norm(v[0]).y; },
      channels));
  for (const bool of_mean : {true, false}) {
    op_case c{"batch_norm", of_mean ? "mean" : "variance", {{{3, 2, 4}, {}}}, {}, {}};
    c.apply = [of_mean](const variables& v) {
      const normalized_batch b = batch_norm(v[0]);
      return of_mean ? b.mean : b.variance;
    };
    const auto of_columns = [](const arrays& x, auto f) {
      return reduce(x[0], {0, 1}, false, [f](const numbers& v) {
        return static_cast<double>(f(statistics_of(v, true)));
      });
    };
    c.reference = [=](const arrays& x) {
      return of_columns(x, [=](const statistics& s) { return of_mean ? s.mean : s.variance; });
    };
    c.magnitude = [=](const arrays& x) {
      return of_columns(x, [=](const statistics& s) { return of_mean ? s.size : s.variance; });
    };
    c.grows = true;
    rows.push_back(std::move(c));
  }
}

void append_rows(std::vector<op_case>& rows) {
  const auto last = [](const variables& v) { return layer_norm(v[0], v[1], v[2]); };
  rows.push_back(row("layer_norm", "last axis", {{3, 4}, {4}, {4}}, last, {all_but({1})}));
  const auto two = [](const variables& v) { return layer_norm(v[0], v[1], v[2], {1, 2}); };
  rows.push_back(
      row("layer_norm", "two axes", {{2, 3, 4}, {3, 4}, {3, 4}}, two, {all_but({1, 2})}));
  const auto first = [](const variables& v) { return layer_norm(v[0], 1, 0, 0, 0.5); };
  rows.push_back(row("layer_norm", "first axis", {{4, 3}}, first, {all_but({0}), 0.5L}));
  const auto root = [](const variables& v) { return rms_norm(v[0], v[1]); };
  rows.push_back(row("rms_norm", "last axis", {{3, 4}, {4}}, root, {all_but({1}), 1e-6L, false}));
  const auto roots = [](const variables& v) { return rms_norm(v[0], 1, {1, 2}, 0.5); };
  rows.push_back(row("rms_norm", "two axes", {{2, 3, 4}}, roots, {all_but({1, 2}), 0.5L, false}));
}

void append_groups(std::vector<op_case>& rows) {
  const auto by = [](std::int64_t groups) {
    return [groups](const variables& v) { return group_norm(v[0], groups, v[1], v[2]); };
  };
  // They do not grow: the number of groups is given.
  const auto add = [&](const char* variant, const shape& s, std::int64_t groups) {
    const std::int64_t channels = s[s.rank() - 1];
    rows.push_back(row("group_norm", variant, {s, {channels}, {channels}}, by(groups),
                       {channels_by(channels / groups)}));
    rows.back().grows = false;
  };
  add("two of two", {2, 3, 4}, 2);
  add("images", {2, 2, 3, 6}, 3);
  add("features", {3, 6}, 2);
  add("one", {2, 3, 4}, 1);
  add("instances", {2, 3, 4}, 4);
}

op_case given_statistics() {
  op_case c{"normalize",
            "",
            {{{3, 4}, {}}, {{4}, {}}, {{4}, interval(0.1, 4)}, {{4}, {}}, {{4}, {}}},
            {},
            {}};
  c.apply = [](const variables& v) { return normalize(v[0], v[1], v[2], v[3], v[4]); };
  c.reference = [](const arrays& x) {
    return each_element(
        [](const numbers& e) {
          const real root = std::sqrt(e[2] + 1e-3L);
          return static_cast<double>((static_cast<real>(e[0]) - e[1]) / root * e[3] + e[4]);
        },
        x);
  };
  c.magnitude = [](const arrays& x) {
    return each_element(
        [](const numbers& e) {
          const double root = std::sqrt(e[2] + 1e-3);
          return (std::abs(e[0]) + std::abs(e[1])) / root * std::abs(e[3]) + std::abs(e[4]);
        },
        x);
  };
  c.grows = true;
  return c;
}

}  // namespace

std::vector<op_case> normalization_cases() {
  std::vector<op_case> rows;
  rows.push_back(given_statistics());
  append_batch(rows);
  append_rows(rows);
  append_groups(rows);
  return rows;
}

}  // namespace cotape::tests
