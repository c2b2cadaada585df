// Follows what is not finite back to where it was made, in the values of all nodes.
#include "check/non_finite.hpp"

#include "check/compare.hpp"

#include <fmt/format.h>
#include <fmt/ostream.h>

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <optional>

#include "cotape/primitive.hpp"
#include "primitives/assemble.hpp"
#include "primitives/lowering.hpp"
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

// Where an element of an element-wise result comes from in an operand.
std::int64_t corresponding(const shape& operand, const shape& result, std::int64_t element) {
  if (operand == result) return element;
  const std::vector<std::int64_t> at = unravel_index(element, result);
  const std::size_t more = result.rank() - operand.rank();
  std::int64_t flat = 0;
  for (std::size_t k = 0; k < operand.rank(); ++k) {
    flat = flat * operand[k] + (operand[k] == 1 ? 0 : at[k + more]);
  }
  return flat;
}

// Elements of an operand.
struct run_of_elements {
  std::int64_t first = 0, stride = 1, count = 0;
};

// Which elements of a node's operands an element of its result is computed from: all, where nothing
// better is known.
class inverse {
 public:
  inverse(const tape& t, const values& v, std::uint32_t node)
      : t_(t),
        n_(t.nodes()[node]),
        operands_(t.value_operands_of(node)),
        attributes_(t.attributes_of(node)),
        y_(t.type_of(node).shape) {
    for (const primitive* op : {&primitives::transpose, &primitives::slice, &primitives::gather}) {
      if (n_.op == op) moved_.emplace(numbers_moved(v));
    }
    if (n_.op->how != form::assembly) return;
    primitives::assembly(attributes_).for_each_part([&](const auto& p) {
      parts_.resize(p.operand);  // without indices, which stand between
      parts_.push_back(p);
    });
  }

  run_of_elements operator()(std::size_t k, std::int64_t element) const {
    const shape& x = shape_of(k);
    const primitive* op = n_.op;
    if (op->how == form::elementwise) return {corresponding(x, y_, element), 1, 1};
    if (op->how == form::view || op == &primitives::cast) return {element, 1, 1};
    if (op->how == form::reduction) {
      const auto r = kernels::reduction::of(x, attributes_[0], attributes_[1]);
      const std::int64_t outer = element / r.inner;
      return {outer * r.reduced * r.inner + element % r.inner, r.inner, r.reduced};
    }
    if (op == &primitives::matmul) {
      const std::int64_t rows = x[x.rank() - 2], columns = x[x.rank() - 1];
      const std::int64_t wide = y_[y_.rank() - 1], high = y_[y_.rank() - 2];
      const std::int64_t row = element / wide;
      if (k == 0) return {row * columns, 1, columns};
      return {row / high * rows * columns + element % wide, columns, rows};
    }
    if (k < parts_.size() && parts_[k] && !parts_[k]->indexed())
      return within(*parts_[k], x, element);
    if (!moved_ || (k == 1 && op == &primitives::gather)) return {0, 1, x.elements()};
    return {moved_->data_as<std::int64_t>()[element], 1, 1};
  }

 private:
  const shape& shape_of(std::size_t k) const { return t_.type_of(operands_[k]).shape; }

  // The operation done with the numbers of its operand's elements.
  tensor numbers_moved(const values& v) const {
    tape t;
    tensor numbers({int64, shape_of(0)});
    auto* to = numbers.data_as<std::int64_t>();
    for (std::int64_t i = 0; i < numbers.shape().elements(); ++i) to[i] = i;
    std::vector<variable> operands{t.constant(numbers)};
    if (operands_.size() > 1) operands.push_back(t.constant(v.of(operands_[1])));  // indices
    return evaluate(t.record(*n_.op, operands, attributes_, {}), {});
  }

  // The element of a part of shape x that stands at an element of the result.
  run_of_elements within(const primitives::assembly::part& p, const shape& x,
                         std::int64_t element) const {
    const std::vector<std::int64_t> at = unravel_index(element, y_);
    std::int64_t flat = 0;
    for (std::size_t i = 0; i < x.rank(); ++i) {
      const std::int64_t from = at[i] - p.first[i], index = from / p.steps[i];
      if (from % p.steps[i] != 0 || index < 0 || index >= x[i]) return {};
      flat = flat * x[i] + index;
    }
    return {flat, 1, 1};
  }

  const tape& t_;
  const node& n_;
  std::span<const std::uint32_t> operands_;
  std::span<const std::int64_t> attributes_;
  const shape& y_;
  std::optional<tensor> moved_;
  std::vector<std::optional<primitives::assembly::part>> parts_;  // by operand
};

struct origin {
  std::uint32_t node = no_node;
  std::vector<std::int64_t> elements;  // that are not finite, of finite operands, and reach a root
};

