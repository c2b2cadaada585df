// The interpreter's rules for whole values: broadcasts, reductions, products, moves, random
// numbers.
#include "node_rules.hpp"

#include <algorithm>
#include <bit>
#include <cmath>
#include <stdexcept>

#include "primitives/assemble.hpp"
#include "primitives/pairs.hpp"
#include "window_rules.hpp"

namespace cotape::tests {

namespace {

using words = std::vector<std::int64_t>;
constexpr double unknown = std::numeric_limits<double>::infinity();

std::size_t at(std::int64_t i) { return static_cast<std::size_t>(i); }

// The places sum(index * stride) + offset for all indices of `sizes`, in row-major order.
std::vector<std::size_t> places(const words& sizes, const words& strides, std::int64_t offset = 0) {
  std::int64_t total = 1;
  for (std::int64_t s : sizes) total *= s;
  std::vector<std::size_t> result(at(total));
  words index(sizes.size(), 0);
  for (std::size_t& place : result) {
    place = at(offset);
    for (std::size_t i = sizes.size(); i-- > 0;) {
      offset += strides[i];
      if (++index[i] < sizes[i]) break;
      offset -= strides[i] * sizes[i];
      index[i] = 0;
    }
  }
  return result;
}

words sizes_of(const shape& s) { return {s.begin(), s.end()}; }
words strides_of(const shape& s) {
  words strides(s.rank(), 1);
  for (std::size_t i = s.rank(); i-- > 1;) strides[i - 1] = strides[i] * s[i];
  return strides;
}

// Where the elements of `to` come from in a value of shape s that is broadcast to it.
std::vector<std::size_t> spread(const shape& s, const shape& to) {
  words strides = strides_of(s);
  for (std::size_t i = 0; i < s.rank(); ++i) strides[i] = s[i] == 1 ? 0 : strides[i];
  strides.insert(strides.begin(), to.rank() - s.rank(), 0);
  return places(sizes_of(to), strides);
}

class operand_reader {
 public:
  operand_reader(const number_array& values, const value_type& type, const shape& to)
      : values_(values), same_(type.shape.elements() == to.elements()) {
    if (!same_) from_ = spread(type.shape, to);
  }
  const number& operator[](std::size_t k) const { return values_[same_ ? k : from_[k]]; }

 private:
  const number_array& values_;
  bool same_;
  std::vector<std::size_t> from_;
};

// An operation and the one that alone used its result, or one operation.
struct composed {
  element_rule inner = nullptr, outer;
  std::size_t inner_arity = 0;
  bool second = false;

