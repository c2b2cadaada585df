// Convolutional networks on Fashion-MNIST: LeNet-5 (LeCun, Bottou, Bengio and Haffner,
// "Gradient-based learning applied to document recognition", 1998) with ReLU and maxima, and a
// small one with batch normalization (Ioffe and Szegedy, 2015). Draws their filters, what these see
// in an image, and what is taken for what.
#include <chrono>
#include <cotape/cotape.hpp>
#include <iostream>
#include <xtensor/xview.hpp>

#include "example.hpp"
#include "images.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

constexpr std::int64_t side = 28, classes = 10;

struct arguments {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::vector<std::string> networks{"lenet5", "small"};
  std::int64_t seeds = 1, epochs = 5, batch = 64;
  double rate = 3e-3;
};

sequential lenet5(std::int64_t seed) {
  return sequential({input({side * side}), to_shape({side, side, 1}),
                     conv2d(6, 5, {.padding = "same", .activation = "relu"}).named("first"),
                     max_pooling2d(), conv2d(16, 5, {.activation = "relu"}), max_pooling2d(),
                     flatten(), dense(120, "relu"), dense(84, "relu"), dense(classes)},
                    seed);
}

// Two blocks of 3 x 3. A bias in front of batch normalization would change nothing.
sequential small(std::int64_t seed) {
  const auto filters = [](std::int64_t n) {
    return conv2d(n, 3, {.padding = "same", .bias = false});
  };
  return sequential({input({side * side}), to_shape({side, side, 1}), filters(16).named("first"),
                     batch_normalization(), activation("relu"), max_pooling2d(), filters(32),
                     batch_normalization(), activation("relu"), max_pooling2d(), flatten(),
                     dropout(0.3), dense(128, "relu"), dense(classes)},
                    seed);
}

struct trained {
  history by_epoch;
  double accuracy = 0, seconds = 0;  // of the test set; of the fit
  xt::xarray<std::int64_t> confusion = {};
};

trained train(sequential& m, const example::image_set& set, const example::image_set& test,
              const arguments& a, std::int64_t seed) {
  m.compile("sparse_categorical_crossentropy_from_logits", adam({.rate = a.rate}), {"accuracy"});
  const std::int64_t steps = (set.labels.shape()[0] + a.batch - 1) / a.batch * a.epochs;
  const auto start = std::chrono::steady_clock::now();
  trained t;
  t.by_epoch =
      m.fit(set.images, set.labels,
            {.epochs = a.epochs,
             .batch_size = a.batch,
             .seed = static_cast<std::uint64_t>(seed),
             .validation_data = {test.images, test.labels},
             .callbacks = {scheduled_rate(cosine_decay(a.rate, steps), schedule_by::step)}});
  t.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  t.accuracy = m.evaluate(test.images, test.labels)["accuracy"];
  t.confusion = confusion_matrix(m.predict(test.images), test.labels, classes);
  return t;
}

// --- Pictures -----------------------------------------------------------------------------------

// Values (rows, columns, n) as n tiles side by side, the first row of each on top. Each value is a
// square of `size` x `size` points, and what lies between tiles has the value `between`.
report::surface tiles(const xt::xarray<float>& values, std::size_t across, std::size_t size,
                      double between) {
  constexpr std::size_t gap = 6;
  const std::size_t n = values.shape(2), down = (n + across - 1) / across;
  const std::size_t tile_height = values.shape(0) * size + gap,
                    tile_width = values.shape(1) * size + gap;
  const std::size_t height = down * tile_height - gap, width = across * tile_width - gap;
  report::surface s;
  s.key = false;
  for (std::size_t i = 0; i < height; ++i) s.y.push_back(static_cast<double>(i));
  for (std::size_t j = 0; j < width; ++j) s.x.push_back(static_cast<double>(j));
  for (std::size_t i = height; i-- > 0;) {
    for (std::size_t j = 0; j < width; ++j) {
      const std::size_t y = i % tile_height / size, x = j % tile_width / size;
      const std::size_t tile = i / tile_height * across + j / tile_width;
      const bool outside = y >= values.shape(0) || x >= values.shape(1) || tile >= n;
      s.z.push_back(outside ? between : values(y, x, tile));
    }
  }
  return s;
}

