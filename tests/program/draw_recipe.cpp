// How random programs are drawn. The interpreter looks on, so that values stay moderate and known.
#include <algorithm>
#include <cmath>
#include <random>

#include "interpreter.hpp"
#include "node_rules.hpp"
#include "random_programs.hpp"

namespace cotape::tests {

namespace {

const operation* row(const char* text) {
  const auto& rows = operations();
  return &*std::find_if(rows.begin(), rows.end(),
                        [=](const operation& o) { return o.text == text; });
}

// Shapes that broadcast, transpose and multiply with each other.
std::vector<shape> small_shapes(std::int64_t p, std::int64_t q, std::int64_t r) {
  return {{}, {p}, {q}, {p, q}, {q, p}, {p, 1}, {1, q}, {r, p, q}, {r, 1, q}, {1}, {q, q}};
}
const std::vector<std::vector<shape>> large{
    {{511}, {1}, {}},
    {{512}, {1}, {2, 512}},
    {{513}, {1}, {513}, {}},
    {{5, 600}, {600}, {5, 1}, {}, {1, 600}},
    {{3, 171}, {513}, {171}, {3, 1}, {1}},
    {{2, 2, 300}, {2, 1, 300}, {2, 1}, {300}, {1, 1, 300}},
    {{32, 40}, {40, 32}, {40}, {32, 1}, {32, 32}},
};

class drawing {
 public:
  explicit drawing(std::uint64_t seed) : engine_(seed), g_(choose_precision()), oracle_(g_.t) {
    r_.as = as_;
    choose_shapes();
    for (std::size_t i = 0, n = 1 + below(3); i < n; ++i) leaf(kind::input, any(shapes_));
    for (std::size_t i = 0, n = below(3); i < n; ++i) leaf(kind::parameter, any(shapes_));
    for (std::size_t i = 0, n = below(2); i < n; ++i) leaf(kind::constant, any(shapes_));
  }

  recipe random() {
    for (int tries = 0; g_.t.size() < most_nodes_ && tries < 600; ++tries) {
      if (below(12) == 0) update();
      else if (below(12) == 0) repeat();
      else apply(any(operations()));
    }
    descend();
    if (below(4) == 0) {
      for (int i = 0; i < 3; ++i) apply(any(operations()));
      descend();
    }
    choose_outputs();
    return std::move(r_);
  }

  recipe complete() {
    shapes_ = small_shapes(2, 3, 2);
    for (const shape& s : shapes_) leaf(kind::parameter, s);
    most_before_derivative_ = std::numeric_limits<std::size_t>::max();
    for (const operation& o : operations()) {
      for (int tries = 0; tries < 1000 && !apply(o); ++tries) {
      }
    }
    update();
    descend();
    for (std::size_t s = 0; s < r_.steps.size(); ++s) r_.outputs.push_back(s);
    return std::move(r_);
  }

 private:
  std::size_t below(std::size_t n) { return static_cast<std::size_t>(engine_() % n); }
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return low + static_cast<std::int64_t>(below(static_cast<std::size_t>(high - low + 1)));
  }
  template <class T> const T& any(const std::vector<T>& list) { return list[below(list.size())]; }
  const shape& shape_of(std::size_t s) const { return g_.values[s].shape(); }

  precision choose_precision() {
    dtype_ = below(2) == 0 ? float32 : float64;
    as_ = dtype_ == float32 && below(4) == 0 ? precision::float64 : precision::as_given;
    return as_;
  }

  void choose_shapes() {
    const auto size = [&] { return any(std::vector<std::int64_t>{1, 2, 2, 3, 4, 5, 7}); };
    most_nodes_ = static_cast<std::size_t>(std::exp2(2 + 0.001 * static_cast<double>(below(5644))));
    most_elements_ = 120;
    const std::size_t family = below(40);
    if (family == 0) {
      shapes_ = any(large);
      most_nodes_ = 10 + most_nodes_ / 8;
      most_elements_ = 3000;
    } else if (family < 4) {
      shapes_ = {{}, {}, {1}, {1, 1}};
    } else if (family < 6) {
      shapes_ = small_shapes(0, size(), size());
    } else if (family == 6) {
      shapes_ = small_shapes(8, 16, 1);
    } else {
      shapes_ = small_shapes(size(), size(), size());
    }
  }

