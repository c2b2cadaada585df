// Op cases: matmul, threshold units, casts, random numbers, derivatives of one's own.
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
    real total = 0;
    for (std::int64_t k = 0; k < inner; ++k) {
      i.back() = j[j.size() - 2] = k;
      total += static_cast<real>(a[i]) * b[j];
    }
    y[at] = static_cast<double>(total);
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
  c.grows = true;
  c.magnitude = [](const arrays& x) { return product(sizes_of_terms(x[0]), sizes_of_terms(x[1])); };
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

op_case perceptron_case(double at_zero) {
  op_case c{"perceptron",
            "at zero " + std::to_string(static_cast<int>(at_zero)),
            {{{4, 3}, whole(0, 1)}, {{3, 2}, whole(-1, 1)}, {{2}, whole(-1, 1)}},
            {},
            {},
            slope::zero};
  c.apply = [=](const variables& v) { return perceptron(v[0], v[1], v[2], at_zero); };
  c.reference = [=](const arrays& x) {
    const auto step = [=](const numbers& e) {
      return e[0] + e[1] > 0 ? 1 : e[0] + e[1] < 0 ? 0 : at_zero;
    };
    return each_element(step, {product(x[0], x[1]), x[2]});
  };
  return c;
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
  // Recorded for float64 too, where cast gives what it is given.
  const auto there_and_back = [](const variable& x) {
    const std::int64_t to = static_cast<std::int64_t>(float64);
    return cast(record(primitives::cast, {x}, {&to, 1}), x.dtype());
  };
  rows.push_back(cast_case("to float64 and back", there_and_back, same, slope::smooth));
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
  c.unbounded = false;  // 1 / infinity is 0
  return c;
}

}  // namespace

std::vector<op_case> other_cases() {
  std::vector<op_case> rows;
  append_products(rows);
  for (double at_zero : {0, 1}) rows.push_back(perceptron_case(at_zero));
  append_casts(rows);
  rows.push_back(uniform_case());
  rows.push_back(custom_case());
  return rows;
}

const std::vector<op_case>& op_cases() {
  static const std::vector<op_case> rows = [] {
    std::vector<op_case> all;
    for (auto* part : {elementwise_cases, reduction_cases, layout_cases, loss_cases,
                       normalization_cases, vision_cases, attention_cases, other_cases}) {
      for (op_case& c : part()) all.push_back(std::move(c));
    }
    return all;
  }();
  return rows;
}

}  // namespace cotape::tests
