// Optimizers and rate schedules on one small network that learns sin(3 x).
#include <cotape/cotape.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using numbers = xt::xarray<double>;

constexpr std::int64_t epochs = 1000;

struct run_of {
  std::vector<double> losses, rates;  // by epoch
};

// A 1-16-1 network on 64 points, from the same weights each time.
run_of learn(const optimizer_argument& how, std::vector<given<callback>> callbacks = {}) {
  const numbers at = xt::linspace<double>(-1, 1, 64);
  const numbers x = example::column({at.begin(), at.end()}), y = xt::sin(3 * x);
  sequential m({input({1}, float64), dense(16, "tanh"), dense(1)}, 1);
  m.compile("mse", how);
  run_of r;
  callbacks.push_back(
      each_epoch([&](training& t) { r.rates.push_back(t.how().rate().value<double>()()); }));
  r.losses = m.fit(x, y, {.epochs = epochs, .batch_size = 64, .callbacks = callbacks})["loss"];
  return r;
}

report::panel compare_optimizers() {
  report::panel p{.title = "Optimizers at one rate each",
                  .x_label = "epoch",
                  .y_label = "mean squared error",
                  .log_y = true,
                  .log_x = true};
  const auto add = [&](const std::string& name, const optimizer_argument& how) {
    const run_of r = learn(how);
    example::print(name + ", loss at the end", r.losses.back());
    p.curves.push_back({name, r.losses, {}, report::stroke::line});
  };
  add("sgd 0.1", sgd({.rate = 0.1}));
  add("momentum 0.9", sgd({.rate = 0.02, .momentum = 0.9}));
  add("nesterov 0.9", sgd({.rate = 0.02, .momentum = 0.9, .nesterov = true}));
  add("adagrad 0.1", adagrad({.rate = 0.1}));
  add("rmsprop 0.005", rmsprop({.rate = 0.005}));
  add("adam 0.02", adam({.rate = 0.02}));
  add("adamw 0.02", adamw({.rate = 0.02, .weight_decay = 0.01}));
  return p;
}

std::vector<report::panel> compare_schedules() {
  report::panel rates{.title = "Rate schedules",
                      .x_label = "epoch",
                      .y_label = "rate of Adam",
                      .y_range = report::interval{0, 0.06}};
  report::panel losses{.title = "The loss with them",
                       .x_label = "epoch",
                       .y_label = "mean squared error",
                       .log_y = true,
                       .log_x = true};
  const auto add = [&](const std::string& name, std::vector<given<callback>> callbacks) {
    const run_of r = learn(adam({.rate = 0.05}), std::move(callbacks));
    example::print(name + ", last rate", r.rates.back());
    example::print(name + ", loss at the end", r.losses.back());
    rates.curves.push_back({name, r.rates, {}, report::stroke::line});
    losses.curves.push_back({name, r.losses, {}, report::stroke::line});
  };
  constexpr double rate = 0.05;
  add("constant", {scheduled_rate(constant_rate(rate))});
  add("step decay", {scheduled_rate(step_decay(rate, 0.5, 200))});
  add("exponential decay", {scheduled_rate(exponential_decay(rate, 0.995))});
  add("cosine decay", {scheduled_rate(cosine_decay(rate, epochs))});
  add("warm-up, then cosine", {scheduled_rate(warm_up(50, cosine_decay(rate, epochs - 50)))});
  add("on plateau", {rate_on_plateau({.factor = 0.5, .patience = 5}, "loss")});
  return {rates, losses};
}

void study(const path& output) {
  std::vector<report::panel> panels = compare_schedules();
  panels.insert(panels.begin(), compare_optimizers());
  const path file = output / "optimizers.svg";
  report::write_figure(file, panels);
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Optimizers and rate schedules on one network.", study);
}