  std::size_t leaf(kind what, const shape& s) {
    step x{what, nullptr, {}, {}, {dtype_, s}, {}};
    for (std::int64_t i = 0; i < s.elements(); ++i) {
      const bool round = below(6) == 0;
      x.values.push_back(round ? any(std::vector<double>{0, 1, -1, 0.5, 2})
                               : static_cast<double>(between(-10000, 10000)) / 8192);
    }
    return add(std::move(x));
  }
  // Whole numbers from 0 to below `size`.
  std::size_t index_leaf(const shape& s, std::int64_t size) {
    step x{below(2) == 0 ? kind::input : kind::constant, nullptr, {}, {}, {int64, s}, {}};
    for (std::int64_t i = 0; i < s.elements(); ++i) {
      x.values.push_back(static_cast<double>(between(0, size - 1)));
    }
    return add(std::move(x));
  }

  // Records a step and computes it.
  std::size_t add(step s) {
    const variable v = g_.record(s);
    if (s.what == kind::input) oracle_.bind(v, g_.bound.back());
    r_.steps.push_back(std::move(s));
    oracle_.run();
    if (v.dtype() != int64) pool_.push_back(r_.steps.size() - 1);
    return r_.steps.size() - 1;
  }
  void forget(std::size_t size) {
    g_.rewind(size);
    oracle_.forget(g_.t.size());
    r_.steps.resize(size);
    while (!pool_.empty() && pool_.back() >= size) pool_.pop_back();
  }

  // The last step's values are of moderate number and size, known, with small errors.
  bool is_moderate() {
    const variable v = g_.values.back();
    const number_array& values = oracle_.at(v);
    if (values.size() > most_elements_ || v.dtype() != g_.t.promoted(dtype_)) return false;
    if (v.shape().rank() > 4) return false;
    long double most = 1;
    std::size_t unknown = 0;
    for (const number& n : values) {
      if (!is_known(n)) ++unknown;
      else most = std::max(most, std::abs(n.x));
    }
    if (most > 50 || 4 * unknown > values.size()) return false;
    return std::all_of(values.begin(), values.end(), [&](const number& n) {
      return !is_known(n) || n.error <= 4096 * unit_of(v.dtype()) * static_cast<double>(most);
    });
  }

  // Applies an operation to operands that fit; false if there are none or its value will not do.
  bool apply(const operation& o) {
    step s{kind::apply, &o, {}, {}, {}, {}};
    const std::size_t size = r_.steps.size();
    s.with.k = any(std::vector<double>{0.5, -0.25, 1.5, 0.7, -1, 2});
    const bool done = fit(s) && (add(std::move(s)), is_moderate());
    if (!done) forget(size);
    return done;
  }

  // The same step once more: equal nodes, which a pass merges.
  void repeat() {
    const step s = r_.steps[below(r_.steps.size())];
    if (s.what == kind::apply && s.op->names.find("uniform") == std::string::npos) add(s);
  }

  std::size_t recent() {
    return below(2) == 0 ? pool_[pool_.size() - 1 - below(std::min<std::size_t>(4, pool_.size()))]
                         : any(pool_);
  }

  // An operand that fits, by a condition, or false.
  template <class Condition> bool partner(step& s, Condition fits) {
    for (int i = 0; i < 8; ++i) {
      const std::size_t b = i == 7 ? s.in[0] : recent();
      if (!fits(shape_of(b))) continue;
      s.in.push_back(b);
      return true;
    }
    return false;
  }
  bool broadcasting_partner(step& s) {
    return partner(s, [&](const shape& b) {
      shape joint = b;
      for (std::size_t i : s.in) {
        const shape before = joint;
        if (!broadcast(before, shape_of(i), joint)) return false;
      }
      return joint.elements() <= static_cast<std::int64_t>(most_elements_);
    });
  }

