// The rows of the shape oracle for windows over (batch, sizes..., channels) and for sizes of
// images.
#include "oracles.hpp"

namespace cotape::tests {

namespace {

using numpy::demand;

// A number for each axis, or one for all.
std::int64_t number_at(const sizes& list, std::size_t axis) {
  return list.size() == 1 ? list[0] : list[axis];
}

struct random_windows {
  std::size_t axes;
  sizes size, strides, dilation;
  std::int64_t kind;  // of padding: 0 none, 1 same, 2 numbers
  std::vector<window_padding::sides> padding;

  explicit random_windows(dice& d, std::int64_t most_axes = 3)
      : axes(static_cast<std::size_t>(d.between(1, most_axes))) {
    const auto list = [&](std::int64_t most, std::int64_t least = 1) {
      sizes s(d.one_in(3) ? 1 : axes);
      for (std::int64_t& n : s) n = d.one_in(40) ? 0 : d.between(least, most);
      return s;
    };
    size = list(3);
    strides = list(2);
    dilation = list(2);
    kind = d.between(0, 2);
    for (std::size_t i = 0; i < axes; ++i) padding.emplace_back(d.between(0, 2), d.between(0, 2));
  }

  window_padding given() const {
    if (kind == 0) return "valid";
    return kind == 1 ? window_padding("same") : window_padding(padding);
  }
  window_options options() const { return {strides, given(), dilation}; }

