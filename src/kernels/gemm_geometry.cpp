// Where the matrices of products stand, and what products cost.
#include <algorithm>
#include <optional>
#include <utility>

#include "cotape/error.hpp"
#include "kernels/gemm.hpp"

namespace cotape::kernels {

namespace {

// The last two axes as matrices, without the batch.
std::optional<matrix> last_axes(const index_map& map) {
  const std::uint32_t rows = map.rank - 2, cols = map.rank - 1;
  // Of the other axis; along an axis of one element any stride will do.
  const auto stride = [&](std::uint32_t unit, std::uint32_t other) -> std::int64_t {
    const std::int64_t extent = std::max<std::int64_t>(1, map.size[unit]);
    if (extent > 1 && map.stride[unit] != 1) return 0;
    const std::int64_t s = map.size[other] <= 1 ? extent : map.stride[other];
    return s >= extent && (s | map.size[unit] | map.size[other]) >> 31 == 0 ? s : 0;
  };
  if (const std::int64_t s = stride(cols, rows); s != 0) return matrix{map.offset, s, false};
  if (const std::int64_t s = stride(rows, cols); s != 0) return matrix{map.offset, s, true};
  return std::nullopt;
}

// The last axis of the batch and the rows as one; false if that gives no matrices.
bool stack_rows(index_map& map) {
  std::array<std::int64_t, shape::max_rank> sizes = map.size;
  sizes[map.rank - 3] *= sizes[map.rank - 2];
  sizes[map.rank - 2] = sizes[map.rank - 1];
  return map.reshape(shape(std::span(sizes).first(map.rank - 1))) && are_matrices(map);
}

// Products of rows that follow each other with the same b are one product.
void stack_rows(index_map& a, index_map& b, index_map& d) {
  while (d.rank > 2 && b.stride[d.rank - 3] == 0) {
    index_map rows_of_a = a, rows_of_d = d;
    if (!stack_rows(rows_of_a) || !stack_rows(rows_of_d)) return;
    a = rows_of_a;
    d = rows_of_d;
    b.size[b.rank - 3] = 1;  // and then no axis
    stack_rows(b);
  }
}

}  // namespace

bool are_matrices(const index_map& map) { return last_axes(map).has_value(); }

gemm_maps::gemm_maps(const shape& of_a, const shape& of_b, const shape& of_d)
    : a(index_map::of(of_a)), b(index_map::of(of_b)), d(index_map::of(of_d)) {}

bool gemm_maps::permute(std::span<const std::int64_t> order, bool& swapped) {
  if (d != index_map::of(d.sizes())) return false;
  index_map moved = d, to = d;
  moved.permute(order);
  moved = index_map::of(moved.sizes());
  for (std::uint32_t i = 0; i < d.rank; ++i) {
    to.stride[static_cast<std::size_t>(order[i])] = moved.stride[i];
  }
  const auto written = last_axes(to);
  if (!written) return false;
  // With more rows than columns GEMM takes 1.1 to 2 times as long as the other way round: longer
  // than to turn the result, where many products are added to each element (an AMD EPYC).
  constexpr std::int64_t many = 256;
  const bool tall = d.size[d.rank - 1] > d.size[d.rank - 2];
  if (written->transposed && tall && a.size[a.rank - 1] >= many) return false;
  d = to;
  swapped = written->transposed;
  if (swapped) {
    std::swap(a, b);
    for (index_map* map : {&a, &b, &d}) map->transpose();
  }
  return true;
}

gemm_geometry gemm_maps::geometry() const {
  index_map left = a, right = b, result = d;
  stack_rows(left, right, result);
  gemm_geometry g;
  g.negate = negate;
  g.accumulate = accumulate;
  const std::uint32_t batch = result.rank - 2;
  g.m = result.size[batch];
  g.n = result.size[batch + 1];
  g.k = left.size[batch + 1];
  const auto x = last_axes(left), y = last_axes(right), z = last_axes(result);
  if (!x || !y || !z) {
    throw shape_error("matmul: a size or stride beyond 32 bits: m " + std::to_string(g.m) + ", n " +
                      std::to_string(g.n) + ", k " + std::to_string(g.k));
  }
  g.a = *x;
  g.b = *y;
  g.d = *z;
  for (std::uint32_t i = 0; i < batch; ++i) {
    if (result.size[i] == 1) continue;
    gemm_geometry::axis next{result.size[i], left.stride[i], right.stride[i], result.stride[i]};
    if (g.axes > 0) {
      const auto& [size, along_a, along_b, along_d] = g.batch[g.axes - 1];
      if (along_a == next.size * next.a && along_b == next.size * next.b &&
          along_d == next.size * next.d) {
        next.size *= size;
        --g.axes;
      }
    }
    g.batch[g.axes++] = next;
  }
  return g;
}

std::int64_t gemm_geometry::products() const {
  std::int64_t number = 1;
  for (std::uint32_t i = 0; i < axes; ++i) number *= batch[i].size;
  return number;
}

double gemm_geometry::flops() const {
  return 2 * static_cast<double>(m * n) * static_cast<double>(k * products());
}

double gemm_geometry::elements() const {
  std::int64_t in_a = m * k, in_b = k * n;
  for (std::uint32_t i = 0; i < axes; ++i) {
    in_a *= batch[i].a == 0 ? 1 : batch[i].size;
    in_b *= batch[i].b == 0 ? 1 : batch[i].size;
  }
  return static_cast<double>(in_a + in_b + (accumulate ? 2 : 1) * m * n * products());
}

std::string gemm_maps::text() const {
  const gemm_geometry g = geometry();
  return std::string(negate ? "-" : "") + (g.a.transposed ? "A^T" : "A") +
         (g.b.transposed ? " B^T" : " B") + (scale ? " *alpha" : "") + (accumulate ? " +C" : "");
}

}  // namespace cotape::kernels
