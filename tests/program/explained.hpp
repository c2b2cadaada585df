// Reading program::explain() and tapes for tests.
#pragma once

#include <gtest/gtest.h>

#include <cctype>
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

/// How many values of an operation the program computes, alone or in pairs (multiply+add): its
/// explanation lists them.
inline int computes(const program& code, const std::string& operation) {
  std::string text = code.explain() + " ";
  for (std::size_t i = 1; i + 1 < text.size(); ++i) {
    if (text[i] == '+' && std::islower(text[i - 1]) && std::islower(text[i + 1])) text[i] = ' ';
  }
  int n = 0;
  for (const char* end : {" ", "\n", "->"}) n += count(text, " " + operation + end);
  return n;
}

/// Steps that run once, when constants are bound.
inline int folded(const program& code) {
  const std::string text = code.explain();
  const std::size_t end = text.find(" folded steps");
  return std::stoi(text.substr(text.rfind(' ', end - 1) + 1));
}

}  // namespace cotape::tests
