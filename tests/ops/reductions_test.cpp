// Reductions over every subset of axes, kept or dropped, with empty and long ones.
#include <limits>

#include "support.hpp"

namespace cotape::tests {

namespace {

constexpr double infinity = std::numeric_limits<double>::infinity();

struct reduction {
  const char* name;
  variable (*apply)(operand, const axes&, dims);
  scalar_function reference;
  bool empty = true;  // whether it has a value over no elements
};

// Neumaier's compensated sum: right to the last bit or two.
double total(const numbers& v) {
  double sum = 0, lost = 0;
  for (double x : v) {
    const double next = sum + x;
    lost += std::abs(sum) >= std::abs(x) ? (sum - next) + x : (x - next) + sum;
    sum = next;
  }
  return sum + lost;
}

const std::vector<reduction>& reductions() {
  static const std::vector<reduction> list{
      {"sum", sum, total},
      {"mean", mean, [](const numbers& v) { return total(v) / double(v.size()); }, false},
      {"max", max,
       [](const numbers& v) {
         double m = -infinity;
         for (double x : v) m = x > m ? x : m;
         return m;
       }},
      {"min", min,
       [](const numbers& v) {
         double m = infinity;
         for (double x : v) m = x < m ? x : m;
         return m;
       }},
      {"prod", prod,
       [](const numbers& v) {
         double p = 1;
         for (double x : v) p *= x;
         return p;
       }},
      {"norm", norm,
       [](const numbers& v) {
         long double squares = 0;
         for (double x : v) squares += static_cast<long double>(x) * x;
         return static_cast<double>(std::sqrt(squares));
       }},
      {"logsumexp", logsumexp,
       [](const numbers& v) {
         long double sum = 0;
         for (double x : v) sum += std::exp(x);
         return static_cast<double>(std::log(sum));
       }},
      {"var", [](operand x, const axes& a, dims d) { return var(x, a, d); },
       [](const numbers& v) {
         const double m = total(v) / double(v.size());
         long double squares = 0;
         for (double x : v) squares += (x - m) * (x - m);
         return static_cast<double>(squares) / double(v.size());
       },
       false}};
  return list;
}

// Every subset of the axes of a rank, as lists.
std::vector<index> subsets(std::size_t rank) {
  std::vector<index> result;
  for (std::size_t bits = 0; bits < (std::size_t{1} << rank); ++bits) {
    index axes;
    for (std::size_t i = 0; i < rank; ++i) {
      if (bits >> i & 1) axes.push_back(static_cast<std::int64_t>(i));
    }
    result.push_back(axes);
  }
  return result;
}

void expect_reduced(const reduction& r, const array& x, const index& over, dims d, dtype type) {
  graph_under_test g;
  const variable in = g.input(type, x);
  const array got = g.run(r.apply(in, axes(over), d));
  const array wanted = reduce(x, over, d == keep_dims, r.reference);
  const double scale = std::max(4.0, std::sqrt(static_cast<double>(x.shape.elements())));
  expect_near(got, wanted, type, 4, scale);
}

std::int64_t count(const shape& s, const index& over) {
  std::int64_t n = 1;
  for (std::int64_t axis : over) n *= s[static_cast<std::size_t>(axis)];
  return n;
}

void expect_all_subsets(const shape& s, engine& random) {
  for (const reduction& r : reductions()) {
    for (const index& over : subsets(s.rank())) {
      if (!r.empty && count(s, over) == 0) continue;
      for (dims d : {dims::drop, dims::keep}) {
        for (dtype type : {float64, float32}) {
          SCOPED_TRACE(r.name + (" over " + shape_from(over).text()) + " of " + s.text());
          const array x = rounded(draw({s, interval(-1.3, 1.3)}, random), type);
          expect_reduced(r, x, over, d, type);
        }
      }
    }
  }
}

}  // namespace

TEST(Reductions, CoverEverySubsetOfAxes) {
  engine random(1);
  for (const shape& s :
       {shape{}, shape{5}, shape{3, 4}, shape{2, 3, 4}, shape{2, 3, 2, 3}, shape{1, 4, 1}}) {
    expect_all_subsets(s, random);
  }
}

TEST(Reductions, CoverEmptyAxes) {
  engine random(2);
  for (const shape& s : {shape{0}, shape{3, 0}, shape{0, 3}, shape{2, 0, 3}}) {
    expect_all_subsets(s, random);
  }
}

TEST(Reductions, CoverAxesLongerThanATile) {
  engine random(3);
  for (const shape& s : {shape{513}, shape{1500}, shape{3, 600}, shape{600, 3}, shape{2, 300, 5},
                         shape{70, 20}, shape{1, 2000}, shape{2000, 1}}) {
    expect_all_subsets(s, random);
  }
}

// The gradient of sum is one, broadcast back, whichever axes were kept; of others by differences.
TEST(Reductions, HaveTheGradientThatDifferencesShowOverEverySubset) {
  engine random(4);
  for (const reduction& r : reductions()) {
    for (const shape& s : {shape{2, 3, 4}, shape{3, 70}}) {
      for (const index& over : subsets(s.rank())) {
        SCOPED_TRACE(r.name + (" over " + shape_from(over).text()) + " of " + s.text());
        const array x = draw({s, distinct()}, random), v = draw_normal(s, random);
        if (std::string(r.name) == "prod" && count(s, over) > 12) continue;  // too large
        for (dims d : {dims::drop, dims::keep}) {
          const array w = draw_normal(reduce(x, over, d == keep_dims, r.reference).shape, random);
          graph_under_test g;
          const variable in = g.input(float64, x);
          const variable y = r.apply(in, axes(over), d);
          const array got = g.run(vjp(y, {in}, g.t.constant(to_tensor(w, float64))))[0];
          const double wanted = difference([&](double h) {
            return dot(reduce(moved({x}, h, {v})[0], over, d == keep_dims, r.reference), w);
          });
          EXPECT_NEAR(dot(got, v), wanted, 1e-7 * std::max(1.0, std::abs(wanted)));
        }
      }
    }
  }
}

TEST(Reductions, TakeNegativeAxesInAnyOrder) {
  tape t;
  const variable x = t.input(float64, {2, 3, 4, 5});
  EXPECT_EQ(sum(x, {-1, 0}).shape(), (shape{3, 4}));
  EXPECT_EQ(sum(x, {2, -3}, keep_dims).shape(), (shape{2, 1, 1, 5}));
  EXPECT_EQ(argmax(x, -2).shape(), (shape{2, 3, 5}));
}

TEST(Reductions, AreFiniteWhereTheSquaresOverflow) {
  graph_under_test g;
  const variable x = g.input(float64, array({2}, {3e200, 4e200}));
  const variable small = g.input(float64, array({2}, {3e-200, 4e-200}));
  const variable f = g.input(float32, array({2}, {3e30, 4e30}));
  expect_close(g.run(norm(x) * 1e-200), array({}, 5));
  expect_close(g.run(norm(small) * 1e200), array({}, 5));
  expect_near(g.run(norm(f)), array({}, 5e30), float32, 2, 0);
  expect_close(g.run(gradient(norm(x), x)), array({2}, {0.6, 0.8}));
}

TEST(Reductions, OfExponentialsNeitherOverflowNorVanish) {
  graph_under_test g;
  const variable x = g.input(float64, array({3}, {1000, 1001, -2000}));
  const variable infinite = g.input(float64, array({2}, {-infinity, -infinity}));
  expect_close(g.run(logsumexp(x)), array({}, 1001 + std::log1p(std::exp(-1.0))));
  const double p = 1 / (1 + std::exp(1.0));
  expect_close(g.run(softmax(x)), array({3}, {p, 1 - p, 0}));
  expect_close(g.run(log_softmax(x)),
               array({3}, {std::log(p), std::log(1 - p), -3001 + std::log(1 - p)}));
  expect_close(g.run(gradient(logsumexp(x), x)), array({3}, {p, 1 - p, 0}));
  EXPECT_EQ(g.run(logsumexp(infinite)).data[0], -infinity);
}

}  // namespace cotape::tests
