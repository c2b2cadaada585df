// A variational autoencoder (Kingma and Welling, "Auto-encoding variational Bayes", 2014) of images
// of clothes with 2 latent values z. The encoder gives their distribution for an image x, normal
// with a mean m and a variance s^2 for each; z = m + s e with e normal (the paper's
// "reparameterization") lets gradients pass; the decoder gives a probability p for each pixel. The
// loss is the negative of the paper's lower bound of log p(x), the sum of
//   reconstruction  -sum over pixels of x log p + (1 - x) log(1 - p)   (appendix C.1)
//   KL divergence   1/2 sum over z of m^2 + s^2 - log s^2 - 1          (appendix B)
#include <algorithm>
#include <cotape/cotape.hpp>
#include <functional>
#include <iostream>

#include "example.hpp"
#include "images.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

constexpr std::int64_t pixels = 784, latent = 2;

struct arguments {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::int64_t epochs = 10;
};

// --- The model -----------------------------------------------------------------------------------

// z of the mean and log s^2: drawn in training, the mean itself when predicting.
variable sampling(std::span<const variable> mean_and_log_variance, const layer_context& c) {
  const variable &mean = mean_and_log_variance[0], &log_variance = mean_and_log_variance[1];
  return c.training ? mean + exp(log_variance / 2) * c.random.normal_like(mean) : mean;
}

variable divergence(std::span<const variable> mean_and_log_variance) {
  const variable &mean = mean_and_log_variance[0], &log_variance = mean_and_log_variance[1];
  return (square(mean) + exp(log_variance) - log_variance - 1) / 2;
}

// The mean over images of the sum over pixels.
variable reconstruction(variable p, variable x) { return pixels * binary_crossentropy(p, x); }

struct autoencoder {
  symbol image = input({pixels});
  symbol hidden = dense(400, "relu")(image);
  symbol mean = dense(latent).named("mean")(hidden);
  symbol log_variance = dense(latent).named("log_variance")(hidden);
  sequential decoder =
      sequential{input({latent}), dense(400, "relu"), dense(pixels, "sigmoid")}.set_name("decoder");
  model whole{image, decoder(lambda(sampling).named("sampling")({mean, log_variance}))};

  autoencoder() {
    whole.add_loss(lambda(divergence).named("divergence")({mean, log_variance}), "divergence");
    whole.compile(reconstruction, adam(), {metric("reconstruction", reconstruction)});
  }
};

void print_parts(const std::string& of, const std::function<double(const char*)>& figure) {
  example::print(of + ", loss", figure("loss"));
  example::print(of + ", reconstruction", figure("reconstruction"));
  example::print(of + ", KL divergence", figure("divergence"));
}

// --- The picture ---------------------------------------------------------------------------------

constexpr report::interval shown{-3.5, 3.5};  // of each latent value
constexpr std::int64_t across = 14;           // images drawn along it

report::panel plane(const std::string& title) {
  return {.title = title,
          .x_label = "first latent value",
          .y_label = "second latent value",
          .equal_units = true,
          .x_range = shown,
          .y_range = shown};
}

// What the decoder makes of the middles of a grid's squares, row by row from the top.
report::panel decoded(model& decoder) {
  xt::xarray<float> z = xt::zeros<float>({across * across, latent});
  const double step = (shown.high - shown.low) / across;
  for (std::int64_t i = 0; i < across * across; ++i) {
    z(i, 0) = static_cast<float>(shown.low + (static_cast<double>(i % across) + 0.5) * step);
    z(i, 1) = static_cast<float>(shown.high - (static_cast<double>(i / across) + 0.5) * step);
  }
  report::panel p = plane("Images that the decoder draws");
  p.map = example::mosaic(decoder.predict(z), across, shown, shown);
  return p;
}

// The means that the encoder gives to images, a colour or shape of points for each class.
report::panel encoded(model encoder, const example::image_set& set) {
  const char* const classes[] = {"T-shirt", "trousers", "pullover", "dress", "coat",
                                 "sandal",  "shirt",    "sneaker",  "bag",   "boot"};
  const auto mean = encoder.predict<double>(set.images);
  report::panel p = plane("Means of test images");
  for (const char* name : classes) {
    p.curves.push_back({.name = name, .y = {}, .style = report::stroke::points});
  }
  const auto* label = set.labels.data_as<std::int64_t>();
  for (std::size_t i = 0; i < std::min<std::size_t>(2000, mean.shape(0)); ++i) {
    report::curve& c = p.curves.at(static_cast<std::size_t>(label[i]));
    c.x.push_back(mean(i, 0));
    c.y.push_back(mean(i, 1));
  }
  return p;
}

void study(const arguments& a, const path& output) {
  if (a.epochs < 1) throw value_error("--epochs must be at least 1");
  const tensor train = example::read_images(a.data, "train").images;
  const example::image_set test = example::read_images(a.data, "t10k");
  autoencoder m;
  std::cout << m.whole.summary() << "\n";
  const history h = m.whole.fit(train, train, {.epochs = a.epochs, .batch_size = 128});
  print_parts("last epoch", [&](const char* name) { return h[name].back(); });
  const logs l = m.whole.evaluate(test.images, test.images);
  print_parts("test images by their means", [&](const char* name) { return l[name]; });
  const path file = output / "variational_autoencoder.svg";
  report::write_figure(file, {encoded(model(m.image, m.mean), test), decoded(m.decoder)},
                       {.width = 640, .height = 700});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(
      argc, argv, "Draws new images of clothes from 2 numbers.",
      {{"--data", "folder of the idx files", &a.data}, {"--epochs", "of the training", &a.epochs}},
      [&](const path& output) { study(a, output); });
}
