// Reading program::explain() and tapes for tests.
#pragma once

#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <string>
#include <string_view>

namespace cotape::tests {

/// How often a text occurs.
inline int count(const std::string& text, std::string_view what) {
  int n = 0;
  for (std::size_t at = text.find(what); at != std::string::npos; at = text.find(what, at + 1)) ++n;
  return n;
}

/// How many values of an operation the program computes: its explanation lists them.
inline int computes(const program& code, const std::string& operation) {
  return count(code.explain() + " ", " " + operation + " ") +
         count(code.explain(), " " + operation + "\n") +
         count(code.explain(), " " + operation + "->");
}

/// Steps that run once, when constants are bound.
inline int folded(const program& code) {
  const std::string text = code.explain();
  const std::size_t end = text.find(" folded steps");
  return std::stoi(text.substr(text.rfind(' ', end - 1) + 1));
}

}  // namespace cotape::tests
