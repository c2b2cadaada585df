// What it costs to get to a program: recording, per node recorded; sweeping and compiling, per node
// of the swept tape; recording a training step anew each time beside replaying it; `fit` beside the
// bare step.
#include <benchmark/benchmark.h>

#include <chrono>
#include <cotape/cotape.hpp>

namespace {

using namespace cotape;
using seconds = std::chrono::duration<double>;

template <class F> double time(F f) {
  const auto start = std::chrono::steady_clock::now();
  f();
  return seconds(std::chrono::steady_clock::now() - start).count();
}

double median(std::vector<double> v) {
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

// x <- x exp(-x) + 1/(1 + x), until the tape has `nodes` nodes; gives the sum of all x.
variable record_chain(tape& t, variable x, std::size_t nodes) {
  variable sum = x;
  while (t.size() < nodes) {
    x = x * exp(-x) + 1 / (1 + x);
    sum = sum + x;
  }
  return sum;
}

// A chain of one number (elements = 1) or of whole tensors: times recording, sweeping, compiling.
void chain(benchmark::State& state) {
  const auto nodes = static_cast<std::size_t>(state.range(0));
  const std::int64_t elements = state.range(1);
  double record = 0, sweep = 0, compile = 0;
  std::size_t recorded = 0, swept = 0;
  for (auto _ : state) {
    tape t;
    const variable x = t.input(float64, {elements});
    variable y, dx;
    record += time([&] { y = record_chain(t, x, nodes); });
    recorded += t.size();
    y = sum(y);
    sweep += time([&] { dx = gradient(y, x); });
    swept += t.size();
    compile += time([&] { program p(t, {x}, {y, dx}); });
  }
  const double ns = 1e9 / static_cast<double>(swept);
  state.counters["record_ns"] = record * 1e9 / static_cast<double>(recorded);
  state.counters["sweep_ns"] = sweep * ns;
  state.counters["compile_ns"] = compile * ns;
}
BENCHMARK(chain)
    ->ArgNames({"nodes", "elements"})
    ->Args({1000, 1})
    ->Args({1000000, 1})
    ->Args({1000, 16})
    ->Args({1000000, 16})
    ->Unit(benchmark::kMillisecond);

// A classifier's training step: 784-512-512-10 in batches.
struct classifier {
  classifier() {
    generator random(1);
    for (const shape& s : {shape{784, 512}, shape{512, 512}, shape{512, 10}}) {
      weights.emplace_back("w", glorot_uniform(random, s));
      weights.emplace_back("b", zeros({s[1]}));
    }
  }
  variable record(variable h, variable labels) {
    for (std::size_t l = 0; l < weights.size(); l += 2) {
      if (l > 0) h = relu(h);
      h = matmul(h, weights[l]) + weights[l + 1];
    }
    const variable loss = sparse_categorical_crossentropy_from_logits(h, labels);
    rule.minimize(loss);
    return loss;
  }
  std::vector<parameter> weights;
  sgd rule{{.rate = 1e-6}};
};

// Two models take turns: one replays its compiled step, one is recorded anew at each step.
void record_anew(benchmark::State& state) {
  const std::int64_t batch = state.range(0);
  generator random(1);
  const tensor x = random.uniform({batch, 784}), labels(value_type{int64, {batch}});
  classifier replayed, recorded;
  auto step = compile([&](variable h, variable l) { return replayed.record(h, l); });
  tape t;
  const tape_mark start = t.mark();
  std::vector<double> replay, anew;
  for (auto _ : state) {
    replay.push_back(time([&] { step(x, labels); }));
    anew.push_back(time([&] {
      t.rewind(start);
      const variable h = t.input(float32, {batch, 784}), l = t.input(int64, {batch});
      recorded.record(h, l);
      t.commit({{h, x}, {l, labels}});
    }));
  }
  const double us = 1e6, more = median(anew) - median(replay);
  state.counters["replay_us"] = median(replay) * us;
  state.counters["anew_us"] = median(anew) * us;
  state.counters["more_us"] = more * us;
}
// Recording costs the same for any batch; a small one shows it through less noise.
BENCHMARK(record_anew)->ArgName("batch")->Arg(1)->Arg(128)->Unit(benchmark::kMillisecond);

// What `fit` adds to the bare step: the order of rows, gathering them, figures, callbacks.
void fit(benchmark::State& state) {
  constexpr std::int64_t batch = 128, steps = 32;
  generator random(1);
  const tensor x = random.uniform({batch * steps, 784}), labels(value_type{int64, {batch * steps}});
  classifier bare;
  auto step = compile([&](variable h, variable l) { return bare.record(h, l); });
  sequential model{dense(512, "relu"), dense(512, "relu"), dense(10)};
  const auto loss = [](variable p, variable t) {
    return sparse_categorical_crossentropy_from_logits(p, t);
  };
  if (state.range(0) == 0) model.compile(loss, sgd({.rate = 0.1}));
  else model.compile(loss, sgd({.rate = 0.1}), {"accuracy"});
  const fit_options options{.batch_size = batch, .progress = nullptr};
  step(rows_of(x, 0, batch), rows_of(labels, 0, batch));
  model.fit(x, labels, options);
  std::vector<double> alone, fitted;
  for (auto _ : state) {
    alone.push_back(time([&] {
      for (std::int64_t i = 0; i < batch * steps; i += batch) {
        step(rows_of(x, i, i + batch), rows_of(labels, i, i + batch));
      }
    }));
    fitted.push_back(time([&] { model.fit(x, labels, options); }));
  }
  state.counters["step_us"] = median(alone) * 1e6 / steps;
  state.counters["fit_us"] = median(fitted) * 1e6 / steps;
  state.counters["more_percent"] = 100 * (median(fitted) / median(alone) - 1);
}
BENCHMARK(fit)->ArgName("accuracy")->Arg(0)->Arg(1)->Unit(benchmark::kMillisecond);

}  // namespace

BENCHMARK_MAIN();
