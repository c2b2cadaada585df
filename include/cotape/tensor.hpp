// layer: tensor
// tensor: an owning value. array_view: somebody else's value. parameter: a named, persistent value
// that programs read and update. Data is row-major; a tensor's is aligned to 64 bytes and padded
// to whole 64-byte lines.
#pragma once

#include <cmath>
#include <limits>
#include <memory>
#include <string>

#include "cotape/error.hpp"
#include "cotape/shape.hpp"

namespace cotape {

namespace detail {
[[noreturn]] void throw_dtype(const char* what, dtype wanted, dtype found);
[[noreturn]] void throw_no_data(const value_type& type);
[[noreturn]] void throw_beyond_int64(std::uint64_t number);
[[noreturn]] void throw_beyond_float64(long double number);

// A plain number as one of ours. Throws value_error for an unsigned one beyond int64, and for a
// finite long double beyond float64; for all others it is no more than a cast.
template <class To, class From> To kept(From x) {
  const To result = static_cast<To>(x);
  if constexpr (std::is_integral_v<From> && std::is_integral_v<To>) {
    if constexpr (std::numeric_limits<From>::digits > std::numeric_limits<To>::digits) {
      if (result < 0) throw_beyond_int64(x);
    }
  } else if constexpr (std::is_same_v<From, long double>) {
    if (std::isinf(result) && !std::isinf(x)) throw_beyond_float64(x);
  }
  return result;
}
}  // namespace detail

/// A value that lives elsewhere and must outlive the view.
class array_view {
 public:
  array_view() = default;
  array_view(value_type type, const void* data) : type_(type), data_(data) {}

  const value_type& type() const& { return type_; }
  const cotape::shape& shape() const& { return type_.shape; }
  value_type type() && { return type_; }  // of a temporary: a copy, which a reference keeps alive
  cotape::shape shape() && { return type_.shape; }
  cotape::dtype dtype() const { return type_.dtype; }
  /// The first element; throws value_error if there are elements but the pointer is null.
  const void* data() const {
    if (data_ == nullptr && type_.shape.elements() != 0) detail::throw_no_data(type_);
    return data_;
  }
  /// The elements; throws dtype_error if T is not the view's dtype, otherwise as data().
  template <class T> const T* data_as() const {
    if (dtype_of<T>::value != type_.dtype) {
      detail::throw_dtype("data_as", dtype_of<T>::value, type_.dtype);
    }
    return static_cast<const T*>(data());
  }

 private:
  value_type type_;
  const void* data_ = nullptr;
};

class array_argument;

/// An owning value; copies are deep.
class tensor {
 public:
  tensor() : tensor(value_type{}) {}
  /// Zeros.
  explicit tensor(const value_type& type);
  /// A copy of the view's data, converted to `as` if that is another floating dtype.
  explicit tensor(array_view from);
  tensor(array_view from, dtype as);
  /// A copy of an xtensor container or expression, or of a number (see xtensor.hpp).
  explicit tensor(const array_argument& value);
  tensor(const tensor& other) : tensor(array_view(other)) {}
  tensor(tensor&&) noexcept = default;
  tensor& operator=(const tensor& other) { return *this = tensor(other); }
  tensor& operator=(tensor&&) noexcept = default;
  ~tensor() = default;

  operator array_view() const { return {type_, data_.get()}; }
  const value_type& type() const& { return type_; }
  const cotape::shape& shape() const& { return type_.shape; }
  value_type type() && { return type_; }
  cotape::shape shape() && { return type_.shape; }
  cotape::dtype dtype() const { return type_.dtype; }
  void* data() { return data_.get(); }
  const void* data() const { return data_.get(); }
  template <class T> T* data_as() { return const_cast<T*>(array_view(*this).data_as<T>()); }
  template <class T> const T* data_as() const { return array_view(*this).data_as<T>(); }

 private:
  struct release {
    void operator()(void* p) const;
  };
  value_type type_;
  std::unique_ptr<void, release> data_;
};

/// True if the two have one type and the same bits.
bool same_bits(array_view a, array_view b);
/// A hash of the bits.
std::size_t hash_of_bits(array_view a);

/// A named value that outlives tapes and programs: weights, optimizer state, random counters. A
/// handle: copies share the value. Its shape and dtype never change; programs write it in place.
class parameter {
 public:
  parameter(std::string name, const array_argument& value, bool trainable = true);
  parameter(const parameter&) = default;  // and no move: no parameter is without a value
  parameter& operator=(const parameter&) = default;

  const std::string& name() const { return state_->name; }
  const value_type& type() const { return state_->value.type(); }
  const cotape::shape& shape() const { return type().shape; }
  cotape::dtype dtype() const { return type().dtype; }
  /// The current value; valid until the parameter dies, and changed by programs.
  array_view view() const { return state_->value; }
  /// Its elements; programs hold this address.
  void* data() const { return state_->value.data(); }
  /// Replaces the value; throws shape_error or dtype_error if `value` is of another type. A plain
  /// number adopts the dtype.
  void set(array_argument value) const;

  /// Whether optimizers update it when they are not told which parameters to update. A compiled
  /// function keeps to what it was when it was traced, a model's fit to what it is when that
  /// begins.
  bool trainable() const { return state_->trainable; }
  void set_trainable(bool trainable) const { state_->trainable = trainable; }

  /// A copy as xt::xarray<T>; throws dtype_error if T is not the parameter's dtype.
  template <class T> auto value() const;

  friend bool operator==(const parameter& a, const parameter& b) { return a.state_ == b.state_; }
  /// Whether there is more than this handle.
  bool shared() const { return state_.use_count() > 1; }
  /// How many the process had made before this one; how many it has made by now.
  std::uint64_t number() const { return state_->number; }
  static std::uint64_t made();
  /// What identifies the parameter among all others while it lives.
  const void* identity() const { return state_.get(); }

 private:
  struct state {
    std::string name;
    tensor value;
    bool trainable;
    std::uint64_t number;
  };
  std::shared_ptr<state> state_;
};

}  // namespace cotape
