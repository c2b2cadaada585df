// Hypergradients: the derivatives of a validation loss by learning rate, momentum, weight decay and
// initial scale, through 20 steps of training. Optimizer steps are graphs like any other, so K
// steps are K calls on one tape, and one reverse sweep goes back through all of them.
#include <cmath>
#include <cotape/cotape.hpp>
#include <iostream>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

constexpr int training_steps = 20;

// A 1-16-1 network that learns sin(3 x) from noisy points and is judged by others.
class problem {
 public:
  problem() {
    generator random(1);
    for (const shape& s : {shape{1, 16}, shape{16}, shape{16, 1}, shape{1}}) {
      first_weights_.push_back(random.normal(s, 0, 0.5, float64));
    }
    noise_ = random.normal({64, 1}, 0, 0.1, float64);
  }

  /// The loss on the validation points after training.
  variable operator()(variable rate, variable momentum, variable decay, variable scale) const {
    tape& t = rate.owner();
    std::vector<variable> weights, velocities;
    for (const tensor& w : first_weights_) {
      weights.push_back(scale * t.constant(w));
      velocities.push_back(0 * weights.back());
    }
    const variable x = t.constant(points(-1, 1)), y = sin(3 * x) + t.constant(noise_);
    for (int step = 0; step < training_steps; ++step) {
      const std::vector<variable> g = gradient(loss(weights, x, y), weights);
      for (std::size_t i = 0; i < g.size(); ++i) {
        const updated next =
            sgd_update(weights[i], g[i] + decay * weights[i], {velocities[i]}, rate, momentum);
        weights[i] = next.weight;
        velocities[i] = next.state[0];
      }
    }
    const variable other = t.constant(points(-0.95, 0.95));
    return loss(weights, other, sin(3 * other));
  }

 private:
  static xt::xarray<double> points(double from, double to) {
    return xt::linspace<double>(from, to, 64).reshape({64, 1});
  }
  static variable loss(const std::vector<variable>& w, variable x, variable y) {
    return mse(matmul(tanh(matmul(x, w[0]) + w[1]), w[2]) + w[3], y);
  }
  std::vector<tensor> first_weights_;
  tensor noise_;
};

struct point {
  double rate, loss, slope;  // slope: d loss/d rate
};

// Gradient descent on the logarithm of the rate. A step that does not lower the loss is not taken,
// and the next ones are half as large.
std::vector<point> descend(const std::function<point(double)>& at, double rate) {
  std::vector<point> way{at(rate)};
  double gain = 20;
  for (int i = 0; i < 60; ++i) {
    const point& now = way.back();
    const point next = at(now.rate * std::exp(-gain * now.rate * now.slope));
    if (next.loss < now.loss) way.push_back(next);
    else gain /= 2;
  }
  return way;
}

void draw(const path& output, const std::vector<point>& tuned) {
  std::vector<double> rates, losses;
  for (const point& p : tuned) {
    rates.push_back(p.rate);
    losses.push_back(p.loss);
  }
  const path file = output / "hypergradients.svg";
  report::write_figure(file, {{.title = "A learning rate tuned by descending it",
                               .x_label = "step of descent on log(rate)",
                               .y_label = "validation loss after 20 steps",
                               .curves = {{"validation loss", losses}},
                               .log_y = true},
                              {.title = "The rate",
                               .x_label = "step of descent on log(rate)",
                               .y_label = "learning rate",
                               .curves = {{"learning rate", rates}},
                               .log_y = true}});
  example::print_picture(file);
}

void study(const path& output) {
  const problem trained;
  const double first_rate = 0.02, momentum = 0.5, decay = 1e-3, scale = 1;
  const gradient_check check = check_gradient(
      [&](variable r, variable m, variable d, variable s) { return trained(r, m, d, s); },
      {first_rate, momentum, decay, scale});
  std::cout << check;
  example::print("hypergradients hold", check.ok());
  example::print("worst relative error", check.worst_error());

  auto run = compile([&](variable r, variable m, variable d, variable s) {
    const variable loss = trained(r, m, d, s);
    std::vector<variable> result = gradient(loss, {r, m, d, s});
    result.push_back(loss);
    return result;
  });
  const auto& first = run(first_rate, momentum, decay, scale);
  const char* names[] = {"rate", "momentum", "weight decay", "initial scale"};
  for (std::size_t k = 0; k < 4; ++k) {
    example::print(std::string("d loss/d ") + names[k], first[k].number());
  }
  const auto at = [&](double rate) {
    const auto& out = run(rate, momentum, decay, scale);
    return point{rate, out[4].number(), out[0].number()};
  };
  const std::vector<point> tuned = descend(at, first_rate);
  example::print("first rate", tuned.front().rate);
  example::print("first validation loss", tuned.front().loss);
  example::print("tuned rate", tuned.back().rate);
  example::print("tuned validation loss", tuned.back().loss);
  example::print("slope by log rate, first", tuned.front().rate * tuned.front().slope);
  example::print("slope by log rate, tuned", tuned.back().rate * tuned.back().slope);
  draw(output, tuned);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Derivatives of a validation loss by hyperparameters.", study);
}