  bool fit(step& s) {
    s.in = {recent()};
    const shape a = shape_of(s.in[0]);
    const auto rank = static_cast<std::int64_t>(a.rank());
    s.with.i = between(0, 2);
    s.with.j = between(0, 2);
    switch (s.op->takes) {
      case pattern::one: return true;
      case pattern::two: return broadcasting_partner(s);
      case pattern::three: return broadcasting_partner(s) && broadcasting_partner(s);
      case pattern::equal:
        return choose_axis(s, a, a.elements()) &&
               partner(s, [&](const shape& b) { return a == b; });
      case pattern::derive: return earlier(s);
      case pattern::derive_few:
        return a.elements() <= 4 && earlier(s) && shape_of(s.in[1]).elements() <= 4;
      case pattern::derive_by: return earlier(s) && like(s, shape_of(s.in[1]));
      case pattern::pull: return earlier(s) && like(s, a);
      case pattern::reduce: return a.elements() != 0 && choose_axes(s, a);
      case pattern::along: return choose_axis(s, a, a.elements());
      case pattern::axis: return choose_axis(s, a, 1);
      case pattern::grow: s.with.axis = between(-rank - 1, rank); return rank < 4;
      case pattern::resize: return choose_resized(s, a);
      case pattern::widen: return choose_wide(s, a);
      case pattern::vector: return rank == 1 && a[0] <= 10;
      case pattern::square: return rank == 2 && a[0] == a[1];
      case pattern::matrix: return rank == 2;
      case pattern::stack: s.with.i = between(-1, 1); return rank >= 2;
      case pattern::cube: return rank == 3;
      case pattern::image:
        if (rank != 3 || a.elements() == 0) return false;
        s.with.m = a[2];
        return true;
      case pattern::cut: return rank >= 1 && choose_cut(s, a[0]);
      case pattern::cut_second: return rank >= 2 && choose_cut(s, a[1]);
      case pattern::pick:
        if (rank == 0 || a[0] == 0) return false;
        s.with.i = between(-a[0], a[0] - 1);
        return true;
      case pattern::join:
        return choose_axis(s, a, 1) && partner(s, [&](const shape& b) { return joins(a, b, s); });
      case pattern::product:
        return rank >= 1 && partner(s, [&](const shape& b) { return multiplies(a, b); });
      case pattern::gather:
        if (!choose_axis(s, a, a.elements())) return false;
        s.in.push_back(index_leaf(below(2) == 0 ? shape{3} : shape{2, 1}, s.with.m));
        return true;
      case pattern::scatter: {
        if (!choose_axis(s, a, 1)) return false;
        const shape along{s.with.m};
        s.with.m = between(1, 5);
        s.in.push_back(index_leaf(along, s.with.m));
        return true;
      }
    }
    return false;
  }

  bool choose_axis(step& s, const shape& a, std::int64_t elements) {
    const auto rank = static_cast<std::int64_t>(a.rank());
    if (rank == 0 || elements == 0) return false;
    s.with.axis = between(-rank, rank - 1);
    s.with.m = a[static_cast<std::size_t>((s.with.axis + rank) % rank)];
    return true;
  }
  bool choose_axes(step& s, const shape& a) {
    s.with.keep = below(2) == 0 ? dims::keep : dims::drop;
    s.with.every = a.rank() == 0 || below(4) == 0;
    for (std::int64_t i = 0; !s.with.every && i < static_cast<std::int64_t>(a.rank()); ++i) {
      if (below(2) == 0) s.with.listed.push_back(i);
    }
    if (!s.with.every) s.with.over = axes(s.with.listed);
    return true;
  }
  bool choose_resized(step& s, const shape& a) {
    std::vector<std::int64_t> sizes(a.begin(), a.end());
    std::shuffle(sizes.begin(), sizes.end(), engine_);
    if (sizes.size() >= 2 && below(2) == 0) {
      const std::int64_t last = sizes.back();
      sizes.pop_back();
      sizes.back() *= last;
    }
    if (sizes.size() < 4 && below(3) == 0) {
      sizes.insert(sizes.begin() + between(0, static_cast<std::int64_t>(sizes.size())), 1);
    }
    s.with.to = shape(sizes);
    return true;
  }
  bool choose_wide(step& s, const shape& a) {
    std::vector<std::int64_t> sizes(a.begin(), a.end());
    for (std::int64_t& n : sizes) n = n == 1 && below(2) == 0 ? between(1, 4) : n;
    if (sizes.size() < 4 && below(2) == 0) sizes.insert(sizes.begin(), between(1, 3));
    s.with.to = shape(sizes);
    return true;
  }
  bool choose_cut(step& s, std::int64_t size) {
    s.with.i = between(-size - 1, size);
    s.with.j = between(-size - 1, size);
    s.with.m = any(std::vector<std::int64_t>{1, 1, 2, -1, -2});
    return true;
  }
  static bool joins(const shape& a, const shape& b, const step& s) {
    const auto rank = static_cast<std::int64_t>(a.rank());
    bool same = a.rank() == b.rank();
    for (std::size_t i = 0; same && i < a.rank(); ++i) {
      same = a[i] == b[i] || static_cast<std::int64_t>(i) == (s.with.axis + rank) % rank;
    }
    return same;
  }
  static bool multiplies(const shape& a, const shape& b) {
    if (b.rank() == 0 || a[a.rank() - 1] != b[b.rank() == 1 ? 0 : b.rank() - 2]) return false;
    shape joint;
    const auto batch = [](const shape& s) {
      return shape(std::span(s.begin(), s.rank() < 2 ? 0 : s.rank() - 2));
    };
    return broadcast(batch(a), batch(b), joint);
  }
  // A step before the first operand that it may depend on.
  bool earlier(step& s) {
    if (shape_of(s.in[0]).elements() > 60 || g_.t.size() > most_before_derivative_) return false;
    const std::size_t a = s.in[0], b = any(pool_);
    s.in.push_back(below(3) == 0 || b > a ? pool_.front() : b);
    return true;
  }
  bool like(step& s, const shape& x) {
    for (int i = 0; i < 8; ++i) {
      const std::size_t c = i == 7 ? leaf(kind::constant, x) : recent();
      if (shape_of(c) != x) continue;
      s.in.push_back(c);
      return true;
    }
    return false;
  }