// Goes back from the roots' elements that are not finite to those that they are computed from, of a
// select to the branch taken.
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
      const inverse from(t_, v_, node);
      seen_.clear();
      for (std::size_t e = 0; e < elements.size(); ++e) {
        const auto element = static_cast<std::int64_t>(e);
        if (elements[e] && !mark_operands(node, from, element)) here.elements.push_back(element);
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

  void mark_all(std::uint32_t node) {
    for (std::int64_t e = 0; e < v_.of(node).shape().elements(); ++e) mark(node, e);
  }

  bool mark_run(std::uint32_t node, std::size_t k, const run_of_elements& run) {
    if (v_.finite(node) || run.count == 0) return false;
    if (run.count == 1) return mark(node, run.first);
    const auto [seen, anew] = seen_.try_emplace({k, run.first}, false);
    for (std::int64_t i = 0; anew && i < run.count; ++i) {
      if (mark(node, run.first + i * run.stride)) seen->second = true;
    }
    return seen->second;
  }

  bool mark_operands(std::uint32_t node, const inverse& from, std::int64_t element) {
    const auto operands = t_.value_operands_of(node);
    if (t_.nodes()[node].op == &builtin<select_op>) {
      const std::size_t taken = number_at(v_.of(operands[0]), from(0, element).first) != 0 ? 1 : 2;
      return mark_run(operands[taken], taken, from(taken, element));
    }
    bool any = false;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      any = mark_run(operands[k], k, from(k, element)) || any;
    }
    return any;
  }

  const tape& t_;
  const values& v_;
  std::map<std::uint32_t, std::vector<bool>, std::greater<>> marked_;  // the latest node first
  std::map<std::pair<std::size_t, std::int64_t>, bool> seen_;  // runs, and whether one was marked
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
    for (const std::uint32_t i : t.value_operands_of(node)) {
      if (came[i] != no_node) continue;
      came[i] = node;
      open.push_back(i);
    }
  }
  return {};
}

// What the elements of an operand are that the result's element is computed from, or all.
non_finite::operand operand_at(tape& t, array_view x, std::uint32_t node, run_of_elements run) {
  if (run.count == 0) run = {0, 1, x.shape().elements()};
  non_finite::operand found{text_of(t, node), HUGE_VAL, -HUGE_VAL};
  for (std::int64_t i = 0; i < run.count; ++i) {
    const double number = number_at(x, run.first + i * run.stride);
    found.least = std::min(found.least, number);
    found.most = std::max(found.most, number);
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
  found.element = unravel_index(first, bad.shape());
  found.value = number_at(bad, first);
  found.count = static_cast<std::int64_t>(where.elements.size());
  const inverse from(t, v, node);
  for (const std::uint32_t i : t.value_operands_of(node)) {
    found.operands.push_back(operand_at(t, v.of(i), i, from(found.operands.size(), first)));
  }
  found.where = t.place_of(node);
  found.in_reverse_sweep = std::any_of(t.sweeps.begin(), t.sweeps.end(), [&](const auto& s) {
    return node >= s.first && node < s.last;
  });
  found.path = shortest_path(t, node);
  return found;
}

}  // namespace check

namespace {

std::optional<non_finite> find(tape& t, std::span<const std::uint32_t> roots,
                               const std::vector<variable>& bound,
                               std::span<const array_view> given) {
  program code(t, bound, check::needed_by(t, roots), {.fuse = false, .effects = false});
  code.run(given);
  return check::first_non_finite(t, roots, code);
}

}  // namespace

std::optional<non_finite> find_non_finite(variable of, std::span<const binding> inputs) {
  const std::uint32_t root[] = {of.index()};
  std::vector<variable> bound;
  std::vector<array_view> given;
  for (const binding& b : inputs) {
    bound.push_back(b.input());
    given.push_back(b.value());
  }
  return find(of.owner(), root, bound, given);
}

std::optional<non_finite> detail::find_non_finite(
    const std::function<std::vector<variable>(const std::vector<variable>&)>& f,
    std::span<const array_argument> at) {
  tape t;
  std::vector<variable> inputs;
  std::vector<array_view> given;
  for (const array_argument& a : at) {
    given.push_back(a.view());
    inputs.push_back(t.input(given.back().dtype(), given.back().shape(),
                             fmt::format("input {}", inputs.size())));
  }
  std::vector<std::uint32_t> roots;
  for (const variable& y : f(inputs)) roots.push_back(y.index());
  for (const effect& e : t.effects()) roots.push_back(e.value);
  return find(t, roots, inputs, given);
}

std::ostream& operator<<(std::ostream& out, const non_finite& f) {
  out << fmt::format("{} at element {} of {}, {} of {} elements are not finite\n  {}{}\n", f.value,
                     shape(f.element).text(), f.operation, f.count, f.shape.elements(), f.text,
                     f.in_reverse_sweep ? ", in a reverse sweep" : "");
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
