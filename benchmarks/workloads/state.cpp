// Cases whose programs write parameters: Adam on many weights, SGD on the rows of a table, and a
// sum term by term.
#include <chrono>
#include <cmath>

#include "graphs.hpp"

namespace bench {
namespace {

using cotape::array_view;
using cotape::parameter;

// Programs that are run one after the other, and the parameters that they leave.
class stateful : public stepper {
 public:
  stateful(std::vector<tensor> data, std::vector<parameter> state, std::size_t threads)
      : data_(std::move(data)), state_(std::move(state)), threads_(threads) {}

  cotape::program* add(cotape::program code) {
    programs_.push_back(std::make_unique<cotape::program>(std::move(code)));
    return programs_.back().get();
  }
  /// The next call of a step; the inputs are numbers of the data.
  void call_next(cotape::program* code, const std::vector<std::size_t>& inputs) {
    std::vector<array_view> views;
    for (std::size_t i : inputs) views.push_back(data_[i]);
    calls_.emplace_back(code, views);
  }
  std::size_t arena() const {
    std::size_t most = 0;
    for (const auto& code : programs_) most = std::max(most, code->memory().arena);
    return most;
  }

  void run(std::size_t steps) override {
    cotape::set_num_threads(static_cast<int>(threads_));
    for (std::size_t i = 0; i < steps; ++i) {
      for (const auto& [code, inputs] : calls_) code->run(inputs);
    }
  }
  std::vector<double> values() override {
    std::vector<double> all;
    for (const parameter& p : state_) {
      const float* data = p.view().data_as<float>();
      all.insert(all.end(), data, data + p.shape().elements());
    }
    return all;
  }

