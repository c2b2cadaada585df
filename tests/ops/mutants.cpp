#include "mutants.hpp"

#include <fmt/format.h>

#include <map>

#include "primitives/primitives.hpp"

namespace cotape::tests {

namespace {

using primitives::words;

// A rule as it was called, with the adjoints that it gave, those of operands that nobody asked for
// included. `first` is the first node that it recorded.
struct rule_call {
  std::span<const variable> inputs;
  variable output;
  std::span<variable> adjoints;
  std::uint32_t first;
  std::span<const bool> needed;  // which of them the sweep asked for

  // Whether an adjoint of an operand could be taken for that of another one.
  bool fits(std::size_t operand, const variable& adjoint) const {
    const variable& x = inputs[operand];
    if (adjoint.empty() || adjoint.dtype() != x.dtype()) return false;
    shape joint;
    return adjoint.shape() == x.shape() ||
           (adjoint.shape() == output.shape() && broadcast(x.shape(), output.shape(), joint) &&
            joint == output.shape());
  }
};

using surgery = std::function<void(const rule_call&)>;

// While alive, a node's rule is followed by a surgery. It changes what the tape gives out as
// constant: only a test of tests needs that.
class altered_rule {
 public:
  altered_rule(tape& t, std::uint32_t at, const surgery& what)
      : tape_(t), at_(at), original_(t.nodes()[at].op), what_(what), copy_(*original_) {
    copy_.derive = [](derivation& d) { current->call(d); };
    const_cast<node&>(t.nodes()[at]).op = &copy_;
    current = this;
  }
  ~altered_rule() {
    const_cast<node&>(tape_.nodes()[at_]).op = original_;
    current = nullptr;
  }
  altered_rule(const altered_rule&) = delete;
  altered_rule& operator=(const altered_rule&) = delete;

 private:
  void call(derivation& d) {
    const std::size_t n = d.inputs.size();
    const auto all = std::make_unique<bool[]>(n);
    for (std::size_t k = 0; k < n; ++k) all[k] = d.inputs[k].dtype() != int64;
    const auto first = static_cast<std::uint32_t>(tape_.size());
    derivation asked_for_all = d;
    asked_for_all.needed = {all.get(), n};
    asked_for_all.parts = nullptr;  // what is given as a part is a node, too
    original_->derive(asked_for_all);
    what_({d.inputs, d.output, d.adjoints, first, d.needed});
  }

