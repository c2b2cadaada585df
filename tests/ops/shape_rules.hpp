// NumPy's shape rules, written from its documentation and knowing nothing of the library: each
// gives the result's sizes or throws `rejected`. Where Cotape's headers promise something stricter,
// the rule says so.
#pragma once

#include <cstdint>
#include <functional>
#include <numeric>
#include <optional>
#include <vector>

namespace cotape::tests::numpy {

using sizes = std::vector<std::int64_t>;

/// What a rule throws for operands that do not fit.
struct rejected {};

inline void demand(bool fits) {
  if (!fits) throw rejected{};
}

inline std::int64_t count(const sizes& s) {
  return std::accumulate(s.begin(), s.end(), std::int64_t{1}, std::multiplies<>());
}

inline std::int64_t rank(const sizes& s) { return static_cast<std::int64_t>(s.size()); }
inline std::int64_t& at(sizes& s, std::int64_t axis) { return s[static_cast<std::size_t>(axis)]; }
inline std::int64_t at(const sizes& s, std::int64_t axis) {
  return s[static_cast<std::size_t>(axis)];
}
/// Entries first, first + 1, ..., last - 1.
inline sizes part(const sizes& s, std::int64_t first, std::int64_t last) {
  return {s.begin() + first, s.begin() + last};
}
inline sizes joined(sizes a, const sizes& b) {
  a.insert(a.end(), b.begin(), b.end());
  return a;
}

/// An axis counted from the front. (NumPy lets 0 and -1 pass for scalars; here scalars have none.)
inline std::int64_t axis_of(std::int64_t axis, std::int64_t rank) {
  demand(-rank <= axis && axis < rank);
  return axis < 0 ? axis + rank : axis;
}

/// Aligned at the right, all sizes of an axis that are not 1 are the same.
sizes broadcast(const std::vector<sizes>& operands);
sizes broadcast_to(const sizes& x, const sizes& to);
sizes matmul(sizes a, sizes b);
/// How many elements make one of the result.
std::int64_t reduced_count(const sizes& x, const std::optional<sizes>& axes);
sizes reduce(const sizes& x, const std::optional<sizes>& axes, bool keep);
/// The same shape, of an operation along one axis.
sizes along(const sizes& x, std::int64_t axis);
sizes without_axis(sizes x, std::int64_t axis);
/// At most one size is -1: what the others leave, if that is one number.
sizes reshape(const sizes& x, sizes to);
sizes transpose(const sizes& x, const sizes& order);
sizes expand_dims(sizes x, std::int64_t axis);
sizes squeeze(const sizes& x, const std::optional<sizes>& axes);

/// One entry of an index expression: an index or a slice.
struct entry {
  std::optional<std::int64_t> index, start, stop;
  std::int64_t step = 1;
};
sizes slice(const sizes& x, const std::vector<entry>& entries);
sizes concatenate(const std::vector<sizes>& parts, std::int64_t axis);
sizes stack(const std::vector<sizes>& parts, std::int64_t axis);
sizes pad(sizes x, const sizes& before, const sizes& after);
/// take(x, indices, axis): whether the indices are inside is a matter of values.
sizes take(const sizes& x, const sizes& indices, std::int64_t axis);

}  // namespace cotape::tests::numpy
