// The kernels that are not element-wise, as seen by the layers to the right: what each expects in
// a step. None allocates; those marked "throws" may throw cotape::error and are run before any
// effect commits.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "cotape/error.hpp"
#include "cotape/shape.hpp"
#include "kernels/step.hpp"

namespace cotape::kernels {

// --- Instruction sets ---------------------------------------------------------------------------

enum class isa : std::uint8_t { baseline, avx2, avx512 };
inline constexpr std::size_t isa_count = 3;
bool runs(isa);  // this processor runs it and this build holds it
isa best_isa();  // the best of those
// The set that kernels are chosen from: the one that COTAPE_ISA in the environment names, else the
// best. Read once; throws value_error for a name that is none of this processor's.
isa chosen_isa();
isa isa_named(std::string_view name, isa best);
std::size_t vector_bytes(isa);
const char* name_of(isa);

// --- Index maps: broadcasts, transposes, slices -------------------------------------------------

// A walk over `rank` axes, row-major: element i of the walk stands at offset + sum(index_k *
// stride_k) of the other buffer (strides in elements; 0 broadcasts, negative walks backwards).
struct index_map {
  std::uint32_t rank = 0;
  std::int64_t offset = 0;
  std::array<std::int64_t, shape::max_rank> size{};
  std::array<std::int64_t, shape::max_rank> stride{};

  void append(std::int64_t size, std::int64_t stride);  // merges axes that continue each other
  std::int64_t elements() const;
  bool operator==(const index_map&) const = default;
  shape sizes() const;
  // The same row again and again, and each element along a row of its own, of size[1] elements.
  bool repeats_row() const { return rank == 2 && stride[0] == 0 && stride[1] == 1; }
  bool repeats_elements() const { return rank == 2 && stride[0] == 1 && stride[1] == 0; }

  // A row-major tensor axis by axis, nothing merged, and what becomes of such a map.
  static index_map of(const shape&);
  index_map merged() const;
  void permute(std::span<const std::int64_t> order);
  void transpose();  // the last two axes
  void cut(std::span<const std::int64_t> sizes, std::span<const std::int64_t> first,
           std::span<const std::int64_t> steps);
  void widen(const shape& to);    // as broadcasting does
  bool reshape(const shape& to);  // false, and nothing is changed, if no strides do that
};

// How the elements of a transpose, a slice or a broadcast walk over a tensor of shape `from`. Of a
// slice all axes' sizes, first elements and steps, which may stand in one list.
index_map slice_map(const shape& from, std::span<const std::int64_t> sizes,
                    std::span<const std::int64_t> first, std::span<const std::int64_t> steps);
index_map slice_map(const shape& from, std::span<const std::int64_t> lists);
index_map broadcast_map(const shape& from, const shape& to);

// d[i] = a[map(base + i)] for i < n, side = the map (whole `a`, tile of `d`). The returned kernel
// is the fastest one for the map: a copy, a fill, a repeated row, spread columns, a blocked
// transpose or the general walk. `whole`: it is called once with base 0 and n = all elements, and
// large moves are split over threads.
kernel load(const index_map& map, std::size_t element_size, bool whole, isa = chosen_isa());

// Parts that are put together: the elements of each are stored or added, one part after the other,
// at the places of a map of the result, perhaps after all of it was filled with `rest`. Those that
// are stored come first and go to places of their own. No part may stand in the result's memory.
struct puts {
  struct part {
    const void* from;
    std::uint32_t offset, n;  // the first place, the number of elements
    std::uint32_t map;        // in `maps`, or side_by_side
    bool adds;
    bool columns;  // chosen by put(): it and the next ones are columns side by side
  };
  static constexpr std::uint32_t side_by_side = 0xffffffff;
  std::vector<part> parts;
  std::vector<index_map> maps;
  std::array<std::byte, 8> rest{};
  bool fills = false;
  std::int64_t block = 0, moved = 0;  // chosen by put()