  inline static thread_local altered_rule* current = nullptr;
  tape& tape_;
  std::uint32_t at_;
  const primitive* original_;
  const surgery& what_;
  primitive copy_;
};

// An adjoint recorded again without one term of the sum at a node of its rule; empty if it does
// not depend on that node.
variable without_term(const variable& adjoint, std::uint32_t sum, std::size_t term) {
  tape& t = adjoint.owner();
  std::map<std::uint32_t, variable> copies;
  const variable rest = t.at(t.operands_of(sum)[1 - term]);
  copies[sum] = broadcast_to(rest, t.type_of(sum).shape);
  for (std::uint32_t i = sum + 1; i <= adjoint.index(); ++i) {
    variables inputs;
    bool depends = false;
    for (std::uint32_t k : t.operands_of(i)) {
      const auto copy = copies.find(k);
      depends = depends || copy != copies.end();
      inputs.push_back(copy != copies.end() ? copy->second : t.at(k));
    }
    if (!depends) continue;
    const auto attributes = t.attributes_of(i);
    const words kept(attributes.begin(), attributes.end());
    copies[i] = t.record(*t.nodes()[i].op, inputs, kept, t.place_of(i));
  }
  const auto copy = copies.find(adjoint.index());
  return copy == copies.end() ? variable() : copy->second;
}

// The axes of an adjoint that are summed away, on which there is more than one element to sum.
bool is_summed(const shape& adjoint, const shape& x) {
  return adjoint != x && adjoint.elements() > x.elements() && x.elements() > 0;
}

// The first element along each axis that should be summed over.
variable first_of_summed(const variable& adjoint, const shape& x) {
  const std::size_t rank = adjoint.shape().rank(), extra = rank - x.rank();
  words attributes;
  for (std::size_t i = 0; i < rank; ++i) attributes.push_back(i < extra ? 1 : x[i - extra]);
  attributes.resize(2 * rank, 0);
  attributes.resize(3 * rank, 1);
  return reshape(record(primitives::slice, {adjoint}, attributes), x);
}

variable altered(const rule_call& c, const mutant& m) {
  const variable right = c.adjoints[m.operand];
  switch (m.how) {
    case alteration::negated: return -right;
    case alteration::scaled: return 1.01 * right;
    case alteration::zeroed: return {};
    case alteration::from_another: return c.adjoints[m.which];
    case alteration::unsummed: return first_of_summed(right, c.inputs[m.operand].shape());
    case alteration::without_a_term:
      return without_term(right, c.first + static_cast<std::uint32_t>(m.which), m.term);
  }
  return {};
}

void append_mutants(const rule_call& c, std::uint32_t node, std::vector<mutant>& list) {
  tape& t = c.output.owner();
  const char* name = t.nodes()[node].op->name;
  const auto last = static_cast<std::uint32_t>(t.size());
  const bool square = c.inputs.size() == 2 && c.inputs[0].index() == c.inputs[1].index();
  for (std::size_t k = 0; k < c.inputs.size(); ++k) {
    const variable right = c.adjoints[k];
    if (!c.needed[k] || right.empty()) continue;
    const auto add = [&](alteration how, std::size_t which = 0, std::size_t term = 0) {
      list.push_back({node, name, k, how, which, term, square});
    };
    add(alteration::negated);
    add(alteration::scaled);
    add(alteration::zeroed);
    if (is_summed(right.shape(), c.inputs[k].shape())) add(alteration::unsummed);
    for (std::size_t j = 0; j < c.inputs.size(); ++j) {
      const bool another = c.fits(k, c.adjoints[j]) && c.adjoints[j].index() != right.index();
      if (another) add(alteration::from_another, j);
    }
    for (std::uint32_t i = c.first; i < last; ++i) {
      if (std::string_view(t.nodes()[i].op->name) != "add") continue;
      if (right.index() < i || without_term(right, i, 0).empty()) continue;
      for (std::size_t term : {0u, 1u}) add(alteration::without_a_term, i - c.first, term);
    }
  }
}

}  // namespace

const char* name_of(alteration a) {
  switch (a) {
    case alteration::negated: return "negated";
    case alteration::scaled: return "scaled";
    case alteration::zeroed: return "zeroed";
    case alteration::from_another: return "from another operand";
    case alteration::unsummed: return "unsummed";
    case alteration::without_a_term: return "without a term";
  }
  return "?";
}

std::string mutant::text() const {
  const std::string head = fmt::format("{}, operand {}, {}", primitive, operand, name_of(how));
  return how == alteration::without_a_term ? fmt::format("{} ({} of sum {})", head, term, which)
                                           : head;
}

std::vector<mutant> mutants_of(const trial& t) {
  std::vector<mutant> list;
  differentiated(t, t.x, [&](variable y, const variables& xs, variable w) {
    tape& on = y.owner();
    for (std::uint32_t i = 0; i <= y.index(); ++i) {
      if (on.nodes()[i].op->derive == nullptr) continue;
      const surgery look = [&](const rule_call& c) { append_mutants(c, i, list); };
      const altered_rule spied(on, i, look);
      vjp(y, xs, w);
    }
    return vjp(y, xs, w);
  });
  return list;
}

arrays gradients_of(const trial& t, const mutant& m) {
  const surgery alter = [&](const rule_call& c) { c.adjoints[m.operand] = altered(c, m); };
  differentiated d(t, t.x, [&](variable y, const variables& xs, variable w) {
    const altered_rule changed(y.owner(), m.node, alter);
    return vjp(y, xs, w);
  });
  return d.g.run(d.gradients);
}

}  // namespace cotape::tests
