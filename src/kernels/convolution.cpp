// Convolutions: what is split over threads, and where the filters are turned round.
#include "kernels/convolution.hpp"

#include "kernels/convolution_pieces.hpp"
#include "kernels/isa/entries.hpp"
#include "kernels/patch_products.hpp"

namespace cotape::kernels {

namespace {

constexpr std::int64_t least_windows = 64;  // that share the filters in the first cache
template <class T> convolution_functions<T> chosen_functions() {
  return for_isa(chosen_isa(), []<class Arch>() { return convolutions_of<Arch>(T{}); });
}

// Whether vectors of filters are worth it: they would be more than half full.
bool fills_vectors(const convolution& c) {
  const std::int64_t bytes = chosen_isa() == isa::avx512 ? 64 : chosen_isa() == isa::avx2 ? 32 : 16;
  return 2 * c.own_filters() * static_cast<std::int64_t>(sizeof(float)) > bytes;
}

// --- Threads ------------------------------------------------------------------------------------

// As many parts as pay and as there are units of work.
int parts_for(const convolution& c, std::int64_t units) {
  return static_cast<int>(std::clamp<std::int64_t>(units, 1, parts_that_pay(c)));
}

// --- Values -------------------------------------------------------------------------------------

// Where windows move by one element, images are the values of windows over dy, whose filters are
// turned round and take filters for channels.
bool moves_by_one(const convolution& c) {
  return std::all_of(c.axes.begin(), c.axes.end(), [](const auto& a) { return a.stride == 1; });
}
convolution turned(const convolution& c) {
  convolution t = c;
  for (auto& a : t.axes) {
    a = {a.out, a.in, a.size, 1, a.dilation, a.dilation * (a.size - 1) - a.before};
  }
  std::swap(t.channels, t.filters);
  return t;
}

filter_layout straight(const convolution& c) {
  return {0, c.own_filters(), c.depth() * c.filters, c.filters, 1};
}
filter_layout turned_layout(const convolution& c) {
  const std::int64_t tap = c.depth() * c.filters;
  return {(c.taps() - 1) * tap, c.own_filters(), -tap, 1, c.filters};
}

std::size_t packed_size(const convolution& c) {
  const std::int64_t vectors = ceil_div(c.own_filters(), longest_vector);
  return static_cast<std::size_t>(c.groups * c.patch() * vectors * longest_vector);
}

template <class T>
void convolve_with(const convolution& c, const filter_layout& l, const T* images, const T* filters,
                   T* y, T* packed) {
  if (c.depthwise()) {
    const auto run = chosen_depthwise_functions<T>().values;
    return for_images(
        c, [&](auto first, auto n) { run(c, images, filters + l.start, l.tap, y, first, n); });
  }
  const convolution_functions<T> f = chosen_functions<T>();
  f.pack(c, l, filters, packed);
  const std::int64_t size = ceil_div(least_windows, std::max<std::int64_t>(1, c.axes[2].out));
  const std::int64_t blocks = ceil_div(c.rows(), size);
  for_units(blocks, parts_for(c, blocks), [&](std::int64_t block, int) {
    const std::int64_t first = block * size;
    f.values(c, images, packed, y, first, std::min(size, c.rows() - first));
  });
}

// How a result is made.
enum class way : std::uint8_t { depthwise, vectors, turned, products };
way way_of(const convolution& c, convolution_result r) {
  const bool can_turn = r == convolution_result::images && moves_by_one(c);
  if (c.depthwise()) return can_turn ? way::turned : way::depthwise;
  if (r == convolution_result::images) {
    return can_turn && fills_vectors(turned(c)) ? way::turned : way::products;
  }
  return fills_vectors(c) ? way::vectors : way::products;
}

}  // namespace

double convolution::flops() const {
  return 2.0 * static_cast<double>(batch * places()) * static_cast<double>(patch()) *
         static_cast<double>(filters);
}

std::size_t convolution_scratch(const convolution& c, convolution_result r) {
  const way by = way_of(c, r);
  if (by == way::products) return patches::scratch(c, r);
  if (r == convolution_result::filters) {
    const std::int64_t size = c.patch() * c.filters;
    return static_cast<std::size_t>(pieces_of(c.rows(), size) * size);
  }
  if (c.depthwise()) return 0;
  return packed_size(by == way::turned ? turned(c) : c);
}

template <class T>
void convolve(const convolution& c, const T* images, const T* filters, T* y, std::span<T> scratch) {
  if (way_of(c, convolution_result::values) == way::products) {
    return patches::values(c, images, filters, y, scratch);
  }
  convolve_with(c, straight(c), images, filters, y, scratch.data());
}

template <class T>
void convolve_to_images(const convolution& c, const T* dy, const T* filters, T* images,
                        std::span<T> scratch) {
  const way by = way_of(c, convolution_result::images);
  if (by == way::products) return patches::to_images(c, dy, filters, images, scratch);
  if (by == way::turned) {
    return convolve_with(turned(c), turned_layout(c), dy, filters, images, scratch.data());
  }
  const auto run = chosen_depthwise_functions<T>().to_images;
  for_images(c, [&](auto first, auto n) { run(c, dy, filters, images, first, n); });
}

template <class T>
void convolve_to_filters(const convolution& c, const T* images, const T* dy, T* filters,
                         std::span<T> scratch) {
  const way by = way_of(c, convolution_result::filters);
  if (by == way::products) return patches::to_filters(c, images, dy, filters, scratch);
  // Depthwise kernels have all groups at once, and go by images.
  const bool depthwise = by == way::depthwise;
  const std::int64_t groups = depthwise ? 1 : c.groups, width = c.filters / groups;
  const std::int64_t units = depthwise ? c.batch : c.rows();
  const std::int64_t size = c.patch() * c.filters, pieces = pieces_of(c.rows(), size);
  T* const sums = scratch.data();
  for_units(pieces, parts_for(c, pieces), [&](std::int64_t piece, int) {
    const std::int64_t first = units * piece / pieces, n = units * (piece + 1) / pieces - first;
    T* sum = sums + piece * size;
    if (depthwise) {
      chosen_depthwise_functions<T>().to_filters(c, images, dy, sum, first, n);
      return;
    }
    for (std::int64_t k = 0; k < groups; ++k, sum += c.patch() * width) {
      chosen_functions<T>().to_filters(c, k, images, dy, sum, first, n);
    }
  });
  for (std::int64_t k = 0; k < groups; ++k) {
    add_pieces(sums + k * c.patch() * width, pieces, size, c.patch(), width, filters + k * width,
               c.filters);
  }
}

#define COTAPE_CONVOLUTIONS(T)                                                                \
  template void convolve(const convolution&, const T*, const T*, T*, std::span<T>);           \
  template void convolve_to_images(const convolution&, const T*, const T*, T*, std::span<T>); \
  template void convolve_to_filters(const convolution&, const T*, const T*, T*, std::span<T>);
COTAPE_CONVOLUTIONS(float)
COTAPE_CONVOLUTIONS(double)
#undef COTAPE_CONVOLUTIONS

}  // namespace cotape::kernels
