// Op cases: matmul, losses, casts, random numbers, derivatives of one's own.
#include "op_cases.hpp"
#include "primitives/primitives.hpp"

namespace cotape::tests {

namespace {

// NumPy's matmul by its definition: a 1-D operand is a row on the left, a column on the right.
array product(const array& left, const array& right) {
  array a = left, b = right;
  if (a.shape.rank() == 1) a.shape = {1, a.shape[0]};
  if (b.shape.rank() == 1) b.shape = {b.shape[0], 1};
  const index p = sizes_of(a.shape), q = sizes_of(b.shape);
  const std::int64_t inner = p.back();
  const shape batch = joint_shape(
      {array(shape_from({p.begin(), p.end() - 2})), array(shape_from({q.begin(), q.end() - 2}))});
  index sizes = sizes_of(batch);
  sizes.insert(sizes.end(), {p[p.size() - 2], q.back()});
  array y(shape_from(sizes));
  each(y.shape, [&](const index& at) {
    index i = at, j = at;
    for (std::int64_t k = 0; k < inner; ++k) {
      i.back() = j[j.size() - 2] = k;
      y[at] += a[i] * b[j];
    }
  });
  if (right.shape.rank() == 1) sizes.pop_back();
  if (left.shape.rank() == 1) sizes.erase(sizes.end() - (right.shape.rank() == 1 ? 1 : 2));
  y.shape = shape_from(sizes);
  return y;
}

op_case product_case(shape a, shape b) {
  op_case c{"matmul", a.text() + " by " + b.text(), {{a, {}}, {b, {}}}, {}, {}};
  c.apply = [](const variables& v) { return matmul(v[0], v[1]); };
  c.reference = [](const arrays& x) { return product(x[0], x[1]); };
  c.scale = 8;
  return c;
}

void append_products(std::vector<op_case>& rows) {
  for (const auto& [a, b] : std::vector<std::pair<shape, shape>>{{{3, 4}, {4, 5}},
                                                                 {{3, 4}, {4}},
                                                                 {{4}, {4, 5}},
                                                                 {{4}, {4}},
                                                                 {{1, 1}, {1, 1}},
                                                                 {{2, 3, 4}, {2, 4, 5}},
                                                                 {{2, 3, 4}, {4, 5}},
                                                                 {{3, 4}, {2, 4, 5}},
                                                                 {{2, 3, 4}, {4}},
                                                                 {{4}, {2, 4, 5}},
                                                                 {{2, 1, 3, 4}, {6, 4, 5}},
                                                                 {{1, 3, 4}, {2, 4, 5}},
                                                                 {{17, 33}, {33, 9}}}) {
    rows.push_back(product_case(a, b));
  }
}

double mean_of(const array& x) {
  double total = 0;
  for (double v : x.data) total += v;
  return total / static_cast<double>(x.data.size());
}

// A loss that is the mean of f over the elements.
op_case mean_loss(std::string name, std::string variant, variable (*f)(operand, operand),
                  double (*each_loss)(double, double), domain prediction, domain target) {
  op_case c{std::move(name), std::move(variant), {{{4, 3}, prediction}, {{4, 3}, target}}, {}, {}};
  c.apply = [f](const variables& v) { return f(v[0], v[1]); };
  c.reference = [each_loss](const arrays& x) {
    const auto loss = [&](const numbers& e) { return each_loss(e[0], e[1]); };
    return array({}, {mean_of(each_element(loss, x))});
  };
  c.scale = 4;
  return c;
}

double cross_entropy(double p, double t) { return -(t * std::log(p) + (1 - t) * std::log(1 - p)); }
double logit_cross_entropy(double z, double t) { return cross_entropy(1 / (1 + std::exp(-z)), t); }

// Mean over rows of -sum_k t_k log softmax(z)_k.
double class_loss(const array& z, const std::function<double(std::int64_t, std::int64_t)>& t) {
  double total = 0;
  for (std::int64_t i = 0; i < z.shape[0]; ++i) {
    double sum = 0;
    for (std::int64_t k = 0; k < z.shape[1]; ++k) sum += std::exp(z[{i, k}]);
    for (std::int64_t k = 0; k < z.shape[1]; ++k) {
      total -= t(i, k) * std::log(std::exp(z[{i, k}]) / sum);
    }
  }
  return total / static_cast<double>(z.shape[0]);
}

void append_losses(std::vector<op_case>& rows) {
  const auto squared = [](double p, double t) { return (p - t) * (p - t); };
  rows.push_back(mean_loss("mean_squared_error", "", mean_squared_error, squared, {}, {}));
  rows.push_back(mean_loss("binary_crossentropy", "of probabilities", binary_crossentropy,
                           cross_entropy, interval(0.1, 0.9), interval(0, 1)));
  const auto of_sigmoid = [](operand z, operand t) { return binary_crossentropy(sigmoid(z), t); };
  rows.push_back(mean_loss("binary_crossentropy", "of a sigmoid", of_sigmoid, logit_cross_entropy,
                           away_from_zero(), interval(0, 1)));
  rows.push_back(mean_loss("binary_crossentropy_from_logits", "", binary_crossentropy_from_logits,
                           logit_cross_entropy, away_from_zero(), interval(0, 1)));
  op_case dense{"categorical_crossentropy_from_logits",
                "",
                {{{4, 3}, {}}, {{4, 3}, interval(0.1, 1)}},
                {},
                {}};
  dense.apply = [](const variables& v) { return categorical_crossentropy_from_logits(v[0], v[1]); };
  dense.reference = [](const arrays& x) {
    return array({}, {class_loss(x[0], [&](auto i, auto k) { return x[1][{i, k}]; })});
  };
  dense.scale = 4;
  rows.push_back(dense);
  op_case sparse{
      "sparse_categorical_crossentropy_from_logits", "", {{{4, 3}, {}}, {{4}, indices(3)}}, {}, {}};
  sparse.apply = [](const variables& v) {
    return sparse_categorical_crossentropy_from_logits(v[0], v[1]);
  };
  sparse.reference = [](const arrays& x) {
    const auto hot = [&](auto i, auto k) { return x[1][{i}] == static_cast<double>(k) ? 1.0 : 0; };
    return array({}, {class_loss(x[0], hot)});
  };
  sparse.scale = 4;
  rows.push_back(sparse);
}

op_case cast_case(std::string variant, std::function<variable(const variable&)> f,
                  double (*reference)(double), slope derivative) {
  op_case c{"cast", std::move(variant), {{{3, 4}, {}}}, {}, {}, derivative};
  c.apply = [f](const variables& v) { return f(v[0]); };
  c.reference = [reference](const arrays& x) {
    return each_element([&](const numbers& e) { return reference(e[0]); }, x);
  };
  return c;
}

void append_casts(std::vector<op_case>& rows) {
  const auto truncate = [](double x) { return std::trunc(x); };
  const auto same = [](double x) { return x; };
  rows.push_back(cast_case(
      "to float64 and back", [](const variable& x) { return cast(cast(x, float64), x.dtype()); },
      same, slope::smooth));
  rows.push_back(cast_case(
      "to int64", [](const variable& x) { return cast(x, int64); }, truncate, slope::zero));
  op_case hot{"one_hot", "", {{{2, 3}, indices(4)}}, {}, {}, slope::zero};
  hot.apply = [](const variables& v) { return one_hot(v[0], 4, float64); };
  hot.reference = [](const arrays& x) {
    array y({2, 3, 4});
    each(y.shape, [&](const index& i) {
      y[i] = x[0][{i[0], i[1]}] == static_cast<double>(i[2]) ? 1 : 0;
    });
    return y;
  };
  rows.push_back(hot);
}

// 24 or 53 bits of each word of Philox4x32-10, from the published algorithm (Salmon et al. 2011):
// the key is (seed, stream), the counter (block, stream, step).
op_case uniform_case() {
  op_case c{"uniform", "", {{{}, whole(0, 0)}}, {}, {}, slope::zero};
  c.inputs[0].from.kind = domain::kind::indices;
  c.apply = [](const variables& v) {
    const primitives::words attributes{42, 7, static_cast<std::int64_t>(float64), 3, 5};
    return record(primitives::uniform, {v[0]}, attributes);
  };
  c.reference = [](const arrays& x) {
    array y({3, 5});
    const auto step = static_cast<std::uint64_t>(x[0].data[0]);
    for (std::size_t i = 0; i < y.data.size(); ++i) {
      std::uint32_t w[4] = {static_cast<std::uint32_t>(i / 2), 7, static_cast<std::uint32_t>(step),
                            static_cast<std::uint32_t>(step >> 32)};
      std::uint32_t k0 = 42, k1 = 0;
      for (int round = 0; round < 10; ++round, k0 += 0x9E3779B9U, k1 += 0xBB67AE85U) {
        const std::uint64_t p0 = std::uint64_t{w[0]} * 0xD2511F53U;
        const std::uint64_t p1 = std::uint64_t{w[2]} * 0xCD9E8D57U;
        const auto high0 = static_cast<std::uint32_t>(p0 >> 32);
        const auto high1 = static_cast<std::uint32_t>(p1 >> 32);
        w[0] = high1 ^ w[1] ^ k0;
        w[2] = high0 ^ w[3] ^ k1;
        w[1] = static_cast<std::uint32_t>(p1);
        w[3] = static_cast<std::uint32_t>(p0);
      }
      const std::size_t half = 2 * (i % 2);
      const std::uint64_t bits = w[half] | (std::uint64_t{w[half + 1]} << 32);
      y.data[i] = std::ldexp(static_cast<double>(bits >> 11), -53);
    }
    return y;
  };
  return c;
}

// The logistic function with its derivative given by hand.
op_case custom_case() {
  op_case c{"custom_gradient", "", {{{3, 4}, {}}}, {}, {}};
  c.apply = [](const variables& v) {
    return custom_gradient([](const variables& x) { return 1 / (1 + exp(-x[0])); }, {v[0]},
                           [](const variables&, variable y, variable dy) {
                             return variables{chain(dy, y * (1 - y))};
                           });
  };
  c.reference = [](const arrays& x) {
    return each_element([](const numbers& e) { return 1 / (1 + std::exp(-e[0])); }, x);
  };
  return c;
}

}  // namespace

std::vector<op_case> other_cases() {
  std::vector<op_case> rows;
  append_products(rows);
  append_losses(rows);
  append_casts(rows);
  rows.push_back(uniform_case());
  rows.push_back(custom_case());
  return rows;
}

const std::vector<op_case>& op_cases() {
  static const std::vector<op_case> rows = [] {
    std::vector<op_case> all;
    for (auto* part : {elementwise_cases, reduction_cases, layout_cases, other_cases}) {
      for (op_case& c : part()) all.push_back(std::move(c));
    }
    return all;
  }();
  return rows;
}

}  // namespace cotape::tests
