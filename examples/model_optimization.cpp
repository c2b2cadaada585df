// What first weights, batch normalization, dropout, decay, schedule and optimizer each change on
// one network for Fashion-MNIST, one thing at a time; and six sigmoid layers, which do not learn
// without batch normalization (Ioffe and Szegedy, 2015).
#include <cotape/cotape.hpp>
#include <functional>
#include <iostream>

#include "example.hpp"
#include "images.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

constexpr std::int64_t pixels = 784, classes = 10;

struct arguments {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::int64_t epochs = 6, batch = 64, seed = 0;
};

struct data_sets {
  example::image_set train, test;
};

optimizer_argument by_descent(double rate) { return sgd({.rate = rate}); }

// A training, and how it differs from the first one.
struct variant {
  std::string name;
  std::int64_t layers = 3;
  std::string activation = "relu";
  initializer first = random_normal(0, 0.05);
  bool normalized = false;
  double dropped = 0;
  regularizer decay = {};
  double rate = 0.1;
  std::function<optimizer_argument(double rate)> how = by_descent;
  bool falling = false;  // the rate, as a cosine
};

sequential network(const variant& v, std::int64_t seed) {
  sequential m(seed);
  m.add(input({pixels}));
  for (std::int64_t i = 0; i < v.layers; ++i) {
    m.add(dense(100, {.weights = v.first, .bias = !v.normalized, .weights_regularizer = v.decay}));
    if (v.normalized) m.add(batch_normalization());
    m.add(activation(v.activation));
    if (v.dropped > 0) m.add(dropout(v.dropped));
  }
  m.add(dense(classes, {.weights = v.first}));
  return m;
}

history train(const variant& v, const data_sets& data, std::int64_t epochs, std::int64_t batch,
              std::int64_t seed) {
  sequential m = network(v, seed);
  m.compile("sparse_categorical_crossentropy_from_logits", v.how(v.rate), {"accuracy"});
  const std::int64_t steps = (data.train.labels.shape()[0] + batch - 1) / batch * epochs;
  std::vector<given<callback>> callbacks;
  if (v.falling) {
    callbacks.emplace_back(scheduled_rate(cosine_decay(v.rate, steps), schedule_by::step));
  }
  return m.fit(data.train.images, data.train.labels,
               {.epochs = epochs,
                .batch_size = batch,
                .seed = static_cast<std::uint64_t>(seed),
                .validation_data = {data.test.images, data.test.labels},
                .callbacks = callbacks,
                .progress = nullptr});
}

std::vector<variant> one_at_a_time() {
  const auto by_adam = [](double rate) { return adam({.rate = rate}); };
  const auto with_momentum = [](double rate) { return sgd({.rate = rate, .momentum = 0.9}); };
  std::vector<variant> all{
      {.name = "plain: normal first weights, SGD 0.1"},
      {.name = "first weights of He", .first = he_normal},
      {.name = "batch normalization", .normalized = true},
      {.name = "dropout 0.2", .dropped = 0.2},
      {.name = "weight decay 1e-4", .decay = l2(1e-4)},
      {.name = "rate falling as a cosine", .falling = true},
      {.name = "momentum 0.9, rate 0.02", .rate = 0.02, .how = with_momentum},
      {.name = "Adam 1e-3", .rate = 1e-3, .how = by_adam},
      {.name = "He, batch normalization, Adam 2e-3, cosine",
       .first = he_normal,
       .normalized = true,
       .rate = 2e-3,
       .how = by_adam,
       .falling = true},
  };
  return all;
}

void study(const arguments& a, const path& output) {
  if (a.epochs < 1 || a.batch < 1) throw value_error("--epochs and --batch must be at least 1");
  const data_sets data{example::read_images(a.data, "train"), example::read_images(a.data, "t10k")};
  report::panel loss{.title = "784-100-100-100-10, ReLU: training loss",
                     .x_label = "epoch",
                     .y_label = "mean cross-entropy (with decay, if any)",
                     .log_y = true};
  report::panel right{.title = "Test images", .x_label = "epoch", .y_label = "share that is right"};
  for (const variant& v : one_at_a_time()) {
    const history h = train(v, data, a.epochs, a.batch, a.seed);
    example::print(v.name + ", training accuracy", h["accuracy"].back());
    example::print(v.name + ", test accuracy", h["val_accuracy"].back());
    loss.curves.push_back({v.name, h["loss"]});
    right.curves.push_back({v.name, h["val_accuracy"]});
  }
  report::panel deep{.title = "Six sigmoid layers of 100, SGD 0.1, batches of 32",
                     .x_label = "epoch",
                     .y_label = "share of the test images that is right"};
  for (const bool normalized : {false, true}) {
    const std::string name = normalized ? "with batch normalization" : "without";
    const history h = train({.name = name,
                             .layers = 6,
                             .activation = "sigmoid",
                             .first = glorot_uniform,
                             .normalized = normalized},
                            data, 2, 32, a.seed);
    example::print("six sigmoid layers " + name + ", test accuracy", h["val_accuracy"].back());
    deep.curves.push_back({name, h["val_accuracy"]});
  }
  const path file = output / "model_optimization.svg";
  report::write_figure(file, {loss, right, deep}, {.width = 640, .height = 560});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(argc, argv,
                      "Trains one network on Fashion-MNIST, with one thing changed at a time.",
                      {{"--data", "folder of the idx files", &a.data},
                       {"--epochs", "of each training", &a.epochs},
                       {"--batch", "images a step", &a.batch},
                       {"--seed", "of orders and first weights", &a.seed}},
                      [&](const path& output) { study(a, output); });
}
