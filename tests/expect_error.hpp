// Checks of errors: that something throws one of a kind whose message contains a text, and the
// whole message.
#pragma once

#include <gtest/gtest.h>

#include <cotape/error.hpp>
#include <exception>
#include <string>

namespace cotape::tests {

template <class Error, class F> void expect_error(F f, const std::string& text) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_NE(std::string(e.what()).find(text), std::string::npos)
        << "the message is: " << e.what() << "\nwanted in it:   " << text;
    return;
  } catch (const std::exception& e) {
    ADD_FAILURE() << "another kind of error was thrown: " << e.what();
    return;
  }
  ADD_FAILURE() << "nothing was thrown, wanted: " << text;
}

/// The message of the error that f throws, or "no error".
template <class F> std::string message_of(F f) {
  try {
    f();
  } catch (const error& e) {
    return e.what();
  }
  return "no error";
}

}  // namespace cotape::tests