  explicit composed(const primitive& op) {
    for (const operation_pair& p : operation_pairs()) {
      if (p.both != &op) continue;
      inner = rule_of(p.inner->name);
      outer = rule_of(p.outer->name);
      second = p.second;
      return;
    }
    outer = rule_of(op.name);
  }
  number operator()(const number& a, const number& b, const number& c, double u) const {
    if (inner == nullptr) return outer(a, b, c, u);
    const number first = inner(a, b, {}, u);
    return second ? outer(c, first, {}, u) : outer(first, c, {}, u);
  }
};

number_array elementwise(const task& t) {
  const shape& to = t.type->shape;
  const auto reader = [&](std::size_t k) {
    const std::size_t i = t.in[k] != nullptr ? k : 0;
    return operand_reader(*t.in[i], *t.in_type[i], to);
  };
  const operand_reader a = reader(0), b = reader(1), c = reader(2);
  const composed rule(*t.op);
  const double u = unit_of(t.type->dtype);
  number_array y(at(to.elements()));
  for (std::size_t k = 0; k < y.size(); ++k) y[k] = rule(a[k], b[k], c[k], u);
  return y;
}

// share_of_maximum(x, max(x), tie): the largest element is the maximum whatever the rounding,
// unless another one is as large within the errors.
number_array largest(const task& t) {
  const shape& to = t.type->shape;
  const operand_reader x(*t.in[0], *t.in_type[0], to), tie(*t.in[2], *t.in_type[2], to);
  const number_array& maxima = *t.in[1];
  const auto group = spread(t.in_type[1]->shape, to);
  std::vector<int> candidates(maxima.size(), 0);
  const auto near = [&](std::size_t k) {
    const number& m = maxima[group[k]];
    return !(m.x - x[k].x > 8 * (m.error + x[k].error));
  };
  for (std::size_t k = 0; k < group.size(); ++k) candidates[group[k]] += near(k);
  number_array y(group.size());
  for (std::size_t k = 0; k < y.size(); ++k) {
    const number& m = maxima[group[k]];
    const bool sure = m.error == 0 || !near(k) || candidates[group[k]] == 1;
    y[k] = {x[k].x == m.x ? tie[k].x : 0.0L, 0, sure ? 0 : unknown};
  }
  return y;
}

struct strip {  // a value seen as outer x reduced x inner
  std::size_t outer = 1, reduced = 1, inner = 1;
  strip(const shape& s, std::int64_t first, std::int64_t count) {
    if (first == primitives::all_axes) first = 0, count = static_cast<std::int64_t>(s.rank());
    for (std::size_t i = 0; i < s.rank(); ++i) {
      const auto axis = static_cast<std::int64_t>(i);
      (axis < first ? outer : axis < first + count ? reduced : inner) *= at(s[i]);
    }
  }
};

number norm_of(const number_array& v, double u) {
  number r;
  long double squares = 0;
  double errors = 0;
  for (const number& e : v) {
    squares += e.x * e.x;
    errors += e.error;
  }
  r.x = std::sqrt(squares);
  for (const number& e : v) {
    if (r.x != 0) r.slope += e.slope * e.x / r.x;
  }
  r.error = errors + u * (2 + static_cast<double>(v.size())) * static_cast<double>(r.x);
  return r;
}

number argmax_of(const number_array& v) {
  std::size_t best = 0;
  for (std::size_t i = 0; i < v.size(); ++i) best = v[i].x > v[best].x ? i : best;
  number r{static_cast<long double>(best), 0, 0};
  for (std::size_t i = 0; i < v.size(); ++i) {
    const double error = v[i].error + v[best].error;
    if (i != best && error != 0 && !(v[best].x - v[i].x > 8 * error)) r.error = unknown;
  }
  return r;
}

number_array reduction(const task& t) {
  const std::string_view name = t.op->name;
  const std::int64_t count = name == "argmax" ? 1 : t.attributes[1];
  const strip s(t.in_type[0]->shape, t.attributes[0], count);
  const double u = unit_of(t.type->dtype);
  number_array y(s.outer * s.inner), run(s.reduced);
  for (std::size_t o = 0; o < s.outer; ++o) {
    for (std::size_t i = 0; i < s.inner; ++i) {
      for (std::size_t k = 0; k < s.reduced; ++k) {
        run[k] = (*t.in[0])[(o * s.reduced + k) * s.inner + i];
      }
      y[o * s.inner + i] = name == "sum"    ? total(run, u)
                           : name == "max"  ? maximum_of(run)
                           : name == "norm" ? norm_of(run, u)
                                            : argmax_of(run);
    }
  }
  return y;
}

number_array cumsum(const task& t) {
  const strip s(t.in_type[0]->shape, t.attributes[0], 1);
  const double u = unit_of(t.type->dtype);
  number_array y = *t.in[0];
  for (std::size_t o = 0; o < s.outer; ++o) {
    for (std::size_t i = 0; i < s.inner; ++i) {
      for (std::size_t k = 1; k < s.reduced; ++k) {
        const auto place = [&](std::size_t j) {
          return (o * s.reduced + (t.attributes[1] != 0 ? s.reduced - 1 - j : j)) * s.inner + i;
        };
        y[place(k)] = sum_of(y[place(k)], y[place(k - 1)], u);
      }
    }
  }
  return y;
}

// a b of a product in a graph, times its factor and plus its addend, in the places that its
// geometry says.
number_array product(const task& t, const kernels::gemm_geometry& g) {
  const double u = unit_of(t.type->dtype);
  const auto elements = [&](const kernels::matrix& of, auto along, std::int64_t rows,
                            std::int64_t cols) {
    words sizes, strides;
    for (std::uint32_t i = 0; i < g.axes; ++i) {
      sizes.push_back(g.batch[i].size);
      strides.push_back(g.batch[i].*along);
    }
    sizes.insert(sizes.end(), {rows, cols});
    strides.insert(strides.end(), {of.transposed ? 1 : of.stride, of.transposed ? of.stride : 1});
    return places(sizes, strides, of.offset);
  };
  using axis = kernels::gemm_geometry::axis;
  const auto a = elements(g.a, &axis::a, g.m, g.k), b = elements(g.b, &axis::b, g.k, g.n),
             d = elements(g.d, &axis::d, g.m, g.n);
  const std::size_t m = at(g.m), n = at(g.n), k = at(g.k);
  number_array y(at(t.type->shape.elements())), terms(k);
  std::vector<bool> written(y.size());
  for (std::size_t e = 0; e < d.size(); ++e) {
    const std::size_t q = e / (m * n), i = e / n % m, j = e % n;
    for (std::size_t p = 0; p < k; ++p) {
      terms[p] =
          product_of(t.in[0]->at(a[(q * m + i) * k + p]), t.in[1]->at(b[(q * k + p) * n + j]), u);
    }
    number& x = y.at(d[e]);
    x = total(terms, u);
    if (t.in[2] != nullptr) x = product_of(x, (*t.in[2])[0], u);
    if (g.negate) x = {-x.x, -x.slope, x.error};
    if (g.accumulate) x = sum_of(x, t.in[3]->at(d[e]), u);
    if (written[d[e]]) throw std::logic_error("a product writes an element twice");
    written[d[e]] = true;
  }
  for (bool w : written) {
    if (!w) throw std::logic_error("a product leaves an element out");
  }
  return y;
}

number_array matmul(const task& t) {
  if (t.product) return product(t, *t.product);
  const shape& to = t.type->shape;
  const std::size_t rank = to.rank();
  words left = strides_of(t.in_type[0]->shape), right = strides_of(t.in_type[1]->shape);
  const std::size_t inner = at(t.in_type[0]->shape[rank - 1]);
  const std::size_t a_step = at(left[rank - 1]), b_step = at(right[rank - 2]);
  left[rank - 1] = right[rank - 2] = 0;
  const auto from_a = places(sizes_of(to), left), from_b = places(sizes_of(to), right);
  const double u = unit_of(t.type->dtype);
  number_array y(from_a.size()), terms(inner);
  for (std::size_t k = 0; k < y.size(); ++k) {
    for (std::size_t j = 0; j < inner; ++j) {
      const number &a = (*t.in[0])[from_a[k] + j * a_step], &b = (*t.in[1])[from_b[k] + j * b_step];
      terms[j] = product_of(a, b, u);
    }
    y[k] = total(terms, u);
  }
  return y;
}

number_array transpose(const task& t) {
  const words strides = strides_of(t.in_type[0]->shape);
  words moved;
  for (std::int64_t axis : t.attributes) moved.push_back(strides[at(axis)]);
  number_array y;
  for (std::size_t from : places(sizes_of(t.type->shape), moved)) y.push_back((*t.in[0])[from]);
  return y;
}

// The places of a slice of that size in a value of shape s.
std::vector<std::size_t> slice_places(const shape& s, const words& sizes, const words& first,
                                      const words& steps) {
  words strides = strides_of(s);
  std::int64_t offset = 0;
  for (std::size_t i = 0; i < s.rank(); ++i) {
    offset += first[i] * strides[i];
    strides[i] *= steps[i];
  }
  return places(sizes, strides, offset);
}

number_array slice(const task& t) {
  const auto axis_of = [&, rank = t.type->shape.rank()](std::size_t k) {
    const auto part = t.attributes.subspan(k * rank, rank);
    return words(part.begin(), part.end());
  };
  number_array y;
  for (std::size_t from : slice_places(t.in_type[0]->shape, axis_of(0), axis_of(1), axis_of(2))) {
    y.push_back((*t.in[0])[from]);
  }
  return y;
}

number_array cast(const task& t) {
  number_array y = *t.in[0];
  const dtype from = t.in_type[0]->dtype, to = t.type->dtype;
  for (number& e : y) {
    if (to == int64) {
      const bool sure = std::trunc(e.x - 8 * e.error) == std::trunc(e.x + 8 * e.error);
      e = {std::trunc(e.x), 0, sure ? 0 : unknown};
    } else if (from == float64 && to == float32) {
      e.error += unit_of(float32) * static_cast<double>(std::abs(e.x));
    }
  }
  return y;
}

std::size_t entry_of(const number& index, std::size_t size) {
  const auto k = static_cast<std::int64_t>(index.x);
  if (k < 0 || at(k) >= size) throw std::out_of_range("an index outside the axis");
  return at(k);
}

number_array gather(const task& t) {
  const strip s(t.in_type[0]->shape, t.attributes[0], 1);
  const number_array& indices = *t.in[1];
  number_array y;
  for (std::size_t o = 0; o < s.outer; ++o) {
    for (const number& index : indices) {
      for (std::size_t i = 0; i < s.inner; ++i) {
        const std::size_t k = entry_of(index, s.reduced);
        y.push_back((*t.in[0])[(o * s.reduced + k) * s.inner + i]);
        if (index.error != 0) y.back().error = unknown;
      }
    }
  }
  return y;
}

// Where the elements of a part stand in the result; unsure if its indices are.
std::vector<std::size_t> part_places(const task& t, const primitives::assembly::part& p,
                                     const value_type& type, const number_array* indices,
                                     bool& sure) {
  if (!p.indexed()) {
    return slice_places(t.type->shape, sizes_of(type.shape), {p.first.begin(), p.first.end()},
                        {p.steps.begin(), p.steps.end()});
  }
  const strip s(t.type->shape, p.axis, 1);
  std::vector<std::size_t> result;
  for (std::size_t o = 0; o < s.outer; ++o) {
    for (const number& index : *indices) {
      sure = sure && index.error == 0;
      const std::size_t k = entry_of(index, s.reduced);
      for (std::size_t i = 0; i < s.inner; ++i) result.push_back((o * s.reduced + k) * s.inner + i);
    }
  }
  return result;
}

number_array assemble(const task& t) {
  const bool narrow = t.type->dtype == float32;
  const double all = t.puts ? t.puts->rest : primitives::assembly(t.attributes).rest();
  const number rest{narrow ? static_cast<long double>(static_cast<float>(all)) : all, 0, 0};
  std::vector<number_array> terms(at(t.type->shape.elements()));
  if (t.puts && t.in[3] != nullptr) {
    for (std::size_t i = 0; i < terms.size(); ++i) terms[i].push_back((*t.in[3])[i]);
  }
  bool sure = true;
  const auto put = [&](const primitives::assembly::part& p, std::size_t from, bool adds) {
    const auto to =
        part_places(t, p, *t.in_type[from], !p.indexed() ? nullptr : t.in[from + 1], sure);
    for (std::size_t k = 0; k < to.size(); ++k) {
      if (!adds) terms[to[k]].clear();
      terms[to[k]].push_back((*t.in[from])[k]);
    }
  };
  using primitives::assembly;
  if (t.puts) put(assembly::part_of(t.attributes), 0, t.puts->adds);
  else assembly(t.attributes).for_each_part([&](const auto& p) { put(p, p.operand, true); });
  number_array y;
  for (const number_array& p : terms) {
    y.push_back(p.empty() ? rest : p.size() == 1 ? p[0] : total(p, unit_of(t.type->dtype)));
    if (!sure) y.back().error = unknown;
  }
  return y;
}

// Of tests/weave.hpp: the weight is rounded to the dtype.
number_array weave(const task& t) {
  const bool narrow = t.type->dtype == float32, turned = t.attributes[2] != 0;
  const auto given = std::bit_cast<double>(t.attributes[1]);
  const number weight{narrow ? static_cast<long double>(static_cast<float>(given)) : given, 0, 0};
  std::size_t k = 0;
  while (k < t.in.size() && t.in[k] != nullptr) ++k;
  const std::size_t n = t.in[0]->size();
  const double u = unit_of(t.type->dtype);
  number_array y(n), terms(k);
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j < k; ++j) {
      terms[j] = product_of((*t.in[j])[i], (*t.in[(j + 1) % k])[(i + at(t.attributes[0])) % n], u);
    }
    y[turned ? n - 1 - i : i] = product_of(weight, total(terms, u), u);
  }
  return y;
}

