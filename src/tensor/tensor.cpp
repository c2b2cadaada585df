// Owning values and parameters.
#include "cotape/tensor.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <limits>
#include <string_view>

#include "cotape/xtensor.hpp"
#include "tensor/memory.hpp"

namespace cotape {

namespace {

template <class To, class From> void convert(const void* from, void* to, std::size_t n) {
  std::transform(static_cast<const From*>(from), static_cast<const From*>(from) + n,
                 static_cast<To*>(to), [](From x) { return static_cast<To>(x); });
}

}  // namespace

namespace detail {
void throw_dtype(const char* what, dtype wanted, dtype found) {
  throw dtype_error(fmt::format("{}: {} was asked for, but the value is {}", what, name_of(wanted),
                                name_of(found)));
}
void throw_no_data(const value_type& type) {
  throw value_error(
      fmt::format("array_view: it stands for {}, but its data is a null pointer, or "
                  "that of a tensor that was moved from",
                  type.text()));
}
void throw_beyond_int64(std::uint64_t number) {
  throw value_error(fmt::format("{} is beyond int64, which holds up to {}: give it as a float64",
                                number, std::numeric_limits<std::int64_t>::max()));
}
void throw_beyond_float64(long double number) {
  throw value_error(fmt::format("{:.6g} is beyond float64, which holds up to {:.6g}", number,
                                std::numeric_limits<double>::max()));
}
}  // namespace detail

tensor::tensor(const array_argument& value) : tensor(value.view()) {}

void tensor::release::operator()(void* p) const { cotape::release(p); }

tensor::tensor(const value_type& type) : type_(type), data_(allocate_zeros(type.bytes())) {}

tensor::tensor(array_view from) : tensor(from, from.dtype()) {}

tensor::tensor(array_view from, cotape::dtype as) : tensor(value_type{as, from.shape()}) {
  const auto n = static_cast<std::size_t>(from.shape().elements());
  if (n == 0) return;
  if (as == from.dtype()) {
    std::memcpy(data(), from.data(), type_.bytes());
  } else if (as == float64 && from.dtype() == float32) {
    convert<double, float>(from.data(), data(), n);
  } else if (as == float32 && from.dtype() == float64) {
    convert<float, double>(from.data(), data(), n);
  } else {
    detail::throw_dtype("tensor", as, from.dtype());
  }
}

bool same_bits(array_view a, array_view b) {
  return a.type() == b.type() &&
         (a.type().bytes() == 0 || std::memcmp(a.data(), b.data(), a.type().bytes()) == 0);
}

std::size_t hash_of_bits(array_view a) {
  const std::string_view bits(static_cast<const char*>(a.data()), a.type().bytes());
  return std::hash<std::string_view>()(bits);
}

namespace {
std::atomic<std::uint64_t> parameters_made = 0;
}

parameter::parameter(std::string name, const array_argument& value, bool trainable)
    : state_(std::make_shared<state>(
          state{std::move(name), tensor(value.view()), trainable, parameters_made++})) {}

std::uint64_t parameter::made() { return parameters_made; }

void parameter::set(array_argument given) const {
  const array_argument value = std::move(given).adopting(dtype());
  const array_view v = value.view();
  if (v.shape() != shape()) {
    throw shape_error(fmt::format("parameter '{}': cannot set a value of shape {}, its shape is {}",
                                  name(), v.shape().text(), shape().text()));
  }
  if (v.dtype() != dtype()) {
    throw dtype_error(fmt::format("parameter '{}': cannot set a {} value, its dtype is {}", name(),
                                  name_of(v.dtype()), name_of(dtype())));
  }
  if (type().bytes() != 0) std::memcpy(data(), v.data(), type().bytes());
}

}  // namespace cotape
