// Every way of computing a recipe, against the interpreter.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <stdexcept>

#include "interpreter.hpp"
#include "program/gemm.hpp"
#include "program/schedule.hpp"
#include "random_programs.hpp"

namespace cotape::tests {

namespace {

// The part of a bound, made for a run in float or double, that long double keeps: passes reorder
// sums and drop inverse functions, both in the interpreter's precision.
constexpr double exact_part = 0x1p-8;

struct values_of_run {
  std::vector<tensor> outputs;
  std::map<std::size_t, tensor> parameters;  // by step
};

class examiner {
 public:
  examiner(const recipe& r, tally& count) : r_(r), g_(r), count_(count), reference_(g_.t) {}

  std::optional<difference> run() {
    count_.programs += 1;
    count_what_there_is();
    std::optional<difference> found = gradients();
    bind(reference_, nullptr);
    reference_.run();
    if (!found) found = passes();
    if (!found) found = programs();
    if (!found) found = value();
    return found;
  }

 private:
  void count_what_there_is() {
    for (const step& s : r_.steps) {
      if (s.what != kind::apply) continue;
      const std::string& names = s.op->names;
      for (std::size_t i = 0, end = 0; i < names.size(); i = end + 1) {
        end = std::min(names.find(' ', i), names.size());
        ++count_.steps[names.substr(i, end - i)];
      }
    }
    for (const node& n : g_.t.nodes()) {
      ++count_.nodes[n.op->name];
      has_products_ = has_products_ || std::string_view(n.op->name) == "matmul";
    }
  }

  // Inputs as they are, with the direction at the leaves of a sweep.
  void bind(interpreter& to, const step* sweep) const {
    std::size_t input = 0;
    for (std::size_t s = 0; s < r_.steps.size(); ++s) {
      const kind what = r_.steps[s].what;
      if (what != kind::input && what != kind::parameter) continue;
      std::vector<double> direction;
      if (sweep != nullptr &&
          std::find(sweep->in.begin() + 1, sweep->in.end(), s) != sweep->in.end()) {
        for (std::size_t i = 0; i < r_.steps[s].values.size(); ++i) {
          direction.push_back(direction_at(s, i));
        }
      }
      if (what == kind::parameter) {
        to.move(g_.parameters.at(s), direction);
      } else {
        to.bind(g_.inputs[input], g_.bound[input], direction);
        ++input;
      }
    }
  }

  // Each gradient, as the tape computes it, along a direction: the loss's slope there.
  std::optional<difference> gradients() {
    for (std::size_t s = 0; s < r_.steps.size(); ++s) {
      if (r_.steps[s].what != kind::sweep) continue;
      interpreter oracle(g_.t, true);
      bind(oracle, &r_.steps[s]);
      oracle.run();
      const number wanted = oracle.at(g_.values[r_.steps[s].in[0]])[0];
      number found;
      for (std::size_t k = 1; k < r_.steps[s].in.size(); ++k) {
        const number_array& gradient = oracle.at(g_.sweeps.at(s)[k - 1]);
        for (std::size_t i = 0; i < gradient.size(); ++i) {
          const double d = direction_at(r_.steps[s].in[k], i);
          found.x += d * gradient[i].x;
          found.error += std::abs(d) * gradient[i].error;
        }
      }
      if (!is_known(found) || !std::isfinite(wanted.slope)) {
        ++count_.uncertain_slopes;
        continue;
      }
      ++count_.slopes;
      const double tolerance = 4 * found.error;
      if (std::abs(found.x - wanted.slope) <= tolerance) continue;
      return difference{
          fmt::format("the gradient gives {} along a direction, the slope is {}",
                      static_cast<double>(found.x), static_cast<double>(wanted.slope)),
          s,
          0,
          static_cast<double>(wanted.slope),
          tolerance,
          false,
          true};
    }
    return std::nullopt;
  }