 private:
  std::vector<tensor> data_;
  std::vector<parameter> state_;
  std::vector<std::unique_ptr<cotape::program>> programs_;
  std::vector<std::pair<cotape::program*, std::vector<array_view>>> calls_;
  std::size_t threads_;
};

double milliseconds_since(std::chrono::steady_clock::time_point start) {
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

// --- Adam ---------------------------------------------------------------------------------------

// The inputs are the weights' gradients; weights and moments start at 0.
std::vector<tensor> gradients_of(const settings& s, std::int64_t spread) {
  const std::int64_t n = s.number("weights");
  random_data d;
  std::vector<tensor> in;
  for (std::int64_t i = 0; i < n; ++i) {
    in.push_back(d.floats({s.number("size"), s.number("size") + spread * (2 * i + 1 - n)}));
  }
  return in;
}

// The weights after the first step: there the moments' corrections cancel.
outputs first_step(const std::vector<tensor>& gradients) {
  double squares = 0;
  outputs weights;
  for (const tensor& g : gradients) {
    weights.emplace_back(g.data_as<float>(), g.data_as<float>() + g.shape().elements());
    for (double x : weights.back()) squares += x * x;
  }
  const double factor = std::min(1.0, adam_limit / std::sqrt(squares));
  for (std::vector<double>& w : weights) {
    for (double& x : w) {
      const double g = x * factor;
      x = -adam_rate * g / (std::abs(g) + adam_epsilon);
    }
  }
  return weights;
}

prepared make_adam(const std::vector<tensor>& gradients, std::size_t threads) {
  cotape::set_num_threads(static_cast<int>(threads));
  const auto start = std::chrono::steady_clock::now();
  cotape::adam optimizer({.rate = adam_rate,
                          .beta1 = adam_beta1,
                          .beta2 = adam_beta2,
                          .epsilon = adam_epsilon,
                          .gradients = {.clip_norm = adam_limit}});
  cotape::tape t;
  std::vector<variable> inputs;
  std::vector<std::size_t> numbers;
  std::vector<parameter> weights;
  variable loss;
  for (const tensor& g : gradients) {
    numbers.push_back(numbers.size());
    inputs.push_back(t.input(cotape::float32, g.shape()));
    weights.emplace_back("w", tensor(g.type()));
    const variable share = sum(weights.back() * inputs.back());
    loss = loss.empty() ? share : loss + share;
  }
  optimizer.minimize(loss);
  cotape::program code(t, inputs, {});
  prepared made;
  made.compile_ms = milliseconds_since(start);
  made.expected = first_step(gradients);
  auto runs = std::make_unique<stateful>(gradients, weights, threads);
  runs->call_next(runs->add(std::move(code)), numbers);
  made.arena = runs->arena();
  made.runs = std::move(runs);
  return made;
}

// --- Rows of a table ----------------------------------------------------------------------------

// The table after the first step; it starts at 0, and the gradients of its rows are given.
outputs first_rows(const problem& p) {
  const auto cols = static_cast<std::size_t>(p.sizes.number("cols"));
  outputs table{std::vector<double>(p.sizes["rows"] * cols)};
  const auto* at = p.in[0].data_as<std::int64_t>();
  const float* share = p.in[1].data_as<float>();
  for (std::size_t i = 0; i < p.sizes["count"]; ++i, share += cols) {
    double* row = table[0].data() + static_cast<std::size_t>(at[i]) * cols;
    for (std::size_t k = 0; k < cols; ++k) row[k] -= sgd_rate * share[k];
  }
  return table;
}

prepared make_rows(const problem& p) {
  cotape::set_num_threads(static_cast<int>(p.threads));
  const auto start = std::chrono::steady_clock::now();
  const parameter table(
      "table", tensor({cotape::float32, {p.sizes.number("rows"), p.sizes.number("cols")}}));
  cotape::tape t;
  const variable at = t.input(cotape::int64, p.in[0].shape()),
                 share = t.input(cotape::float32, p.in[1].shape());
  const variable rows = gather(t.read(table), at);
  cotape::sgd optimizer({.rate = sgd_rate});
  optimizer.minimize(sum(rows * share));
  auto runs = std::make_unique<stateful>(p.in, std::vector<parameter>{table}, p.threads);
  runs->call_next(runs->add(cotape::program(t, {at, share}, {rows})), {0, 1});
  prepared made;
  made.compile_ms = milliseconds_since(start);
  made.expected = first_rows(p);
  made.arena = runs->arena();
  made.runs = std::move(runs);
  return made;
}

// --- A sum of terms -----------------------------------------------------------------------------

// Inputs: x, then the factors a.
std::vector<tensor> terms_data(const settings& s) {
  random_data d;
  std::vector<tensor> in{d.floats({s.number("inner"), s.number("cols")})};
  for (std::size_t i = 0; i < s["terms"]; ++i) {
    in.push_back(d.floats({s.number("rows"), s.number("inner")}, -0.2, 0.2));
  }
  return in;
}

std::vector<variable> terms(const settings&, const std::vector<variable>& in) {
  variable y = tanh(matmul(in[1], in[0]));
  for (std::size_t i = 2; i < in.size(); ++i) y = y + tanh(matmul(in[i], in[0]));
  return {y};
}

// One program writes the sum, another adds a term to it.
prepared make_term_by_term(const problem& p) {
  cotape::set_num_threads(static_cast<int>(p.threads));
  const auto start = std::chrono::steady_clock::now();
  const parameter total(
      "total", tensor({cotape::float32, {p.sizes.number("rows"), p.sizes.number("cols")}}));
  auto runs = std::make_unique<stateful>(p.in, std::vector<parameter>{total}, p.threads);
  const auto compiled = [&](bool first) {
    cotape::tape t;
    const variable a = t.input(cotape::float32, p.in[1].shape());
    const variable x = t.input(cotape::float32, p.in[0].shape());
    const variable term = tanh(matmul(a, x));
    t.assign(total, first ? term : t.read(total) + term);
    return runs->add(cotape::program(t, {a, x}, {}));
  };
  cotape::program *write = compiled(true), *add = compiled(false);
  for (std::size_t i = 1; i < p.in.size(); ++i) runs->call_next(i == 1 ? write : add, {i, 0});
  prepared made;
  made.compile_ms = milliseconds_since(start);
  made.arena = runs->arena();
  made.runs = std::move(runs);
  return made;
}

}  // namespace

workload adam_case() {
  return {.name = "adam_weights",
          .text =
              "one step of Adam on many square weights of floats, clipped by their common norm "
              "(reference: as many elements in weights of different sizes)",
          .sizes = {{"weights", 16}, {"size", 512}},
          .data = [](const settings& s) { return gradients_of(s, 0); },
          .make = [](const problem& p) { return make_adam(p.in, p.threads); },
          .make_reference =
              [](const problem& p) { return make_adam(gradients_of(p.sizes, 1), p.threads); },
          .expected = [](const problem& p) { return first_step(p.in); }};
}

workload rows_case() {
  return {.name = "embedding_sgd",
          .text =
              "`count` rows of a table of floats, by random indices, and SGD on them by given "
              "gradients",
          .sizes = {{"count", 4096}, {"rows", 50000}, {"cols", 64}},
          .data =
              [](const settings& s) {
                random_data d;
                std::vector<tensor> in{d.indices({s.number("count")}, s.number("rows"))};
                in.push_back(d.floats({s.number("count"), s.number("cols")}));
                return in;
              },
          .make = [](const problem& p) { return make_rows(p); },
          .expected = [](const problem& p) { return first_rows(p); }};
}

workload terms_case() {
  return {.name = "terms",
          .text =
              "sum of tanh(a x) over many matrices a of floats (reference: a program for each "
              "term that adds it to a parameter)",
          .sizes = {{"terms", 64}, {"rows", 512}, {"inner", 32}, {"cols", 512}},
          .data = &terms_data,
          .record = &terms,
          .make_reference = &make_term_by_term};
}

}  // namespace bench
