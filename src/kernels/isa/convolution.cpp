// Convolutions without patches: a block of results stands in registers while their windows'
// elements, which lie in rows, are multiplied with vectors of filters. (Georganas et al., "Anatomy
// of High-Performance Deep Learning Convolutions on SIMD Architectures", 2018.)
#include <type_traits>
#include <utility>

#include "kernels/isa/entries.hpp"
#include "kernels/isa/taps.hpp"

namespace cotape::kernels {
namespace {

// A block is `rows` by `columns` vectors: as many sums as registers hold beside a row of vectors.
constexpr int most_columns = 4, most_rows = 12;
#if defined(__AVX512F__)
constexpr int most_sums = 24;
#else
constexpr int most_sums = 12;
#endif
constexpr int rows_for(int columns) {
  return most_sums / columns < most_rows ? most_sums / columns : most_rows;
}
constexpr std::int64_t first_cache = 24 * 1024;  // bytes of filters that are read again and again

template <class T, int Rows, int Columns> using sums_of = batch<T>[Rows][Columns];

// sums[r][c] += over k of a[r row + k step] * the c-th vector of b[k next].
template <class Lanes, class T, int Rows, int Columns>
[[gnu::always_inline]] inline void add_products(sums_of<T, Rows, Columns>& sums, const Lanes& lanes,
                                                const T* a, std::int64_t row, std::int64_t step,
                                                const T* b, std::int64_t next, std::int64_t count) {
  constexpr std::int64_t width = batch<T>::size;
  for (std::int64_t k = 0; k < count; ++k, a += step, b += next) {
    batch<T> vectors[Columns];
#pragma GCC unroll 16
    for (int c = 0; c < Columns; ++c) vectors[c] = lanes.load(b + c * width);
#pragma GCC unroll 16
    for (int r = 0; r < Rows; ++r) {
      const batch<T> factor(a[r * row]);
#pragma GCC unroll 16
      for (int c = 0; c < Columns; ++c) sums[r][c] = xsimd::fma(factor, vectors[c], sums[r][c]);
    }
  }
}
template <class Lanes, class T, int Rows, int Columns>
[[gnu::always_inline]] inline void read_sums(sums_of<T, Rows, Columns>& sums, const Lanes& lanes,
                                             const T* d, std::int64_t row) {
  constexpr std::int64_t width = batch<T>::size;
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < Columns; ++c) sums[r][c] = lanes.load(d + r * row + c * width);
  }
}
template <class Lanes, class T, int Rows, int Columns>
[[gnu::always_inline]] inline void write_sums(const sums_of<T, Rows, Columns>& sums,
                                              const Lanes& lanes, T* d, std::int64_t row) {
  constexpr std::int64_t width = batch<T>::size;
#pragma GCC unroll 16
  for (int r = 0; r < Rows; ++r) {
#pragma GCC unroll 16
    for (int c = 0; c < Columns; ++c) lanes.store(d + r * row + c * width, sums[r][c]);
  }
}

// Calls f.run<rows, columns>(lanes), for each of its blocks an instance. The last vector of
// filters, if it is none of full length, is a block of its own.
template <class T, class Lanes, int Columns, class F, std::size_t... R>
void run_rows(const F& f, const Lanes& lanes, std::int64_t rows, std::index_sequence<R...>) {
  using function = void (*)(const F&, const Lanes&);
  static constexpr function table[] = {[](const F& block, const Lanes& its) {
    block.template run<static_cast<int>(R) + 1, Columns>(its);
  }...};
  table[rows - 1](f, lanes);
}
template <class T, int Columns, class Lanes, class F>
void run_rows(const F& f, const Lanes& lanes, std::int64_t rows) {
  run_rows<T, Lanes, Columns>(f, lanes, rows, std::make_index_sequence<rows_for(Columns)>{});
}
template <class T, class F>
void run_block(const F& f, std::int64_t rows, int columns, const head<T>& rest) {
  static_assert(most_columns == 4);
  if (rest.count() > 0) return run_rows<T, 1>(f, some_lanes<T>{rest}, rows);
  if (columns == 1) return run_rows<T, 1>(f, all_lanes<T>{}, rows);
  if (columns == 2) return run_rows<T, 2>(f, all_lanes<T>{}, rows);
  if (columns == 3) return run_rows<T, 3>(f, all_lanes<T>{}, rows);
  run_rows<T, 4>(f, all_lanes<T>{}, rows);
}

