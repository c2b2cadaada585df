// Programs against an independent walk over the same tape, fused and unfused, on random graphs.
#include <cmath>
#include <cstring>

#include "interpreter.hpp"
#include "random_graph.hpp"

namespace cotape::tests {
namespace {

// Where the two differ by more than rounding; empty if nowhere.
std::string difference(const numbers& found, const numbers& wanted, double tolerance) {
  if (found.size() != wanted.size()) return "sizes differ";
  double scale = 1;
  for (double w : wanted) scale = std::isfinite(w) ? std::max(scale, std::abs(w)) : scale;
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::isnan(found[i]) && std::isnan(wanted[i])) continue;
    if (found[i] == wanted[i] || std::abs(found[i] - wanted[i]) <= tolerance * scale) continue;
    return "element " + std::to_string(i) + " is " + std::to_string(found[i]) + ", not " +
           std::to_string(wanted[i]);
  }
  return "";
}

std::vector<array_view> views_of(const std::vector<tensor>& values) {
  return {values.begin(), values.end()};
}

struct outcome {
  std::vector<tensor> outputs, parameters;
};

// Runs and puts the parameters back.
outcome run(program& code, const random_graph& g, const std::vector<tensor>& inputs) {
  std::vector<tensor> before;
  for (const parameter& p : g.parameters) before.emplace_back(p.view());
  code.run(views_of(inputs));
  outcome result;
  for (std::size_t i = 0; i < code.outputs(); ++i) {
    result.outputs.emplace_back(code.output(i).view());
  }
  for (std::size_t i = 0; i < before.size(); ++i) {
    result.parameters.emplace_back(g.parameters[i].view());
    g.parameters[i].set(before[i]);
  }
  return result;
}

// What the programs contained, so that a test knows that it tried it.
struct occurrences {
  int in_place = 0, written = 0, alpha = 0, beta = 0, transposes = 0, folded = 0;
  void count(const program& code) {
    const std::string text = code.explain();
    const auto has = [&](const char* what) { return text.find(what) != std::string::npos; };
    in_place += has("->'");
    written += has("write '");
    alpha += has("*alpha");
    beta += has("+C");
    transposes += has("A^T") || has("B^T");
    folded += !has(" 0 folded steps");
  }
};

class comparison {
 public:
  comparison(unsigned seed, const graph_options& options)
      : seed_(seed),
        graph_(seed, options),
        tolerance_(options.values == float64 || options.as == precision::float64 ? 1e-8 : 1e-3) {}

  void run_all() {
    for (const bool fuse : {true, false}) codes_.push_back(compiled_with(fuse));
    for (int round = 0; round < 2; ++round) {
      const std::vector<tensor> inputs = graph_.values();
      interpreter reference(graph_.t);
      for (std::size_t i = 0; i < inputs.size(); ++i) reference.bind(graph_.inputs[i], inputs[i]);
      reference.run();
      for (program& code : codes_) {
        check(reference, &code == &codes_[0] ? "fused" : "unfused", run(code, graph_, inputs));
      }
      check_value(reference, inputs);
    }
  }
  const program& fused() const { return codes_[0]; }

 private:
  program compiled_with(bool fuse) {
    compile_options options;
    options.fuse = fuse;
    return program(graph_.t, graph_.inputs, graph_.outputs, options);
  }

  void check(const interpreter& reference, const char* how, const outcome& found) {
    for (std::size_t i = 0; i < graph_.outputs.size(); ++i) {
      EXPECT_EQ(
          difference(numbers_of(found.outputs[i]), reference.at(graph_.outputs[i]), tolerance_), "")
          << how << ", seed " << seed_ << ", output " << i << ": " << graph_.outputs[i] << "\n"
          << codes_[0].explain();
    }
    const auto updates = reference.updates();
    for (std::size_t k = 0; k < graph_.parameters.size(); ++k) {
      const parameter& p = graph_.parameters[k];
      numbers wanted = numbers_of(p.view());
      for (const auto& [number, value] : updates) {
        if (graph_.t.parameter_at(number) == p) wanted = value;
      }
      // A float32 parameter rounds what it is given.
      EXPECT_EQ(difference(numbers_of(found.parameters[k]), wanted, std::max(tolerance_, 1e-6)), "")
          << how << ", seed " << seed_ << ", parameter " << p.name() << "\n"
          << codes_[0].explain();
    }
  }