  void demand_numbers(std::size_t spatial, const sizes& window) const {
    demand(spatial >= 1 && spatial <= 3);
    demand(kind != 2 || axes == 1 || axes == spatial);
    for (const sizes& list : {window, strides, dilation}) {
      demand(list.size() == 1 || list.size() == spatial);
      for (std::int64_t n : list) demand(n >= 1);
    }
  }
  std::int64_t span(const sizes& window, std::size_t i) const {
    return (number_at(window, i) - 1) * number_at(dilation, i) + 1;
  }
  window_padding::sides around(std::size_t i, std::int64_t n, const sizes& window) const {
    if (kind == 0) return {0, 0};
    if (kind == 2) return padding[axes == 1 ? 0 : i];
    const std::int64_t s = number_at(strides, i), all = (n + s - 1) / s;
    const std::int64_t missing = std::max<std::int64_t>(0, (all - 1) * s + span(window, i) - n);
    return {missing / 2, missing - missing / 2};
  }
  std::int64_t count(std::size_t i, std::int64_t n, const sizes& window) const {
    if (kind == 1) return (n + number_at(strides, i) - 1) / number_at(strides, i);
    const auto [before, after] = around(i, n, window);
    demand(n + before + after >= span(window, i));
    return (n + before + after - span(window, i)) / number_at(strides, i) + 1;
  }
  // Whether all of n windows show an element.
  bool all_show(std::size_t i, std::int64_t n, const sizes& window) const {
    for (std::int64_t w = 0; w < count(i, n, window); ++w) {
      bool any = false;
      for (std::int64_t tap = 0; tap < number_at(window, i); ++tap) {
        const std::int64_t at =
            w * number_at(strides, i) + tap * number_at(dilation, i) - around(i, n, window).first;
        any = any || (at >= 0 && at < n);
      }
      if (!any) return false;
    }
    return true;
  }
  std::string text() const {
    return fmt::format("size {}, strides {}, dilation {}, padding {} {}", size, strides, dilation,
                       kind, padding);
  }
};

sizes images(dice& d, std::size_t axes) {
  sizes x(axes + 2);
  for (std::int64_t& n : x) n = d.one_in(30) ? 0 : d.between(1, 5);
  return x;
}

sizes windows_of(const random_windows& w, const sizes& x, const sizes& window) {
  demand(x.size() >= 3);
  w.demand_numbers(x.size() - 2, window);
  sizes y;
  for (std::size_t i = 0; i + 2 < x.size(); ++i) y.push_back(w.count(i, x[i + 1], window));
  return y;
}

sizes joined(std::int64_t batch, sizes middle, const sizes& last) {
  middle.insert(middle.begin(), batch);
  return numpy::joined(middle, last);
}

call random_unfold(dice& d) {
  const random_windows w(d);
  const sizes x = d.almost(images(d, w.axes));
  return {{x},
          [=] {
            sizes y = windows_of(w, x, w.size);
            for (std::size_t i = 0; i + 2 < x.size(); ++i) y.push_back(number_at(w.size, i));
            return joined(x[0], y, {x.back()});
          },
          [=](const variables& v) { return variables{unfold(v[0], w.size, w.options())}; },
          w.text()};
}

call random_fold(dice& d) {
  const random_windows w(d, 2);  // of 3 axes and one more a shape has too many
  const sizes x = images(d, w.axes), to(x.begin() + 1, x.end() - 1);
  sizes patches;
  try {
    patches = windows_of(w, x, w.size);
    for (std::size_t i = 0; i < w.axes; ++i) patches.push_back(number_at(w.size, i));
  } catch (const numpy::rejected&) {
    patches.assign(2 * w.axes, 2);
  }
  const sizes p = d.almost(joined(x[0], patches, {x.back()}));
  return {{p},
          [=] {
            demand(p.size() >= 4 && p.size() % 2 == 0 && p.size() <= 8);
            const std::size_t axes = (p.size() - 2) / 2;
            demand(to.size() == 1 || to.size() == axes);
            sizes all, window;
            for (std::size_t i = 0; i < axes; ++i) {
              all.push_back(number_at(to, i));
              window.push_back(p[1 + axes + i]);
              demand(all.back() >= 1);
            }
            const sizes image = joined(p[0], all, {p.back()});
            demand(windows_of(w, image, window) ==
                   sizes(p.begin() + 1, p.begin() + 1 + static_cast<std::ptrdiff_t>(axes)));
            return image;
          },
          [=](const variables& v) { return variables{fold(v[0], to, w.options())}; },
          fmt::format("to {}, {}", to, w.text())};
}

// x and filters of a convolution, or of its adjoint, in `groups`.
call random_conv(dice& d, bool transposed) {
  const random_windows w(d);
  const std::int64_t groups = d.one_in(20) ? 0 : d.between(1, 2), depth = d.between(1, 2),
                     count = d.between(1, 2) * groups;
  sizes x = images(d, w.axes), f;
  x.back() = transposed ? count : depth * groups;
  for (std::size_t i = 0; i < w.axes; ++i) f.push_back(number_at(w.size, i));
  f = d.almost(numpy::joined(f, {depth, count}));
  x = d.almost(x);
  const auto rule = [=] {
    demand(x.size() == f.size() && x.size() >= 3 && groups >= 1);
    for (std::int64_t n : f) demand(n > 0);
    const std::size_t axes = x.size() - 2;
    const sizes window(f.begin(), f.end() - 2);
    demand(f.back() % groups == 0);
    w.demand_numbers(axes, window);
    if (!transposed) {
      demand(x.back() == f[axes] * groups);
      return joined(x[0], windows_of(w, x, window), {f.back()});
    }
    demand(x.back() == f.back());
    sizes y;
    for (std::size_t i = 0; i < axes; ++i) {
      const std::int64_t s = number_at(w.strides, i), n = x[i + 1],
                         all = (n - 1) * s + w.span(window, i);
      const auto [before, after] =
          w.kind == 2 ? w.padding[w.axes == 1 ? 0 : i] : window_padding::sides{0, 0};
      y.push_back(w.kind == 0 ? std::max(all, n * s) : w.kind == 1 ? n * s : all - before - after);
      demand(y.back() >= 1 || w.kind == 1);
    }
    return joined(x[0], y, {f[axes] * groups});
  };
  const auto apply = [=](const variables& v) {
    const conv_options o{w.strides, w.given(), w.dilation, groups};
    return variables{transposed ? conv_transpose(v[0], v[1], o) : conv(v[0], v[1], o)};
  };
  return {{x, f}, rule, apply, fmt::format("{} groups, {}", groups, w.text())};
}

oracle pool(std::string name, variable (*f)(operand, const per_axis&, const pool_options&)) {
  return {std::move(name), [=](dice& d) {
            const random_windows w(d);
            const sizes x = d.almost(images(d, w.axes));
            return call{{x},
                        [=] {
                          const sizes y = windows_of(w, x, w.size);
                          for (std::size_t i = 0; i < y.size(); ++i) {
                            demand(w.all_show(i, x[i + 1], w.size));
                          }
                          return joined(x[0], y, {x.back()});
                        },
                        [=](const variables& v) {
                          return variables{f(v[0], w.size, {w.strides, w.given(), w.dilation})};
                        },
                        w.text()};
          }};
}

oracle sized(std::string name, std::function<variable(operand, const per_axis&)> f) {
  return {std::move(name), [=](dice& d) {
            const random_windows w(d);
            const sizes x = d.almost(images(d, w.axes));
            return call{{x},
                        [=] {
                          demand(x.size() >= 3 && x.size() <= 5);
                          demand(w.size.size() == 1 || w.size.size() == x.size() - 2);
                          sizes y;
                          for (std::size_t i = 0; i + 2 < x.size(); ++i) {
                            demand(x[i + 1] >= 1);
                            y.push_back(number_at(w.size, i));
                            demand(y.back() >= 1);
                          }
                          return joined(x[0], y, {x.back()});
                        },
                        [=](const variables& v) { return variables{f(v[0], w.size)}; },
                        fmt::format("to {}", w.size)};
          }};
}

}  // namespace

void append_windows(std::vector<oracle>& rows) {
  rows.push_back({"unfold", random_unfold});
  rows.push_back({"fold", random_fold});
  rows.push_back({"conv", [](dice& d) { return random_conv(d, false); }});
  rows.push_back({"conv_transpose", [](dice& d) { return random_conv(d, true); }});
  rows.push_back(pool("max_pool", max_pool));
  rows.push_back(pool("average_pool", average_pool));
  rows.push_back(sized("adaptive_max_pool", adaptive_max_pool));
  rows.push_back(sized("adaptive_average_pool", adaptive_average_pool));
  for (const char* method : {"nearest", "bilinear"}) {
    rows.push_back(
        sized("resize", [method](operand x, const per_axis& to) { return resize(x, to, method); }));
  }
}

}  // namespace cotape::tests