  // The first element that differs by more than `part` of its bound; what is found at i is
  // found(i).
  template <class Found>
  std::optional<difference> compare(const std::string& how, std::size_t step,
                                    const number_array& wanted, double part, Found found,
                                    bool updated = false) {
    for (std::size_t i = 0; i < wanted.size(); ++i) {
      const number& w = wanted[i];
      if (!is_known(w)) {
        ++count_.uncertain;
        continue;
      }
      ++count_.compared;
      const long double f = found(i);
      const double tolerance = part * w.error;
      if (f == w.x || std::abs(f - w.x) <= tolerance) continue;
      return difference{fmt::format("{}: element {} of step {}{} is {}, not {} +- {}", how, i, step,
                                    updated ? " as stored" : "", static_cast<double>(f),
                                    static_cast<double>(w.x), tolerance),
                        step,
                        i,
                        static_cast<double>(w.x),
                        4 * w.error,
                        updated};
    }
    return std::nullopt;
  }

  // The last assignment to each parameter, by the parameter's step.
  std::map<std::size_t, std::size_t> assignments() const {
    std::map<std::size_t, std::size_t> last;
    for (std::size_t s = 0; s < r_.steps.size(); ++s) {
      if (r_.steps[s].what == kind::assign) last[r_.steps[s].in[0]] = s;
    }
    return last;
  }

  std::optional<difference> compare_graph(const char* pass, const graph& g,
                                          const schedule* order = nullptr) {
    const std::vector<number_array> values = reference_.values_of(g, order);
    for (std::size_t k = 0; k < r_.outputs.size(); ++k) {
      const number_array& found = values[g.outputs[k]];
      const auto at = [&](std::size_t i) { return found.at(i).x; };
      const number_array& wanted = reference_.at(g_.values[r_.outputs[k]]);
      auto d = compare(std::string("after ") + pass, r_.outputs[k], wanted, exact_part, at);
      if (d) return d;
    }
    const auto last = assignments();
    for (const graph::update& u : g.updates) {
      for (const auto& [p, s] : last) {
        if (g_.t.parameter_at(u.parameter) != g_.parameters.at(p)) continue;
        const auto at = [&](std::size_t i) { return values[u.value].at(i).x; };
        auto d = compare(std::string("after ") + pass, s, reference_.at(g_.values[s]), exact_part,
                         at, true);
        if (d) return d;
      }
    }
    return std::nullopt;
  }

  std::optional<difference> passes() {
    graph g = needed_part(g_.t, g_.of(r_.outputs), {});
    prune(g);
    std::optional<difference> d = compare_graph("needed_part", g);
    const auto after = [&](const char* name, auto pass) {
      if (d) return;
      pass();
      verify(g);
      d = compare_graph(name, g);
    };
    after("own_sources", [&] {
      own_sources(g);
      prune(g);
    });
    after("take_into_products", [&] {
      take_into_products(g);
      prune(g);
    });
    if (d) return d;
    mark_constants(g, false);
    schedule s = make_schedule(g, true);
    d = compare_graph("make_schedule", g, &s);
    if (d) return d;
    pair_up(g, s);
    return compare_graph("pair_up", g, &s);
  }

  // Runs and puts the parameters back.
  values_of_run run(program& code) {
    const std::vector<array_view> views(g_.bound.begin(), g_.bound.end());
    const tensor counter(g_.random.counter().view());
    code.run(views);
    values_of_run result;
    for (std::size_t i = 0; i < code.outputs(); ++i) {
      result.outputs.emplace_back(code.output(i).view());
    }
    for (const auto& [s, p] : g_.parameters) {
      result.parameters.emplace(s, p.view());
      p.set(tensor_of(r_.steps[s].type, r_.steps[s].values));
    }
    g_.random.counter().set(counter);
    return result;
  }

