// The gradient of a 784-50-10 network twice: by differences, two runs of the loss for each of its
// 39,760 parameters, and by one reverse sweep. Takes half a minute or more, nearly all of it for
// the differences, and says how far it is.
#include <chrono>
#include <cmath>
#include <cotape/cotape.hpp>
#include <iostream>

#include "example.hpp"
#include "images.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

constexpr std::int64_t rows = 100;  // of the first mini-batch

double seconds() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// The network and its loss on the batch, in double.
class problem {
 public:
  explicit problem(const example::image_set& set)
      : x_(take<double>(set.images)),
        labels_(to_xarray<std::int64_t>(rows_of(set.labels, 0, rows))) {
    generator random(1);
    weights_ = {{"w1", glorot_uniform(random, {784, 50}, float64)},
                {"b1", zeros({50}, float64)},
                {"w2", glorot_uniform(random, {50, 10}, float64)},
                {"b2", zeros({10}, float64)}};
  }
  const std::vector<parameter>& weights() const { return weights_; }
  variable loss(tape& t) const {
    const variable hidden = sigmoid(matmul(t.constant(x_), weights_[0]) + weights_[1]);
    return sparse_categorical_crossentropy_from_logits(matmul(hidden, weights_[2]) + weights_[3],
                                                       t.constant(labels_));
  }

 private:
  template <class T> static xt::xarray<T> take(const tensor& images) {
    return xt::cast<T>(to_xarray<float>(rows_of(images, 0, rows)));
  }
  xt::xarray<double> x_;
  xt::xarray<std::int64_t> labels_;
  std::vector<parameter> weights_;
};

struct timed {
  std::vector<double> derivatives;
  double time;
  int runs;
};

timed by_reverse_sweep(const problem& p) {
  tape t;
  std::vector<variable> at;
  for (const parameter& w : p.weights()) at.push_back(t.read(w));
  program sweep(t, {}, gradient(p.loss(t), at));
  sweep.run({});  // the first run is slower
  timed result{{}, seconds(), 1};
  sweep.run({});
  result.time = seconds() - result.time;
  for (std::size_t i = 0; i < sweep.outputs(); ++i) {
    const auto g = sweep.output(i).value<double>();
    result.derivatives.insert(result.derivatives.end(), g.begin(), g.end());
  }
  return result;
}

// (f(w + h) - f(w - h)) / 2h for every `stride`-th weight; the others get NaN.
timed by_differences(const problem& p, std::int64_t stride) {
  constexpr double h = 1e-5;
  tape t;
  program forward(t, {}, {p.loss(t)});
  timed result{{}, seconds(), 0};
  const double started = result.time;
  double said = started;
  for (const parameter& w : p.weights()) {
    auto* value = static_cast<double*>(w.data());
    for (std::int64_t i = 0; i < w.shape().elements(); ++i) {
      const auto done = static_cast<std::int64_t>(result.derivatives.size());
      if (done % stride != 0) {
        result.derivatives.push_back(NAN);
        continue;
      }
      const double before = value[i];
      double loss[2];
      for (int side : {0, 1}) {
        value[i] = before + (side == 0 ? -h : h);
        forward.run({});
        loss[side] = forward.output(0).number();
        ++result.runs;
      }
      value[i] = before;
      result.derivatives.push_back((loss[1] - loss[0]) / (2 * h));
      if (seconds() - said > 5) {
        said = seconds();
        std::cout << "  " << done << " parameters after " << std::lround(said - started) << " s\n"
                  << std::flush;
      }
    }
  }
  result.time = seconds() - started;
  return result;
}

void compare(const std::string& data, std::int64_t stride, const path& output) {
  if (stride < 1) throw error("--stride must be at least 1");
  const path folder = example::image_folder(data);
  std::cout << "images of " << folder.string() << std::endl;
  const problem p(example::read_images(folder, "train"));
  const timed swept = by_reverse_sweep(p);
  std::cout << "by differences, in double; for all parameters this takes half a minute or more:\n";
  const timed numeric = by_differences(p, stride);

  double largest = 0, worst = 0;
  std::vector<double> x, y, difference;  // of some 2000 parameters, for the picture
  for (std::size_t i = 0; i < swept.derivatives.size(); ++i) {
    largest = std::max(largest, std::abs(swept.derivatives[i]));
    if (std::isnan(numeric.derivatives[i])) continue;
    const double off = numeric.derivatives[i] - swept.derivatives[i];
    worst = std::max(worst, std::abs(off));
    if (i % 20 != 0) continue;
    x.push_back(swept.derivatives[i]);
    y.push_back(numeric.derivatives[i]);
    difference.push_back(off);
  }
  const auto parameters = static_cast<double>(swept.derivatives.size());
  example::print("parameters", parameters);
  example::print("forward runs that differences need", 2 * parameters);
  example::print("forward runs made", numeric.runs);
  example::print("seconds by differences", numeric.time);
  example::print("seconds by one reverse sweep", swept.time);
  example::print("differences take as many times as long",
                 numeric.time * 2 * parameters / numeric.runs / swept.time);
  example::print("worst difference relative to the largest derivative", worst / largest);

  const path file = output / "numeric_gradient.svg";
  report::write_figure(file,
                       {{.title = "Every 20th of 39,760 derivatives, two ways",
                         .x_label = "by the reverse sweep",
                         .y_label = "by differences",
                         .curves = {{"a parameter", y, x, report::stroke::points}}},
                        {.title = "What rounding makes of differences (h = 1e-5)",
                         .x_label = "derivative by the reverse sweep",
                         .y_label = "by differences - by the reverse sweep",
                         .curves = {{"a parameter", difference, x, report::stroke::points}}}});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  std::string data;
  std::int64_t stride = 1;
  return example::run(argc, argv,
                      "The gradient of a 784-50-10 network by differences and by a reverse sweep.",
                      {{"--data", "folder of MNIST's idx files, or of ones like them", &data},
                       {"--stride", "difference only every so many parameters", &stride}},
                      [&](const path& output) { compare(data, stride, output); });
}
