// An autoencoder squeezes images of clothes through 16 numbers and draws them again: g(f(x)), with
// the mean squared difference from x as its loss (Hinton and Salakhutdinov, "Reducing the
// dimensionality of data with neural networks", 2006). A denoising one is given x with noise, and
// the loss compares with x without it (Vincent et al., "Extracting and composing robust features
// with denoising autoencoders", 2008): g(f(x + noise)) comes near x. The paper's noise makes pixels
// black; this one is normal.
#include <algorithm>
#include <cotape/cotape.hpp>
#include <iostream>

#include "example.hpp"
#include "images.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

constexpr std::int64_t pixels = 784, code = 16;
constexpr double deviation = 0.5;  // of the noise; pixels are 0 to 1

struct arguments {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::int64_t epochs = 15;
};

// The noise is there in training alone.
sequential autoencoder(double noise) {
  return {input({pixels}), gaussian_noise(noise), dense(256, "relu"),
          dense(code),     dense(256, "relu"),    dense(pixels, "sigmoid")};
}

// The first image of each class, one below the other.
tensor one_of_each(const example::image_set& set) {
  std::vector<std::int64_t> rows;
  const auto* label = set.labels.data_as<std::int64_t>();
  for (std::int64_t wanted = 0; wanted < 10; ++wanted) {
    rows.push_back(std::find(label, label + set.labels.shape()[0], wanted) - label);
  }
  return take_rows(set.images, rows);
}

// Ten images side by side.
report::panel strip(const std::string& title, const array_argument& images) {
  return {.title = title,
          .equal_units = true,
          .x_range = report::interval{0, 10},
          .y_range = report::interval{0, 1},
          .map = example::mosaic(images, 10, {0, 10}, {0, 1}),
          .axes = false};
}

void study(const arguments& a, const path& output) {
  if (a.epochs < 1) throw value_error("--epochs must be at least 1");
  const tensor train = example::read_images(a.data, "train").images;
  const example::image_set test = example::read_images(a.data, "t10k");
  generator random(1);
  const auto with_noise = [&](const tensor& images) {
    return to_xarray<float>(images) + to_xarray<float>(random.normal(images.shape(), 0, deviation));
  };
  const xt::xarray<float> noisy = with_noise(test.images);
  example::print("noisy test images, mean squared error",
                 xt::mean(xt::square(noisy - to_xarray<float>(test.images)))());
  const tensor shown = one_of_each(test);
  const xt::xarray<float> shown_noisy = with_noise(shown);
  std::vector<report::panel> rows{strip("images", shown),
                                  strip("the same with noise", shown_noisy)};
  for (const bool denoising : {false, true}) {
    const std::string name = denoising ? "denoising" : "plain";
    std::cout << name << "\n";
    sequential m = autoencoder(denoising ? deviation : 0);
    m.compile("mse", adam());
    m.fit(train, train, {.epochs = a.epochs, .batch_size = 128});
    example::print(name + ", error of test images", m.evaluate(test.images, test.images)["loss"]);
    example::print(name + ", error of noisy test images", m.evaluate(noisy, test.images)["loss"]);
    rows.push_back(strip("the " + name + " autoencoder's, of the images", m.predict(shown)));
    rows.push_back(
        strip("the " + name + " autoencoder's, of those with noise", m.predict(shown_noisy)));
  }
  const path file = output / "autoencoder.svg";
  report::write_figure(file, rows, {.columns = 1, .width = 600, .height = 110});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(
      argc, argv, "Squeezes images through 16 numbers, with noise and without.",
      {{"--data", "folder of the idx files", &a.data}, {"--epochs", "of each training", &a.epochs}},
      [&](const path& output) { study(a, output); });
}
