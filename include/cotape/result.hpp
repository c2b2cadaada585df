// layer: tensor
// What a run of a program gives: an output where the program keeps it. A result knows the run that
// made it and throws once another run has replaced it. It belongs to the thread of its program.
#pragma once

#include <cstdint>
#include <iosfwd>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cotape/xtensor.hpp"

namespace cotape {

namespace detail {

[[noreturn]] void refuse(const char* text);  // throws value_error

// Holds what many hold, and counts in it how many. Without atomics, which would cost a small step
// 4 %: functions, programs and their results belong to one thread.
template <class T> class counted {
 public:
  counted() = default;
  explicit counted(T* what) : what_(what) {
    if (what_ != nullptr) ++what_->holders;
  }
  counted(const counted& other) : counted(other.what_) {}
  counted(counted&& other) noexcept : what_(std::exchange(other.what_, nullptr)) {}
  counted& operator=(counted other) noexcept {
    std::swap(what_, other.what_);
    return *this;
  }
  ~counted() {
    if (what_ != nullptr && --what_->holders == 0) delete what_;
  }
  explicit operator bool() const { return what_ != nullptr; }
  T& operator*() const { return *what_; }
  T* operator->() const { return what_; }
  // Throws value_error with this text if it holds nothing.
  T& demand(const char* text) const {
    if (what_ == nullptr) refuse(text);
    return *what_;
  }

 private:
  T* what_ = nullptr;
};

// The runs in one memory.
struct run_log {
  std::size_t holders = 0;
  std::string function;       // where it was compiled; empty for a program of its own
  std::uint64_t runs = 0;     // begun
  std::uint64_t current = 0;  // whose values stand in the memory; 0 if there are none
  const std::vector<value_type>* inputs = nullptr;  // of the last one, while its program lives
};

// A run, and whether its values still stand.
struct run_stamp {
  counted<run_log> log;
  std::uint64_t run;  // 0: none has ended yet
  void check() const {
    if (log->current != run || run == 0) refuse();
  }
  [[noreturn]] void refuse() const;
};

}  // namespace detail

/// One output of a program, where the program keeps it: until the program, or another of the same
/// function, runs again, and while the function or program stays where it is. After that every
/// member throws value_error and names the call that replaced it.
class result {
 public:
  result(array_view view, detail::run_stamp made_in) : view_(view), made_in_(std::move(made_in)) {}
  /// The value itself. A view cannot tell that it was replaced: look at it before the next run.
  array_view view() const {
    made_in_.check();
    return view_;
  }
  /// A copy; throws dtype_error if T is not the dtype.
  template <class T> xt::xarray<T> value() const { return to_xarray<T>(view()); }
  template <class T> operator xt::xarray<T>() const { return value<T>(); }
  /// Copies into a row-major container of yours; throws shape_error or dtype_error if it does not
  /// fit. Touches no allocator.
  template <detail::plain_container E> void copy_to(E& container) const {
    const array_view to = array_argument(container).view();
    write_to(const_cast<void*>(to.data()), to.type());
  }
  /// The number in a value of one element, of any dtype; throws shape_error if there are more.
  double number() const;
  template <arithmetic T> operator T() const { return static_cast<T>(number()); }
  /// Prints the number, or the type of a value that is not one.
  friend std::ostream& operator<<(std::ostream& out, const result& r);

 private:
  void write_to(void* data, const value_type& type) const;
  array_view view_;
  detail::run_stamp made_in_;
};

/// All outputs of a run, each valid as long as a result is.
class results {
 public:
  results(std::span<const array_view> views, detail::run_stamp made_in)
      : views_(views), made_in_(std::move(made_in)) {}
  std::size_t size() const { return views_.size(); }
  /// Throws value_error if there is no such result, or if another run has replaced it.
  result operator[](std::size_t i) const;
  result at(std::size_t i) const { return (*this)[i]; }
  operator std::vector<result>() const;

  struct iterator {
    const results* of;
    std::size_t at;
    result operator*() const { return (*of)[at]; }
    iterator& operator++() { return ++at, *this; }
    bool operator==(const iterator& other) const { return at == other.at; }
  };
  iterator begin() const { return {this, 0}; }
  iterator end() const { return {this, size()}; }

 private:
  std::span<const array_view> views_;
  detail::run_stamp made_in_;
};

}  // namespace cotape
