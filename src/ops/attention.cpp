// Attention: for short sequences a composition, for long ones blocks of rows with a rule of their
// own, which makes the weights again.
#include "cotape/attention.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "ops/numbers.hpp"
#include "primitives/assemble.hpp"

namespace cotape {

namespace {

using primitives::transposed, primitives::words;

constexpr double none = -std::numeric_limits<double>::infinity();

std::int64_t size_of(const variable& x, std::size_t from_end) {
  return x.shape()[x.shape().rank() - from_end];
}

shape with_matrix(const shape& batch, std::int64_t rows, std::int64_t columns) {
  words sizes(batch.begin(), batch.end());
  sizes.insert(sizes.end(), {rows, columns});
  return shape(sizes);
}

// Elements along an axis, counted from the end; along one of size 1 all.
variable part(const variable& x, std::size_t from_end, std::int64_t first, std::int64_t size) {
  const std::size_t rank = x.shape().rank(), axis = rank - from_end;
  if (from_end > rank || x.shape()[axis] == 1 || x.shape()[axis] == size) return x;
  return part_along(x, axis, first, size);
}

// x, of which a program does not know that it is x: what is made of it is made again.
variable anew(const variable& x) {
  return custom_gradient([](const std::vector<variable>& in) { return in[0]; }, {x},
                         [](const std::vector<variable>&, const variable&, const variable& dy) {
                           return std::vector{dy};
                         });
}

// Rows of q, from `first` on, and what they look at.
struct looking {
  double scale;
  bool causal;
  std::int64_t keys, first = 0;
};

// The numbers x, of which a program thinks that they depend on q: it keeps what depends on nothing.
variable seemingly_of(const variable& q, const variable& x) {
  if (q.shape().elements() == 0) return x;
  words one(q.shape().rank(), 1);
  one.resize(2 * one.size(), 0);
  one.resize(3 * q.shape().rank(), 1);
  return select(reshape(record(primitives::slice, {q}, one), {1}), x, x);
}

// Whether a key is no later than a row. Not kept, since all blocks together are as large as the
// matrix.
variable not_later(const variable& q, std::int64_t keys, const looking& how) {
  const composition c("attention", {q});
  const variable column = part(cast(numbers(c, how.keys), q.dtype()), 1, 0, keys);
  const variable row = cast(numbers(c, size_of(q, 2), {.plus = how.first}), q.dtype());
  return less_equal(seemingly_of(q, column), expand_dims(row, 1));
}

variable scores(const variable& q, const variable& k, const variable& mask, const looking& how) {
  variable s = matmul(q, transposed(k)) * how.scale;
  if (how.causal) s = select(not_later(q, size_of(k, 2), how), s, none);
  return mask.empty() ? s : select(mask, s, none);
}

// The adjoints of a block of rows. With p the weights and y = p v,
//   dv = p^T dy,  ds = p (dy v^T - sum(dy y)),  dq = scale ds k,  dk = scale ds^T q.
std::vector<variable> adjoints(const std::vector<variable>& in, const variable& y,
                               const variable& dy, const looking& how) {
  const variable &k = in[1], &v = in[2], &largest = in[3], &total = in[4];
  const variable q = anew(in[0]);
  const variable s = scores(q, k, in.size() > 5 ? in[5] : variable(), how);
  const variable p = exp(difference(s, largest)) * reciprocal(total);
  const variable ds = chain(p, matmul(dy, transposed(v)) - sum(dy * y, -1, keep_dims));
  std::vector<variable> result{matmul(ds, k) * how.scale, matmul(transposed(ds), q) * how.scale,
                               matmul(transposed(p), dy)};
  result.resize(in.size());
  return result;
}

variable block(const variable& q, const variable& k, const variable& v, const variable& mask,
               const looking& how) {
  const variable s = scores(q, k, mask, how);
  const double lowest = q.dtype() == float32 ? std::numeric_limits<float>::lowest()
                                             : std::numeric_limits<double>::lowest();
  const variable largest = stop_gradient(maximum(max(s, -1, keep_dims), lowest));
  const variable e = exp(difference(s, largest)), sum_of_e = sum(e, -1, keep_dims);
  const variable total = sum_of_e + equal(sum_of_e, 0);
  std::vector<variable> inputs{q, k, v, largest, total};
  if (!mask.empty()) inputs.push_back(mask);
  return custom_gradient([&](const std::vector<variable>&) { return matmul(e, v) / total; }, inputs,
                         [how](const std::vector<variable>& in, const variable& y,
                               const variable& dy) { return adjoints(in, y, dy, how); });
}

// Of 64, 96, 128 and 256 rows at once, and of 2^17 to 2^20 weights, these were the fastest, by a
// few in a hundred.
constexpr std::int64_t rows_at_once = 128, weights_at_once = 1 << 19;

std::int64_t parts_of(std::int64_t n, std::int64_t size) { return (n + size - 1) / size; }

// The blocks of some samples. Causal ones look at one of 8 parts of the keys, from the first on:
// the adjoints of a part are added up where they stand, so that they take its memory once.
void append_blocks(std::vector<variable>& blocks, const variable& q, const variable& k,
                   const variable& v, const variable& mask, looking how) {
  const std::int64_t rows = size_of(q, 2), size = parts_of(rows, parts_of(rows, rows_at_once)),
                     step = parts_of(rows, 8 * size) * size;
  for (how.first = 0; how.first < rows; how.first += size) {
    const std::int64_t some = std::min(size, rows - how.first);
    const std::int64_t keys =
        how.causal ? std::min(how.keys, parts_of(how.first + some, step) * step) : how.keys;
    const variable seen = mask.empty() ? mask : part(part(mask, 2, how.first, some), 1, 0, keys);
    blocks.push_back(
        block(part(q, 2, how.first, some), part(k, 2, 0, keys), part(v, 2, 0, keys), seen, how));
  }
}

// The blocks of one sample after the other, put together.
variable joined(const composition& c, const std::vector<variable>& blocks, const shape& result,
                std::size_t axis) {
  const std::size_t rank = result.rank();
  words attributes = primitives::assembly_of(result), start(rank, 0);
  for (const variable& b : blocks) {
    primitives::append_part(attributes, start, words(rank, 1));
    start[rank - 2] += size_of(b, 2);
    if (start[rank - 2] < result[rank - 2]) continue;
    start[rank - 2] = 0;
    start[axis] += b.shape()[axis];
  }
  return c.on().record(primitives::assemble, blocks, attributes, c.where());
}

// Some samples at a time, along the first batch axis that has several, so that their weights stay
// in a cache; in 16 parts at most.
variable in_blocks(const composition& c, const variable& q, const variable& k, const variable& v,
                   const variable& mask, const looking& how) {
  const shape& s = q.shape();
  const std::size_t batch = s.rank() - 2;
  std::size_t axis = 0;
  while (axis + 1 < batch && s[axis] == 1) ++axis;
  std::int64_t weights = std::min(rows_at_once, size_of(q, 2)) * how.keys;
  for (std::size_t i = axis + 1; i < batch; ++i) weights *= s[i];
  const std::int64_t samples = batch == 0 ? 1 : s[axis];
  const std::int64_t at_once =
      std::max({std::int64_t{1}, weights_at_once / weights, parts_of(samples, 16)});
  std::vector<variable> blocks;
  for (std::int64_t first = 0; first < samples; first += at_once) {
    const auto here = [&](const variable& x) {
      const bool one = x.empty() || batch == 0;
      return one ? x : part(x, s.rank() - axis, first, std::min(at_once, samples - first));
    };
    append_blocks(blocks, here(q), here(k), here(v), here(mask), how);
  }
  words sizes(s.begin(), s.end());
  sizes.back() = size_of(v, 1);
  return joined(c, blocks, shape(sizes), axis);
}

// All weights at once.
variable together(const variable& q, const variable& k, const variable& v,
                  const attention_options& options, const looking& how) {
  const variable p = softmax(scores(q, k, options.mask, how));
  return matmul(options.on_weights ? options.on_weights(p) : p, v);
}

composition of(const operand& q, const operand& k, const operand& v, const variable& mask) {
  return mask.empty() ? composition("attention", {q, k, v})
                      : composition("attention", {q, k, v, mask});
}

// The axes in front of the last two.
shape batch_of(const composition& c) {
  shape batch;
  for (std::size_t i = 0; i < 3; ++i) {
    const shape& s = c[i].shape();
    if (s.rank() < 2) {
      c.fail<shape_error>(fmt::format("{} is not (..., rows, columns)", s.text()));
    }
    shape joint;
    if (!broadcast(batch, shape(std::span(s.begin(), s.rank() - 2)), joint)) {
      c.fail<shape_error>(fmt::format("the batch axes of {}, {} and {} do not broadcast",
                                      c[0].shape().text(), c[1].shape().text(), s.text()));
    }
    batch = joint;
  }
  return batch;
}

void demand_fit(const composition& c, const variable& mask, const shape& batch) {
  const shape &q = c[0].shape(), &k = c[1].shape(), &v = c[2].shape();
  if (size_of(c[0], 1) != size_of(c[1], 1)) {
    c.fail<shape_error>(fmt::format("q {} and k {} differ in their last axis", q.text(), k.text()));
  }
  if (size_of(c[1], 2) != size_of(c[2], 2)) {
    c.fail<shape_error>(fmt::format("k {} and v {} differ in their rows", k.text(), v.text()));
  }
  if (mask.empty()) return;
  const shape weights = with_matrix(batch, size_of(c[0], 2), size_of(c[1], 2));
  shape joint;
  if (broadcast(mask.shape(), weights, joint) && joint == weights) return;
  c.fail<shape_error>(
      fmt::format("the mask {} does not broadcast to {}", mask.shape().text(), weights.text()));
}

variable with_batch(const variable& x, const shape& batch) {
  const shape s = with_matrix(batch, size_of(x, 2), size_of(x, 1));
  return x.shape() == s ? x : broadcast_to(x, s);
}

}  // namespace

variable attention(operand q, operand k, operand v, const attention_options& options) {
  const composition c = of(q, k, v, options.mask);
  c.demand_floating();
  const shape batch = batch_of(c);
  demand_fit(c, options.mask, batch);
  attention_options o = options;
  if (!o.mask.empty()) o.mask = cast(o.mask, c[0].dtype());
  const std::int64_t d = size_of(c[0], 1), rows = size_of(c[0], 2), keys = size_of(c[1], 2);
  const looking how{.scale = o.scale.value_or(1 / std::sqrt(std::max(1.0, static_cast<double>(d)))),
                    .causal = o.causal,
                    .keys = keys};
  const variable qs = with_batch(c[0], batch), ks = with_batch(c[1], batch),
                 vs = with_batch(c[2], batch);
  // Without blocks it takes 0.9 times as long for 256 rows; for causal ones 1.2 times.
  const bool is_short = std::min(rows, keys) <= (o.causal ? 128 : 256);
  const bool at_once =
      is_short || o.on_weights || qs.shape().elements() * vs.shape().elements() == 0;
  return at_once ? together(qs, ks, vs, o, how) : in_blocks(c, qs, ks, vs, o.mask, how);
}

}  // namespace cotape