  // value() of one output: literals and constants bound late, no effects.
  void check_value(const interpreter& reference, const std::vector<tensor>& inputs) {
    const variable v = graph_.outputs.back();
    std::vector<binding> bindings;
    for (std::size_t i = 0; i < inputs.size(); ++i) {
      bindings.emplace_back(graph_.inputs[i], array_view(inputs[i]));
    }
    const tensor found = evaluate(v, bindings);
    EXPECT_EQ(difference(numbers_of(found), reference.at(v), tolerance_), "")
        << "value(), seed " << seed_ << ": " << v;
  }

  unsigned seed_;
  random_graph graph_;
  double tolerance_;
  std::vector<program> codes_;
};

// Until the first few failures: more say nothing new.
occurrences compare_many(unsigned first, unsigned count, graph_options options,
                         const std::vector<std::vector<shape>>& families) {
  occurrences seen;
  for (unsigned seed = first; seed < first + count && !::testing::Test::HasFailure(); ++seed) {
    options.shapes = families[seed % families.size()];
    comparison c(seed, options);
    c.run_all();
    seen.count(c.fused());
  }
  return seen;
}

const std::vector<std::vector<shape>> small{
    {{}, {1}, {3}, {4, 3}, {4, 1}},    {{2, 3, 4}, {3, 4}, {3, 1}, {2, 1, 4}, {1}, {}},
    {{1, 1}, {1}, {}, {1, 1, 1}},      {{5, 7}, {7, 5}, {5, 5}, {7}, {5, 1}, {7, 7}},
    {{0, 3}, {3}, {1, 3}, {}, {0, 1}}, {{16, 16}, {16}, {16, 1}, {16, 16}},
};

const std::vector<std::vector<shape>> large{
    {{511}, {1}, {}},
    {{512}, {1}, {512}, {2, 512}},
    {{513}, {1}, {513}, {}},
    {{1500}, {1500}, {}, {1}},
    {{5, 600}, {600}, {5, 1}, {}, {1, 600}},
    {{3, 171}, {513}, {171}, {3, 1}, {1}},
    {{2, 2, 600}, {2, 1, 600}, {2, 1}, {600}, {1, 1, 600}},
    {{32, 40}, {40, 32}, {40}, {32, 1}, {32, 32}},
    {{5, 600}, {4, 5, 150}, {5, 1}, {3000}, {4, 1, 1}},
};

TEST(RandomGraph, SmallOnesAgreeWithAPlainWalk) {
  const occurrences seen = compare_many(0, 2400, {}, small);
  for (const int n :
       {seen.in_place, seen.written, seen.alpha, seen.beta, seen.transposes, seen.folded}) {
    EXPECT_GT(n, 50);
    std::printf("%d ", n);
  }
  std::printf("\n");
}

TEST(RandomGraph, LongerOnesAgreeWithAPlainWalk) {
  graph_options options;
  options.operations = 80;
  compare_many(100000, 300, options, small);
}

TEST(RandomGraph, OnesBeyondATileAgreeWithAPlainWalk) { compare_many(200000, 400, {}, large); }

TEST(RandomGraph, Float32AgreesWithAPlainWalk) {
  graph_options options;
  options.values = float32;
  options.operations = 10;
  compare_many(300000, 600, options, small);
  compare_many(400000, 160, options, large);
}

TEST(RandomGraph, PromotedOnesAgreeWithAPlainWalk) {
  graph_options options;
  options.values = float32;
  options.as = precision::float64;
  compare_many(500000, 300, options, small);
}

// No operation of a loop rounds otherwise when it is fused; only products may (alpha and beta).
TEST(RandomGraph, FusionKeepsTheBitsOfElementWiseGraphs) {
  graph_options options;
  options.values = float32;
  options.matrices = false;
  for (unsigned seed = 0; seed < 400 && !HasFailure(); ++seed) {
    options.shapes = (seed % 3 == 0 ? large : small)[seed % 6];
    random_graph g(seed, options);
    const std::vector<tensor> inputs = g.values();
    program fused(g.t, g.inputs, g.outputs);
    program plain(g.t, g.inputs, g.outputs, {.fuse = false});
    const outcome a = run(fused, g, inputs), b = run(plain, g, inputs);
    for (std::size_t i = 0; i < a.outputs.size(); ++i) {
      EXPECT_TRUE(same_bits(a.outputs[i], b.outputs[i])) << "seed " << seed << ", output " << i;
    }
    for (std::size_t i = 0; i < a.parameters.size(); ++i) {
      EXPECT_TRUE(same_bits(a.parameters[i], b.parameters[i])) << "seed " << seed << ", " << i;
    }
  }
}

}  // namespace
}  // namespace cotape::tests