// Philox4x32-10 (Salmon et al., 2011): 24 bits of each word, or 53 of each pair of words.
number_array uniform(const task& t) {
  number_array y(at(t.type->shape.elements()));
  const auto seed = static_cast<std::uint64_t>(t.attributes[0]),
             stream = static_cast<std::uint64_t>(t.attributes[1]),
             counter = static_cast<std::uint64_t>((*t.in[0])[0].x);
  const bool narrow = t.type->dtype == float32;
  const std::size_t per_block = narrow ? 4 : 2;
  for (std::size_t i = 0; i < y.size(); ++i) {
    std::array<std::uint32_t, 4> w{
        static_cast<std::uint32_t>(i / per_block), static_cast<std::uint32_t>(stream),
        static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32)};
    auto k0 = static_cast<std::uint32_t>(seed),
         k1 = static_cast<std::uint32_t>((seed ^ stream) >> 32);
    for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9U, k1 += 0xBB67AE85U) {
      const std::uint64_t p = std::uint64_t{w[0]} * 0xD2511F53U,
                          q = std::uint64_t{w[2]} * 0xCD9E8D57U;
      w = {static_cast<std::uint32_t>(q >> 32) ^ w[1] ^ k0, static_cast<std::uint32_t>(q),
           static_cast<std::uint32_t>(p >> 32) ^ w[3] ^ k1, static_cast<std::uint32_t>(p)};
    }
    const std::size_t half = i % per_block;
    const std::uint64_t pair = w[(2 * half) % 4] | std::uint64_t{w[(2 * half + 1) % 4]} << 32;
    y[i].x = narrow ? std::ldexp(static_cast<long double>(w[half] >> 8), -24)
                    : std::ldexp(static_cast<long double>(pair >> 11), -53);
  }
  return y;
}

