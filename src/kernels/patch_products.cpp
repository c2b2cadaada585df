// Convolutions as products of patches: block by block of windows, so that the patches of a block
// stay in the second cache and those of all images never stand in memory.
#include "kernels/patch_products.hpp"

#include "kernels/blas_memory.hpp"
#include "kernels/convolution_pieces.hpp"
#include "kernels/gemm.hpp"
#include "kernels/isa/entries.hpp"

namespace cotape::kernels {

namespace {

// Elements of a block's patches, about a quarter of a second cache.
constexpr std::int64_t block_elements = std::int64_t{1} << 16;
// Blocks of `rows` windows each but for the last one.
struct blocks {
  std::int64_t windows, rows, count;
  blocks(const convolution& c, std::int64_t all)
      : windows(all),
        rows(std::min(all, std::max<std::int64_t>(16, block_elements / c.patch() / 16 * 16))),
        count(all == 0 ? 0 : ceil_div(all, rows)) {}
  std::int64_t first(std::int64_t block) const { return block * rows; }
  std::int64_t size(std::int64_t block) const { return std::min(rows, windows - first(block)); }
};

std::int64_t all_windows(const convolution& c) { return c.batch * c.places(); }

// As many parts as pay, as BLAS has buffers for, as there are units of work, and blocks in scratch.
int parts_for(const convolution& c, std::int64_t units, std::size_t blocks_of_scratch) {
  const std::int64_t most = std::min(units, static_cast<std::int64_t>(blocks_of_scratch));
  const int parts = static_cast<int>(std::min<std::int64_t>(parts_that_pay(c), most));
  return parts <= 1 ? 1 : products_at_once(parts);
}

channel_range channels_of(const convolution& c, std::int64_t group) {
  return {group * c.depth(), c.depth()};
}

}  // namespace

std::size_t patches::scratch(const convolution& c, convolution_result r) {
  const bool by_image = r == convolution_result::images;
  const blocks b(c, by_image ? c.places() : all_windows(c));
  std::int64_t n = num_threads() * b.rows * c.patch();
  const std::int64_t of_group = c.patch() * c.own_filters();
  if (r == convolution_result::filters) n += pieces_of(b.count, of_group) * of_group;
  return static_cast<std::size_t>(n);
}

// The patches of a block of windows as a matrix, and how it stands there.
template <class T>
static matrix read_block(const convolution& c, const patch_functions<T>& move, const T* images,
                         std::int64_t first, std::int64_t rows, std::int64_t group, T* patches) {
  if (c.channels == 1 && c.axes[2].stride == 1) {
    move.read_by_tap(c, images, first, rows, patches);
    return {0, rows, true};
  }
  move.read(c, images, first, rows, channels_of(c, group), patches);
  return {0, c.patch()};
}

template <class T>
void patches::values(const convolution& c, const T* images, const T* filters, T* y,
                     std::span<T> scratch) {
  const blocks b(c, all_windows(c));
  const auto multiply = product<T>();
  const patch_functions<T> move = chosen_patch_functions<T>();
  const auto size = static_cast<std::size_t>(b.rows * c.patch());
  const int parts = parts_for(c, b.count, size == 0 ? 1 : scratch.size() / size);
  for_units(b.count, parts, [&](std::int64_t block, int part) {
    const std::int64_t first = b.first(block), rows = b.size(block);
    T* patches = scratch.data() + static_cast<std::size_t>(part) * size;
    for (std::int64_t k = 0; k < c.groups; ++k) {
      const matrix a = read_block(c, move, images, first, rows, k, patches);
      const product_geometry g{rows, c.own_filters(), c.patch(), a, {0, c.filters}, {0, c.filters}};
      multiply(g, patches, filters + k * c.own_filters(),
               y + first * c.filters + k * c.own_filters());
    }
  });
}

// Windows of one image overlap: a thread has whole images.
template <class T>
void patches::to_images(const convolution& c, const T* dy, const T* filters, T* images,
                        std::span<T> scratch) {
  const blocks b(c, c.places());
  const auto multiply = product<T>();
  const patch_functions<T> move = chosen_patch_functions<T>();
  const auto size = static_cast<std::size_t>(b.rows * c.patch());
  const int parts = parts_for(c, c.batch, size == 0 ? 1 : scratch.size() / size);
  const std::int64_t image = c.pixels() * c.channels;
  for_units(c.batch, parts, [&](std::int64_t i, int part) {
    T* patches = scratch.data() + static_cast<std::size_t>(part) * size;
    std::fill_n(images + i * image, image, T(0));
    for (std::int64_t block = 0; block < b.count; ++block) {
      const std::int64_t first = i * c.places() + b.first(block), rows = b.size(block);
      product_geometry g{
          rows, c.patch(), c.own_filters(), {0, c.filters}, {0, c.filters, true}, {0, c.patch()}};
      for (std::int64_t k = 0; k < c.groups; ++k) {
        multiply(g, dy + first * c.filters + k * c.own_filters(), filters + k * c.own_filters(),
                 patches);
        move.add(c, patches, first, rows, channels_of(c, k), images);
      }
    }
  });
}

template <class T>
void patches::to_filters(const convolution& c, const T* images, const T* dy, T* filters,
                         std::span<T> scratch) {
  const blocks b(c, all_windows(c));
  const auto multiply = product<T>();
  const patch_functions<T> move = chosen_patch_functions<T>();
  const auto size = static_cast<std::size_t>(b.rows * c.patch());
  const std::int64_t of_group = c.patch() * c.own_filters();
  const std::int64_t pieces = pieces_of(b.count, of_group);
  T* const sums = scratch.data();
  T* const all_patches = sums + pieces * of_group;
  const std::size_t rest = scratch.size() - static_cast<std::size_t>(pieces * of_group);
  const int parts = parts_for(c, pieces, size == 0 ? 1 : rest / size);
  for (std::int64_t k = 0; k < c.groups; ++k) {
    for_units(pieces, parts, [&](std::int64_t piece, int part) {
      T* patches = all_patches + static_cast<std::size_t>(part) * size;
      T* sum = sums + piece * of_group;
      const std::int64_t from = b.count * piece / pieces, end = b.count * (piece + 1) / pieces;
      if (from == end) std::fill_n(sum, of_group, T(0));
      for (std::int64_t block = from; block < end; ++block) {
        const std::int64_t first = b.first(block), rows = b.size(block);
        matrix a = read_block(c, move, images, first, rows, k, patches);
        a.transposed = !a.transposed;
        const product_geometry g{c.patch(),      c.own_filters(),      rows,  a,
                                 {0, c.filters}, {0, c.own_filters()}, false, block != from};
        multiply(g, patches, dy + first * c.filters + k * c.own_filters(), sum);
      }
    });
    add_pieces(sums, pieces, of_group, c.patch(), c.own_filters(), filters + k * c.own_filters(),
               c.filters);
  }
}

#define COTAPE_PRODUCTS(T)                                                                    \
  template void patches::values(const convolution&, const T*, const T*, T*, std::span<T>);    \
  template void patches::to_images(const convolution&, const T*, const T*, T*, std::span<T>); \
  template void patches::to_filters(const convolution&, const T*, const T*, T*, std::span<T>);
COTAPE_PRODUCTS(float)
COTAPE_PRODUCTS(double)
#undef COTAPE_PRODUCTS

}  // namespace cotape::kernels
