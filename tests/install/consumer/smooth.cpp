// Outside the tree: a kernel of one's own, as README.md has it.
#include <cotape/cotape.hpp>

using namespace cotape;

struct window {  // attributes, by name
  std::int64_t radius = 1;
  bool wrap = false;
  constexpr void fields(auto f) { f("radius", radius), f("wrap", wrap); }
};

value_type infer_smooth(const signature& s) {  // the type of the result
  const shape& x = s.inputs[0]->shape;
  const std::int64_t radius = attributes_of<window>(s).radius;
  if (x.rank() == 1 && radius >= 0 && radius < x[0]) return *s.inputs[0];
  throw shape_error(std::string(s.op) + ": takes one axis longer than the radius, not " + x.text());
}

std::int64_t padded_size(const signature& s) {
  return s.inputs[0]->shape[0] + 2 * attributes_of<window>(s).radius;
}

// y[i] = x[i - radius] + ... + x[i + radius], beyond the ends 0 or from the other end
template <class T> void run_smooth(const kernel_call& c) noexcept {
  const auto [radius, wrap] = attributes_of<window>(c);
  const std::span<const T> x = c.operand<T>(0);
  const std::span<T> y = c.result<T>(), padded = c.scratch<T>();
  const auto n = static_cast<std::int64_t>(x.size());
  for (std::int64_t i = -radius; i < n + radius; ++i) {
    const bool inside = wrap || (i >= 0 && i < n);
    padded[i + radius] = inside ? x[(i + n) % n] : 0;
  }
  for (std::int64_t i = 0; i < n; ++i) {
    y[i] = 0;
    for (std::int64_t k = 0; k <= 2 * radius; ++k) y[i] += padded[i + k];
  }
}

void lower_smooth(lowering& l) {  // the kernel, by dtype, and its scratch
  l.scratch_bytes = padded_size(l) * size_of(l.output.dtype);
  lower_to_kernel(l, run_smooth<float>, run_smooth<double>);
}

extern const primitive smooth;
void derive_smooth(derivation& d) {  // dy, summed over the same windows
  d.adjoints[0] = record(smooth, {d.adjoint}, d.attributes);
}
const primitive smooth{.name = "smooth",
                       .how = form::kernel,
                       .arity = 1,
                       .infer = infer_smooth,
                       .derive = derive_smooth,
                       .lower = lower_smooth,
                       .attributes_text = fields_text<window>};

double slope_of_smooth() {  // of the sum of squares, at the first element
  tape t;
  const variable x = t.constant(xt::xarray<double>{1, 2, 3, 4});
  const variable y = record(smooth, {x}, words_of(window{.radius = 1, .wrap = true}));
  return gradient(sum(square(y)), x).value<double>()(0);  // 2 (y[3] + y[0] + y[1])
}