// floor((factor i + plus) / over), none of which is negative.
number_array numbers_of_a_line(const task& t) {
  number_array y(at(t.type->shape.elements()));
  for (std::size_t i = 0; i < y.size(); ++i) {
    const std::int64_t sum = t.attributes[1] * static_cast<std::int64_t>(i) + t.attributes[2];
    y[i].x = static_cast<long double>(sum / t.attributes[3]);
  }
  return y;
}

number_array viewed(const task& t) {
  number_array y = *t.in[0];
  if (t.op == &primitives::stop_gradient) {
    for (number& e : y) e.slope = 0;
  }
  return y;
}

// What a dtype cannot hold is not known; what it holds only as a denormal number is as good as 0.
void limit(number_array& y, dtype d) {
  if (d == int64) return;
  const long double most = d == float32 ? 1e30L : 1e250L;
  const double least =
      d == float32 ? std::numeric_limits<float>::min() : std::numeric_limits<double>::min();
  for (number& e : y) {
    if (std::abs(e.x) > most || std::isnan(e.error)) e.error = unknown;
    else if (e.x != 0 && e.error != 0) e.error += least;
    else if (e.x != 0 && std::abs(e.x) < static_cast<long double>(least)) e.error = least;
  }
}

}  // namespace

number total(const number_array& v, double u) {
  number r;
  double magnitudes = 0;
  for (const number& e : v) {
    r.x += e.x;
    r.slope += e.slope;
    r.error += e.error;
    magnitudes += static_cast<double>(std::abs(e.x));
  }
  r.error += u * static_cast<double>(v.size()) * magnitudes;
  return r;
}