// The first layer's filters.
report::panel filters_of(const sequential& m) {
  const xt::xarray<float> w = m.layer("first").parameters()[0].value<float>();
  report::surface s = tiles(xt::view(w, xt::all(), xt::all(), 0, xt::all()), w.shape(3) / 2, 12, 0);
  const float most = xt::amax(xt::abs(w))();
  s.colours = report::palette::diverging;
  s.z_range = report::interval{-most, most};
  return {.title = "Filters of the first layer (orange: above 0)", .equal_units = true, .map = s};
}

// What the first layer's filters see in an image.
report::panel seen_by(const sequential& m, const xt::xarray<float>& image) {
  model first(m.inputs(), m.output("first"));
  const xt::xarray<float> y = first.predict<float>(image);
  return {.title = "What they see in a boot",
          .equal_units = true,
          .map = tiles(xt::view(y, 0), y.shape(3) / 2, 2, xt::amin(y)())};
}

void draw(const std::string& name, const sequential& m, const trained& t,
          const example::image_set& test, const path& output) {
  const report::panel curves{
      .title = name + ": accuracy",
      .x_label = "epoch",
      .y_label = "share of the images",
      .curves = {{"training", t.by_epoch["accuracy"]}, {"test", t.by_epoch["val_accuracy"]}}};
  const xt::xarray<float> boot = to_xarray<float>(rows_of(test.images, 0, 1));
  report::panel mistakes = example::mistakes(name + ": mistakes", t.confusion);
  mistakes.x_label =
      "taken for (0 T-shirt, 1 trouser, 2 pullover, 3 dress, 4 coat,\n"
      "5 sandal, 6 shirt, 7 sneaker, 8 bag, 9 boot)";
  const path file = output / ("cnn_" + name + ".svg");
  report::write_figure(file, {curves, mistakes, filters_of(m), seen_by(m, boot)}, {.columns = 2});
  example::print_picture(file);
}

void study(const arguments& a, const path& output) {
  if (a.seeds < 1 || a.epochs < 1 || a.batch < 1) {
    throw value_error("--seeds, --epochs and --batch must be at least 1");
  }
  const example::image_set set = example::read_images(a.data, "train"),
                           test = example::read_images(a.data, "t10k");
  for (const std::string& name : a.networks) {
    if (name != "lenet5" && name != "small") {
      throw value_error("--network " + name + ": there are lenet5 and small");
    }
    std::vector<double> accuracies, seconds;
    for (std::int64_t seed = 0; seed < a.seeds; ++seed) {
      sequential m = name == "small" ? small(seed) : lenet5(seed);
      if (seed == 0) std::cout << m.summary();
      std::cout << name << ", seed " << seed << "\n";
      const trained t = train(m, set, test, a, seed);
      accuracies.push_back(t.accuracy);
      seconds.push_back(t.seconds);
      if (seed == 0) draw(name, m, t, test, output);
    }
    example::print(name + ", median test accuracy", example::median(accuracies));
    example::print(name + ", seconds of a training", example::median(seconds));
  }
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(argc, argv, "Trains convolutional networks on Fashion-MNIST.",
                      {{"--data", "folder of the idx files", &a.data},
                       {"--network", "lenet5, small, or both", &a.networks},
                       {"--seeds", "orders and first weights to take the median of", &a.seeds},
                       {"--epochs", "of each training", &a.epochs},
                       {"--batch", "images a step", &a.batch},
                       {"--rate", "first learning rate, falling to 0 as a cosine", &a.rate}},
                      [&](const path& output) { study(a, output); });
}
