// Values that were recorded twice are differentiated once. An operation that counts the calls of
// its rule tells which nodes a sweep takes for equal.
#include <cmath>

#include "many.hpp"
#include "primitives/primitives.hpp"
#include "program/graph.hpp"
#include "tape/sources.hpp"

namespace cotape {
namespace {

using array = xt::xarray<double>;
using variables = std::vector<variable>;

struct counted_op {
  static constexpr auto name = "counted";
  static inline int calls = 0;
  template <class T> static T kernel(T x) noexcept { return x * x; }
  static variable derivative(variable x, variable, variable dy) {
    ++calls;
    return chain(dy, 2 * x);
  }
};

variable counted(const variable& x) { return apply<counted_op>(x); }

// How often the rule is called for the gradient of y.
int calls_for(const variable& y, const variables& xs) {
  counted_op::calls = 0;
  gradient(y, xs);
  return counted_op::calls;
}

double number(const variable& v) { return v.value<double>()(); }

TEST(EqualValues, AreDifferentiatedOnce) {
  tape t;
  const variable x = t.constant(3.0);
  const auto f = [&] { return exp(2 * counted(x) - 1) + counted(x); };
  const variable y = f() + f() * f();
  EXPECT_EQ(calls_for(y, {x}), 1);
  const double e = std::exp(17.0), value = e + 9, slope = 12 * e + 6;
  EXPECT_NEAR(number(gradient(y, x)), slope * (1 + 2 * value), 1e-12 * e * e * 24);
  const std::size_t nodes = t.size();
  const variable z = f(), once = z + z * z;
  EXPECT_EQ(t.size(), nodes + 11);  // the tape holds what was written
  EXPECT_DOUBLE_EQ(number(gradient(once, x)), number(gradient(y, x)));
}

TEST(EqualValues, AreOfOneOperationAttributesAndOperands) {
  tape t;
  const variable x = t.constant(array{1, 2}), w = t.constant(array{3, 4});
  const auto sums = [](const variables& list) {
    variable total;
    for (const variable& v : list) total = total.empty() ? sum(v) : total + sum(v);
    return total;
  };
  const auto calls = [&](const variables& list) { return calls_for(sums(list), {x, w}); };
  EXPECT_EQ(calls({counted(x), counted(x), counted(w)}), 2);
  EXPECT_EQ(calls({counted(x + 2), counted(x + 2), counted(x + 3), counted(2 + x)}), 3);
  EXPECT_EQ(calls({counted(x + w), counted(x + w), counted(w + x)}), 2);  // operands in order
  EXPECT_EQ(calls({counted(sin(x)), counted(cos(x)), counted(sin(x))}), 2);
  EXPECT_EQ(calls({counted(slice(x, {0})), counted(slice(x, {1})), counted(slice(x, {0}))}), 2);
  EXPECT_EQ(calls({counted(x * sign(x)), counted(x * sign(x))}), 1);  // masks too
  const auto list = [&](const variable& last) { return counted(tests::many({x, w, x, w, last})); };
  EXPECT_EQ(calls({list(x), list(w), list(x)}), 2);
  // An input is no other input, whatever they are bound to.
  const variable a = t.input(float64, {2}), b = t.input(float64, {2});
  EXPECT_EQ(calls({counted(x * a), counted(x * b), counted(x * a)}), 2);
}

// Constants before the first input asked for, and literals after it.
TEST(EqualValues, ReadWhatStoodBeforeTheFirstInputByItsIndex) {
  tape t;
  const variable c = t.constant(2.0), before = exp(c), again = exp(c), x = t.constant(3.0);
  EXPECT_EQ(calls_for(counted(x * before) + counted(x * before), {x}), 1);
  EXPECT_EQ(calls_for(counted(x * before) + counted(x * again), {x}), 2);
  EXPECT_EQ(calls_for(counted(x * before) + counted(x * again), {x, c}), 1);
}

TEST(EqualValues, DoNotCountANodeThatWasAskedFor) {
  tape t;
  const variable x = t.constant(0.5), a = exp(x), b = exp(x), y = a * b;
  const double e = std::exp(0.5);
  EXPECT_DOUBLE_EQ(number(gradient(y, a)), e);
  EXPECT_DOUBLE_EQ(number(gradient(y, b)), e);
  for (const variable& asked : {a, b}) {
    const variables g = gradient(y, {asked, x});
    EXPECT_DOUBLE_EQ(number(g[0]), e);
    EXPECT_DOUBLE_EQ(number(g[1]), 2 * e * e);
  }
  // Nor what reads it.
  const variable c = counted(sin(a)) * counted(sin(b));
  const double s = std::sin(e), slope = 2 * s * std::cos(e) * s * s;
  EXPECT_DOUBLE_EQ(number(gradient(c, a)), slope);
  EXPECT_DOUBLE_EQ(number(gradient(c, b)), slope);
  EXPECT_DOUBLE_EQ(number(gradient(c, x)), 2 * e * slope);
  EXPECT_EQ(calls_for(c, {x}), 1);
  EXPECT_EQ(calls_for(c, {x, a}), 2);
  EXPECT_EQ(calls_for(c, {x, b}), 2);
  // The output itself, and an equal one that was recorded before.
  const variable again = a * b;
  EXPECT_EQ(number(gradient(again, again)), 1);
  EXPECT_EQ(number(gradient(again, y)), 0);
  EXPECT_DOUBLE_EQ(number(gradient(again, x)), 2 * e * e);
}

TEST(EqualValues, DoNotCountRandomNodes) {
  tape t;
  const variable x = t.constant(array{1, 2, 3, 4}),
                 counter = t.constant(xt::xarray<std::int64_t>(7));
  const std::vector<std::int64_t> attributes{1, 2, static_cast<std::int64_t>(float64), 4};
  const auto drawn = [&] { return record(primitives::uniform, {counter}, attributes); };
  const variable u = drawn();
  EXPECT_EQ(calls_for(sum(counted(x * u)) + sum(counted(x * u)), {x}), 1);
  EXPECT_EQ(calls_for(sum(counted(x * drawn())) + sum(counted(x * drawn())), {x}), 2);
}

TEST(EqualValues, DoNotCountStopGradients) {
  tape t;
  const variable x = t.constant(3.0);
  const auto f = [&] { return counted(x * stop_gradient(x)); };
  const variable y = f() + f();
  EXPECT_EQ(calls_for(y, {x}), 2);
  EXPECT_EQ(number(gradient(y, x)), 2 * 2 * 9 * 3);
  const variable s = stop_gradient(x), r = stop_gradient(x), z = x * s * r;
  EXPECT_EQ(number(gradient(z, s)), 9);
}

TEST(EqualValues, DoNotCountCustomGradients) {
  tape t;
  const variable x = t.constant(3.0);
  int calls = 0;
  const auto f = [&](double slope) {
    return custom_gradient([](const variables& in) { return sin(in[0]); }, {x},
                           [&calls, slope](const variables&, variable, variable dy) {
                             ++calls;
                             return variables{dy * slope};
                           });
  };
  const variable y = f(2) + f(5) + f(5);
  EXPECT_EQ(number(gradient(y, x)), 12);
  EXPECT_EQ(calls, 3);
  EXPECT_EQ(calls_for(counted(f(2)) + counted(f(2)), {x}), 2);
}

TEST(EqualValues, MayBeNewValuesOfParameters) {
  tape t;
  const parameter p("p", 1.0), q("q", 1.0);
  const variable x = t.read(p), a = counted(x + 1), b = counted(x + 1);
  t.assign(q, b);
  const variable c = counted(x + 1), y = a * t.read(q) * c;
  EXPECT_EQ(calls_for(y, {x}), 1);
  EXPECT_EQ(number(gradient(y, x)), 3 * 16 * 4);
  EXPECT_EQ(number(gradient(y, q)), 16);  // what was assigned was asked for
  t.assign(p, t.read(p) + gradient(y, x));
  t.commit();
  EXPECT_EQ(q.value<double>()(), 4);
  EXPECT_EQ(p.value<double>()(), 1 + 3 * 16 * 4);
}

TEST(EqualValues, StandWhereTheFirstWasRecorded) {
  tape t;
  const variable x = t.constant(3.0);
  const int line = __LINE__ + 1;
  const variable a = apply<counted_op>(x);
  const variable b = apply<counted_op>(x);
  const variable y = b * b + a;
  const variable dx = gradient(y, x);
  EXPECT_EQ(t.place_of(dx.index()).line, line);
  for (std::uint32_t i = y.index() + 1; i < t.size(); ++i) {
    EXPECT_NE(t.place_of(i).line, line + 1);
    for (std::uint32_t k : t.operands_of(i)) EXPECT_NE(k, b.index());  // derivatives read a
  }
  EXPECT_EQ(number(dx), (2 * 9 + 1) * 6);
}

void derive_doubled(derivation& d) { d.adjoints[0] = d.adjoint * 2; }
void derive_halved(derivation& d) {
  ++counted_op::calls;
  d.adjoints[0] = d.adjoint * 0.5;
}
void never_lowered(lowering&) {}
const primitive doubled_op{"doubled",      form::elementwise, 1,
                           infer_floating, derive_doubled,    never_lowered};
const primitive halved_op{.name = "halved",
                          .how = form::elementwise,
                          .arity = 1,
                          .infer = infer_floating,
                          .derive = derive_halved,
                          .lower = never_lowered,
                          .undoes = &doubled_op};

// The operation that is undone may lie before all that the sweep looks at.
TEST(EqualValues, WhereWhatIsUndoneWasRecordedBeforeTheInput) {
  tape t;
  const variable x = t.constant(array{1, 2, 3}), c = t.constant(array{2, 2, 2});
  const variable p = exp_quotient(x, exp(x - 0.0), c);
  variable w = t.constant(array{1, 2, 3});
  for (int i = 0; i < 5000; ++i) w = w + 1.0;
  const variable z = t.constant(array{2, 3, 4});
  const variable g = gradient(sum(undo_exp_quotient(p, z, 0.0)), z);
  EXPECT_EQ(g.value<double>(), (array{0, 0, 0}));
}

TEST(EqualValues, WhereOneOperationUndoesAnother) {
  tape t;
  const variable x = t.constant(0.5), p = x * 3, q = x * 3;
  const auto doubled = [](const variable& v) { return record(doubled_op, {v}); };
  const auto halved = [](const variable& v) { return record(halved_op, {v}); };
  const variable a = doubled(p), b = doubled(q), z = halved(a) + halved(b) + halved(b);
  EXPECT_EQ(calls_for(z, {x}), 0);  // no rule takes part
  const std::size_t nodes = t.size();
  EXPECT_EQ(number(gradient(z, x)), 9);
  for (auto i = static_cast<std::uint32_t>(nodes); i < t.size(); ++i) {
    for (std::uint32_t k : t.operands_of(i)) EXPECT_TRUE(k != q.index() && k != b.index());
  }
  EXPECT_EQ(number(gradient(z, p)), 1);
  EXPECT_EQ(number(gradient(z, q)), 2);
  // The first of those that are undone stands for its class, unless it was asked for.
  const variables g = gradient(z, {x, a}), h = gradient(z, {x, b});
  EXPECT_EQ(number(g[0]), 9);
  EXPECT_EQ(number(g[1]), 0.5);
  EXPECT_EQ(number(h[0]), 9);
  EXPECT_EQ(number(h[1]), 1);
  EXPECT_EQ(calls_for(z, {x, b}), 1);  // of the second and third, for b itself
  // So does the first of those that the adjoint goes on to.
  const variable r = counted(x), s = counted(x);
  EXPECT_EQ(calls_for(r + halved(doubled(s)), {x}), 1);
}

TEST(EqualValues, OfOrderTwoAreDifferentiatedOnceToo) {
  tape t;
  const variable x = t.constant(0.5);
  const auto f = [&] { return counted(sin(x)) * counted(sin(x)); };  // sin(x)^4
  const variable dx = gradient(f() + f(), x), ddx = gradient(dx, x);
  const double s = std::sin(0.5), c = std::cos(0.5);
  EXPECT_NEAR(number(dx), 2 * 4 * s * s * s * c, 1e-14);
  EXPECT_NEAR(number(ddx), 2 * (12 * s * s * c * c - 4 * s * s * s * s), 1e-14);
}

TEST(EqualValues, AreFoundAnewByEachSweep) {
  tape t;
  const variable x = t.constant(3.0);
  const tape_mark start = t.mark();
  for (int round = 0; round < 3; ++round) {
    const variable a = counted(x + round), b = counted(x + round), y = a * b;
    EXPECT_EQ(calls_for(y, {x}), 1);
    EXPECT_EQ(calls_for(y, {x, a}), 2);
    EXPECT_EQ(number(gradient(y, x)), 4 * std::pow(3 + round, 3));
    const tape_mark inner = t.mark();
    EXPECT_EQ(calls_for(y + counted(x + round), {x}), 1);
    t.rewind(inner);
    EXPECT_EQ(calls_for(y, {x}), 1);
    t.rewind(start);
  }
}

// A determinant by minors of the rows below, each recorded anew or once.
class determinant {
 public:
  determinant(tape& t, std::size_t n, bool memoised) : memoised_(memoised), n_(n) {
    for (std::size_t i = 0; i < n * n; ++i) x.push_back(t.input(float64, {}));
    y = minor(0, (1u << n) - 1);
  }
  variables x;
  variable y;

