// Looks for the node that made an infinity or NaN: runs all nodes unfused as outputs of one
// program, then follows what is not finite back from the value asked for.
#include "cotape/non_finite.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <deque>

#include "cotape/primitive.hpp"

namespace cotape {

namespace {

double number_at(const array_view& v, std::int64_t i) {
  if (v.dtype() == float32) return static_cast<const float*>(v.data())[i];
  if (v.dtype() == float64) return static_cast<const double*>(v.data())[i];
  return static_cast<double>(static_cast<const std::int64_t*>(v.data())[i]);
}

std::vector<std::int64_t> place_in(const shape& s, std::int64_t flat) {
  std::vector<std::int64_t> at(s.rank());
  for (std::size_t k = s.rank(); k-- > 0; flat /= s[k]) at[k] = flat % s[k];
  return at;
}

// The values of all nodes that one depends on.
class values {
 public:
  values(tape& t, variable of, std::span<const binding> bound) : tape_(t) {
    const std::uint32_t root[] = {of.index()};
    needed_ = t.needed_by(root);
    std::vector<variable> inputs, outputs;
    std::vector<array_view> given;
    for (const binding& b : bound) {
      inputs.push_back(b.input());
      given.push_back(b.value());
    }
    for (std::uint32_t i = 0; i < needed_.size(); ++i) {
      if (needed_[i] == no_node) continue;
      number_.push_back(i);
      outputs.push_back(t.at(i));
    }
    code_.emplace(t, inputs, outputs, compile_options{.fuse = false, .effects = false});
    code_->run(given);
    finite_.resize(number_.size());
    for (std::size_t k = 0; k < number_.size(); ++k) {
      finite_[k] = first_bad(code_->output(k).view()) < 0;
    }
  }

  array_view of(std::uint32_t node) const { return code_->output(position(node)).view(); }
  bool finite(std::uint32_t node) const { return finite_[position(node)]; }

  // The flat index of the first element that is not finite, or -1.
  static std::int64_t first_bad(const array_view& v) {
    const std::int64_t n = v.shape().elements();
    for (std::int64_t i = 0; v.dtype() != int64 && i < n; ++i) {
      if (!std::isfinite(number_at(v, i))) return i;
    }
    return -1;
  }

 private:
  std::size_t position(std::uint32_t node) const {
    return static_cast<std::size_t>(std::lower_bound(number_.begin(), number_.end(), node) -
                                    number_.begin());
  }

  tape& tape_;
  std::vector<std::uint32_t> needed_, number_;  // number_: the needed nodes, ascending
  std::optional<program> code_;
  std::vector<bool> finite_;
};

template <class F> void for_each_operand(const tape& t, std::uint32_t node, F f) {
  for (const std::uint32_t i : t.nodes()[node].in) {
    if (i != no_node) f(i);
  }
}

// The earliest node with finite operands from which a line of values that are not finite leads to
// the root.
std::uint32_t culprit(const tape& t, const values& v, std::uint32_t root) {
  std::vector<std::uint32_t> open{root};
  std::vector<bool> seen(root + 1);
  std::uint32_t first = root;
  while (!open.empty()) {
    const std::uint32_t node = open.back();
    open.pop_back();
    if (seen[node]) continue;
    seen[node] = true;
    bool made_here = true;
    for_each_operand(t, node, [&](std::uint32_t i) {
      if (v.finite(i)) return;
      made_here = false;
      open.push_back(i);
    });
    if (made_here) first = std::min(first, node);
  }
  return first;
}

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
    const std::string name = t.nodes()[node].op->name;
    if (name == "input" || name == "read") {
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
                               const shape& result, const std::vector<std::int64_t>& element) {
  const array_view x = v.of(node);
  non_finite::operand found{text_of(t, node)};
  const std::int64_t n = x.shape().elements();
  if (n == 0) return found;
  if (n == 1 || elementwise) {
    std::int64_t flat = 0;
    const std::size_t more = result.rank() - x.shape().rank();
    for (std::size_t k = 0; n != 1 && k < x.shape().rank(); ++k) {
      flat = flat * x.shape()[k] + (x.shape()[k] == 1 ? 0 : element[k + more]);
    }
    found.least = found.most = number_at(x, flat);
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

std::optional<non_finite> find_non_finite(variable of, std::span<const binding> inputs) {
  tape& t = of.owner();
  const values v(t, of, inputs);
  if (v.finite(of.index())) return {};
  const std::uint32_t node = culprit(t, v, of.index());
  const array_view bad = v.of(node);
  const std::int64_t first = values::first_bad(bad);
  non_finite found;
  found.operation = t.nodes()[node].op->name;
  found.text = text_of(t, node);
  found.shape = bad.shape();
  found.element = place_in(bad.shape(), first);
  found.value = number_at(bad, first);
  for (std::int64_t i = first; i < bad.shape().elements(); ++i) {
    found.count += !std::isfinite(number_at(bad, i));
  }
  const bool elementwise = t.nodes()[node].op->how == form::elementwise;
  for_each_operand(t, node, [&](std::uint32_t i) {
    found.operands.push_back(operand_at(t, v, i, elementwise, bad.shape(), found.element));
  });
  found.where = t.place_of(node);
  found.in_reverse_sweep = std::any_of(t.sweeps.begin(), t.sweeps.end(), [&](const auto& s) {
    return node >= s.first && node < s.second;
  });
  found.path = shortest_path(t, node);
  return found;
}

std::ostream& operator<<(std::ostream& out, const non_finite& f) {
  out << fmt::format("{} at element ({}) of {}, {} of {} elements are not finite\n  {}{}\n",
                     f.value, fmt::join(f.element, ", "), f.operation, f.count, f.shape.elements(),
                     f.text, f.in_reverse_sweep ? ", in a reverse sweep" : "");
  for (const non_finite::operand& o : f.operands) {
    if (o.least == o.most) out << fmt::format("    operand {} there: {}\n", o.least, o.text);
    else out << fmt::format("    operand from {} to {}: {}\n", o.least, o.most, o.text);
  }
  if (!f.path.empty()) out << "  it comes from\n";
  for (const std::string& line : f.path) out << fmt::format("    {}\n", line);
  return out;
}

}  // namespace cotape
