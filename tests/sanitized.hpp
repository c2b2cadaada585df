// Whether a sanitizer watches: then programs take longer and more memory, and the instructions of a
// run over numbers are calls within calls in place of jumps, so that long runs fill the stack.
#pragma once

namespace cotape::tests {

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace cotape::tests