 private:
  variable minor(std::size_t row, unsigned columns) {
    const auto known = minors_.find(columns);
    if (memoised_ && known != minors_.end()) return known->second;
    variable total;
    bool minus = false;
    for (std::size_t j = 0; j < n_; ++j) {
      if ((columns >> j & 1) == 0) continue;
      const variable& a = x[row * n_ + j];
      const variable term = row + 1 == n_ ? a : a * minor(row + 1, columns & ~(1u << j));
      total = total.empty() ? term : minus ? total - term : total + term;
      minus = !minus;
    }
    return minors_[columns] = total;
  }
  bool memoised_;
  std::size_t n_;
  std::map<unsigned, variable> minors_;
};

TEST(EqualValues, ARecursionWrittenNaivelyCostsWhatItsMemoisedFormCosts) {
  const std::size_t n = 7;
  tape plain, memoising;
  const determinant d(plain, n, false), m(memoising, n, true);
  EXPECT_GT(plain.size(), 14 * memoising.size());  // what was written stands
  const std::size_t written = plain.size(), remembered = memoising.size();
  const variables g = gradient(d.y, d.x), h = gradient(m.y, m.x);
  EXPECT_EQ(plain.size() - written, memoising.size() - remembered);
  variables all = g, wanted = h;
  all.push_back(d.y);
  wanted.push_back(m.y);
  program p(plain, d.x, all), q(memoising, m.x, wanted);
  EXPECT_EQ(p.memory().arena, q.memory().arena);
  double flops = 0;
  for (const program_part& part : p.parts()) flops += part.flops;
  for (const program_part& part : q.parts()) flops -= part.flops;
  EXPECT_EQ(flops, 0);
  std::vector<array> numbers;
  for (std::size_t i = 0; i < n * n; ++i) numbers.emplace_back(std::sin(1.0 + double(i * i)));
  const std::vector<array_argument> arguments(numbers.begin(), numbers.end());
  std::vector<array_view> given;
  for (const array_argument& a : arguments) given.push_back(a.view());
  p.run(given);
  q.run(given);
  double expanded = 0;  // the determinant along its first row
  for (std::size_t k = 0; k <= n * n; ++k) {
    EXPECT_EQ(p.output(k).value<double>()(), q.output(k).value<double>()()) << k;
    if (k < n) expanded += p.output(k).value<double>()() * numbers[k]();
  }
  EXPECT_NEAR(expanded, p.output(n * n).value<double>()(), 1e-12);
}

// Programs see through equal values while they are built: a graph is as large as what it computes.
TEST(EqualValues, ANaiveRecursionIsASmallGraph) {
  tape plain, memoising;
  const determinant d(plain, 7, false), m(memoising, 7, true);
  EXPECT_EQ(needed_part(plain, {d.y}, {}).values.size(),
            needed_part(memoising, {m.y}, {}).values.size());
}

}  // namespace
}  // namespace cotape
