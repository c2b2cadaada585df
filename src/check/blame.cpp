#include "check/blame.hpp"

#include <algorithm>

#include "check/compare.hpp"
#include "check/graph.hpp"
#include "check/non_finite.hpp"
#include "cotape/primitive.hpp"
#include "tape/sources.hpp"

namespace cotape::check {

namespace {

constexpr double coarse_tolerance = 1e-3;  // for kinks: above the rounding errors of any operation

blamed_node described(tape& t, std::uint32_t node) {
  const primitive& op = *t.nodes()[node].op;
  blamed_node result;
  result.op = &op == &sources::custom ? "custom_gradient" : text_of(op, t.attributes_of(node));
  for (std::uint32_t k : t.rule_operands_of(node)) result.operands.push_back(t.type_of(k).shape);
  result.where = t.place_of(node);
  return result;
}

// Operations of a recorded function, each taken alone at the values that it has there.
class bench {
 public:
  bench(line& f, const std::vector<std::uint32_t>& nodes, const gradient_check_options& options)
      : f_(f), t_(f.on()), options_(options) {
    options_.directions = 2;
    options_.each_element = options_.second_order = false;
    std::vector<variable> wanted;
    for (std::uint32_t i : nodes) {
      for (std::uint32_t k : t_.rule_operands_of(i)) {
        if (number_.try_emplace(k, wanted.size()).second) wanted.push_back(t_.at(k));
      }
    }
    program values = f.compile(wanted);
    f.run(values, 0);
    for (std::size_t i = 0; i < wanted.size(); ++i) values_.emplace_back(values.output(i).view());
  }

  // Of the operands that are on the path too, the first with a wrong derivative.
  std::optional<blamed_node> examine(std::uint32_t node, const std::vector<bool>& moved) {
    const auto rule_operands = t_.rule_operands_of(node);
    const std::vector<std::uint32_t> operands(rule_operands.begin(), rule_operands.end());
    const bool here = stands_on_its_tape(t_, node);
    tape apart(precision::float64);
    tape& on = here ? t_ : apart;
    std::vector<variable> all, from;
    std::vector<std::size_t> which;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      all.push_back(here ? t_.at(operands[k]) : apart.constant(value_of(operands[k])));
      if (!moved[operands[k]]) continue;
      which.push_back(k);
      from.push_back(all.back());
    }
    line alone(
        on, from,
        [&](const std::vector<variable>& at) {
          for (std::size_t k = 0; k < which.size(); ++k) all[which[k]] = at[k];
          return again(on, node, all);
        },
        options_.seed, here ? &f_ : nullptr);
    for (std::size_t k = 0; k < which.size(); ++k) {
      const double norm = norm_of(value_of(operands[which[k]]));
      const input_check found = compare(alone, k, norm, options_);
      if (found.found == verdict::wrong) return blamed(node, which[k], found);
    }
    return {};
  }

 private:
  const tensor& value_of(std::uint32_t node) const { return values_[number_.at(node)]; }

  variable again(tape& on, std::uint32_t node, const std::vector<variable>& operands) {
    if (&on == &t_) return recorded_again(t_, node, operands);
    return on.record(*t_.nodes()[node].op, operands, t_.attributes_of(node), t_.place_of(node));
  }

  blamed_node blamed(std::uint32_t node, std::size_t operand, const input_check& found) {
    blamed_node result = described(t_, node);
    result.operand = operand;
    result.by_rule = found.by_gradient;
    result.by_differences = found.by_differences;
    result.linear = found.linear;
    return result;
  }

  line& f_;
  tape& t_;
  gradient_check_options options_;
  std::map<std::uint32_t, std::size_t> number_;
  std::vector<tensor> values_;
};

// The sweep passes by an operation that undoes its operand's: no rule takes part.
bool is_passed_by(const tape& t, std::uint32_t i) {
  const primitive* undone = t.nodes()[i].op->undoes;
  return undone != nullptr && t.nodes()[t.operands_of(i)[0]].op == undone;
}

std::vector<std::uint32_t> path_of(const line& f, std::size_t input) {
  return path(f.on(), f.at()[input].index(), f.output().index());
}

void set_element(blamed_node& b, array_view v, std::size_t element) {
  b.element = unravel_index(static_cast<std::int64_t>(element), v.shape());
  b.value = v.data_as<double>()[element];
}

}  // namespace

std::optional<blamed_node> find_wrong(line& f, std::size_t input,
                                      const gradient_check_options& options) {
  std::vector<std::uint32_t> nodes = path_of(f, input);
  std::vector<bool> moved(f.output().index() + 1);
  moved[f.at()[input].index()] = true;
  for (std::uint32_t i : nodes) moved[i] = true;
  const tape& t = f.on();
  std::erase_if(nodes, [&](std::uint32_t i) { return is_passed_by(t, i); });
  std::stable_partition(nodes.begin(), nodes.end(),
                        [&](std::uint32_t i) { return t.nodes()[i].op->derive != nullptr; });
  if (nodes.empty()) return {};
  bench alone(f, nodes, options);
  for (std::uint32_t i : nodes) {
    if (auto found = alone.examine(i, moved)) return found;
  }
  return {};
}

std::optional<blamed_node> find_kink(line& f, std::size_t input, double step) {
  const std::vector<std::uint32_t> nodes = path_of(f, input);
  std::vector<variable> wanted;
  for (std::uint32_t i : nodes) wanted.push_back(f.on().at(i));
  if (wanted.empty()) return {};
  program code = f.compile(wanted);
  std::array<std::vector<tensor>, abscissas.size()> values;
  for (std::size_t k = 0; k < abscissas.size(); ++k) {
    f.run(code, abscissas[k] * step);
    for (std::size_t n = 0; n < nodes.size(); ++n) values[k].emplace_back(code.output(n).view());
  }
  for (std::size_t n = 0; n < nodes.size(); ++n) {
    const auto elements = static_cast<std::size_t>(values[0][n].shape().elements());
    for (std::size_t e = 0; e < elements; ++e) {
      std::array<double, abscissas.size()> y;
      for (std::size_t k = 0; k < y.size(); ++k) y[k] = values[k][n].data_as<double>()[e];
      const slope s = slope_from(y, step, coarse_tolerance);
      if (!s.finite || s.smooth) continue;
      blamed_node result = described(f.on(), nodes[n]);
      set_element(result, values[0][n], e);
      return result;
    }
  }
  return {};
}

std::optional<blamed_node> find_non_finite(line& f, double step) {
  tape& t = f.on();
  std::vector<std::uint32_t> roots{f.output().index()};
  for (const variable& g : f.gradient_nodes()) roots.push_back(g.index());
  program code = f.compile(needed_by(t, roots));
  for (double h : {0.0, step, -step}) {
    f.run(code, h);
    if (const auto found = first_non_finite(t, roots, code)) {
      blamed_node result = described(t, found->node);
      result.element = found->element;
      result.value = found->value;
      return result;
    }
  }
  return {};
}

}  // namespace cotape::check