  std::optional<difference> compare_run(const std::string& how, const values_of_run& found) {
    const auto element = [](const tensor& t) {
      return [values = numbers_of(t)](std::size_t i) { return values.at(i).x; };
    };
    for (std::size_t k = 0; k < r_.outputs.size(); ++k) {
      auto d = compare(how, r_.outputs[k], reference_.at(g_.values[r_.outputs[k]]), 4,
                       element(found.outputs[k]));
      if (d) return d;
    }
    for (const auto& [p, s] : assignments()) {
      number_array wanted = reference_.at(g_.values[s]);
      for (number& n : wanted) {  // a float32 parameter rounds what it is given
        if (r_.as != precision::float64) continue;
        n.error +=
            0x1p-24 * static_cast<double>(std::abs(n.x)) + std::numeric_limits<float>::denorm_min();
      }
      auto d = compare(how, s, wanted, 4, element(found.parameters.at(p)), true);
      if (d) return d;
    }
    return std::nullopt;
  }

  // Where two runs differ in a bit.
  std::optional<difference> compare_bits(const std::string& how, const values_of_run& a,
                                         const values_of_run& b) {
    for (std::size_t k = 0; k < r_.outputs.size(); ++k) {
      if (same_bits(a.outputs[k], b.outputs[k])) continue;
      return difference{fmt::format("{}: step {} differs in a bit", how, r_.outputs[k]),
                        r_.outputs[k]};
    }
    for (const auto& [p, s] : assignments()) {
      if (same_bits(a.parameters.at(p), b.parameters.at(p))) continue;
      difference d{fmt::format("{}: step {} as stored differs in a bit", how, s), s};
      d.updated = true;
      return d;
    }
    return std::nullopt;
  }

  std::optional<difference> programs() {
    const std::vector<variable> outputs = g_.of(r_.outputs);
    program fused(g_.t, g_.inputs, outputs), unfused(g_.t, g_.inputs, outputs, {.fuse = false});
    count_traits(fused);
    const values_of_run first = run(fused), plain = run(unfused);
    std::optional<difference> d = compare_run("fused", first);
    if (!d) d = compare_run("unfused", plain);
    if (!d) d = compare_bits("second run", run(fused), first);
    if (!d && !has_products_) d = compare_bits("fused and unfused", first, plain);
    return d;
  }

  void count_traits(const program& code) {
    const std::string text = code.explain();
    const auto has = [&](const char* trait, const char* sign, bool wanted = true) {
      count_.traits[trait] += (text.find(sign) != std::string::npos) == wanted;
    };
    has("updates in place", "->'");
    has("updates by a copy", "write '");
    has("products with a factor", "*alpha");
    has("products with an addend", "+C");
    has("products with a transpose", "^T");
    has("folded constants", " 0 folded steps", false);
  }

  // One output by value(): literals and constants are bound late, effects left out.
  std::optional<difference> value() {
    const std::size_t s = r_.outputs.back();
    std::vector<binding> bindings;
    for (std::size_t i = 0; i < g_.inputs.size(); ++i) {
      bindings.emplace_back(g_.inputs[i], array_view(g_.bound[i]));
    }
    const number_array found = numbers_of(evaluate(g_.values[s], bindings));
    return compare("value()", s, reference_.at(g_.values[s]), 4,
                   [&](std::size_t i) { return found.at(i).x; });
  }

  const recipe& r_;
  recorded_recipe g_;
  tally& count_;
  interpreter reference_;
  bool has_products_ = false;
};

}  // namespace

void tally::add(const tally& other) {
  programs += other.programs;
  compared += other.compared;
  uncertain += other.uncertain;
  slopes += other.slopes;
  uncertain_slopes += other.uncertain_slopes;
  for (const auto& [name, n] : other.steps) steps[name] += n;
  for (const auto& [name, n] : other.nodes) nodes[name] += n;
  for (const auto& [name, n] : other.traits) traits[name] += n;
}

std::optional<difference> examine(const recipe& r, tally& count) {
  try {
    return examiner(r, count).run();
  } catch (const std::out_of_range&) {
    throw;                               // an index into a value: the recipe's fault
  } catch (const std::logic_error& e) {  // an illegal graph or schedule
    return difference{e.what(), r.outputs.front()};
  }
}

}  // namespace cotape::tests
