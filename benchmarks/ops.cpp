// Every row of the table of op cases in float32, forward and gradient: compiled, then run. Shapes
// are the row's, grown to some 65,536 elements where the row allows it.
#include <benchmark/benchmark.h>

#include <cmath>

#include "draw.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

constexpr double wanted_elements = 65536;

enum class kind { forward, gradient };

// A compiled row with values for its inputs.
struct trial {
  trial(const op_case& c, const std::vector<shape>& shapes, kind k) {
    engine random(1);
    tape t;
    variables inputs, asked;
    const tests::arrays x = draw(c, shapes, random);
    for (std::size_t i = 0; i < x.size(); ++i) {
      const dtype d = c.inputs[i].from.in(float32);
      inputs.push_back(t.input(d, x[i].shape));
      values.push_back(to_tensor(x[i], d));
      if (d != int64) asked.push_back(inputs.back());
    }
    variables outputs{c.apply(inputs)};
    if (k == kind::gradient) {
      const variable y = outputs[0], w = t.input(y.dtype(), y.shape());
      inputs.push_back(w);
      values.push_back(to_tensor(draw_normal(y.shape(), random), y.dtype()));
      outputs = vjp(y, asked, w);
    }
    code.emplace(t, inputs, outputs);
    views.assign(values.begin(), values.end());
    code->run(views);
  }

  std::vector<tensor> values;
  std::vector<array_view> views;
  std::optional<program> code;
};

// Rows whose operation holds sizes of its own are run at these.
trial largest_trial(const op_case& c, kind k) {
  try {
    return trial(c, grown_shapes(c, wanted_elements), k);
  } catch (const error&) {
    return trial(c, own_shapes(c), k);
  }
}

void run(benchmark::State& state, const op_case& c, kind k) {
  trial t = largest_trial(c, k);
  for (auto _ : state) t.code->run(t.views);
  double flops = 0, bytes = 0;
  for (const program_part& p : t.code->parts()) {
    flops += p.flops;
    bytes += p.bytes;
  }
  using counter = benchmark::Counter;
  const auto rate = [](double n) { return counter(n, counter::kIsIterationInvariantRate); };
  state.counters["FLOP/s"] = rate(flops);
  state.counters["B/s"] = rate(bytes);
}

}  // namespace

int main(int argc, char** argv) {
  for (const op_case& c : op_cases()) {
    const auto add = [&](const char* name, kind k) {
      const auto body = [&c, k](benchmark::State& s) { run(s, c, k); };
      benchmark::RegisterBenchmark((name + c.text()).c_str(), body)->Unit(benchmark::kMicrosecond);
    };
    add("forward/", kind::forward);
    if (c.derivative == slope::smooth) add("gradient/", kind::gradient);
  }
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
}
