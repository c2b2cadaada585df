// Layout operations: their arguments made explicit, then primitives.
#include <fmt/format.h>

#include <algorithm>

#include "cotape/vision.hpp"
#include "ops/numbers.hpp"
#include "primitives/assemble.hpp"

namespace cotape {

namespace {

using primitives::word;
using primitives::words;

// Beyond every shape, small enough for the product of two.
constexpr std::int64_t too_many = shape::max_elements + 1;

words sizes_of(const variable& x) { return {x.shape().begin(), x.shape().end()}; }

// The part that says which tape all of them are read on, the first if none does, as made at the
// call: parts that a vector was made of were converted somewhere in the standard library.
operand first_on_a_tape(const char* op, const std::vector<operand>& parts, place call) {
  if (parts.empty()) throw value_error(fmt::format("{}: no parts [at {}]", op, call.text()));
  const auto on_tape = std::find_if(parts.begin(), parts.end(), [](const operand& x) {
    return !x.is_number() && x.as_parameter() == nullptr;
  });
  if (on_tape != parts.end()) return {on_tape->as_variable(), call.file, call.line};
  const parameter* p = parts[0].as_parameter();
  return p != nullptr ? operand(*p, call.file, call.line)
                      : operand(parts[0].number(), call.file, call.line);
}

shape padded_shape(const composition& c, std::initializer_list<std::int64_t> before,
                   std::initializer_list<std::int64_t> after) {
  const shape& s = c[0].shape();
  const auto negative = [](std::int64_t n) { return n < 0; };
  if (before.size() != s.rank() || after.size() != s.rank() ||
      std::any_of(before.begin(), before.end(), negative) ||
      std::any_of(after.begin(), after.end(), negative)) {
    c.fail<shape_error>(
        fmt::format("{} needs {} sizes before and after, none negative", s.text(), s.rank()));
  }
  words sizes;
  for (std::size_t i = 0; i < s.rank(); ++i) {
    sizes.push_back(s[i] + std::min(before.begin()[i], too_many) +
                    std::min(after.begin()[i], too_many));
  }
  return c.shape_of(sizes);
}

// The places 0, ..., n - 1 of n elements mirrored at the first and the last one again and again,
// for `padded` places of which the first is -before.
variable mirrored(const composition& c, std::int64_t n, std::int64_t before, std::int64_t padded) {
  if (n == 1) return numbers(c, padded, {.factor = 0});
  const std::int64_t round = 2 * (n - 1), from = round - before % round;  // there and back
  const variable at = numbers(c, padded, {.plus = from}) -
                      round * numbers(c, padded, {.plus = from, .over = round});
  return minimum(at, round - at);
}

}  // namespace

variable reshape(operand x, const shape& s) {
  return record(primitives::reshape, {x}, {s.begin(), s.rank()});
}

variable reshape(operand x, std::initializer_list<std::int64_t> sizes) {
  const composition c("reshape", {x});
  words resolved(sizes);
  if (std::any_of(resolved.begin(), resolved.end(), [](std::int64_t s) { return s < -1; })) {
    c.fail<shape_error>("a size is negative");
  }
  const auto open = std::find(resolved.begin(), resolved.end(), -1);
  if (open != resolved.end()) {
    std::int64_t rest = 1;
    for (std::int64_t s : resolved) {
      rest = std::min(rest * (s == -1 ? 1 : std::min(s, too_many)), too_many);
    }
    const std::int64_t elements = c[0].shape().elements();
    if (std::count(resolved.begin(), resolved.end(), -1) > 1 || rest == 0 || elements % rest != 0) {
      c.fail<shape_error>(
          fmt::format("cannot find the size -1 that turns {} into the rest", c[0].shape().text()));
    }
    *open = elements / rest;
  }
  return reshape(c[0], c.shape_of(resolved));
}

variable transpose(operand x, std::initializer_list<std::int64_t> order) {
  const composition c("transpose", {x});
  const std::size_t rank = c[0].shape().rank();
  words resolved;
  for (std::int64_t axis : order) resolved.push_back(word(c.axis(axis, rank)));
  for (std::size_t i = rank; order.size() == 0 && i-- > 0;) resolved.push_back(word(i));
  words sorted = resolved;
  std::sort(sorted.begin(), sorted.end());
  const bool permutation =
      sorted.size() == rank && std::adjacent_find(sorted.begin(), sorted.end()) == sorted.end();
  if (!permutation) {
    c.fail<value_error>(fmt::format("the order must name each of the {} axes of {} once", rank,
                                    c[0].shape().text()));
  }
  return record(primitives::transpose, {c[0]}, resolved);
}

variable expand_dims(operand x, std::int64_t axis) {
  const composition c("expand_dims", {x});
  words sizes = sizes_of(c[0]);
  const auto at = c.axis(axis, sizes.size() + 1);
  sizes.insert(sizes.begin() + word(at), 1);
  return reshape(c[0], c.shape_of(sizes));
}

variable squeeze(operand x, const axes& which) {
  const composition c("squeeze", {x});
  const auto named = c.axes(which);
  words sizes;
  for (std::size_t i = 0; i < c[0].shape().rank(); ++i) {
    const bool chosen = std::find(named.begin(), named.end(), i) != named.end();
    if (!which.all() && chosen && c[0].shape()[i] != 1) {
      c.fail<shape_error>(fmt::format("axis {} of {} is not of size 1", i, c[0].shape().text()));
    }
    if (!chosen || c[0].shape()[i] != 1) sizes.push_back(c[0].shape()[i]);
  }
  return reshape(c[0], shape(sizes));
}

variable slice(operand x, std::initializer_list<range> ranges) {
  const composition c("slice", {x});
  const shape& s = c[0].shape();
  if (ranges.size() > s.rank()) {
    c.fail<shape_error>(fmt::format("{} ranges for {}", ranges.size(), s.text()));
  }
  words sizes = sizes_of(c[0]), first(s.rank(), 0), steps(s.rank(), 1), kept;
  std::size_t i = 0;
  for (const range& r : ranges) {
    const std::int64_t n = s[i];
    if (r.step == 0) c.fail<value_error>("a step of 0");
    if (r.single) {
      first[i] = *r.start < 0 ? *r.start + n : *r.start;
      if (first[i] < 0 || first[i] >= n) {
        c.fail<value_error>(
            fmt::format("index {} is outside axis {} of {}", *r.start, i, s.text()));
      }
      sizes[i] = 1;
    } else {  // Python's rules: out-of-range ends are clipped
      // No further than out of the axis: a step is multiplied by the axis's stride.
      const std::int64_t step = std::clamp(r.step, -n - 1, n + 1);
      const std::int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
      const auto clip = [&](std::int64_t k) { return std::clamp(k < 0 ? k + n : k, low, high); };
      first[i] = r.start ? clip(*r.start) : (step > 0 ? 0 : n - 1);
      const std::int64_t stop = r.stop ? clip(*r.stop) : (step > 0 ? n : -1);
      const std::int64_t span = step > 0 ? stop - first[i] : first[i] - stop;
      sizes[i] = span <= 0 ? 0 : (span - 1) / std::abs(step) + 1;
      if (sizes[i] == 0) first[i] = 0;
      steps[i] = step;
    }
    if (!r.single) kept.push_back(sizes[i]);
    ++i;
  }
  for (; i < s.rank(); ++i) kept.push_back(s[i]);
  words attributes = sizes;
  attributes.insert(attributes.end(), first.begin(), first.end());
  attributes.insert(attributes.end(), steps.begin(), steps.end());
  const variable part = record(primitives::slice, {c[0]}, attributes);
  return kept.size() == s.rank() ? part : reshape(part, shape(kept));
}

variable concatenate(const std::vector<operand>& parts, std::int64_t axis, const char* file,
                     int line) {
  const composition c("concatenate", {first_on_a_tape("concatenate", parts, {file, line})});
  std::vector<variable> inputs;
  for (const operand& x : parts) inputs.push_back(c.on().resolve(x, c[0].dtype()));
  const shape& first = inputs[0].shape();
  const std::size_t rank = first.rank(), at = c.axis(axis, rank);
  words sizes = sizes_of(inputs[0]);
  for (std::size_t k = 1; k < inputs.size(); ++k) {
    const shape& s = inputs[k].shape();
    const auto origin = [&] { return c.on().origin(std::array{inputs[0], inputs[k]}, c.where()); };
    if (inputs[k].dtype() != inputs[0].dtype()) {
      throw dtype_error(fmt::format("concatenate: cannot join {} and {}, cast one of them{}",
                                    inputs[0].type().text(), inputs[k].type().text(), origin()));
    }
    bool fits = s.rank() == rank;
    for (std::size_t i = 0; fits && i < rank; ++i) fits = i == at || s[i] == first[i];
    if (!fits) {
      throw shape_error(fmt::format("concatenate: {} and {} differ in another axis than axis {}{}",
                                    first.text(), s.text(), at, origin()));
    }
    sizes[at] += std::min(s[at], too_many);
  }
  if (inputs.size() == 1) return inputs[0];
  words attributes = primitives::assembly_of(c.shape_of(sizes)), start(rank, 0);
  const words steps(rank, 1);
  for (const variable& x : inputs) {
    primitives::append_part(attributes, start, steps);
    start[at] += x.shape()[at];
  }
  return c.on().record(primitives::assemble, inputs, attributes, c.where());
}

variable stack(const std::vector<operand>& parts, std::int64_t axis, const char* file, int line) {
  const composition c("stack", {first_on_a_tape("stack", parts, {file, line})});
  std::vector<operand> expanded;
  for (const operand& x : parts) {
    if (x.is_number()) c.fail<value_error>("a plain number has no shape, use tape.constant");
    const variable part = c.on().resolve(x, c[0].dtype());
    if (part.shape() != c[0].shape()) {
      c.fail<shape_error>(
          fmt::format("{} and {} are not equal", c[0].shape().text(), part.shape().text()));
    }
    expanded.emplace_back(expand_dims(part, axis), file, line);
  }
  return concatenate(expanded, axis, file, line);
}

variable part_along(const variable& x, std::size_t axis, std::int64_t first, std::int64_t size) {
  const std::size_t rank = x.shape().rank();
  words attributes = sizes_of(x);
  attributes[axis] = size;
  attributes.resize(2 * rank, 0);
  attributes[rank + axis] = first;
  attributes.resize(3 * rank, 1);
  return record(primitives::slice, {x}, attributes);
}

std::vector<variable> split(operand x, std::int64_t parts, std::int64_t axis) {
  const composition c("split", {x});
  const shape& s = c[0].shape();
  const auto at = c.axis(axis, s.rank());
  if (parts <= 0 || s[at] % parts != 0) {
    c.fail<shape_error>(
        fmt::format("axis {} of {} does not divide into {} equal parts", at, s.text(), parts));
  }
  const std::int64_t size = s[at] / parts;
  std::vector<variable> result;
  for (std::int64_t k = 0; k < parts; ++k) {
    result.push_back(part_along(c[0], at, k * size, size));
  }
  return result;
}

variable pad(operand x, std::initializer_list<std::int64_t> before,
             std::initializer_list<std::int64_t> after, double value) {
  const composition c("pad", {x});
  const shape padded = padded_shape(c, before, after);
  if (c[0].dtype() == int64) c.on().literal(value, int64, x.where());  // throws if it has none such
  words attributes = primitives::assembly_of(padded, value);
  primitives::append_part(attributes, {before.begin(), before.size()}, words(padded.rank(), 1));
  return record(primitives::assemble, {c[0]}, attributes);
}

variable pad(operand x, std::initializer_list<std::int64_t> before,
             std::initializer_list<std::int64_t> after, const std::string& mode) {
  const composition c("pad", {x});
  const shape padded = padded_shape(c, before, after);
  if (mode == "constant") return pad(c[0], before, after);
  const bool mirrors = mode == "reflect";
  if (!mirrors && mode != "edge") {
    c.fail<value_error>(fmt::format("no mode '{}': \"constant\", \"reflect\" or \"edge\"", mode));
  }
  variable y = c[0];
  for (std::size_t i = 0; i < padded.rank(); ++i) {
    const std::int64_t n = y.shape()[i], first = before.begin()[i];
    if (padded[i] == n) continue;
    if (n == 0) c.fail<shape_error>(fmt::format("axis {} has no elements to take", i));
    const variable at = mirrors ? mirrored(c, n, first, padded[i])
                                : minimum(maximum(numbers(c, padded[i]) - first, 0), n - 1);
    y = gather(y, at, word(i));
  }
  return y;
}

variable gather(operand x, operand indices, std::int64_t axis) {
  const composition c("gather", {x, indices});
  const words attributes{word(c.axis(axis, c[0].shape().rank()))};
  return record(primitives::gather, {c[0], c[1]}, attributes);
}

variable scatter_add(operand x, operand indices, std::int64_t size, std::int64_t axis) {
  const composition c("scatter_add", {x, indices});
  const shape &whole = c[0].shape(), &indexed = c[1].shape();
  if (c[1].dtype() != int64) {
    c.fail<dtype_error>(fmt::format("the indices must be int64, not {}", name_of(c[1].dtype())));
  }
  if (indexed.rank() > whole.rank()) {
    c.fail<shape_error>(
        fmt::format("indices of shape {} do not fit {}", indexed.text(), whole.text()));
  }
  const std::size_t rank = whole.rank() - indexed.rank() + 1, at = c.axis(axis, rank);
  if (size < 0) c.fail<value_error>(fmt::format("the size {} is negative", size));
  words sizes = sizes_of(c[0]);
  const auto first = sizes.begin() + word(at);
  if (!std::equal(indexed.begin(), indexed.end(), first)) {
    c.fail<shape_error>(fmt::format("indices of shape {} do not fit {} at axis {}", indexed.text(),
                                    whole.text(), at));
  }
  sizes.insert(sizes.erase(first, first + word(indexed.rank())), size);
  words attributes = primitives::assembly_of(c.shape_of(sizes));
  primitives::append_whole(attributes, rank, word(at));
  return record(primitives::assemble, {c[0], c[1]}, attributes);
}

variable one_hot(operand labels, std::int64_t classes, dtype d) {
  const composition c("one_hot", {labels});
  if (c[0].dtype() != int64) {
    c.fail<dtype_error>(fmt::format("labels must be int64, not {}", name_of(c[0].dtype())));
  }
  if (classes < 0) c.fail<value_error>(fmt::format("{} classes", classes));
  words sizes = sizes_of(c[0]);
  sizes.push_back(classes);
  c.shape_of(sizes);
  return cast(equal(expand_dims(c[0], -1), numbers(c, classes)), d);
}

variable diag(operand x) {  // a matrix of n columns, flat, has its diagonal at every n+1-th element
  const composition c("diag", {x});
  const shape& s = c[0].shape();
  if (s.rank() == 2 && s[0] == s[1]) {
    return slice(reshape(c[0], {-1}), {{std::nullopt, std::nullopt, s[0] + 1}});
  }
  if (s.rank() != 1) {
    c.fail<shape_error>(fmt::format("{} is neither a vector nor a square matrix", s.text()));
  }
  const std::int64_t n = s[0];
  const shape matrix = c.shape_of(words{n, n});
  words attributes = primitives::assembly_of({n * n});
  primitives::append_part(attributes, words{0}, words{n + 1});
  return reshape(record(primitives::assemble, {c[0]}, attributes), matrix);
}

variable tril(operand x, std::int64_t k) {
  const composition c("tril", {x});
  const shape& s = c[0].shape();
  if (s.rank() < 2) c.fail<shape_error>(fmt::format("{} is not a matrix", s.text()));
  const std::int64_t rows = s[s.rank() - 2], columns = s[s.rank() - 1];
  const variable row = expand_dims(numbers(c, rows), 1);
  const variable kept =
      cast(less_equal(numbers(c, columns) - row, std::clamp(k, -rows, columns)), c[0].dtype());
  return select(kept, c[0], 0);
}

}  // namespace cotape
