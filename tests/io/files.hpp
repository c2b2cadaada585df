// Files for tests of readers: a folder of the test's own, files written and read as bytes, and
// files changed at random places.
#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <string>

namespace cotape::tests {

class files_test : public testing::Test {
 protected:
  void SetUp() override {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(testing::TempDir()) /
              (std::string(test->test_suite_name()) + "_" + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path write(const std::string& name, const std::string& content) const {
    std::filesystem::remove(folder_ / name);  // writing over a file waits for the disk
    std::ofstream(folder_ / name, std::ios::binary) << content;
    return folder_ / name;
  }
  static std::string content(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  std::filesystem::path folder_;
};

/// The content with one to three of its bytes changed, and in one of four cases cut short or
/// continued.
inline std::string mutated(std::string content, std::mt19937& random) {
  for (auto n = 1 + random() % 3; n > 0; --n) {
    content[random() % content.size()] = static_cast<char>(random());
  }
  switch (random() % 8) {
    case 0: content.resize(random() % content.size()); break;
    case 1: content.append(1 + random() % 20, static_cast<char>(random())); break;
    default: break;
  }
  return content;
}

}  // namespace cotape::tests
