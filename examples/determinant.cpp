// A kernel of one's own: the determinants of a batch of 3 x 3 matrices. Their derivative is a
// second kernel, which gives its own derivative, too: so there are derivatives of any order.
#include <cotape/cotape.hpp>
#include <iostream>

using namespace cotape;

value_type infer_matrices(const signature& s) {
  for (const value_type* t : s.inputs) {
    const shape& x = t->shape;
    if (*t == *s.inputs[0] && x.rank() == 3 && x[1] == 3 && x[2] == 3) continue;
    throw shape_error(std::string(s.op) + ": takes shapes (n, 3, 3), not " + x.text());
  }
  return *s.inputs[0];
}
value_type infer_determinants(const signature& s) {
  return {s.inputs[0]->dtype, {infer_matrices(s).shape[0]}};
}

// Element (i, k) of cofactors(a, b): half the sum over permutations of a's and b's other rows and
// columns, with their signs. cofactors(x, x) are x's cofactors; the sum of cofactors(a, b) * c
// stays the same when a, b and c change places.
template <class T> T cofactor(const T* a, const T* b, std::size_t i, std::size_t k) {
  const std::size_t p = 3 * ((i + 1) % 3), q = 3 * ((i + 2) % 3), r = (k + 1) % 3, s = (k + 2) % 3;
  return (a[p + r] * b[q + s] + a[q + s] * b[p + r] - a[p + s] * b[q + r] - a[q + r] * b[p + s]) /
         2;
}
template <class T> void run_cofactors(const kernel_call& c) noexcept {
  const std::span<T> y = c.result<T>();
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::size_t first = i / 9 * 9;
    y[i] = cofactor(&c.operand<T>(0)[first], &c.operand<T>(1)[first], i % 9 / 3, i % 3);
  }
}
template <class T> void run_determinants(const kernel_call& c) noexcept {
  const std::span<T> y = c.result<T>();
  for (std::size_t n = 0; n < y.size(); ++n) {
    const T* x = &c.operand<T>(0)[9 * n];
    y[n] = x[0] * cofactor(x, x, 0, 0) + x[1] * cofactor(x, x, 0, 1) + x[2] * cofactor(x, x, 0, 2);
  }
}

extern const primitive cofactors;
void derive_determinants(derivation& d) {
  d.adjoints[0] = reshape(d.adjoint, {-1, 1, 1}) * record(cofactors, {d.inputs[0], d.inputs[0]});
}
void derive_cofactors(derivation& d) {
  d.adjoints[0] = record(cofactors, {d.inputs[1], d.adjoint});
  d.adjoints[1] = record(cofactors, {d.inputs[0], d.adjoint});
}
const primitive determinants{
    "determinants", form::kernel, 1, infer_determinants, derive_determinants, [](lowering& l) {
      lower_to_kernel(l, run_determinants<float>, run_determinants<double>);
    }};
const primitive cofactors{
    "cofactors", form::kernel, 2, infer_matrices, derive_cofactors, [](lowering& l) {
      lower_to_kernel(l, run_cofactors<float>, run_cofactors<double>);
    }};

int main() {
  xt::xarray<double> at = {{{2, 0, 1}, {1, 3, 2}, {1, 1, 2}}, {{1, 2, 0}, {0, 1, 3}, {2, 0, 1}}};
  const auto f = [](variable x) { return record(determinants, {x}); };
  const gradient_check check = check_gradient(f, {at}, {.second_order = true});
  tape t;
  const variable x = t.constant(at), y = f(x), slope = gradient(sum(y), x);
  std::cout << check << "determinant: " << y.value<double>()(0)
            << "\nd / dx00: " << slope.value<double>()(0, 0, 0) << "\n";
  return check.ok() ? 0 : 1;
}
