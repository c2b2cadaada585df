// Trains a 784-256-128-10 network on Fashion-MNIST: checks its gradient, trains, evaluates, draws
// the learning curves and the graph of the model. `fashion_mnist --help` lists the options.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cotape/check.hpp>
#include <cotape/cotape.hpp>
#include <cotape/initializers.hpp>
#include <cotape/optimizers.hpp>
#include <cotape/report.hpp>
#include <cotape/train.hpp>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <numbers>
#include <sstream>

#include "example.hpp"
#include "images.hpp"

namespace {

using namespace cotape;
using example::image_set;
using std::filesystem::path;

constexpr std::int64_t pixels = 784, classes = 10;

struct settings {
  path data = "/usr/share/datasets/fashion-mnist";
  path output = example::default_output;
  std::int64_t epochs = 12, batch = 128, seed = 1;
  std::int64_t train_rows = 60000, validation_rows = 5000;
  double rate = 1e-3;
};

settings parse(int argc, char** argv) {
  settings s;
  CLI::App app("Trains a 784-256-128-10 ReLU network on Fashion-MNIST with Adam.");
  app.add_option("--data", s.data, "folder of the four idx files, .gz or not")
      ->capture_default_str();
  app.add_option("--output", s.output, "folder for pictures and tables")->capture_default_str();
  app.add_option("--epochs", s.epochs)->capture_default_str()->check(CLI::Range(1, 10000));
  app.add_option("--batch", s.batch, "rows a step")
      ->capture_default_str()
      ->check(CLI::Range(1, 60000));
  app.add_option("--rate", s.rate, "first learning rate, falling to 0 as a cosine")
      ->capture_default_str()
      ->check(CLI::Range(1e-12, 1e12));
  app.add_option("--seed", s.seed)->capture_default_str()->check(CLI::NonNegativeNumber);
  app.add_option("--train-rows", s.train_rows, "rows to use, validation included")
      ->capture_default_str()
      ->check(CLI::Range(2, 60000));
  app.add_option("--validation-rows", s.validation_rows, "rows to hold out")
      ->capture_default_str()
      ->check(CLI::Range(1, 30000));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& e) {
    std::exit(app.exit(e));
  }
  s.validation_rows = std::min(s.validation_rows, s.train_rows / 2);
  return s;
}

// --- The data ------------------------------------------------------------------------------------

image_set select(const image_set& from, std::span<const std::int64_t> rows) {
  return {take_rows(from.images, rows), take_rows(from.labels, rows)};
}

// --- The model -----------------------------------------------------------------------------------

class network {
 public:
  explicit network(generator random)
      : w1_("w1", glorot_uniform(random, {pixels, 256})),
        b1_("b1", zeros({256})),
        w2_("w2", glorot_uniform(random, {256, 128})),
        b2_("b2", zeros({128})),
        w3_("w3", glorot_uniform(random, {128, classes})),
        b3_("b3", zeros({classes})) {}

  variable operator()(variable x) const {
    variable h1 = relu(matmul(x, w1_) + b1_);
    variable h2 = relu(matmul(h1, w2_) + b2_);
    variable scores = matmul(h2, w3_) + b3_;
    return scores.named("scores");
  }

 private:
  parameter w1_, b1_, w2_, b2_, w3_, b3_;
};

variable loss_of(variable scores, variable labels) {
  return sparse_categorical_crossentropy_from_logits(scores, labels).named("loss");
}

// --- What the demo does --------------------------------------------------------------------------

// The gradient of this very model, in double, on a few images.
void check_model(const network& model, const image_set& set, const settings& s) {
  const std::int64_t rows = std::min<std::int64_t>(16, set.labels.shape()[0]);
  const array_view x = rows_of(set.images, 0, rows), y = rows_of(set.labels, 0, rows);
  const gradient_check found =
      check_gradient([&](tape& t) { return loss_of(model(t.constant(x)), t.constant(y)); }, {},
                     {.seed = static_cast<std::uint64_t>(s.seed), .progress = &std::cout});
  std::cout << "gradient against numeric differentiation, in double, " << rows << " images:\n"
            << found << "directions redrawn at kinks: " << found.redrawn() << "\n"
            << "worst relative error: " << found.worst_error() << "\n\n";
  if (!found.ok()) throw error("the gradient is not what numeric differentiation gives");
}

struct scored {
  double loss, accuracy;
};

// Mean loss and accuracy over a set.
template <class Evaluate> scored evaluate_set(Evaluate& evaluate, const image_set& set) {
  running_mean loss, right;
  const std::int64_t n = set.labels.shape()[0];
  for (std::int64_t first = 0; first < n; first += 1000) {
    const std::int64_t last = std::min(n, first + 1000);
    const array_view y = rows_of(set.labels, first, last);
    const auto& out = evaluate(rows_of(set.images, first, last), y);
    loss.add(out[0].number(), last - first);
    right.add(accuracy(out[1].view(), y), last - first);
  }
  return {loss.value(), right.value()};
}

