// Shrinking: every change that makes a recipe smaller is kept if the difference stays.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "random_programs.hpp"

namespace cotape::tests {

namespace {

// The steps that outputs and assignments need, and `also`; numbers change.
recipe without_dead_steps(const recipe& r) {
  std::vector<bool> needed(r.steps.size(), false);
  for (std::size_t s : r.outputs) needed[s] = true;
  for (std::size_t s = r.steps.size(); s-- > 0;) {
    if (!needed[s]) continue;
    for (std::size_t i : r.steps[s].in) needed[i] = true;
  }
  recipe result{{}, {}, r.as};
  std::vector<std::size_t> place(r.steps.size());
  for (std::size_t s = 0; s < r.steps.size(); ++s) {
    if (!needed[s]) continue;
    place[s] = result.steps.size();
    result.steps.push_back(r.steps[s]);
    for (std::size_t& i : result.steps.back().in) i = place[i];
  }
  for (std::size_t s : r.outputs) result.outputs.push_back(place[s]);
  return result;
}

class shrinking {
 public:
  shrinking(recipe r, const difference& found, const examination& examine)
      : best_{std::move(r), found}, examine_(examine) {}

  shrunk_recipe run() {
    try_recipe([&](recipe& r) { r.outputs = {best_.found.step}; });
    for (bool smaller = true; smaller && examined_ < most_examined;) {
      smaller = fewer_outputs();
      smaller = fewer_steps() || smaller;
      smaller = smaller_sizes() || smaller;
      smaller = plainer_values() || smaller;
    }
    return best_;
  }

 private:
  static constexpr int most_examined = 5000;

  // Keeps a changed recipe if the examination still finds something. A change that cannot be
  // recorded is none.
  template <class Change> bool try_recipe(Change change) {
    recipe r = best_.small;
    change(r);
    r = without_dead_steps(r);
    if (++examined_ > most_examined || r.outputs.empty()) return false;
    try {
      const auto found = examine_(r);
      if (!found) return false;
      best_ = {std::move(r), *found};
      return true;
    } catch (const error&) {
      return false;
    } catch (const std::out_of_range&) {
      return false;
    }
  }

  bool fewer_outputs() {
    bool any = false;
    for (std::size_t k = best_.small.outputs.size(); k-- > 0 && best_.small.outputs.size() > 1;) {
      any = try_recipe([&](recipe& r) {
              r.outputs.erase(r.outputs.begin() + static_cast<std::ptrdiff_t>(k));
            }) ||
            any;
      k = std::min(k, best_.small.outputs.size());
    }
    return any;
  }

  // Puts an operand, or an input of the step's type, in a step's place.
  bool fewer_steps() {
    bool any = false;
    for (std::size_t s = best_.small.steps.size(); s-- > 0;) {
      s = std::min(s, best_.small.steps.size() - 1);
      const step old = best_.small.steps[s];
      if (old.what == kind::input) continue;
      bool done = false;
      for (std::size_t k = 0; !done && old.what != kind::parameter && k < old.in.size(); ++k) {
        done = try_recipe([&](recipe& r) { redirect(r, s, old.in[k]); });
      }
      if (!done) done = try_recipe([&](recipe& r) { r.steps[s] = input_like(s); });
      if (!done && old.what == kind::sweep) done = fewer_leaves(s);
      any = any || done;
    }
    return any;
  }

  static void redirect(recipe& r, std::size_t from, std::size_t to) {
    for (step& later : r.steps) {
      std::replace(later.in.begin(), later.in.end(), from, to);
    }
    std::replace(r.outputs.begin(), r.outputs.end(), from, to);
  }

  step input_like(std::size_t s) const {
    const recorded_recipe g(best_.small);
    const value_type& type = g.values[s].type();
    step x{kind::input, nullptr, {}, {}, type, {}};
    for (std::int64_t i = 0; i < type.shape.elements(); ++i) {
      x.values.push_back(type.dtype == int64 ? 0 : static_cast<double>(i % 5) / 4 + 0.25);
    }
    return x;
  }

