// Follows what is not finite back to where it was made, in the values of all nodes.
#include "check/non_finite.hpp"

#include "check/compare.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>

#include "cotape/primitive.hpp"
#include "primitives/ternary.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace {

double number_at(const array_view& v, std::int64_t i) {
  if (v.dtype() == float32) return static_cast<const float*>(v.data())[i];
  if (v.dtype() == float64) return static_cast<const double*>(v.data())[i];
  return static_cast<double>(static_cast<const std::int64_t*>(v.data())[i]);
}

// The flat index of the first element that is not finite, or -1.
std::int64_t first_bad(const array_view& v) {
  const std::int64_t n = v.shape().elements();
  for (std::int64_t i = 0; v.dtype() != int64 && i < n; ++i) {
    if (!std::isfinite(number_at(v, i))) return i;
  }
  return -1;
}

// The values of nodes, by their numbers on the tape.
class values {
 public:
  values(std::span<const std::uint32_t> output_of, const program& code)
      : output_of_(output_of), code_(code), finite_(code.outputs()) {
    for (std::size_t k = 0; k < finite_.size(); ++k) {
      finite_[k] = first_bad(code.output(k).view()) < 0;
    }
  }
  array_view of(std::uint32_t node) const { return code_.output(output_of_[node]).view(); }
  bool finite(std::uint32_t node) const { return finite_[output_of_[node]]; }

 private:
  std::span<const std::uint32_t> output_of_;
  const program& code_;
  std::vector<bool> finite_;
};

template <class F> void for_each_operand(const tape& t, std::uint32_t node, F f) {
  for (const std::uint32_t i : t.nodes()[node].in) {
    if (i != no_node) f(i);
  }
}

// Where an element of an element-wise result comes from in an operand.
std::int64_t corresponding(const shape& operand, const shape& result, std::int64_t element) {
  if (operand == result) return element;
  const std::vector<std::int64_t> at = check::place_in(result, static_cast<std::size_t>(element));
  const std::size_t more = result.rank() - operand.rank();
  std::int64_t flat = 0;
  for (std::size_t k = 0; k < operand.rank(); ++k) {
    flat = flat * operand[k] + (operand[k] == 1 ? 0 : at[k + more]);
  }
  return flat;
}

struct origin {
  std::uint32_t node = no_node;
  std::vector<std::int64_t> elements;  // that are not finite, of finite operands, and reach a root
};

// Goes back from the roots' elements that are not finite: through element-wise operations to the
// operands' elements there (of a select to the branch taken), through others to whole operands.
class search {
 public:
  search(const tape& t, const values& v) : t_(t), v_(v) {}

  // The earliest node that made an infinity or NaN.
  origin run(std::span<const std::uint32_t> roots) {
    for (const std::uint32_t r : roots) mark_all(r);
    origin first;
    while (!marked_.empty()) {
      const auto [node, elements] = std::move(*marked_.begin());
      marked_.erase(marked_.begin());
      origin here{node, {}};
      const form how = t_.nodes()[node].op->how;
      const bool each = how == form::elementwise || how == form::view;
      const bool passed = !each && mark_operands(node);
      for (std::size_t e = 0; e < elements.size(); ++e) {
        const auto element = static_cast<std::int64_t>(e);
        if (!elements[e] || passed || (each && mark_operands_at(node, element))) continue;
        here.elements.push_back(element);
      }
      if (!here.elements.empty()) first = std::move(here);
    }
    return first;
  }

 private:
  bool mark(std::uint32_t node, std::int64_t element) {
    const array_view x = v_.of(node);
    if (v_.finite(node) || std::isfinite(number_at(x, element))) return false;
    std::vector<bool>& elements = marked_[node];
    elements.resize(static_cast<std::size_t>(x.shape().elements()));
    elements[static_cast<std::size_t>(element)] = true;
    return true;
  }

  bool mark_all(std::uint32_t node) {
    if (v_.finite(node)) return false;
    for (std::int64_t e = 0; e < v_.of(node).shape().elements(); ++e) mark(node, e);
    return true;
  }

  bool mark_operands(std::uint32_t node) {
    bool any = false;
    for_each_operand(t_, node, [&](std::uint32_t i) { any = mark_all(i) || any; });
    return any;
  }

  bool mark_operands_at(std::uint32_t node, std::int64_t element) {
    const cotape::node& n = t_.nodes()[node];
    const shape& result = t_.type_of(node).shape;
    const bool view = n.op->how == form::view;
    const auto at = [&](std::uint32_t i) {
      return view ? element : corresponding(t_.type_of(i).shape, result, element);
    };
    if (n.op == &builtin<select_op>) {
      const bool taken = number_at(v_.of(n.in[0]), at(n.in[0])) != 0;
      const std::uint32_t branch = n.in[taken ? 1 : 2];
      return mark(branch, at(branch));
    }
    bool any = false;
    for_each_operand(t_, node, [&](std::uint32_t i) { any = mark(i, at(i)) || any; });
    return any;
  }

