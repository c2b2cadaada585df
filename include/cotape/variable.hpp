// layer: tape
// variable: a handle to a value on a tape. operand: what an operation takes, with the line of the
// user's code where it was made.
#pragma once

#include <atomic>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <string>

#include "cotape/error.hpp"
#include "cotape/tensor.hpp"

namespace cotape {

class binding;
class tape;

namespace detail {
// Where handles find their tape. A slot is never freed, so any handle may ask it whether its tape
// is gone. After that it serves another tape, perhaps of another thread: hence atomic numbers.
struct alignas(64) tape_slot {
  std::atomic<std::uint32_t> serial = 0;  // of handles made now; each rewind and death adds 1
  std::atomic<std::uint32_t> first = 0;   // below are handles of tapes that are gone
  tape* owner = nullptr;
  tape_slot* next = nullptr;  // of those without a tape
};
}  // namespace detail

/// A handle to one value on a tape. Cheap to copy; holds no data. After the tape is rewound past
/// it or is gone, using it throws tape_error. Does not convert to bool.
class variable {
 public:
  variable() = default;

  /// What kind of value this is; throws tape_error for an empty or stale handle.
  const value_type& type() const;
  const cotape::shape& shape() const { return type().shape; }
  cotape::dtype dtype() const { return type().dtype; }
  /// The tape that the variable lives on; throws tape_error for an empty or stale handle.
  tape& owner() const {
    if (empty() || serial_ != slot_->serial.load(std::memory_order_relaxed)) check();
    return *slot_->owner;
  }
  std::uint32_t index() const { return index_; }
  bool empty() const { return slot_ == nullptr; }
  /// Names the value in printouts, reports and errors.
  variable named(std::string label) const;

  /// Compiles and runs what this value needs and returns a copy of it as xt::xarray<T>: convenient,
  /// not fast. Inputs that it depends on must be bound. Never runs effects. Throws dtype_error if T
  /// is not the dtype.
  template <class T> auto value(std::initializer_list<binding> inputs = {}) const;

 private:
  friend class tape;
  variable(const detail::tape_slot* slot, std::uint32_t index)
      : slot_(slot), index_(index), serial_(slot->serial.load(std::memory_order_relaxed)) {}
  void check() const;  // throws if the handle is empty or stale
  const detail::tape_slot* slot_ = nullptr;
  std::uint32_t index_ = 0;
  std::uint32_t serial_ = 0;
};

/// What an operation takes: a variable, a parameter (read on the tape of the other operands) or a
/// number (of their dtype). Remembers where in the user's code it was made.
class operand {
 public:
  operand(variable v, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : variable_(v), file_(file), line_(line) {}
  operand(const parameter& p, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : parameter_(p), file_(file), line_(line) {}
  template <arithmetic T>
  operand(T number, const char* file = __builtin_FILE(), int line = __builtin_LINE())
      : number_(detail::kept<double>(number)), file_(file), line_(line), is_number_(true) {}

  const cotape::variable& as_variable() const { return variable_; }
  const cotape::parameter* as_parameter() const { return parameter_ ? &*parameter_ : nullptr; }
  bool is_number() const { return is_number_; }
  double number() const { return number_; }
  place where() const { return {file_, line_}; }

 private:
  cotape::variable variable_;
  std::optional<cotape::parameter> parameter_;
  double number_ = 0;
  const char* file_;
  int line_;
  bool is_number_ = false;
};

std::ostream& operator<<(std::ostream& out, const variable& v);

}  // namespace cotape