  bool fewer_leaves(std::size_t s) {
    bool any = false;
    for (std::size_t k = best_.small.steps[s].in.size(); k-- > 1;) {
      if (best_.small.steps[s].in.size() <= 2) break;
      any = try_recipe([&](recipe& r) {
              auto& in = r.steps[s].in;
              in.erase(in.begin() + static_cast<std::ptrdiff_t>(k));
              for (step& later : r.steps) {
                const auto number = static_cast<std::int64_t>(k) - 1;
                if (later.what == kind::share && later.in[0] == s && later.with.i > number) {
                  --later.with.i;
                }
              }
            }) ||
            any;
      if (s >= best_.small.steps.size() || best_.small.steps[s].what != kind::sweep) break;
    }
    return any;
  }

  // Axes of one size become shorter everywhere at once.
  bool smaller_sizes() {
    std::vector<std::int64_t> sizes;
    for (const step& s : best_.small.steps) {
      for (std::int64_t n : s.type.shape) sizes.push_back(n);
    }
    std::sort(sizes.begin(), sizes.end());
    sizes.erase(std::unique(sizes.begin(), sizes.end()), sizes.end());
    bool any = false;
    for (std::int64_t n : sizes) {
      for (std::int64_t less : {std::int64_t{1}, std::int64_t{2}, n / 2, n - 1}) {
        if (less < 1 || less >= n) continue;
        if (!try_recipe([&](recipe& r) { resize(r, n, less); })) continue;
        any = true;
        break;
      }
    }
    return any;
  }

  static shape resized(const shape& s, std::int64_t from, std::int64_t to) {
    std::vector<std::int64_t> sizes(s.begin(), s.end());
    std::replace(sizes.begin(), sizes.end(), from, to);
    return shape(sizes);
  }
  static void resize(recipe& r, std::int64_t from, std::int64_t to) {
    for (step& s : r.steps) {
      s.with.to = resized(s.with.to, from, to);
      if (s.with.m == from) s.with.m = to;
      s.type.shape = resized(s.type.shape, from, to);
      const auto n = static_cast<std::size_t>(s.type.shape.elements());
      if (!s.values.empty()) s.values.resize(n, s.values.back());
    }
  }

  bool plainer_values() {
    bool any = false;
    for (std::size_t s = 0; s < best_.small.steps.size(); ++s) {
      const std::vector<double>& values = best_.small.steps[s].values;
      const auto plain = [&](auto rounded) {
        std::vector<double> other = values;
        for (double& v : other) v = rounded(v);
        if (other == values) return false;
        return try_recipe([&](recipe& r) { r.steps[s].values = other; });
      };
      any = plain([](double) { return 1.0; }) ||
            plain([](double v) { return std::round(4 * v) / 4; }) ||
            plain([](double v) { return std::round(64 * v) / 64; }) || any;
      if (s >= best_.small.steps.size()) break;
    }
    return any;
  }

  shrunk_recipe best_;
  const examination& examine_;
  int examined_ = 0;
};

}  // namespace

shrunk_recipe shrunk(recipe r, const difference& found, const examination& examine) {
  return shrinking(std::move(r), found, examine).run();
}

std::string report_of(std::uint64_t seed, tally& count) try {
  const recipe r = drawn(seed);
  const std::optional<difference> found = examine(r, count);
  if (!found) return "";
  tally ignored;
  const auto again = [&](const recipe& candidate) { return examine(candidate, ignored); };
  const shrunk_recipe s = shrunk(r, *found, again);
  return fmt::format("seed {}, {} steps: {}\nshrunk to {} steps:\n{}", seed, r.steps.size(),
                     found->what, s.small.steps.size(),
                     cpp_of(s.small, fmt::format("Seed{}", seed), s.found));
} catch (const std::exception& e) {
  return fmt::format("seed {}: {}", seed, e.what());
}

}  // namespace cotape::tests
