// layer: check
// For tests with GoogleTest: EXPECT_GRADIENTS(f, x, y) fails with the table of check_gradient
// unless the gradient of f, a function of variables, is right at the arrays x, y. Link GoogleTest;
// not included by cotape.hpp.
#pragma once

#include <gtest/gtest.h>

#include "cotape/check.hpp"

namespace cotape::detail {

/// The check of f at arrays; a function of a tape takes none.
template <class F, class... Arrays> gradient_check checked(F&& f, const Arrays&... arrays) {
  if constexpr (sizeof...(arrays) == 0) return cotape::check_gradient(f);
  else return cotape::check_gradient(f, {array_argument(arrays)...});
}

inline ::testing::AssertionResult gradients_hold(const char* text, const gradient_check& c) {
  if (c.ok()) return ::testing::AssertionSuccess();
  return ::testing::AssertionFailure() << text << ": the gradient does not hold\n" << c;
}

}  // namespace cotape::detail

#define EXPECT_GRADIENTS(...) \
  EXPECT_PRED_FORMAT1(::cotape::detail::gradients_hold, ::cotape::detail::checked(__VA_ARGS__))
