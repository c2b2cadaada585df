// layer: base
// dtype, shape and their pair, `value_type`: what a value is, without its data. Plain values, at
// most `shape::max_rank` axes, no heap memory.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

namespace cotape {

/// Element types: float32 and float64 for values, int64 for indices and counters.
enum class dtype : std::uint8_t { float32, float64, int64 };

/// What a tape does with float32 inputs, constants and parameters: `float64` turns them into
/// float64.
enum class precision : std::uint8_t { as_given, float64 };

/// Which slope a derivative takes at a kink (relu, leaky_relu, elu, selu and abs at 0): that from
/// the left, from the right, or their mean; and which operand's (maximum, minimum) or element's
/// (max, min) is the adjoint at a tie: the first one's, the last one's, or evenly shared.
/// `standard`: relu, leaky_relu, elu and selu left, the others split.
enum class kink_policy : std::uint8_t { standard, left, right, split };

inline constexpr dtype float32 = dtype::float32;
inline constexpr dtype float64 = dtype::float64;
inline constexpr dtype int64 = dtype::int64;

/// A plain number: bool, an integer or a floating-point number.
template <class T>
concept arithmetic = std::is_arithmetic_v<T>;

/// Bytes of one element.
constexpr std::size_t size_of(dtype d) { return d == dtype::float32 ? 4 : 8; }

/// "float32", "float64" or "int64".
const char* name_of(dtype d);

/// The dtype of a C++ type: float, double or std::int64_t.
template <class T> struct dtype_of;
template <> struct dtype_of<float> { static constexpr dtype value = dtype::float32; };
template <> struct dtype_of<double> { static constexpr dtype value = dtype::float64; };
template <> struct dtype_of<std::int64_t> { static constexpr dtype value = dtype::int64; };

/// The sizes of a tensor's axes, outermost first (row-major). Rank 0 is a scalar; sizes of 0 are
/// allowed. Throws shape_error for negative sizes, more than max_rank axes or over 2^31 elements.
class shape {
 public:
  static constexpr std::size_t max_rank = 8;
  static constexpr std::int64_t max_elements = std::int64_t{1} << 31;

  shape() = default;
  shape(std::initializer_list<std::int64_t> sizes);
  explicit shape(std::span<const std::int64_t> sizes);

  std::size_t rank() const { return rank_; }
  std::int64_t operator[](std::size_t axis) const { return sizes_[axis]; }
  const std::int64_t* begin() const { return sizes_.data(); }
  const std::int64_t* end() const { return sizes_.data() + rank_; }
  std::int64_t elements() const { return elements_; }

  friend bool operator==(const shape& a, const shape& b) {
    return a.rank_ == b.rank_ && a.sizes_ == b.sizes_;
  }

  /// As a Python tuple: "()", "(3,)", "(2, 3)".
  std::string text() const;

 private:
  std::array<std::int64_t, max_rank> sizes_{};
  std::int64_t elements_ = 1;
  std::uint32_t rank_ = 0;
};

/// The dtype and shape of a value.
struct value_type {
  cotape::dtype dtype = cotape::dtype::float32;
  cotape::shape shape;

  std::size_t bytes() const { return static_cast<std::size_t>(shape.elements()) * size_of(dtype); }
  friend bool operator==(const value_type&, const value_type&) = default;
  /// "float32 (2, 3)".
  std::string text() const;
};

/// "float32 (2, 3), int64 (2,)"; of none "no operand".
std::string text_of(std::span<const value_type* const> types);

/// NumPy's broadcasting of two shapes into `result`; false if they do not fit.
bool broadcast(const shape& a, const shape& b, shape& result);

/// The axes of `result` that broadcasting x to it has made or repeated.
std::vector<std::int64_t> repeated_axes(const shape& x, const shape& result);

/// x but for `count` of its axes from `first` on.
shape without_axes(const shape& x, std::int64_t first, std::int64_t count = 1);

/// The index of an element counted in row-major order, as NumPy's.
std::vector<std::int64_t> unravel_index(std::int64_t element, const shape& s);

/// The axes of a, then those of b.
shape joined(const shape& a, const shape& b);

/// An axis counted from the end if negative, as 0..rank-1; value_error naming `op` if outside.
std::size_t normalize_axis(const char* op, std::int64_t axis, std::size_t rank);

}  // namespace cotape
