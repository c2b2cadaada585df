// layer: kernels
// A kernel of one's own: an operation over whole values, with any number of operands, attributes
// and scratch. It is a `primitive` like the library's own (see primitive.hpp). README.md has a
// whole one; in short:
//
//   struct window {                                   // attributes, by name
//     std::int64_t radius = 1;
//     bool wrap = false;
//     constexpr void fields(auto f) { f("radius", radius), f("wrap", wrap); }
//   };
//   value_type infer_smooth(const signature& s);      // throws if the operands do not fit
//   template <class T> void run_smooth(const kernel_call& c) noexcept;
//   void derive_smooth(derivation& d);                // records the adjoints of the operands
//   void lower_smooth(lowering& l) {
//     l.scratch_bytes = 64;
//     lower_to_kernel(l, run_smooth<float>, run_smooth<double>);
//   }
//   const primitive smooth{.name = "smooth",
//                          .how = form::kernel,
//                          .arity = 1,                // or any_number
//                          .infer = infer_smooth,
//                          .derive = derive_smooth,
//                          .lower = lower_smooth,
//                          .attributes_text = fields_text<window>};
//   variable y = record(smooth, {x}, words_of(window{.radius = 2}));
//
// A primitive must outlive the tapes and programs that use it: make it a constant of a namespace.
#pragma once

#include <bit>
#include <concepts>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "cotape/error.hpp"
#include "cotape/tensor.hpp"

namespace cotape {

class side_store;
namespace kernels {
struct call;
struct scalar_functions;
struct step;
}  // namespace kernels

/// What a shape rule sees.
struct signature {
  const char* op;  // the name, for errors
  std::span<const value_type* const> inputs;
  std::span<const std::int64_t> attributes;
};

/// What a kernel sees: what the shape rule saw, and the elements, row-major. It writes each element
/// of its result, which overlaps no operand but one that primitive::overwrites allows. Programs of
/// several threads may call it at once. Where these functions throw in a kernel that is noexcept,
/// the process ends.
class kernel_call : public signature {
 public:
  kernel_call(const kernels::call& made, const kernels::step& at);
  const value_type& output;

  /// Throws value_error if there is no operand k, dtype_error if T is not its dtype. An operand may
  /// be the caller's memory: nothing may be read past its end.
  template <class T> std::span<const T> operand(std::size_t k) const {
    const void* data = checked_operand(k, dtype_of<T>::value);
    return {static_cast<const T*>(data), elements(*inputs[k])};
  }
  /// Throws dtype_error if T is not its dtype.
  template <class T> std::span<T> result() const {
    return {static_cast<T*>(checked_result(dtype_of<T>::value)), elements(output)};
  }
  /// The lowering's scratch_bytes, aligned to 64 bytes: anything may stand there.
  template <class T> std::span<T> scratch() const {
    return {static_cast<T*>(scratch_), scratch_bytes_ / sizeof(T)};
  }

 private:
  static std::size_t elements(const value_type& t) {
    return static_cast<std::size_t>(t.shape.elements());
  }
  const void* checked_operand(std::size_t k, dtype wanted) const;
  void* checked_result(dtype wanted) const;
  std::span<const void* const> operands_;
  void *result_, *scratch_;
  std::size_t scratch_bytes_;
};

/// A function of a kernel_call, or a lambda without captures, and whether it may throw.
struct kernel_function {
  kernel_function() = default;
  template <std::invocable<const kernel_call&> F>
  kernel_function(F f) : run(f), throws(!std::is_nothrow_invocable_v<F, const kernel_call&>) {}
  void (*run)(const kernel_call&) = nullptr;
  bool throws = true;
};

/// What a primitive sees when a program gives it a step.
struct lowering : signature {
  const value_type& output;
  // For the library's own kernels: the step to fill in, and descriptions that live as long.
  kernels::step& step;
  side_store& sides;
  bool whole = false;                           // a step of its own: form::kernel
  bool throws = false;                          // as the primitive says
  kernels::scalar_functions* scalar = nullptr;  // where wanted, the functions for one number
  kernels::call* call = nullptr;                // what lower_to_kernel made
  std::size_t scratch_bytes = 0;                // of a buffer that the kernel needs
  place where = {};  // where it was recorded, which errors of a kernel that throws name
};

/// Chooses the kernel of the result's dtype, or if that is int64, of the first operand's that is
/// another. Throws dtype_error if there is none, value_error if it may throw and the primitive does
/// not say so.
void lower_to_kernel(lowering&, kernel_function float32_kernel, kernel_function float64_kernel,
                     kernel_function int64_kernel = {});

using element_loop = void (*)(void* y, const void* const* operands, std::size_t n);
/// Chooses the loop of the output's dtype as the kernel of an element-wise operation.
void lower_to_loop(lowering&, element_loop float32_loop, element_loop float64_loop);

namespace detail {

// Stands for any field, to count those of a struct.
struct any_field {
  template <class T> operator T() const;
};
template <class S, class... Fields> constexpr std::size_t fields_of() {
  if constexpr (requires { S{Fields{}..., any_field{}}; }) {
    return fields_of<S, Fields..., any_field>();
  } else {
    return sizeof...(Fields);
  }
}
template <class S> constexpr std::size_t listed_fields() {
  std::size_t n = 0;
  S{}.fields([&](const char*, const auto&) { ++n; });
  return n;
}

template <class T> std::int64_t word_of(T field) {
  if constexpr (std::is_floating_point_v<T>) return std::bit_cast<std::int64_t>(double{field});
  else return static_cast<std::int64_t>(field);
}
void demand_words(const char* op, std::size_t fields, std::size_t words);
void add_field(std::string& to, const char* name, bool field);
void add_field(std::string& to, const char* name, std::int64_t field);
void add_field(std::string& to, const char* name, double field);

}  // namespace detail

/// A struct of attributes as the words that a tape keeps, one a field, for record(). Its fields are
/// numbers, bools and enums, and its function `fields` lists all of them by name.
template <class S> std::vector<std::int64_t> words_of(S attributes) {
  static_assert(detail::listed_fields<S>() == detail::fields_of<S>(),
                "fields() lists each field of the struct once");
  std::vector<std::int64_t> words;
  attributes.fields([&](const char*, auto field) { words.push_back(detail::word_of(field)); });
  return words;
}

/// What words_of made words of, as a rule or a kernel sees it. Throws value_error if there are not
/// as many words as fields.
template <class S> S attributes_of(const auto& seen) {
  S attributes{};
  detail::demand_words(seen.op, detail::listed_fields<S>(), seen.attributes.size());
  std::size_t next = 0;
  attributes.fields([&]<class T>(const char*, T& field) {
    const std::int64_t word = seen.attributes[next++];
    if constexpr (std::is_floating_point_v<T>) field = static_cast<T>(std::bit_cast<double>(word));
    else field = static_cast<T>(word);
  });
  return attributes;
}

/// "radius=2, wrap=true": a primitive's attributes_text. Throws as attributes_of.
template <class S> std::string fields_text(const signature& seen) {
  std::string text;
  attributes_of<S>(seen).fields([&]<class T>(const char* name, T field) {
    if constexpr (std::is_same_v<T, bool>) detail::add_field(text, name, field);
    else if constexpr (std::is_floating_point_v<T>) detail::add_field(text, name, double{field});
    else detail::add_field(text, name, static_cast<std::int64_t>(field));
  });
  return text;
}

}  // namespace cotape
