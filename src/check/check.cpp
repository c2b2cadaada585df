// The gradient checker: what is checked, and in which order.
#include "cotape/check.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "check/blame.hpp"
#include "check/compare.hpp"
#include "check/progress.hpp"
#include "cotape/derivatives.hpp"
#include "cotape/ops.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace {

using check::line;

// The trainable floating parameters that y is computed from, in the order of the tape.
std::vector<parameter> parameters_of(const variable& y) {
  tape& t = y.owner();
  const std::uint32_t root = y.index();
  const std::vector<std::uint32_t> needed = t.needed_by({&root, 1});
  std::vector<parameter> found;
  for (std::uint32_t i = 0; i <= root; ++i) {
    if (needed[i] == no_node || t.nodes()[i].op != &sources::read) continue;
    const parameter& p = t.parameter_at(static_cast<std::size_t>(t.attributes_of(i)[0]));
    const bool known = std::find(found.begin(), found.end(), p) != found.end();
    if (p.trainable() && p.dtype() != int64 && !known) found.push_back(p);
  }
  return found;
}

// A function of arrays and parameters, as the checker sees it.
struct checked_function {
  std::function<variable(tape&, const std::vector<variable>&)> f;
  std::vector<array_view> arrays;  // of any dtype
  std::vector<parameter> parameters;

  // Arrays as variables, those that move taken from `at`.
  variable operator()(tape& t, const std::vector<variable>& at) const {
    std::vector<variable> x;
    std::size_t next = 0;
    for (const array_view& a : arrays) {
      x.push_back(a.dtype() == int64 ? t.constant(a) : at[next++]);
    }
    for (const parameter& p : parameters) t.assign(p, at[next++]);
    return f(t, x);
  }

  // What moves: its name, and its value.
  std::vector<std::pair<std::string, array_view>> moving() const {
    std::vector<std::pair<std::string, array_view>> result;
    for (std::size_t i = 0; i < arrays.size(); ++i) {
      if (arrays[i].dtype() != int64) result.emplace_back(fmt::format("input {}", i), arrays[i]);
    }
    for (const parameter& p : parameters) result.emplace_back(p.name(), p.view());
    return result;
  }
};

// The values that move, as nodes that may be moved.
std::vector<variable> starts(tape& t, const checked_function& c) {
  std::vector<variable> result;
  for (const array_view& a : c.arrays) {
    if (a.dtype() != int64) result.push_back(t.constant(a));
  }
  for (const parameter& p : c.parameters) result.push_back(t.read(p));
  return result;
}

void add_parameters_read(checked_function& c) {
  tape t(precision::float64);
  const std::vector<variable> at = starts(t, c);
  c.parameters = parameters_of(c(t, at));
}

// The gradient of w . f in all directions at once: u . vjp(f, w), u random.
check::function gradient_along(const check::function& f, std::uint64_t seed) {
  return [=](const std::vector<variable>& at) {
    const variable y = f(at);
    const std::vector<variable> g = vjp(y, at, check::cotangent_of(y, seed));
    check::direction_source random(seed, 0xd17);
    variable total;
    for (const variable& part : g) {
      const variable along =
          sum(part * y.owner().constant(check::normal_values(part.shape(), random)));
      total = total.empty() ? along : total + along;
    }
    return total;
  };
}

void check_line(const checked_function& c, bool second, const gradient_check_options& options,
                check::progress& progress, gradient_check& result) {
  tape t(precision::float64);
  const check::function once = [&](const std::vector<variable>& at) { return c(t, at); };
  line f(t, starts(t, c), second ? gradient_along(once, options.seed) : once, options.seed);
  const auto moving = c.moving();
  for (std::size_t i = 0; i < moving.size(); ++i) {
    const std::string name = moving[i].first + (second ? ", order 2" : "");
    std::optional<blamed_node> blamed;
    const auto blame = [&](verdict v, double step) {
      if (v == verdict::wrong) blamed = check::find_wrong(f, i, options);
      else if (v == verdict::kink) blamed = check::find_kink(f, i, step);
      else if (v == verdict::non_finite) blamed = check::find_non_finite(f, step);
    };
    input_check found = check::compare(f, i, check::norm_of(moving[i].second), options, blame,
                                       [&] { progress.direction_done(name); });
    found.name = name;
    found.node = blamed;
    result.inputs.push_back(std::move(found));
  }
}

gradient_check check_all(const checked_function& c, const gradient_check_options& options) {
  if (c.moving().empty()) {
    throw value_error(
        "check_gradient: the function has no floating input and reads no trainable parameter");
  }
  if (!(options.directions > 0 && options.tolerance > 0 && options.step > 0 &&
        options.most_redraws >= 0)) {
    throw value_error(
        "check_gradient: directions, tolerance and step must be positive, most_redraws at least 0");
  }
  std::size_t directions = 0;
  for (const auto& [name, value] : c.moving()) {
    const auto elements = static_cast<std::size_t>(value.shape().elements());
    directions += check::directions_of(elements, options) * (options.second_order ? 2 : 1);
  }
  check::progress progress(options, directions);
  gradient_check result;
  check_line(c, false, options, progress, result);
  if (options.second_order) check_line(c, true, options, progress, result);
  return result;
}

}  // namespace

gradient_check check_gradient(const std::function<variable(tape&)>& f,
                              std::vector<parameter> parameters,
                              const gradient_check_options& options) {
  if (!f) throw value_error("check_gradient: the function is empty");
  checked_function c{[&](tape& t, const std::vector<variable>&) { return f(t); }, {}, parameters};
  for (const parameter& p : parameters) {
    if (p.dtype() == int64) {
      throw value_error(fmt::format("check_gradient: parameter '{}' is int64", p.name()));
    }
  }
  if (parameters.empty()) add_parameters_read(c);
  return check_all(c, options);
}

namespace detail {

gradient_check check_gradient(const std::function<variable(const std::vector<variable>&)>& f,
                              std::size_t taken, std::span<const array_argument> at,
                              const gradient_check_options& options) {
  if (taken != 0 && taken != at.size()) {
    throw value_error(
        fmt::format("check_gradient: the function takes {} variables, {} arrays are "
                    "given",
                    taken, at.size()));
  }
  checked_function c{[&](tape&, const std::vector<variable>& x) { return f(x); }, {}, {}};
  for (const array_argument& a : at) c.arrays.push_back(a.view());
  add_parameters_read(c);
  return check_all(c, options);
}

}  // namespace detail
}  // namespace cotape