std::string fixed(double x, int digits) {
  std::ostringstream out;
  out << std::fixed << std::setprecision(digits) << x;
  return out.str();
}

template <class Evaluate>
history fit(const network& model, const image_set& train, const image_set& validation,
            Evaluate& evaluate, const settings& s) {
  adam optimizer({.rate = s.rate});
  auto step = compile([&](variable x, variable y) {
    variable scores = model(x), loss = loss_of(scores, y);
    optimizer.minimize(loss);
    return std::vector{loss, scores};
  });
  batches parts({train.images, train.labels},
                {.size = s.batch, .seed = static_cast<std::uint64_t>(s.seed)});
  progress line(std::cout, {.epochs = s.epochs,
                            .rows = parts.rows(),
                            .batches = parts.count(),
                            .live = is_terminal(std::cout)});
  history h;
  for (std::int64_t epoch = 0; epoch < s.epochs; ++epoch) {
    const double passed = static_cast<double>(epoch) / static_cast<double>(s.epochs);
    optimizer.rate().set(s.rate * (1 + std::cos(std::numbers::pi * passed)) / 2);
    running_mean loss, right;
    parts.start_epoch(epoch);
    while (parts.next()) {
      const auto& out = step(parts[0], parts[1]);
      loss.add(out[0].number(), parts.batch_rows());
      right.add(accuracy(out[1].view(), parts[1]), parts.batch_rows());
      line.update(parts.batch_rows(), loss.value(), right.value());
    }
    const scored v = evaluate_set(evaluate, validation);
    h.add({{"loss", loss.value()},
           {"accuracy", right.value()},
           {"val_loss", v.loss},
           {"val_accuracy", v.accuracy}});
    line.end_epoch("validation " + fixed(v.accuracy, 4));
  }
  std::cout << "trained for " << fixed(line.elapsed(), 1) << " s\n";
  return h;
}

void draw(const network& model, const history& h, const settings& s) {
  const path curves = s.output / "fashion_mnist_curves.svg";
  report::write_figure(
      curves, {{.title = "Loss",
                .x_label = "epoch",
                .y_label = "mean cross-entropy",
                .curves = {{"training", h["loss"]}, {"validation", h["val_loss"]}}},
               {.title = "Accuracy",
                .x_label = "epoch",
                .y_label = "share of images that are right",
                .curves = {{"training", h["accuracy"]}, {"validation", h["val_accuracy"]}}}});
  std::cout << "learning curves: " << curves.string() << "\n";

  tape t;
  variable x = t.input(float32, {s.batch, pixels}, "images");
  variable y = t.input(int64, {s.batch}, "labels");
  const path graph = s.output / "fashion_mnist_graph.svg";
  report::write_graph(graph, loss_of(model(x), y), {.title = "Fashion-MNIST: model and loss"});
  std::cout << "graph of the model: " << graph.string() << "\n";

  const path table = s.output / "fashion_mnist_history.csv";
  h.write_csv(table);
  std::cout << "table of the epochs: " << table.string() << "\n";
}

void run(const settings& s) {
  create_directories(s.output);
  const image_set all = example::read_images(s.data, "train"),
                  test = example::read_images(s.data, "t10k");
  const auto order = shuffled_rows(all.labels.shape()[0], static_cast<std::uint64_t>(s.seed));
  const std::size_t used = std::min(static_cast<std::size_t>(s.train_rows), order.size());
  const auto held_out = std::min(static_cast<std::size_t>(s.validation_rows), used / 2);
  const image_set validation = select(all, std::span(order).first(held_out));
  const image_set train = select(all, std::span(order).subspan(held_out, used - held_out));
  std::cout << "Fashion-MNIST: " << used - held_out << " images to train, " << held_out
            << " to validate, " << test.labels.shape()[0] << " to test\n\n";

  const network model{generator(s.seed)};
  check_model(model, train, s);
  auto evaluate = compile([&](variable x, variable y) {
    variable scores = model(x);
    return std::vector{loss_of(scores, y), scores};
  });
  const history h = fit(model, train, validation, evaluate, s);
  std::cout << "test accuracy: " << fixed(evaluate_set(evaluate, test).accuracy, 4) << "\n\n";
  draw(model, h, s);
}

}  // namespace

int main(int argc, char** argv) try { run(parse(argc, argv)); } catch (const std::exception& e) {
  std::cerr << "fashion_mnist: " << e.what() << "\n";
  return 1;
}