  std::vector<std::size_t> steps_of(kind what) const {
    std::vector<std::size_t> result;
    for (std::size_t s = 0; s < r_.steps.size(); ++s) {
      if (r_.steps[s].what == what) result.push_back(s);
    }
    return result;
  }

  // Assigns to a parameter: a step from where it is, or anything of its type.
  void update() {
    const std::vector<std::size_t> parameters = steps_of(kind::parameter);
    if (parameters.empty()) return;
    const std::size_t p = any(parameters);
    std::size_t now = p;
    for (std::size_t s : steps_of(kind::assign)) now = r_.steps[s].in[0] == p ? s : now;
    for (int i = 0; i < 8; ++i) {
      std::size_t v = recent();
      shape joint;
      if (below(2) == 0 && broadcast(shape_of(p), shape_of(v), joint) && joint == shape_of(p)) {
        const std::size_t size = r_.steps.size();
        v = add({kind::apply, row(below(2) == 0 ? "a - 0.1 * b" : "a + b"), {now, v}, {}, {}, {}});
        if (!is_moderate()) return forget(size);
      }
      if (shape_of(v) != shape_of(p)) continue;
      add({kind::assign, nullptr, {p, v}, {}, {}, {}});
      return;
    }
  }

  // A loss of several values and its gradient with respect to all inputs and parameters.
  void descend() {
    std::vector<bool> used(r_.steps.size(), false);
    for (const step& s : r_.steps) {
      for (std::size_t i : s.in) used[i] = true;
    }
    std::vector<std::size_t> ends;
    for (std::size_t s : pool_) {
      if (!used[s]) ends.push_back(s);
    }
    std::shuffle(ends.begin(), ends.end(), engine_);
    if (ends.size() > 5) ends.resize(5);
    ends.push_back(any(pool_));
    std::size_t loss = 0;
    for (std::size_t k = 0; k < ends.size(); ++k) {
      const std::size_t bent = add({kind::apply, row("sin(a)"), {ends[k]}, {}, {}, {}});
      const std::size_t part = add({kind::apply, row("sum(a)"), {bent}, {}, {}, {}});
      loss = k == 0 ? part : add({kind::apply, row("a + b"), {loss, part}, {}, {}, {}});
    }
    step s{kind::sweep, nullptr, {loss}, {}, {}, {}};
    for (const kind leaves : {kind::input, kind::parameter}) {
      for (std::size_t x : steps_of(leaves)) {
        if (r_.steps[x].type.dtype != int64) s.in.push_back(x);
      }
    }
    const std::size_t leaves = s.in.size() - 1, sweep = add(std::move(s));
    for (std::size_t k = 1; k < leaves; ++k) {
      step share{kind::share, nullptr, {sweep}, {}, {}, {}};
      share.with.i = static_cast<std::int64_t>(k);
      add(std::move(share));
    }
    if (below(2) == 0) update();
  }

  void choose_outputs() {
    for (std::size_t s = 0; s < r_.steps.size(); ++s) {
      const kind what = r_.steps[s].what;
      const bool derived = what == kind::sweep || what == kind::share;
      if (below(derived ? 2 : 12) == 0) r_.outputs.push_back(s);
    }
    r_.outputs.push_back(pool_.back());
  }

  std::mt19937_64 engine_;
  dtype dtype_ = float32;
  precision as_ = precision::as_given;
  std::vector<shape> shapes_;
  std::size_t most_nodes_ = 0, most_elements_ = 0, most_before_derivative_ = 80;
  recipe r_;
  recorded_recipe g_;
  interpreter oracle_;
  std::vector<std::size_t> pool_;  // steps with values that operations take
};

}  // namespace

recipe drawn(std::uint64_t seed) { return drawing(seed).random(); }
recipe every_operation() { return drawing(3).complete(); }

}  // namespace cotape::tests
