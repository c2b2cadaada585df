// layer: tensor
// The one bridge to xtensor: any expression in, containers and views out. No xtensor type crosses
// into the compiled library.
#pragma once

#if __has_include(<xtensor/containers/xarray.hpp>)
#include <xtensor/containers/xadapt.hpp>
#include <xtensor/containers/xarray.hpp>
#else
#include <xtensor/xadapt.hpp>
#include <xtensor/xarray.hpp>
#endif

#include <algorithm>
#include <concepts>
#include <optional>
#include <type_traits>
#include <vector>

#include "cotape/tensor.hpp"

namespace cotape {

namespace detail {

template <class E>
concept xtensor_expression = xt::is_xexpression<std::decay_t<E>>::value;

template <class E>
concept element_type =
    std::same_as<E, float> || std::same_as<E, double> || std::same_as<E, std::int64_t>;

// What an expression's elements become: other integers (and bool) int64.
template <class T>
using stored = std::conditional_t<element_type<T>, T,
                                  std::conditional_t<std::is_integral_v<T>, std::int64_t, double>>;

// A container whose data can be used where it is.
template <class E>
concept plain_container =
    xtensor_expression<E> && std::derived_from<E, xt::xcontainer<E>> &&
    E::static_layout == xt::layout_type::row_major&& element_type<typename E::value_type>;

template <class E> shape shape_of(const E& expression) {
  const auto& sizes = expression.shape();
  std::vector<std::int64_t> copy;
  for (auto s : sizes) copy.push_back(static_cast<std::int64_t>(s));
  return shape(copy);
}

}  // namespace detail

/// A value given by the user: an xtensor expression (evaluated), an xtensor container (used where
/// it is, not copied), a tensor, a view, a parameter's value or a number. Integers become int64,
/// long doubles float64; throws value_error for a number that is beyond these.
class array_argument {
 public:
  array_argument(array_view view) : view_(view) {}
  array_argument(const tensor& value) : view_(value) {}
  array_argument(tensor&& value) : owned_(std::move(value)), view_(*owned_) {}
  array_argument(const parameter& p) : view_(p.view()) {}
  template <arithmetic T>
  array_argument(T number) : array_argument(scalar<detail::stored<T>>(number)) {
    number_ = static_cast<double>(number);
  }
  template <detail::xtensor_expression E> array_argument(const E& expression) {
    if constexpr (detail::plain_container<E>) {
      using element = typename E::value_type;
      view_ = array_view({dtype_of<element>::value, small_shape(expression)}, expression.data());
    } else {
      using element = detail::stored<std::decay_t<typename E::value_type>>;
      owned_.emplace(value_type{dtype_of<element>::value, detail::shape_of(expression)});
      std::transform(
          expression.template begin<xt::layout_type::row_major>(),
          expression.template end<xt::layout_type::row_major>(),
          owned_->template data_as<element>(),
          [](std::decay_t<typename E::value_type> x) { return detail::kept<element>(x); });
      view_ = *owned_;
    }
  }
  array_argument(array_argument&& other) noexcept
      : owned_(std::move(other.owned_)), number_(other.number_), view_(other.view_) {}

  array_view view() const { return view_; }
  /// Whether the value lives in here: of expressions, temporaries and numbers.
  bool owns() const { return owned_.has_value(); }
  /// A plain number as a scalar of dtype d; anything else as it is.
  array_argument adopting(cotape::dtype d) && {
    if (!number_ || d == view_.dtype()) return std::move(*this);
    if (d == float32) return scalar<float>(*number_);
    if (d == float64) return scalar<double>(*number_);
    return std::move(*this);
  }

 private:
  template <class T, class U> static tensor scalar(U number) {
    tensor t(value_type{dtype_of<T>::value, {}});
    *t.data_as<T>() = detail::kept<T>(number);
    return t;
  }
  // As shape_of, without heap memory: programs bind containers at every run.
  template <class E> static shape small_shape(const E& container) {
    std::array<std::int64_t, shape::max_rank> sizes{};
    const std::size_t rank = container.dimension();
    if (rank > shape::max_rank) return detail::shape_of(container);
    for (std::size_t i = 0; i < rank; ++i) {
      sizes[i] = static_cast<std::int64_t>(container.shape()[i]);
    }
    return shape(std::span<const std::int64_t>(sizes.data(), rank));
  }

  std::optional<tensor> owned_;
  std::optional<double> number_;
  array_view view_;
};

/// The value as an xtensor adaptor, without a copy; throws dtype_error if T is not its dtype.
template <class T> auto as_xtensor(array_view v) {
  const std::vector<std::size_t> sizes(v.shape().begin(), v.shape().end());
  return xt::adapt(v.data_as<T>(), static_cast<std::size_t>(v.shape().elements()),
                   xt::no_ownership(), sizes);
}

/// A copy of the value.
template <class T> xt::xarray<T> to_xarray(array_view v) {
  const T* data = v.data_as<T>();
  xt::xarray<T> copy(typename xt::xarray<T>::shape_type(v.shape().begin(), v.shape().end()));
  std::copy_n(data, v.shape().elements(), copy.data());
  return copy;
}

template <class T> auto parameter::value() const { return to_xarray<T>(view()); }

}  // namespace cotape
