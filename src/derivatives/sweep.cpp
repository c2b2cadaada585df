// The reverse sweep: one walk backwards over the array. It visits the nodes between the inputs
// asked for and the output, records each one's local derivative times its adjoint, and adds up the
// adjoints of values used more than once. Values that were recorded twice are visited once: the
// first of them stands for all, but what was asked for is equal to nothing else. Un-broadcasting
// happens here and nowhere else.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <unordered_map>

#include "cotape/derivatives.hpp"
#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"
#include "primitives/assemble.hpp"
#include "tape/equal_nodes.hpp"
#include "tape/few.hpp"
#include "tape/hold.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace {

// An adjoint of a broadcast input: summed back to the input's shape.
variable unbroadcast(variable dy, const shape& s) {
  if (dy.shape() == s) return dy;
  std::vector<std::int64_t> reduced = repeated_axes(s, dy.shape());
  const variable total = reduced.empty() ? dy : sum(dy, axes(std::move(reduced)));
  return total.shape() == s ? total : reshape(total, s);
}

class sweep {
 public:
  sweep(tape& t, std::uint32_t last, const std::vector<variable>& xs) : tape_(t), first_(last) {
    for (const variable& x : xs) first_ = std::min(first_, x.index());
    active_.assign(last - first_ + 1, false);
    adjoints_.assign(last - first_ + 1, no_node);
    same_ = adjoints_;
    for (const variable& x : xs) {
      if (x.index() <= last) active_[x.index() - first_] = true;
    }
    asked_ = active_;
    number(last);
  }

  void run(variable y, variable dy) {
    tape::hold work(tape_, "a reverse sweep");
    work.move_to(y.index());
    add(same(y.index()), dy, y.index());
    for (std::uint32_t i = y.index() + 1; i-- > first_;) {
      if (!active_[i - first_]) continue;
      put_parts_together(i, work);
      work.move_to(i);
      if (adjoints_[i - first_] != no_node) visit(i);
    }
  }

  // Empty if the output does not depend on x.
  variable adjoint(const variable& x) const {
    if (x.index() - first_ >= adjoints_.size()) return {};
    const std::uint32_t a = adjoints_[x.index() - first_];
    const auto aside = asides_.find(x.index());
    if (aside == asides_.end()) return a == no_node ? variable() : tape_.at(a);
    return a == no_node ? aside->second : tape_.at(a) + aside->second;
  }

 private:
  // Numbers what the output is computed from, equal values by the first of them, and finds what is
  // active. What was asked for equals nothing else, hence so does all that reads it.
  void number(std::uint32_t last) {
    std::size_t needed = 0;
    same_.back() = last;
    for (std::uint32_t i = last + 1; i-- > first_;) {
      if (same_[i - first_] == no_node) continue;
      ++needed;
      for (std::uint32_t k : tape_.rule_operands_of(i)) {
        if (k >= first_) same_[k - first_] = k;
      }
    }
    equal_nodes known(tape_, needed, [&](std::uint32_t k) { return same(k); });
    for (std::uint32_t i = first_; i <= last; ++i) {
      if (same_[i - first_] == no_node || asked_[i - first_]) continue;
      const primitive* op = tape_.nodes()[i].op;
      if (op != &primitives::stop_gradient) same_[i - first_] = known.first_equal(i);
      const auto from = tape_.rule_operands_of(i);
      active_[i - first_] = op->derive != nullptr && std::any_of(from.begin(), from.end(),
                                                                 [&](auto k) { return active(k); });
    }
  }

  std::uint32_t same(std::uint32_t i) const { return i < first_ ? i : same_[i - first_]; }
  bool active(std::uint32_t i) const { return i >= first_ && active_[i - first_]; }

