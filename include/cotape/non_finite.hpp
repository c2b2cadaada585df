// layer: check
// Where an infinity or NaN comes from.
#pragma once

#include <array>
#include <concepts>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cotape/compiled.hpp"

namespace cotape {

/// The operation that made an infinity or NaN of finite operands, or an input or parameter that
/// holds one.
struct non_finite {
  struct operand {
    std::string text;  // as a tape prints it
    double least = 0;  // of its elements that `element` is computed from: one, a row of a product's
    double most = 0;   // factor, what was summed ...; of all where that is not known
  };
  std::uint32_t node = 0;             // its number on the tape
  std::string operation;              // "log", or "input", "read", "constant"
  std::string text;                   // the node as a tape prints it
  cotape::shape shape;                // of its value
  std::vector<std::int64_t> element;  // the first that is not finite and reaches the value
  double value = 0;                   // that element
  std::int64_t count = 0;             // how many elements of it are and reach the value
  std::vector<operand> operands;
  place where;                    // the line that recorded it
  bool in_reverse_sweep = false;  // of a gradient
  /// From it to the nearest input or parameter, as a tape prints them: the shortest way.
  std::vector<std::string> path;
};
std::ostream& operator<<(std::ostream& out, const non_finite& f);

/// Evaluates `of` node by node and gives the first node, in the order of recording, whose infinity
/// or NaN reaches it; nothing if its value is finite. Nodes keep their values meanwhile: it takes
/// the memory of all of them. Effects are not run; random values are those of the next run. Throws
/// value_error if an input that it needs is not bound.
std::optional<non_finite> find_non_finite(variable of, std::span<const binding> inputs);
inline std::optional<non_finite> find_non_finite(variable of,
                                                 std::initializer_list<binding> inputs = {}) {
  return find_non_finite(of, std::span(inputs.begin(), inputs.size()));
}

namespace detail {
std::optional<non_finite> find_non_finite(
    const std::function<std::vector<variable>(const std::vector<variable>&)>& f,
    std::span<const array_argument> at);
}  // namespace detail

/// The same for a function as compile takes it, a training step for one, at arrays: of what it
/// returns and of the values that it assigns to parameters, which they do not get.
template <class F, class... Arrays>
requires std::invocable<F&, std::conditional_t<true, variable, Arrays>...> std::optional<non_finite>
find_non_finite(F f, const Arrays&... at) {
  const std::array<array_argument, sizeof...(Arrays)> given{array_argument(at)...};
  const auto over_list = [&]<std::size_t... I>(const std::vector<variable>& x,
                                               std::index_sequence<I...>) {
    return detail::as_list(f(x[I]...));
  };
  return detail::find_non_finite(
      [&](const std::vector<variable>& x) {
        return over_list(x, std::index_sequence_for<Arrays...>());
      },
      given);
}

}  // namespace cotape
