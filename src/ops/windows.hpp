// Windows as the operations on them see them: their sizes along each axis, and the attributes of
// their primitives, which are the number of spatial axes, that of groups, and for each axis the six
// numbers of kernels::windows::axis.
#pragma once

#include <string>
#include <vector>

#include "cotape/vision.hpp"
#include "kernels/windows.hpp"
#include "ops/compose.hpp"

namespace cotape::vision {

using axis = kernels::windows::axis;
using words = std::vector<std::int64_t>;

/// Batch and channels are 1.
kernels::windows windows_in(std::span<const std::int64_t> attributes);
words words_of(std::span<const axis> axes, std::int64_t groups = 1);
/// "size 3x3, strides 1x1, ...".
std::string text_of(const signature& s);

inline constexpr auto of_images = &axis::in, of_windows = &axis::out, of_taps = &axis::size;
inline constexpr std::int64_t no_batch = -1;
/// The batch, if there is one, then these numbers of each axis, then what follows.
shape shaped(const signature& s, std::int64_t batch,
             std::initializer_list<std::int64_t axis::*> members,
             std::initializer_list<std::int64_t> last);
inline std::int64_t last(const shape& s) { return s[s.rank() - 1]; }

/// (batch, channels, sizes...) as (batch, sizes..., channels), and the reverse.
variable with_channels_last(const variable& x);
variable with_channels_first(const variable& x);
/// What f makes of the first operand with its channels last.
template <class Options, class F> variable turned(const composition& c, Options o, F f) {
  o.data_format = channels_last;
  return with_channels_first(f(with_channels_last(c[0]), o));
}

/// The number given for an axis; throws value_error, naming `what`, if it is below `least` or if
/// there are not as many numbers as axes.
std::int64_t number_of(const composition& c, const per_axis& given, std::size_t which,
                       std::size_t axes, const char* what, std::int64_t least = 1);

/// Where windows stand along each of some spatial axes. Throws value_error or shape_error for what
/// does not fit.
class axes_of_windows {
 public:
  axes_of_windows(const composition& c, const window_options& o, std::size_t axes);
  /// Over `in` elements.
  axis over(std::size_t which, std::int64_t in, std::int64_t size) const;
  /// Under `out` windows: as many elements as Keras has.
  axis under(std::size_t which, std::int64_t out, std::int64_t size) const;

 private:
  axis numbers(std::size_t which, std::int64_t size) const;
  window_padding::sides sides(std::size_t which) const;

  const composition& c_;
  const window_options& o_;
  std::size_t axes_;
  std::vector<window_padding::sides> sides_;
};

}  // namespace cotape::vision
