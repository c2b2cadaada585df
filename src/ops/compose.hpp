// For composed operations: which tape and dtype their operands have, and the scope that makes the
// nodes point to the user's line.
#pragma once

#include "base/telling.hpp"
#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"

namespace cotape {

/// The operands of a composed operation as variables of one tape.
class composition {
 public:
  composition(const char* name, std::initializer_list<operand> operands);
  const variable& operator[](std::size_t i) const { return inputs_[i]; }
  tape& on() const { return *tape_; }
  place where() const { return where_; }
  /// Throws an Error that says, after the operation's name and `why`, where it was recorded.
  template <class Error> [[noreturn]] void fail(const std::string& why) const {
    throw Error(std::string(name()) + ": " + why + origin());
  }
  /// Throws dtype_error if the first operand is of int64: where a number such as 0.5 would be the
  /// first to fail.
  void demand_floating() const;
  /// What f makes; throws shape_error naming the operands where that has sizes that no shape has.
  template <class F> auto sized(F f) const {
    return telling([&] { return cotape::sized(name(), types(), f); }, [&] { return origin(); });
  }
  cotape::shape shape_of(std::span<const std::int64_t> sizes) const {
    return sized([&] { return cotape::shape(sizes); });
  }
  /// The axis, or the axes of the first operand, counted from 0; throws value_error if outside.
  std::size_t axis(std::int64_t which, std::size_t rank) const;
  std::vector<std::size_t> axes(const cotape::axes& which) const;

 private:
  std::vector<const value_type*> types() const;
  const char* name() const { return tape_->operation(name_); }
  std::string origin() const { return tape_->origin({inputs_.data(), arity_}, where_); }

  const char* name_;
  tape* tape_ = nullptr;
  std::array<variable, 5> inputs_;
  std::size_t arity_ = 0;
  place where_;
  std::optional<tape::scope> scope_;
};

/// `size` elements of x along an axis, from `first` on.
variable part_along(const variable& x, std::size_t axis, std::int64_t first, std::int64_t size);

}  // namespace cotape
