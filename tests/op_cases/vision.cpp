// Op cases: windows over images, and operations that change the sizes of images.
#include "op_cases.hpp"

namespace cotape::tests {

namespace {

// Windows as they are written down: numbers for each spatial axis.
struct walk {
  index size, stride, dilation, before;
};

index place_of(const walk& w, const index& window, const index& tap) {
  index at;
  for (std::size_t i = 0; i < window.size(); ++i) {
    at.push_back(window[i] * w.stride[i] + tap[i] * w.dilation[i] - w.before[i]);
  }
  return at;
}

bool is_within(const index& at, const shape& images) {
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (at[i] < 0 || at[i] >= images[i + 1]) return false;
  }
  return true;
}

index joined(std::int64_t first, const index& middle, std::int64_t last) {
  index all{first};
  all.insert(all.end(), middle.begin(), middle.end());
  all.push_back(last);
  return all;
}
index spatial(const index& i) { return {i.begin() + 1, i.end() - 1}; }

// Calls f(place of the image's element, window, tap) for all elements that are no padding.
template <class F> void for_taps(const walk& w, const shape& images, const index& windows, F f) {
  each(shape_from(windows), [&](const index& window) {
    each(shape_from(w.size), [&](const index& tap) {
      const index at = place_of(w, window, tap);
      if (is_within(at, images)) f(at, window, tap);
    });
  });
}

// y[b, window, f] or, if `back`, x[b, place, c], each added to by the other times the filter.
array convolved(const walk& w, const array& from, const array& filters, const shape& images,
                const shape& values, std::int64_t groups, bool back) {
  array y(back ? images : values);
  std::vector<real> sums(y.data.size());
  array number(y.shape);
  for (std::size_t i = 0; i < sums.size(); ++i) number.data[i] = static_cast<double>(i);
  const std::int64_t last = static_cast<std::int64_t>(images.rank()) - 1,
                     all = values[static_cast<std::size_t>(last)],
                     depth = images[static_cast<std::size_t>(last)] / groups, own = all / groups;
  const index windows = spatial(sizes_of(values));
  for (std::int64_t b = 0; b < images[0]; ++b) {
    for_taps(w, images, windows, [&](const index& at, const index& window, const index& tap) {
      for (std::int64_t f = 0; f < all; ++f) {
        for (std::int64_t c = 0; c < depth; ++c) {
          index tap_and = tap;
          tap_and.insert(tap_and.end(), {c, f});
          const index image = joined(b, at, f / own * depth + c), value = joined(b, window, f);
          sums[static_cast<std::size_t>(number[back ? image : value])] +=
              real(from[back ? value : image]) * filters[tap_and];
        }
      }
    });
  }
  for (std::size_t i = 0; i < sums.size(); ++i) y.data[i] = static_cast<double>(sums[i]);
  return y;
}

struct conv_row {
  const char* variant;
  shape images, filters, values;
  conv_options how;
  walk by_hand;
};

void append_convolutions(std::vector<op_case>& rows) {
  const std::vector<conv_row> all{
      {"one axis", {2, 5, 2}, {3, 2, 3}, {2, 3, 3}, {}, {{3}, {1}, {1}, {0}}},
      {"strides and padding",
       {2, 5, 4, 2},
       {3, 2, 2, 3},
       {2, 3, 3, 3},
       {.strides = 2, .padding = 1},
       {{3, 2}, {2, 2}, {1, 1}, {1, 1}}},
      {"dilation and groups",
       {1, 5, 3, 4},
       {2, 2, 2, 4},
       {1, 3, 2, 4},
       {.dilation = {2, 1}, .groups = 2},
       {{2, 2}, {1, 1}, {2, 1}, {0, 0}}},
      {"depthwise",
       {1, 3, 3, 2},
       {3, 3, 1, 4},
       {1, 3, 3, 4},
       {.padding = "same", .groups = 2},
       {{3, 3}, {1, 1}, {1, 1}, {1, 1}}},
      {"points", {2, 2, 3, 2}, {1, 1, 2, 3}, {2, 2, 3, 3}, {}, {{1, 1}, {1, 1}, {1, 1}, {0, 0}}},
      {"three axes",
       {1, 2, 3, 2, 1},
       {2, 2, 2, 1, 2},
       {1, 1, 2, 1, 2},
       {},
       {{2, 2, 2}, {1, 1, 1}, {1, 1, 1}, {0, 0, 0}}}};
  for (const conv_row& r : all) {
    op_case c{"conv", r.variant, {{r.images, {}}, {r.filters, {}}}, {}, {}};
    c.apply = [r](const variables& v) { return conv(v[0], v[1], r.how); };
    c.reference = [r](const arrays& x) {
      return convolved(r.by_hand, x[0], x[1], r.images, r.values, r.how.groups, false);
    };
    c.magnitude = [f = c.reference](const arrays& x) {
      return f({sizes_of_terms(x[0]), sizes_of_terms(x[1])});
    };
    rows.push_back(c);
    // The images that it gives are those whose windows are all there, with numbers for padding.
    if (r.how.padding.same()) continue;
    op_case back{"conv_transpose", r.variant, {{r.values, {}}, {r.filters, {}}}, {}, {}};
    index from = sizes_of(r.images);
    for (std::size_t i = 0; i < r.by_hand.size.size(); ++i) {
      from[i + 1] = (r.values[i + 1] - 1) * r.by_hand.stride[i] +
                    (r.by_hand.size[i] - 1) * r.by_hand.dilation[i] + 1 - 2 * r.by_hand.before[i];
    }
    back.apply = [r](const variables& v) { return conv_transpose(v[0], v[1], r.how); };
    back.reference = [r, images = shape_from(from)](const arrays& x) {
      return convolved(r.by_hand, x[0], x[1], images, r.values, r.how.groups, true);
    };
    back.magnitude = [f = back.reference](const arrays& x) {
      return f({sizes_of_terms(x[0]), sizes_of_terms(x[1])});
    };
    rows.push_back(back);
  }
}

void append_patches(std::vector<op_case>& rows) {
  const walk w{{3, 2}, {2, 1}, {1, 2}, {1, 0}};
  const window_options how{.strides = {2, 1}, .padding = {{1, 1}, {0, 0}}, .dilation = {1, 2}};
  const shape images{2, 5, 4, 2}, patches{2, 3, 2, 3, 2, 2};
  const index windows{3, 2};
  const auto patch_at = [](std::int64_t b, const index& window, const index& tap, std::int64_t c) {
    index at = joined(b, window, tap[0]);
    at.insert(at.end(), {tap[1], c});
    return at;
  };
  op_case out{"unfold", "", {{images, {}}}, {}, {}};
  out.apply = [how](const variables& v) { return unfold(v[0], {3, 2}, how); };
  out.reference = [=](const arrays& x) {
    array y(patches);
    for (std::int64_t b = 0; b < 2; ++b) {
      for (std::int64_t c = 0; c < 2; ++c) {
        for_taps(w, images, windows, [&](const index& at, const index& window, const index& tap) {
          y[patch_at(b, window, tap, c)] = x[0][joined(b, at, c)];
        });
      }
    }
    return y;
  };
  rows.push_back(out);
  op_case back{"fold", "", {{patches, {}}}, {}, {}};
  back.apply = [how](const variables& v) { return fold(v[0], {5, 4}, how); };
  back.reference = [=](const arrays& x) {
    array y(images);
    for (std::int64_t b = 0; b < 2; ++b) {
      for (std::int64_t c = 0; c < 2; ++c) {
        for_taps(w, images, windows, [&](const index& at, const index& window, const index& tap) {
          y[joined(b, at, c)] += x[0][patch_at(b, window, tap, c)];
        });
      }
    }
    return y;
  };
  back.magnitude = [f = back.reference](const arrays& x) { return f({sizes_of_terms(x[0])}); };
  rows.push_back(back);
}

double largest_of(const numbers& v) { return *std::max_element(v.begin(), v.end()); }
double mean_of(const numbers& v) {
  real sum = 0;
  for (double x : v) sum += x;
  return static_cast<double>(sum / static_cast<real>(v.size()));
}

// f of the elements that lists_of(window) of a place along each axis names, channel by channel.
using lists_of_places = std::function<std::vector<index>(const index&)>;
array of_windows(const array& x, const shape& values, const lists_of_places& lists,
                 double (*f)(const numbers&)) {
  array y(values);
  each(values, [&](const index& i) {
    const std::vector<index> along = lists(spatial(i));
    index counts;
    for (const index& list : along) counts.push_back(static_cast<std::int64_t>(list.size()));
    numbers seen;
    each(shape_from(counts), [&](const index& k) {
      index at;
      for (std::size_t a = 0; a < k.size(); ++a) {
        at.push_back(along[a][static_cast<std::size_t>(k[a])]);
      }
      seen.push_back(x[joined(i[0], at, i.back())]);
    });
    y[i] = f(seen);
  });
  return y;
}

// The places of a window's elements that are no padding, along each axis.
lists_of_places moving(const walk& w, const shape& images) {
  return [=](const index& window) {
    std::vector<index> lists(window.size());
    for (std::size_t a = 0; a < window.size(); ++a) {
      for (std::int64_t tap = 0; tap < w.size[a]; ++tap) {
        const std::int64_t at = window[a] * w.stride[a] + tap * w.dilation[a] - w.before[a];
        if (at >= 0 && at < images[a + 1]) lists[a].push_back(at);
      }
    }
    return lists;
  };
}
lists_of_places shared_out(const shape& images, const shape& values) {
  return [=](const index& window) {
    std::vector<index> lists(window.size());
    for (std::size_t a = 0; a < window.size(); ++a) {
      const std::int64_t n = images[a + 1], m = values[a + 1];
      for (std::int64_t at = 0; at < n; ++at) {
        if (at * m > window[a] * n - m && at * m < (window[a] + 1) * n) lists[a].push_back(at);
      }
    }
    return lists;
  };
}

void append_pool(std::vector<op_case>& rows, std::string name, std::string variant,
                 const shape& images, const shape& values, const lists_of_places& lists,
                 std::function<variable(const variable&)> f) {
  const bool largest = name.find("max") != std::string::npos;
  op_case c{std::move(name), std::move(variant), {{images, {}}}, {}, {}};
  if (largest) c.inputs[0].from = distinct();
  c.apply = [f](const variables& v) { return f(v[0]); };
  c.reference = [=](const arrays& x) {
    return of_windows(x[0], values, lists, largest ? largest_of : mean_of);
  };
  if (!largest) {
    c.magnitude = [=](const arrays& x) {
      return of_windows(sizes_of_terms(x[0]), values, lists, mean_of);
    };
  }
  rows.push_back(c);
}

void append_pools(std::vector<op_case>& rows) {
  struct row {
    const char* variant;
    shape images, values;
    per_axis size;
    pool_options how;
    walk by_hand;
  };
  const std::vector<row> all{{"one axis", {2, 4, 3}, {2, 2, 3}, 2, {}, {{2}, {2}, {1}, {0}}},
                             {"that overlap",
                              {1, 4, 5, 2},
                              {1, 3, 3, 2},
                              {2, 3},
                              {.strides = per_axis{2, 1}, .padding = {{1, 1}, {0, 0}}},
                              {{2, 3}, {2, 1}, {1, 1}, {1, 0}}},
                             {"dilated",
                              {1, 5, 4, 2},
                              {1, 3, 2, 2},
                              {2, 2},
                              {.strides = 1, .dilation = 2},
                              {{2, 2}, {1, 1}, {2, 2}, {0, 0}}}};
  for (const row& r : all) {
    const auto lists = moving(r.by_hand, r.images);
    append_pool(rows, "max_pool", r.variant, r.images, r.values, lists,
                [r](const variable& x) { return max_pool(x, r.size, r.how); });
    append_pool(rows, "average_pool", r.variant, r.images, r.values, lists,
                [r](const variable& x) { return average_pool(x, r.size, r.how); });
  }
  for (const auto& [images, values] : std::vector<std::pair<shape, shape>>{
           {{1, 4, 6, 2}, {1, 2, 3, 2}}, {{1, 5, 4, 2}, {1, 3, 3, 2}}, {{2, 3, 1}, {2, 5, 1}}}) {
    const auto lists = shared_out(images, values);
    const index to = spatial(sizes_of(values));
    const std::string text = images.text() + " to " + values.text();
    append_pool(rows, "adaptive_max_pool", text, images, values, lists,
                [to](const variable& x) { return adaptive_max_pool(x, to); });
    append_pool(rows, "adaptive_average_pool", text, images, values, lists,
                [to](const variable& x) { return adaptive_average_pool(x, to); });
  }
}

// Element i of m, made of n, at the point (i + 1/2) n / m - 1/2.
real point(std::int64_t i, std::int64_t n, std::int64_t m) {
  return (2 * static_cast<real>(i) + 1) * static_cast<real>(n) / static_cast<real>(2 * m) - 0.5L;
}

array mixed(const array& x, std::size_t axis, std::int64_t m) {
  const std::int64_t n = x.shape[axis];
  index sizes = sizes_of(x.shape);
  sizes[axis] = m;
  array y(shape_from(sizes));
  each(y.shape, [&](const index& i) {
    const real p = point(i[axis], n, m), k = std::floor(p);
    const auto at = [&](real place) {
      index from = i;
      from[axis] = std::clamp<std::int64_t>(static_cast<std::int64_t>(place), 0, n - 1);
      return real(x[from]);
    };
    y[i] = static_cast<double>((1 - (p - k)) * at(k) + (p - k) * at(k + 1));
  });
  return y;
}

void append_sizes(std::vector<op_case>& rows) {
  for (const auto& [from, to] :
       std::vector<std::pair<shape, shape>>{{{2, 3, 2}, {2, 5, 2}}, {{1, 4, 2, 2}, {1, 3, 4, 2}}}) {
    const index sizes = spatial(sizes_of(to));
    op_case near{"resize", "nearest, to " + to.text(), {{from, {}}}, {}, {}};
    near.apply = [=](const variables& v) { return resize(v[0], sizes); };
    near.reference = [from = from, to = to](const arrays& x) {
      return rearranged(x[0], to, [&](index i) {
        for (std::size_t a = 1; a + 1 < i.size(); ++a) {
          i[a] = static_cast<std::int64_t>(std::floor(point(i[a], from[a], to[a]) + 0.5L));
        }
        return i;
      });
    };
    rows.push_back(near);
    op_case two{"resize", "bilinear, to " + to.text(), {{from, {}}}, {}, {}};
    two.apply = [=](const variables& v) { return resize(v[0], sizes, "bilinear"); };
    two.reference = [to = to](const arrays& x) {
      array y = x[0];
      for (std::size_t a = 1; a + 1 < to.rank(); ++a) y = mixed(y, a, to[a]);
      return y;
    };
    two.magnitude = [f = two.reference](const arrays& x) { return f({sizes_of_terms(x[0])}); };
    rows.push_back(two);
  }
  for (const std::string mode : {"reflect", "edge"}) {
    op_case c{"pad", mode, {{{2, 3}, {}}}, {}, {}};
    c.apply = [mode](const variables& v) { return pad(v[0], {1, 0}, {0, 4}, mode); };
    c.reference = [mode](const arrays& x) {
      const bool mirrors = mode == "reflect";
      const index rows_from{mirrors ? 1 : 0, 0, 1},
          columns = mirrors ? index{0, 1, 2, 1, 0, 1, 2} : index{0, 1, 2, 2, 2, 2, 2};
      return rearranged(x[0], {3, 7}, [&](const index& i) {
        return index{rows_from[static_cast<std::size_t>(i[0])],
                     columns[static_cast<std::size_t>(i[1])]};
      });
    };
    rows.push_back(c);
  }
}

}  // namespace

std::vector<op_case> vision_cases() {
  std::vector<op_case> rows;
  append_convolutions(rows);
  append_patches(rows);
  append_pools(rows);
  append_sizes(rows);
  return rows;
}

}  // namespace cotape::tests
