// The rules themselves.
#include "shape_rules.hpp"

namespace cotape::tests::numpy {

sizes broadcast(const std::vector<sizes>& operands) {
  std::int64_t longest = 0;
  for (const sizes& s : operands) longest = std::max(longest, rank(s));
  sizes result;
  for (std::int64_t i = 0; i < longest; ++i) {
    std::int64_t size = 1;
    for (const sizes& s : operands) {
      const std::int64_t own = i - (longest - rank(s));
      if (own < 0 || at(s, own) == 1) continue;
      demand(size == 1 || size == at(s, own));
      size = at(s, own);
    }
    result.push_back(size);
  }
  return result;
}

sizes broadcast_to(const sizes& x, const sizes& to) {
  demand(broadcast({x, to}) == to);
  return to;
}

sizes matmul(sizes a, sizes b) {
  demand(!a.empty() && !b.empty());
  const bool row = a.size() == 1, column = b.size() == 1;
  if (row) a.insert(a.begin(), 1);
  if (column) b.push_back(1);
  demand(a.back() == at(b, rank(b) - 2));
  sizes y = broadcast({part(a, 0, rank(a) - 2), part(b, 0, rank(b) - 2)});
  if (!row) y.push_back(at(a, rank(a) - 2));
  if (!column) y.push_back(b.back());
  return y;
}

namespace {

// Axes of a reduction, none meaning all of them: whether each one is reduced.
std::vector<bool> reduced_axes(const sizes& x, const std::optional<sizes>& axes) {
  std::vector<bool> reduced(x.size(), !axes);
  for (std::int64_t axis : axes.value_or(sizes{})) {
    const auto i = static_cast<std::size_t>(axis_of(axis, rank(x)));
    demand(!reduced[i]);
    reduced[i] = true;
  }
  return reduced;
}

}  // namespace

std::int64_t reduced_count(const sizes& x, const std::optional<sizes>& axes) {
  const auto reduced = reduced_axes(x, axes);
  std::int64_t n = 1;
  for (std::size_t i = 0; i < x.size(); ++i) n *= reduced[i] ? x[i] : 1;
  return n;
}

sizes reduce(const sizes& x, const std::optional<sizes>& axes, bool keep) {
  const auto reduced = reduced_axes(x, axes);
  sizes y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!reduced[i]) y.push_back(x[i]);
    else if (keep) y.push_back(1);
  }
  return y;
}

sizes along(const sizes& x, std::int64_t axis) {
  axis_of(axis, rank(x));
  return x;
}

sizes without_axis(sizes x, std::int64_t axis) {
  x.erase(x.begin() + axis_of(axis, rank(x)));
  return x;
}

sizes reshape(const sizes& x, sizes to) {
  std::int64_t known = 1, *open = nullptr;
  for (std::int64_t& size : to) {
    demand(size >= -1 && (size != -1 || open == nullptr));
    if (size == -1) open = &size;
    else known *= size;
  }
  if (open != nullptr) {
    demand(known != 0 && count(x) % known == 0);
    *open = count(x) / known;
  }
  demand(count(to) == count(x));
  return to;
}

sizes transpose(const sizes& x, const sizes& order) {
  if (order.empty()) return {x.rbegin(), x.rend()};
  demand(order.size() == x.size());
  sizes y;
  std::vector<bool> seen(x.size(), false);
  for (std::int64_t axis : order) {
    const auto i = static_cast<std::size_t>(axis_of(axis, rank(x)));
    demand(!seen[i]);
    seen[i] = true;
    y.push_back(x[i]);
  }
  return y;
}

sizes expand_dims(sizes x, std::int64_t axis) {
  x.insert(x.begin() + axis_of(axis, rank(x) + 1), 1);
  return x;
}

sizes squeeze(const sizes& x, const std::optional<sizes>& axes) {
  const auto named = reduced_axes(x, axes);
  sizes y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    demand(!axes || !named[i] || x[i] == 1);
    if (!named[i] || x[i] != 1) y.push_back(x[i]);
  }
  return y;
}

namespace {

// The elements that Python's start:stop:step takes of n, counted one by one.
std::int64_t slice_length(const entry& e, std::int64_t n) {
  demand(e.step != 0);
  const bool forward = e.step > 0;
  const auto place = [&](std::optional<std::int64_t> k, std::int64_t otherwise) {
    if (!k) return otherwise;
    if (*k < 0) k = *k + n;
    if (*k < 0) return std::int64_t{forward ? 0 : -1};
    return *k >= n ? (forward ? n : n - 1) : *k;
  };
  const std::int64_t stop = place(e.stop, forward ? n : -1);
  std::int64_t length = 0;
  for (std::int64_t k = place(e.start, forward ? 0 : n - 1); forward ? k < stop : k > stop;
       k += e.step) {
    ++length;
  }
  return length;
}

}  // namespace

sizes slice(const sizes& x, const std::vector<entry>& entries) {
  demand(entries.size() <= x.size());
  sizes y;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (i >= entries.size()) y.push_back(x[i]);
    else if (entries[i].index) axis_of(*entries[i].index, x[i]);  // an index counts as an axis does
    else y.push_back(slice_length(entries[i], x[i]));
  }
  return y;
}

sizes concatenate(const std::vector<sizes>& parts, std::int64_t axis) {
  demand(!parts.empty());
  const std::int64_t along = axis_of(axis, rank(parts[0]));
  sizes y = parts[0];
  for (std::size_t i = 1; i < parts.size(); ++i) {
    demand(without_axis(parts[i], along) == without_axis(y, along));
    at(y, along) += at(parts[i], along);
  }
  return y;
}

sizes stack(const std::vector<sizes>& parts, std::int64_t axis) {
  demand(!parts.empty());
  for (const sizes& s : parts) demand(s == parts[0]);
  sizes y = parts[0];
  y.insert(y.begin() + axis_of(axis, rank(y) + 1), static_cast<std::int64_t>(parts.size()));
  return y;
}

sizes pad(sizes x, const sizes& before, const sizes& after) {
  demand(before.size() == x.size() && after.size() == x.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    demand(before[i] >= 0 && after[i] >= 0);
    x[i] += before[i] + after[i];
  }
  return x;
}

sizes take(const sizes& x, const sizes& indices, std::int64_t axis) {
  const std::int64_t where = axis_of(axis, rank(x));
  return joined(joined(part(x, 0, where), indices), part(x, where + 1, rank(x)));
}

}  // namespace cotape::tests::numpy
