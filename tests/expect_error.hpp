// A check that something throws an error of one kind whose message contains a text.
#pragma once

#include <gtest/gtest.h>

#include <exception>
#include <string>

namespace cotape::testing {

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

}  // namespace cotape::testing
