// Room for one thing for each of a node's operands: on the stack for up to three.
#pragma once

#include <array>
#include <memory>
#include <span>

namespace cotape {

template <class T> class few {
 public:
  explicit few(std::size_t n) : size_(n), more_(n > own_.size() ? new T[n]() : nullptr) {}
  T& operator[](std::size_t i) { return all()[i]; }
  std::span<T> all() { return {more_ != nullptr ? more_.get() : own_.data(), size_}; }

 private:
  std::size_t size_;
  std::array<T, 3> own_{};
  std::unique_ptr<T[]> more_;
};

}  // namespace cotape
