// The operations that the public headers declare, read from their text: what completeness is
// measured against.
#pragma once

#include <fstream>
#include <iterator>
#include <regex>
#include <set>
#include <string>

namespace cotape::tests {

inline std::string text_of(const std::string& path) {
  std::ifstream in(COTAPE_SOURCE_DIR "/" + path);
  return {std::istreambuf_iterator<char>(in), {}};
}

/// The pattern's first group wherever the text matches it.
inline std::set<std::string> matches(const std::string& text, const char* pattern) {
  const std::regex expression(pattern);
  std::set<std::string> names;
  for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it) {
    names.insert((*it)[1]);
  }
  return names;
}

/// The functions of ops.hpp, activations.hpp, losses.hpp, normalization.hpp, vision.hpp and
/// attention.hpp whose declarations the pattern finds.
inline std::set<std::string> declared_operations(
    const char* pattern = "\n(?:variable|std::vector<variable>|normalized_batch) (\\w+)\\(") {
  std::set<std::string> names;
  for (const char* header :
       {"ops", "activations", "losses", "normalization", "vision", "attention"}) {
    names.merge(matches(text_of(std::string("include/cotape/") + header + ".hpp"), pattern));
  }
  return names;
}

}  // namespace cotape::tests
