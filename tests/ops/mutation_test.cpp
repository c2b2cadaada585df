// The gradient check of the op cases notices when a local derivative is wrong: every rule that a
// row's gradient uses is altered in turn, and the check must fail. A mutant that leaves the
// gradient as it is, at all points, needs a reason: the list of equivalences.
#include <fmt/format.h>

#include <iostream>
#include <map>
#include <set>

#include "mutants.hpp"

namespace cotape::tests {

namespace {

// Mutants that change nothing: in rows whose name starts with `rows`, those that `covers` names.
struct equivalence {
  std::string rows, why;
  std::function<bool(const mutant&)> covers = [](const mutant&) { return true; };
};

bool is_extremum(const mutant& m) { return m.primitive == "maximum" || m.primitive == "minimum"; }

const std::vector<equivalence>& equivalences() {
  static const std::vector<equivalence> list{
      {"", "both factors are one value, so their adjoints are equal",
       [](const mutant& m) {
         return m.square && m.primitive == "multiply" && m.how == alteration::from_another;
       }},
      {"append_ones: (2, 0)", "there are no elements"},
      {"power: whole n, 0", "x^0 is 1 everywhere"},
      {"sinc", "the order n is 0, so n + 1 is 1",
       [](const mutant& m) { return m.how == alteration::without_a_term && m.term == 0; }},
      {"huber", "where the bound b lets r pass, the slope r - b in b is 0", is_extremum},
      {"var: no axis", "the variance of one number is 0 everywhere"},
      {"var: a scalar", "the variance of one number is 0 everywhere"},
      {"var", "deviations sum to 0, so the mean's own adjoint is 0"},
      {"batch_norm: variance", "deviations sum to 0, so the mean's own adjoint is 0"},
      {"stddev", "deviations sum to 0, so the mean's own adjoint is 0"}};
  return list;
}

// The place in the list of the first that covers the mutant; the list's size if none does.
std::size_t reason_for(const op_case& c, const mutant& m) {
  const auto& list = equivalences();
  const auto found = std::find_if(list.begin(), list.end(), [&](const equivalence& e) {
    return c.text().rfind(e.rows, 0) == 0 && e.covers(m);
  });
  return static_cast<std::size_t>(found - list.begin());
}

// The points that the gradient test tries a row at, with the slopes and gradients that are right.
struct examination {
  const std::vector<trial>& trials;
  std::vector<double> wanted;
  std::vector<arrays> gradients;

  explicit examination(const std::vector<trial>& points) : trials(points) {
    for (const trial& t : trials) {
      wanted.push_back(slope_by_differences(t));
      differentiated d(t, t.x);
      gradients.push_back(d.g.run(d.gradients));
      // Else a mutant would be killed by what is wrong without it.
      EXPECT_TRUE(agree(slope_by_gradients(t, gradients.back()), wanted.back())) << t.c.text();
    }
  }
};

bool same(const arrays& a, const arrays& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    for (std::size_t k = 0; k < a[i].data.size(); ++k) {
      if (!agree(b[i].data[k], a[i].data[k], 1e-12)) return false;
    }
  }
  return true;
}

enum class fate { killed, survived, equivalent };

// Killed if the check fails at any point; equivalent if the gradient is the same at all of them.
fate fate_of(const mutant& m, const examination& e) {
  fate result = fate::equivalent;
  for (std::size_t i = 0; i < e.trials.size(); ++i) {
    const arrays g = gradients_of(e.trials[i], m);
    if (!agree(slope_by_gradients(e.trials[i], g), e.wanted[i])) return fate::killed;
    if (!same(e.gradients[i], g)) result = fate::survived;
  }
  return result;
}

struct tally {
  int killed = 0, survived = 0, equivalent = 0;
  void add(const tally& other) {
    killed += other.killed;
    survived += other.survived;
    equivalent += other.equivalent;
  }
  std::string text() const {
    return fmt::format("killed {}/{}", killed, killed + survived) +
           (equivalent == 0 ? "" : fmt::format(", {} equivalent", equivalent));
  }
};

// What came of all mutants of all rows.
struct outcome {
  std::map<std::string, tally> of_operation;
  std::map<std::size_t, int> excused;        // by place in the list of equivalences
  std::set<std::string> seen, killed;        // alterations of primitives
  std::set<std::string> altered_primitives;  // with a mutant that was killed

  void examine(const op_case& c, const std::vector<trial>& trials) {
    const examination e(trials);
    for (const mutant& m : mutants_of(e.trials[0])) {
      seen.insert(m.text());
      tally& n = of_operation[c.name];
      switch (fate_of(m, e)) {
        case fate::killed:
          ++n.killed;
          killed.insert(m.text());
          altered_primitives.insert(m.primitive);
          break;
        case fate::survived:
          ++n.survived;
          ADD_FAILURE() << c.text() << ": the gradient check does not notice " << m.text();
          break;
        case fate::equivalent: {
          ++n.equivalent;
          const std::size_t reason = reason_for(c, m);
          ++excused[reason];
          EXPECT_LT(reason, equivalences().size())
              << c.text() << ": " << m.text() << " changes no gradient: let the row use it, or "
              << "say why in the list of equivalences";
          break;
        }
      }
    }
  }
};

const outcome& all_mutants() {
  static const outcome result = [] {
    outcome all;
    for (const op_case& c : op_cases()) {
      // At zeros and equal elements much is 0, of mutants too.
      if (c.derivative != slope::smooth || c.is_fixed()) continue;
      for (const auto& trials : trials_of(c)) all.examine(c, trials);
    }
    return all;
  }();
  return result;
}

}  // namespace

TEST(Mutants, OfEveryLocalDerivativeFailTheGradientCheck) {
  const outcome& all = all_mutants();
  tally total;
  for (const auto& [name, n] : all.of_operation) {
    std::cout << name << ": " << n.text() << "\n";
    total.add(n);
  }
  for (std::size_t i = 0; i < equivalences().size(); ++i) {
    const auto& [rows, why, covers] = equivalences()[i];
    const auto found = all.excused.find(i);
    ASSERT_NE(found, all.excused.end()) << rows << ": " << why << ": covers no mutant, remove it";
    std::cout << fmt::format("{} equivalent{}{}: {}\n", found->second, rows.empty() ? "" : ", ",
                             rows, why);
  }
  std::cout << "all: " << total.text() << "\n";
  EXPECT_GE(total.killed, 2500);
}

// In some row each kind of alteration is noticed: no rule's part goes untried everywhere.
TEST(Mutants, OfEachKindAreKilledInSomeRow) {
  for (const std::string& text : all_mutants().seen) {
    EXPECT_TRUE(all_mutants().killed.contains(text)) << text;
  }
}

TEST(Mutants, ThereAreOfEveryPrimitiveWithADerivative) {
  engine random(12);
  for (const op_case& c : op_cases()) {
    graph_under_test g(c, draw(c, random), float64);
    c.apply(g.inputs);
    for (const node& n : g.t.nodes()) {
      if (n.op->derive == nullptr) continue;
      EXPECT_TRUE(all_mutants().altered_primitives.contains(n.op->name)) << n.op->name;
    }
  }
}

}  // namespace cotape::tests