  const tape& t_;
  const values& v_;
  std::map<std::uint32_t, std::vector<bool>, std::greater<>> marked_;  // the latest node first
};

std::string text_of(tape& t, std::uint32_t node) {
  return fmt::format("{}  [{}]", fmt::streamed(t.at(node)), t.place_of(node).text());
}

// Breadth first: the nearest node that is an input or a parameter's value.
std::vector<std::string> shortest_path(tape& t, std::uint32_t from) {
  std::vector<std::uint32_t> came(from + 1, no_node);
  std::deque<std::uint32_t> open{from};
  came[from] = from;
  while (!open.empty()) {
    const std::uint32_t node = open.front();
    open.pop_front();
    const primitive* op = t.nodes()[node].op;
    if (op == &sources::input || op == &sources::read) {
      std::vector<std::string> path;
      for (std::uint32_t i = node; i != from; i = came[i]) path.push_back(text_of(t, i));
      std::reverse(path.begin(), path.end());
      return path;
    }
    for_each_operand(t, node, [&](std::uint32_t i) {
      if (came[i] != no_node) return;
      came[i] = node;
      open.push_back(i);
    });
  }
  return {};
}

// What an operand holds where the result's element comes from, if it is one element.
non_finite::operand operand_at(tape& t, const values& v, std::uint32_t node, bool elementwise,
                               const shape& result, std::int64_t element) {
  const array_view x = v.of(node);
  non_finite::operand found{text_of(t, node)};
  const std::int64_t n = x.shape().elements();
  if (n == 1 || elementwise) {
    found.least = found.most = number_at(x, n == 1 ? 0 : corresponding(x.shape(), result, element));
    return found;
  }
  found.least = HUGE_VAL;
  found.most = -HUGE_VAL;
  for (std::int64_t i = 0; i < n; ++i) {
    found.least = std::min(found.least, number_at(x, i));
    found.most = std::max(found.most, number_at(x, i));
  }
  return found;
}

}  // namespace

namespace check {

std::vector<variable> needed_by(tape& t, std::span<const std::uint32_t> roots) {
  const std::vector<std::uint32_t> number = t.needed_by(roots);
  std::vector<variable> result;
  for (std::uint32_t i = 0; i < number.size(); ++i) {
    if (number[i] != no_node) result.push_back(t.at(i));
  }
  return result;
}

std::optional<non_finite> first_non_finite(tape& t, std::span<const std::uint32_t> roots,
                                           const program& code) {
  const std::vector<std::uint32_t> number = t.needed_by(roots);
  const values v(number, code);
  const origin where = search(t, v).run(roots);
  const std::uint32_t node = where.node;
  if (node == no_node) return {};
  const array_view bad = v.of(node);
  const std::int64_t first = where.elements.front();
  non_finite found;
  found.node = node;
  found.operation = t.nodes()[node].op->name;
  found.text = text_of(t, node);
  found.shape = bad.shape();
  found.element = place_in(bad.shape(), static_cast<std::size_t>(first));
  found.value = number_at(bad, first);
  found.count = static_cast<std::int64_t>(where.elements.size());
  const bool elementwise = t.nodes()[node].op->how == form::elementwise;
  for_each_operand(t, node, [&](std::uint32_t i) {
    found.operands.push_back(operand_at(t, v, i, elementwise, bad.shape(), first));
  });
  found.where = t.place_of(node);
  found.in_reverse_sweep = std::any_of(t.sweeps.begin(), t.sweeps.end(), [&](const auto& s) {
    return node >= s.first && node < s.second;
  });
  found.path = shortest_path(t, node);
  return found;
}

}  // namespace check

std::optional<non_finite> find_non_finite(variable of, std::span<const binding> inputs) {
  tape& t = of.owner();
  const std::uint32_t root[] = {of.index()};
  std::vector<variable> bound;
  std::vector<array_view> given;
  for (const binding& b : inputs) {
    bound.push_back(b.input());
    given.push_back(b.value());
  }
  program code(t, bound, check::needed_by(t, root), {.fuse = false, .effects = false});
  code.run(given);
  return check::first_non_finite(t, root, code);
}

std::ostream& operator<<(std::ostream& out, const non_finite& f) {
  out << fmt::format("{} at element ({}) of {}, {} of {} elements are not finite\n  {}{}\n",
                     f.value, fmt::join(f.element, ", "), f.operation, f.count, f.shape.elements(),
                     f.text, f.in_reverse_sweep ? ", in a reverse sweep" : "");
  for (const non_finite::operand& o : f.operands) {
    if (o.least > o.most) out << fmt::format("    operand of no elements: {}\n", o.text);
    else if (o.least == o.most) out << fmt::format("    operand {} there: {}\n", o.least, o.text);
    else out << fmt::format("    operand from {} to {}: {}\n", o.least, o.most, o.text);
  }
  if (!f.path.empty()) out << "  it comes from\n";
  for (const std::string& line : f.path) out << fmt::format("    {}\n", line);
  return out;
}

}  // namespace cotape