number maximum_of(const number_array& v) {
  number r{-std::numeric_limits<long double>::infinity(), 0, 0};
  long double ties = 0;
  for (const number& e : v) {
    if (std::isnan(e.x)) return {e.x, 0, unknown};
    r.error = std::max(r.error, e.error);
    if (e.x > r.x) r.slope = ties = 0;
    r.x = std::max(r.x, e.x);
    if (e.x == r.x) r.slope += e.slope, ++ties;
  }
  if (ties > 0) r.slope /= ties;
  return r;
}

number_array computed(const task& t) {
  using rule = number_array (*)(const task&);
  static const std::map<std::string_view, rule> table{{"sum", reduction},
                                                      {"max", reduction},
                                                      {"norm", reduction},
                                                      {"argmax", reduction},
                                                      {"cumsum", cumsum},
                                                      {"matmul", matmul},
                                                      {"transpose", transpose},
                                                      {"slice", slice},
                                                      {"gather", gather},
                                                      {"cast", cast},
                                                      {"assemble", assemble},
                                                      {"uniform", uniform},
                                                      {"numbers", numbers_of_a_line},
                                                      {"weave", weave},
                                                      {"copy", viewed},
                                                      {"conv", convolution},
                                                      {"conv_to_images", convolution},
                                                      {"conv_to_filters", convolution},
                                                      {"unfold", unfolded},
                                                      {"fold", folded},
                                                      {"max_pool", largest_of_windows},
                                                      {"max_pool_to_images", largest_to_images},
                                                      {"max_pool_picks", largest_picks},
                                                      {"average_pool", means_of_windows},
                                                      {"average_pool_to_images", means_to_images}};
  for (std::size_t k = 0; k < t.in.size(); ++k) {
    if (t.in[k] != nullptr && t.in[k]->size() != at(t.in_type[k]->shape.elements())) {
      throw std::logic_error(std::string(t.op->name) + " comes before its operand");
    }
  }
  const auto it = table.find(t.op->name);
  number_array y;
  if (t.op->how == form::view && it == table.end()) y = viewed(t);
  else if (t.second_is_maximum_of_first) y = largest(t);
  else if (t.op->how == form::elementwise && it == table.end()) y = elementwise(t);
  else if (it == table.end())
    throw std::out_of_range(std::string(t.op->name) + ": no rule in node_rules");
  else y = it->second(t);
  limit(y, t.type->dtype);
  return y;
}

}  // namespace cotape::tests
