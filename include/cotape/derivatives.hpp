// layer: derivatives
// Derivatives as variables: recorded on the same tape by one reverse sweep, so they can be
// differentiated again, fed to an optimizer or evaluated like any other value.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape {

/// dy/dx for each x, of x's type; zeros where y does not depend on x. A parameter is its value on
/// y's tape: throws value_error if it was assigned after y was recorded. y must have one element:
/// else throws shape_error and names vjp.
std::vector<variable> gradient(variable y, const std::vector<variable>& xs);
std::vector<variable> gradient(variable y, const std::vector<parameter>& xs);
std::vector<variable> gradient(variable y, std::initializer_list<operand> xs);
variable gradient(variable y, operand x);
/// x as a variable of y's tape, as gradient() takes it.
variable differentiable(variable y, const operand& x);

/// Vector-Jacobian product: the sum over y's elements of dy * dy/dx, for each x. dy has y's type.
std::vector<variable> vjp(variable y, const std::vector<variable>& xs, operand dy);

/// Jacobian-vector product: y's change for changes `dxs` of the xs, by two vector-Jacobian
/// products.
variable jvp(variable y, const std::vector<variable>& xs, const std::vector<variable>& dxs);

/// d^n y(x + h dx) / dh^n at h = 0, n the order, of y's type: y's derivative along a line. Throws
/// value_error for an order below 1, otherwise as jvp.
variable directional(variable y, const std::vector<variable>& xs, const std::vector<variable>& dxs,
                     int order = 1);

/// dy/dx, of shape (y's axes, then x's). Records a sweep for each element of y or for each element
/// of x, whichever are fewer; like any gradient it can be differentiated again. For its value alone
/// see below.
variable jacobian(variable y, operand x);
/// d2y/dx2, of shape (x's axes, then x's again), symmetric; y must have one element, else throws
/// shape_error.
variable hessian(variable y, operand x);

/// Their values where the inputs are bound to `at`, as xt::xarray<T>:
/// `jacobian<double>(y, x, {{x, array}})`. One product, whatever the size: vector-Jacobian or
/// Jacobian-vector product, compiled once and run for each element of y or of x, whichever are
/// fewer. The tape stays as it was. Throws as value() does.
template <class T> auto jacobian(variable y, operand x, std::initializer_list<binding> at = {});
template <class T> auto hessian(variable y, operand x, std::initializer_list<binding> at = {});

/// The Hessian times v: for each x the change of dy/dx for changes `vs` of all the xs. Two sweeps,
/// whatever the size. y must have one element.
std::vector<variable> hessian_vector_product(variable y, const std::vector<variable>& xs,
                                             const std::vector<variable>& vs);

}  // namespace cotape
