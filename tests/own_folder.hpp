// A folder of the test's own, removed with what is in it.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>

namespace cotape::tests {

struct own_folder {
  std::filesystem::path at;
  own_folder() {
    std::string name = testing::TempDir() + "/cotape_XXXXXX";
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no folder");
    at = name;
  }
  ~own_folder() { std::filesystem::remove_all(at); }
  own_folder(const own_folder&) = delete;
  own_folder& operator=(const own_folder&) = delete;
};

}  // namespace cotape::tests
