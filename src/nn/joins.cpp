// Joins of symbols: layers without weights over several values.
#include "cotape/joins.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cotape/ops.hpp"
#include "nn/fields.hpp"
#include "nn/kinds.hpp"
#include "nn/layer_parts.hpp"

namespace cotape {

namespace {

using variables = std::span<const variable>;

void demand_two(const char* kind, std::size_t parts) {
  if (parts == 2) return;
  throw value_error(fmt::format("{}: {} parts, it takes two", kind, parts));
}

// A value of a lower rank with axes of size 1 after the batch, so that rows broadcast and batches
// do not meet features.
variable of_rank(const variable& x, std::size_t rank) {
  const shape& s = x.shape();
  if (s.rank() == 0 || s.rank() == rank) return x;
  std::vector<std::int64_t> sizes(rank, 1);
  sizes[0] = s[0];
  std::copy(s.begin() + 1, s.end(), sizes.end() - static_cast<std::ptrdiff_t>(s.rank() - 1));
  return reshape(x, shape(sizes));
}

variable folded(variables parts, variable (*f)(operand, operand)) {
  std::size_t rank = 0;
  for (const variable& x : parts) rank = std::max(rank, x.shape().rank());
  variable result = of_rank(parts[0], rank);
  for (const variable& x : parts.subspan(1)) result = f(result, of_rank(x, rank));
  return result;
}

std::size_t axis_of(const variable& x, std::int64_t axis) {
  const std::size_t at = axes(axis).of("dot", x.shape().rank())[0];
  if (at == 0) throw value_error("dot: axis 0 is the batch: the products are summed along another");
  return at;
}

// The sizes before and after an axis, without the batch.
struct around {
  std::vector<std::int64_t> sizes;
  std::int64_t before = 1, after = 1;
  around(const shape& s, std::size_t axis) {
    for (std::size_t i = 1; i < s.rank(); ++i) {
      if (i == axis) continue;
      sizes.push_back(s[i]);
      (i < axis ? before : after) *= s[i];
    }
  }
};

// (batch, a..., n, b...) as (batch, a... b..., n), a and b taken together.
variable as_rows(const variable& x, std::size_t axis, const around& others, bool normalize) {
  const shape& s = x.shape();
  const variable y =
      normalize ? x / maximum(norm(x, static_cast<std::int64_t>(axis), dims::keep), 1e-7) : x;
  const variable parts = reshape(y, {s[0], others.before, s[axis], others.after});
  return reshape(transpose(parts, {0, 1, 3, 2}), {s[0], others.before * others.after, s[axis]});
}

variable products(const variable& x, const variable& y, const dot_options& o) {
  const std::size_t i = axis_of(x, o.axes[0]), j = axis_of(y, o.axes[1]);
  if (x.shape()[i] != y.shape()[j]) {
    throw shape_error(fmt::format("dot: axis {} of {} and axis {} of {} differ in size", i,
                                  x.shape().text(), j, y.shape().text()));
  }
  const around of_x(x.shape(), i), of_y(y.shape(), j);
  const variable z = matmul(as_rows(x, i, of_x, o.normalize),
                            transpose(as_rows(y, j, of_y, o.normalize), {0, 2, 1}));
  std::vector<std::int64_t> sizes{x.shape()[0]};
  sizes.insert(sizes.end(), of_x.sizes.begin(), of_x.sizes.end());
  sizes.insert(sizes.end(), of_y.sizes.begin(), of_y.sizes.end());
  if (sizes.size() == 1) sizes.push_back(1);
  return reshape(z, shape(sizes));
}

struct folding {
  const char* kind;
  variable (*f)(operand, operand);
  bool of_two = false, mean = false;
};
constexpr std::array foldings{folding{"add", add},           folding{"subtract", subtract, true},
                              folding{"multiply", multiply}, folding{"maximum", maximum},
                              folding{"minimum", minimum},   folding{"average", add, false, true}};

layer made_by(const folding& of) {
  return layer(detail::joining(of.kind, [of](variables x) {
    if (of.of_two) demand_two(of.kind, x.size());
    const variable result = folded(x, of.f);
    return of.mean ? result / static_cast<double>(x.size()) : result;
  }));
}

symbol joined(const char* kind, const std::vector<symbol>& parts, place where) {
  const auto of = std::find_if(foldings.begin(), foldings.end(), [kind](const folding& f) {
    return std::string_view(kind) == f.kind;
  });
  if (of->of_two) demand_two(kind, parts.size());
  return made_by(*of)(parts, where.file, where.line);
}

layer concatenating(std::int64_t axis, place where) {
  const auto f = [=](variables x) {
    if (axes(axis).of("concatenate", x[0].shape().rank())[0] == 0) {
      throw value_error("concatenate: axis 0 is the batch, whose rows stay as they are");
    }
    return concatenate(std::vector<operand>(x.begin(), x.end()), axis, where.file, where.line);
  };
  return layer(detail::joining("concatenate", f, detail::told("axis", axis)));
}

layer dotting(const dot_options& options) {
  const auto f = [=](variables x) {
    demand_two("dot", x.size());
    return products(x[0], x[1], options);
  };
  return layer(detail::joining("dot", f, detail::texts_of(options)));
}

}  // namespace

std::optional<layer> detail::join_of_kind(const std::string& kind, option_reader& options) {
  if (kind == "concatenate") return concatenating(options.take<std::int64_t>("axis"), {});
  if (kind == "dot") return dotting(options.all_of<dot_options>());
  for (const folding& f : foldings) {
    if (kind == f.kind) return made_by(f);
  }
  return {};
}

symbol concatenate(const std::vector<symbol>& parts, std::int64_t axis, const char* file,
                   int line) {
  return concatenating(axis, {file, line})(parts, file, line);
}

symbol add(const std::vector<symbol>& parts, const char* file, int line) {
  return joined("add", parts, {file, line});
}

symbol subtract(const std::vector<symbol>& parts, const char* file, int line) {
  return joined("subtract", parts, {file, line});
}

symbol multiply(const std::vector<symbol>& parts, const char* file, int line) {
  return joined("multiply", parts, {file, line});
}

symbol maximum(const std::vector<symbol>& parts, const char* file, int line) {
  return joined("maximum", parts, {file, line});
}

symbol minimum(const std::vector<symbol>& parts, const char* file, int line) {
  return joined("minimum", parts, {file, line});
}

symbol average(const std::vector<symbol>& parts, const char* file, int line) {
  return joined("average", parts, {file, line});
}

symbol dot(const std::vector<symbol>& parts, dot_options options, const char* file, int line) {
  demand_two("dot", parts.size());
  return dotting(options)(parts, file, line);
}

}  // namespace cotape