  // The adjoint as the rule gave it, in the input's shape.
  variable checked(variable adjoint, std::uint32_t of, std::uint32_t input) const {
    const value_type &x = tape_.type_of(input), &y = tape_.type_of(of), &dx = adjoint.type();
    const primitive* op = tape_.nodes()[of].op;
    shape joint;
    const bool here = &adjoint.owner() == &tape_;
    const bool fits =
        dx.shape == x.shape || ((dx.shape == y.shape || op == &sources::custom) &&
                                broadcast(x.shape, dx.shape, joint) && joint == dx.shape);
    if (here && fits && dx.dtype == x.dtype) return unbroadcast(adjoint, x.shape);
    const std::string text =
        fmt::format("{}: its derivative gave {}{} for an operand {}{}", op->name, dx.text(),
                    here ? "" : " of another tape", x.text(), made("output ", tape_.at(of)));
    if (here) throw shape_error(text);
    throw tape_error(text);
  }

  void add(std::uint32_t to, variable share, std::uint32_t from) {
    if (tape_.nodes()[share.index()].op->how == form::assembly) {
      auto parts = primitives::parts_of(tape_, share.index());
      if (!parts.operands.empty()) return add(to, std::move(parts), from);
    }
    std::uint32_t& total = adjoints_[to - first_];
    total = total == no_node ? share.index() : (tape_.at(total) + share).index();
  }

  void add(std::uint32_t to, primitives::collected_parts parts, std::uint32_t from) {
    parts_.try_emplace(to, from, primitives::collected_parts{})
        .first->second.second.add(std::move(parts));
  }

  // Shares that cover node i in part (of its slices, say) are put together at once, when all are
  // there: added one by one, each would cost as much as the whole. They get the line of the first.
  void put_parts_together(std::uint32_t i, tape::hold& work) {
    const auto found = parts_.empty() ? parts_.end() : parts_.find(i);
    if (found == parts_.end()) return;
    auto& [from, parts] = found->second;
    work.move_to(from);
    std::uint32_t& total = adjoints_[i - first_];
    const variable whole = total == no_node ? variable() : tape_.at(total);
    total = put_together(tape_, tape_.type_of(i).shape, whole, std::move(parts)).index();
    parts_.erase(found);
  }

  void visit(std::uint32_t i) {
    const primitive& op = *tape_.nodes()[i].op;
    const auto operands = tape_.rule_operands_of(i);
    if (op.derive == nullptr) return;
    few<variable> inputs(operands.size()), adjoints(operands.size());
    few<bool> needed(operands.size());
    bool any = false;
    for (std::size_t k = 0; k < operands.size(); ++k) {
      inputs[k] = tape_.at(same(operands[k]));
      needed[k] = active(operands[k]) && tape_.type_of(operands[k]).dtype != int64;
      any = any || needed[k];
    }
    if (!any) return;
    // The tape's words may move while the rule records.
    const auto words = tape_.attributes_of(i);
    attributes_.assign(words.begin(), words.end());
    derivation d{inputs.all(), attributes_,    tape_.at(i), tape_.at(adjoints_[i - first_]),
                 needed.all(), adjoints.all(), op.name,     &part_};
    const bool undoes = op.undoes != nullptr && tape_.nodes()[operands[0]].op == op.undoes;
    if (undoes) return pass_by(i, d);
    op.derive(d);
    if (!part_.operands.empty()) add(inputs[0].index(), std::exchange(part_, {}), i);
    for (std::size_t k = 0; k < d.inputs.size(); ++k) {
      if (!needed[k] || adjoints[k].empty()) continue;
      add(inputs[k].index(), checked(adjoints[k], i, inputs[k].index()), i);
    }
  }

  // Node i undoes the operation of its input: the adjoint goes to that one's operand as it is. The
  // input has a share of its own only if it is asked for, which goes no further.
  void pass_by(std::uint32_t i, derivation& d) {
    const std::uint32_t input = d.inputs[0].index(), operand = same(tape_.operands_of(input)[0]);
    if (input >= first_ && asked_[input - first_]) {
      tape_.nodes()[i].op->derive(d);
      const auto [aside, added] = asides_.try_emplace(input, d.adjoints[0]);
      if (!added) aside->second = aside->second + d.adjoints[0];
    }
    if (active(operand)) add(operand, d.adjoint, i);
  }

