// A training whose every setting a test can change, and what the file of one says to another.
#pragma once

#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <fstream>
#include <thread>

#include "expect_error.hpp"
#include "model_bits.hpp"
#include "own_folder.hpp"

namespace cotape::tests {

using std::filesystem::path;

using array = xt::xarray<double>;
using column = xt::xtensor<double, 2>;
using callbacks = std::vector<given<callback>>;

// A file in a folder of the test's own.
struct own_file : private own_folder {
  path folder = own_folder::at, at = folder / "c.safetensors";
};

// Calls a function at one place of the fit.
struct calling : callback {
  calling(std::string where, std::function<void(training&)> f)
      : where_(std::move(where)), f_(std::move(f)) {}
  void on_fit_begin(training& t) override { call(t, "on_fit_begin"); }
  void on_resume(training& t) override { call(t, "on_resume"); }
  void on_batch_begin(training& t) override { call(t, "on_batch_begin"); }
  void on_batch_end(training& t) override { call(t, "on_batch_end"); }
  void on_epoch_begin(training& t) override { call(t, "on_epoch_begin"); }
  void on_epoch_end(training& t) override { call(t, "on_epoch_end"); }
  void on_fit_end(training& t) override { call(t, "on_fit_end"); }
  void on_safe_point(training& t, bool) override { call(t, "on_safe_point"); }
  void call(training& t, const std::string& where) const {
    if (where == where_) f_(t);
  }
  std::string where_;
  std::function<void(training&)> f_;
};

// Ends a fit before one of its steps.
struct killer : callback {
  explicit killer(std::int64_t step) : at(step) {}
  void on_batch_begin(training& t) override {
    if (t.steps == at) throw std::runtime_error("killed");
  }
  std::int64_t at;
};

// A training of another program, for whom no fit of this one is under way: on a thread of its own.
template <class F> void elsewhere(F f) { std::thread(f).join(); }

inline std::string bytes_of(const path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// A layer made of functions: the second only acts when the model predicts.
struct last_layer : layer_body {
  using function = std::function<variable(variable)>;
  last_layer(function always, function predicting)
      : always_(std::move(always)), predicting_(std::move(predicting)) {}
  const char* kind() const override { return "last"; }
  variable record(std::span<const variable> inputs, mode m, generator&) override {
    const variable y = always_(inputs[0]);
    return m == mode::predicting ? predicting_(y) : y;
  }
  function always_, predicting_;
};

// Everything that a training can be told by; a test changes one thing.
struct setting {
  array x = {{1, 2}, {3, 4}, {5, 7}};
  column y = {{1}, {0}, {1}};
  array validation_x = xt::empty<double>({0, 2});  // no rows: none
  column validation_y = xt::empty<double>({0, 1});
  std::string activation = "tanh";
  std::int64_t units = 2;
  double dropped = 0.25;
  std::int64_t seed = 0;
  last_layer::function last = [](variable v) { return v; };
  last_layer::function predicted = [](variable v) { return v; };
  loss_function loss = "mse";
  std::vector<metric> metrics = {"mae"};
  std::function<optimizer_argument()> how = [] { return adam({.rate = 0.01}); };
  std::function<callbacks()> more = [] { return callbacks{}; };
  std::int64_t epochs = 2;
  checkpoint_options options = {};
  std::function<void(model&)> before = [](model&) {};

  sequential make() const {
    const layer end(std::make_shared<last_layer>(last, predicted));
    sequential m({dense(units, activation), dropout(dropped), dense(1), end}, seed);
    m.compile(loss, how(), metrics);
    m.predict(x);
    before(m);
    return m;
  }
  history fit(model& m, const path& file) const {
    callbacks all = more();
    all.emplace_back(checkpoint(file, options));
    fit_options o{.epochs = epochs, .batch_size = 2, .callbacks = all, .progress = nullptr};
    if (validation_x.size() != 0) {
      o.validation_data.x = arrays(validation_x);
      o.validation_data.y = arrays(validation_y);
    }
    return m.fit(x, y, o);
  }
  std::vector<tensor> trained(const path& file) const {
    sequential m = make();
    fit(m, file);
    return bits_of(m);
  }
};

// run(file, step) trains, is killed before a step unless that is -1, and gives weights: killed at
// any of the steps and run again it gives those of one that was never killed, which are returned.
template <class Run>
std::vector<tensor> expect_the_same_after_a_kill(Run run, std::initializer_list<std::int64_t> steps,
                                                 const std::string& of = {}) {
  constexpr std::int64_t never = -1;
  const own_file once;
  std::vector<tensor> wanted = run(once.at, never);
  for (const std::int64_t step : steps) {
    const own_file file;
    expect_error<std::runtime_error>([&] { run(file.at, step); }, "killed");
    EXPECT_TRUE(same(wanted, run(file.at, never))) << of << " killed at step " << step;
  }
  return wanted;
}

// What a training that is set otherwise says to the file of one.
inline std::string refusal(const setting& kept, const setting& here) {
  const own_file file;
  kept.trained(file.at);
  const std::string bytes = bytes_of(file.at);
  sequential m = here.make();
  const auto before = bits_of(m);
  const std::string message = message_of([&] { here.fit(m, file.at); });
  if (message == "no error") return message;
  EXPECT_TRUE(same(before, bits_of(m)));
  EXPECT_TRUE(bytes == bytes_of(file.at));
  const std::string named = "fit: " + file.at.string() + ": ",
                    advice = ": remove the file to start anew";
  const auto at = message.find(advice);
  if (!message.starts_with(named) || at == std::string::npos) return message;
  return message.substr(named.size(), at - named.size()) + message.substr(at + advice.size());
}

template <class F> std::string refusal_if(F change) {
  setting here;
  change(here);
  return refusal(setting(), here);
}

}  // namespace cotape::tests