  void add(const index_map& map, const void* from, bool adds);
};
// d (n elements), side = the puts, which are whole.
kernel put(dtype, std::int64_t n, puts& a);

// How many of the maps, from the first on, go to places that no earlier one goes to, and whether
// these are all the places 0 .. size - 1.
struct cover {
  std::size_t apart;
  bool whole;
};
cover cover_of(std::span<const index_map> maps, std::int64_t size);

// d[i] = *a for i < n (n rounded up to whole vectors).
kernel fill(std::size_t element_size, isa = chosen_isa());
// A number as an element.
std::array<std::byte, 8> bits_of(double number, dtype);

// --- Reductions: the input seen as (outer, reduced, inner) --------------------------------------

// The order of summation, which never depends on tiles, threads or the instruction set: along a
// last axis a row is cut from its own start into pieces of so many elements, each summed by a
// fixed tree (isa/lanes.hpp); its pieces are added in order, block by block, and then the blocks.
// Along other axes a column is cut into pieces and blocks of so many rows, added in order.
inline constexpr std::int64_t piece_elements = 128, block_elements = 512 * piece_elements;
inline constexpr std::int64_t piece_rows = 64, block_rows = 64 * piece_rows;

struct reduction {
  std::int64_t outer = 1, reduced = 1, inner = 1;
  std::size_t piece_bytes = 0;  // of the sum of a piece: see reducer

  // How much of the reduced axis is a piece, and how many pieces it has.
  std::int64_t piece() const { return inner == 1 ? piece_elements : piece_rows; }
  std::int64_t pieces() const { return (reduced + piece() - 1) / piece(); }
  // `count` axes from `first` on are the reduced ones.
  static reduction of(const shape& x, std::int64_t first, std::int64_t count);
};

// Called once for everything (n elements from base 0; large ones are split over threads), or for
// consecutive parts of any size (base = 0, ...; a = the part's data, n its exact size), on one
// thread. d = the whole result (outer * inner elements), c = scratch, side = the geometry. The
// call with base 0 initialises, the one that reaches the end finishes. An empty reduction is one
// call with n = 0. Up to least_parts elements come in one call. Nothing behind the n elements is
// read.
inline constexpr std::int64_t least_parts = 512;

// Where outer is 1, there are two more ways to call, which `rows` of the step says. In pieces:
// parts that begin and end where pieces do come in any order, on any threads, each of them in
// consecutive calls with a scratch of its own; d = the sums of all pieces, inner for each of them,
// of piece_bytes. Then, folding: c = these sums, d = the result, and nothing else is read.
enum stage : std::uint32_t { one_stream = 0, in_pieces, folding };
struct reducer {
  kernel run = nullptr;
  std::size_t (*scratch_bytes)(const reduction&, dtype) = nullptr;
  std::size_t piece_bytes = 0;  // a piece's sum for one element of the result
};
reducer sum(dtype, isa = chosen_isa());
reducer max(dtype, isa = chosen_isa());  // NaN wins; an empty maximum is -inf
// The square root of the sum of squares, without overflow or underflow in between.
reducer norm(dtype, isa = chosen_isa());

// Whole-tensor kernels over (outer, reduced, inner), side = reduction.
kernel argmax(dtype);  // a -> d (int64): the first of the largest; NaN counts as largest
kernel cumsum(dtype, bool reverse);

// --- Indices: x seen as (outer, reduced, inner), `rows` = number of indices ---------------------

// The side of both. Of labels `reduced` is the number of classes.
struct picking {
  reduction seen;
  bool labels = false;  // what errors call the indices
  const char* op = "";  // who picks, and where it was recorded: for errors
  place where = {};
};
kernel gather(dtype);       // d (outer, rows, inner) = a at the int64 indices b; throws value_error
kernel scatter_add(dtype);  // d (outer, reduced, inner) += a (outer, rows, inner) at b

// Throws value_error with the message, side = a demand, if one of a's n elements is 0.
struct demand {
  std::string message;
  place where;  // of the condition
};
kernel require(dtype);

// --- Random numbers -----------------------------------------------------------------------------

// d[i] = uniform in [0, 1) for i < n, by Philox4x32-10: key = (seed, stream), counter = the pair
// (*a as int64, element index base + i), base a multiple of 4. side = philox_key. Block i/4 (float)
// or i/2 (double) has counter words (block, low half of stream, *a's halves) and key seed, its high
// half xor the stream's. float: 24 bits of a word, double: 53 bits of two.
struct philox_key {
  std::uint64_t seed = 0;
  std::uint64_t stream = 0;
};
kernel uniform(dtype, isa = chosen_isa());
std::array<std::uint32_t, 4> philox(std::array<std::uint32_t, 4> counter,
                                    std::array<std::uint32_t, 2> key);

// --- Conversions --------------------------------------------------------------------------------

kernel copy(dtype);  // n elements
// n elements; to int64 toward zero, NaN and what is outside to the
// least int64.
kernel cast(dtype from, dtype to, isa = chosen_isa());

}  // namespace cotape::kernels
