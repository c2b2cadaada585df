// The node tests that ONNX publishes, of one operator each: its attributes, inputs and outputs, as
// Debian's package libonnx-testdata installs them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace cotape::tests::onnx {

/// Where the package puts them, a folder for each.
inline const char* const folder = "/usr/share/libonnx-testdata/data/node";

enum class element : std::uint8_t { uint8 = 2, int32 = 6, int64 = 7, float32 = 1, float64 = 11 };

struct value {
  std::string name;
  std::vector<std::int64_t> sizes;
  element type = element::float32;
  std::vector<double> numbers;
};

struct attribute {
  double number = 0;               // a float
  std::int64_t whole = 0;          // an int
  std::string text;                // a string
  std::vector<std::int64_t> list;  // ints
};

struct node_test {
  std::string name;
  std::size_t nodes = 0;  // of the model, without constants; the rest is the last one's
  std::string op;
  std::vector<std::string> inputs, outputs;  // names; an input that is left out has an empty one
  std::map<std::string, attribute> attributes;
};

/// The names of all node tests, sorted; none where the package is not installed.
std::vector<std::string> names_of_node_tests();
/// Throws std::runtime_error for a file that is none or is damaged.
node_test read_node_test(const std::string& name);
/// The values of its first set of data, "input" or "output", by name. Throws for other elements
/// than those above.
std::map<std::string, value> values_of(const node_test& t, const std::string& which);

}  // namespace cotape::tests::onnx