// Calls f(first, n) for `count` in parts of at most `most`, of nearly the same size.
template <class F> void in_parts(std::int64_t count, std::int64_t most, const F& f) {
  const std::int64_t parts = (count + most - 1) / most;
  for (std::int64_t i = 0; i < parts; ++i) {
    const std::int64_t first = count * i / parts;
    f(first, count * (i + 1) / parts - first);
  }
}

// A group's channels and filters, and where the taps of a row lie.
struct group_of {
  group_of(const convolution& all, std::int64_t group)
      : c(all),
        depth(all.depth()),
        own_filters(all.own_filters()),
        channel(group * depth),
        filter(group * own_filters),
        line(all.axes[2].size * depth),
        joined(all.axes[2].dilation == 1 && all.groups == 1) {}
  const convolution& c;
  std::int64_t depth, own_filters;  // how many
  std::int64_t channel, filter;     // the first ones
  std::int64_t line;                // products of a row of taps
  bool joined;                      // taps side by side lie side by side
};

// Calls f(first filter, vectors, how many filters a vector that is not full has) for the blocks of
// a group's filters.
template <class T, class F> void for_columns(const group_of& g, const F& f) {
  constexpr std::int64_t width = batch<T>::size;
  const std::int64_t whole = g.own_filters / width;
  in_parts(whole, most_columns, [&](std::int64_t first, std::int64_t n) {
    f(first * width, static_cast<int>(n), std::int64_t{0});
  });
  const std::int64_t rest = g.own_filters - whole * width;
  if (rest > 0) f(whole * width, 1, rest);
}

// A row of taps by its number: where it stands along the first two axes.
struct tap_row {
  std::int64_t k, j;
  tap_row(const windows& w, std::int64_t number)
      : k(number / w.axes[1].size), j(number % w.axes[1].size) {}
  void next(const windows& w) {
    if (++j < w.axes[1].size) return;
    j = 0;
    ++k;
  }
};

// Windows side by side in a row that show the same taps.
struct stretch {
  std::int64_t first, count;
  tap_range x;
};
template <class F> void for_stretches(const windows::axis& a, const F& f) {
  const std::int64_t before = a.before > 0 ? (a.before + a.stride - 1) / a.stride : 0;
  const std::int64_t room = a.in - 1 + a.before - (a.size - 1) * a.dilation;
  const std::int64_t behind = room < 0 ? 0 : smaller(a.out, room / a.stride + 1);
  for (std::int64_t i = 0; i < a.out;) {
    const std::int64_t n = i >= before && i < behind ? behind - i : 1;
    f(stretch{i, n, tap_range(a, i)});
    i += n;
  }
}

// Where the row of an image begins that a row of taps sees, counted from the images' first element.
std::int64_t row_of(const windows& w, const window_at& at, const tap_row& taps) {
  const windows::axis &z = w.axes[0], &y = w.axes[1];
  const std::int64_t rows =
      (at.z.start + taps.k * z.dilation) * y.in + at.y.start + taps.j * y.dilation;
  return at.image + rows * w.axes[2].in * w.channels;
}

// --- Values -------------------------------------------------------------------------------------