  tape& tape_;
  std::uint32_t first_;
  std::vector<bool> active_, asked_;  // on the way to an input, an input itself
  std::vector<std::uint32_t> adjoints_;
  // Parts, with the node whose rule gave the first: see put_parts_together.
  std::unordered_map<std::uint32_t, std::pair<std::uint32_t, primitives::collected_parts>> parts_;
  primitives::collected_parts part_;  // what the rule that runs gives
  std::vector<std::uint32_t> same_;   // the first of the nodes that are equal; no_node: not needed
  std::map<std::uint32_t, variable> asides_;  // shares that go no further: see pass_by
  std::vector<std::int64_t> attributes_;
};

}  // namespace

std::vector<variable> vjp(variable y, const std::vector<variable>& xs, operand dy) {
  tape& t = y.owner();
  const variable seed = t.resolve(dy, y.dtype());
  if (&seed.owner() != &t) throw tape_error("vjp: the adjoint lives on another tape");
  if (seed.type() != y.type()) {
    throw shape_error(fmt::format("vjp: the adjoint is {}, the output {}: they must be equal",
                                  seed.type().text(), y.type().text()) +
                      made("adjoint ", seed) + made("output ", y));
  }
  for (const variable& x : xs) {
    if (&x.owner() != &t) {
      throw tape_error("gradient: the variables live on different tapes" + made("output ", y) +
                       made("input ", x));
    }
    if (x.dtype() == int64) {
      throw dtype_error("gradient: int64 values have no derivative" + made("input ", x));
    }
  }
  sweep s(t, y.index(), xs);
  const auto first = static_cast<std::uint32_t>(t.size());
  s.run(y, seed);
  while (!t.sweeps.empty() && t.sweeps.back().first >= first) t.sweeps.pop_back();  // of its rules
  t.sweeps.push_back({first, static_cast<std::uint32_t>(t.size()), y.index()});
  std::vector<variable> result;
  for (const variable& x : xs) {
    const variable g = s.adjoint(x);
    result.push_back(
        !g.empty() ? g : broadcast_to(t.literal(0, x.dtype(), t.place_of(y.index())), x.shape()));
  }
  return result;
}

variable differentiable(variable y, const operand& x) {
  tape& t = y.owner();
  const variable v = t.resolve(x, y.dtype());
  const parameter* p = x.as_parameter();
  const auto gave = [&](const effect& e) { return e.parameter != no_node && e.value == v.index(); };
  const bool late = p != nullptr && v.index() > y.index() &&
                    std::any_of(t.effects().begin(), t.effects().end(), gave);
  if (!x.is_number() && !late) return v;
  throw value_error(
      fmt::format("gradient: {}{} [at {}]", late ? "'" + p->name() + "'" : "a number",
                  late ? " was assigned after the output was recorded: record the output anew"
                       : " is no variable: give a variable or a parameter",
                  x.where().text()));
}

std::vector<variable> gradient(variable y, const std::vector<variable>& xs) {
  if (y.shape().elements() != 1) {
    throw shape_error(
        fmt::format("gradient: the output has shape {}, a gradient needs one element: use vjp",
                    y.shape().text()) +
        made("output ", y));
  }
  tape& t = y.owner();
  const variable one = t.literal(1, y.dtype(), t.place_of(y.index()));
  return vjp(y, xs, y.shape().rank() == 0 ? one : broadcast_to(one, y.shape()));
}

std::vector<variable> gradient(variable y, std::initializer_list<operand> xs) {
  std::vector<variable> variables;
  for (const operand& x : xs) variables.push_back(differentiable(y, x));
  return gradient(y, variables);
}

std::vector<variable> gradient(variable y, const std::vector<parameter>& xs) {
  const place at = y.owner().place_of(y.index());
  std::vector<variable> variables;
  for (const parameter& x : xs) variables.push_back(differentiable(y, {x, at.file, at.line}));
  return gradient(y, variables);
}

variable gradient(variable y, operand x) { return gradient(y, {x})[0]; }

}  // namespace cotape