// Some values of a row: windows by filters, of some rows of taps, and of these some products.
template <class T> struct values_block {
  const group_of& g;
  const window_at* at;   // of the first window
  const T *x, *filters;  // of the images; of this block, all products
  T* y;                  // of the first window
  tap_row first_taps;
  std::int64_t rows_of_taps, first, end;  // which of each row's products
  bool add;

  template <int Rows, int Columns, class Lanes> void run(const Lanes& lanes) const {
    constexpr std::int64_t next = Columns * batch<T>::size;
    const windows::axis& a = g.c.axes[2];
    batch<T> sums[Rows][Columns];
    if (add) {
      read_sums<Lanes, T, Rows, Columns>(sums, lanes, y, g.c.filters);
    } else {
      for (auto& row : sums) {
        for (auto& sum : row) sum = batch<T>(T(0));
      }
    }
    const std::int64_t depth = g.depth, step = a.dilation * g.c.channels - depth;
    const T* of_row = filters;
    tap_row taps = first_taps;
    for (std::int64_t u = 0; u < rows_of_taps; ++u, taps.next(g.c), of_row += g.line * next) {
      if (!at->z.has(taps.k) || !at->y.has(taps.j)) continue;
      const std::int64_t row = row_of(g.c, *at, taps) + at->x.start * g.c.channels + g.channel;
      for (std::int64_t t = at->x.first; t < (g.joined ? at->x.first + 1 : at->x.end); ++t) {
        const std::int64_t of_taps = (g.joined ? at->x.end : t + 1) * depth;
        const std::int64_t from = t * depth > first ? t * depth : first, to = smaller(of_taps, end);
        if (from >= to) continue;
        add_products<all_lanes<T>, T, Rows, Columns>(
            sums, {}, x + (row + (g.joined ? 0 : t * step) + from), a.stride * g.c.channels, 1,
            of_row + from * next, next, to - from);
      }
    }
    write_sums<Lanes, T, Rows, Columns>(sums, lanes, y, g.c.filters);
  }
};

// Packed filters: for each block of columns all products, each as many vectors as columns.
template <class T>
void pack(const convolution& c, const filter_layout& l, const T* filters, T* packed) {
  for (std::int64_t group = 0; group < c.groups; ++group) {
    const group_of g(c, group);
    for_columns<T>(g, [&](std::int64_t first, int columns, std::int64_t part) {
      const std::int64_t n = columns * static_cast<std::int64_t>(batch<T>::size);
      const std::int64_t there = part > 0 ? part : n;
      for (std::int64_t t = 0; t < c.taps(); ++t) {
        for (std::int64_t k = 0; k < g.depth; ++k, packed += n) {
          const T* from =
              filters + (l.start + group * l.group + t * l.tap + k * l.channel + first * l.filter);
          for (std::int64_t i = 0; i < n; ++i) packed[i] = i < there ? from[i * l.filter] : T(0);
        }
      }
    });
  }
}

// For rows of windows, which are counted through all images.
template <class T>
void values(const convolution& c, const T* x, const T* packed, T* y, std::int64_t first_row,
            std::int64_t count) {
  const windows::axis& a = c.axes[2];
  const std::int64_t rows_of_taps = c.axes[0].size * c.axes[1].size;
  for (std::int64_t group = 0; group < c.groups; ++group) {
    const group_of g(c, group);
    for_columns<T>(g, [&](std::int64_t filter, int columns, std::int64_t part) {
      const std::int64_t width = columns * static_cast<std::int64_t>(batch<T>::size);
      // As many rows of taps as the first cache holds the filters of, or a part of one.
      const std::int64_t fit = first_cache / (width * static_cast<std::int64_t>(sizeof(T)));
      const std::int64_t at_once = fit > g.line ? fit / g.line : 1;
      for (std::int64_t u = 0; u < rows_of_taps; u += at_once) {
        in_parts(g.line, fit, [&](std::int64_t from, std::int64_t n) {
          values_block<T> block{g,
                                nullptr,
                                x,
                                packed + u * g.line * width,
                                nullptr,
                                tap_row(c, u),
                                smaller(at_once, rows_of_taps - u),
                                from,
                                from + n,
                                u > 0 || from > 0};
          for_rows(c, first_row, count, [&](const window_at& at, std::int64_t number) {
            for_stretches(a, [&](const stretch& s) {
              in_parts(s.count, rows_for(columns), [&](std::int64_t i, std::int64_t rows) {
                window_at here = at;
                here.x = s.x;
                here.x.start += i * a.stride;
                block.at = &here;
                block.y = y + ((number + s.first + i) * c.filters + g.filter + filter);
                run_block<T>(block, rows, columns, head<T>(part));
              });
            });
          });
        });
      }
      packed += c.patch() * width;
    });
  }
}

// --- Filters ------------------------------------------------------------------------------------

// Some filters' sums over windows of some rows: products by filters.
template <class T> struct filters_block {
  const T *x, *dy;  // of the first window
  std::int64_t rows, x_row, y_row, windows, x_next, y_next;
  T* d;
  std::int64_t d_row;

  template <int Rows, int Columns, class Lanes> void run(const Lanes& lanes) const {
    batch<T> sums[Rows][Columns];
    read_sums<Lanes, T, Rows, Columns>(sums, lanes, d, d_row);
    for (std::int64_t i = 0; i < rows; ++i) {
      add_products<Lanes, T, Rows, Columns>(sums, lanes, x + i * x_row, 1, x_next, dy + i * y_row,
                                            y_next, windows);
    }
    write_sums<Lanes, T, Rows, Columns>(sums, lanes, d, d_row);
  }
};

// Calls f(first window, windows, first tap, taps) for a row of taps: tap by tap, or, where there
// are few channels, for all taps that a stretch shows.
template <class F> void for_shown(const group_of& g, const F& f) {
  const windows::axis& a = g.c.axes[2];
  if (g.joined && g.depth < most_rows / 2) {
    for_stretches(a, [&](const stretch& s) { f(s.first, s.count, s.x.first, s.x.count()); });
    return;
  }
  for (std::int64_t t = 0; t < a.size; ++t) {
    const tap_windows w(a, t);
    if (w.first < w.end) f(w.first, w.end - w.first, t, std::int64_t{1});
  }
}

// For rows of windows of one image, along the second axis from the y-th on.
template <class T>
void add_rows(const group_of& g, const window_at& at, std::int64_t y, std::int64_t rows, const T* x,
              const T* dy, T* d) {
  const convolution& c = g.c;
  const windows::axis& a = c.axes[2];
  const std::int64_t line = a.in * c.channels, y_row = a.out * c.filters;
  tap_row taps(c, 0);
  for (; taps.k < c.axes[0].size; taps.next(c), d += g.line * g.own_filters) {
    const tap_windows shown(c.axes[1], taps.j);
    const std::int64_t from = shown.first > y ? shown.first : y, end = smaller(shown.end, y + rows);
    if (!at.z.has(taps.k) || from >= end) continue;
    window_at first = at;
    first.y = tap_range(c.axes[1], from);
    const std::int64_t row = row_of(c, first, taps) + g.channel;
    for_shown(g, [&](std::int64_t window, std::int64_t n, std::int64_t tap, std::int64_t count) {
      const std::int64_t start = (window * a.stride - a.before + tap * a.dilation) * c.channels;
      for_columns<T>(g, [&](std::int64_t filter, int columns, std::int64_t part) {
        filters_block<T> block{nullptr,
                               dy + ((from - y) * y_row + window * c.filters + g.filter + filter),
                               end - from,
                               c.axes[1].stride * line,
                               y_row,
                               n,
                               a.stride * c.channels,
                               c.filters,
                               nullptr,
                               g.own_filters};
        in_parts(count * g.depth, rows_for(columns), [&](std::int64_t i, std::int64_t products) {
          block.x = x + (row + start + i);
          block.d = d + ((tap * g.depth + i) * g.own_filters + filter);
          run_block<T>(block, products, columns, head<T>(part));
        });
      });
    });
  }
}

template <class T>
void to_filters(const convolution& c, std::int64_t group, const T* x, const T* dy, T* d,
                std::int64_t first_row, std::int64_t count) {
  const group_of g(c, group);
  const windows::axis &z = c.axes[0], &y = c.axes[1];
  clear(d, c.patch() * g.own_filters);
  // Rows whose elements and adjoints the first cache holds.
  const std::int64_t row = c.axes[2].in * c.channels + c.axes[2].out * c.filters;
  const std::int64_t fit = first_cache / (row * static_cast<std::int64_t>(sizeof(T))) + 1;
  for (std::int64_t i = first_row, n = 0; i < first_row + count; i += n) {
    const std::int64_t at_y = i % y.out, plane = i / y.out;
    n = smaller(smaller(fit, y.out - at_y), first_row + count - i);
    const window_at at{
        plane / z.out * c.pixels() * c.channels, {z, plane % z.out}, {y, at_y}, {c.axes[2], 0}};
    add_rows(g, at, at_y, n, x, dy + i * c.axes[2].out * c.filters, d);
  }
}

}  // namespace

template <> convolution_functions<float> convolutions_of<current>(float) {
  return {&pack<float>, &values<float>, &to_filters<float>};
}
template <> convolution_functions<double> convolutions_of<current>(double) {
  return {&pack<double>, &values<double>, &to_filters<double>};
}

}  // namespace cotape::kernels
