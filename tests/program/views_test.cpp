// Slices of elements that stand side by side are views: read where they are, never copied; and what
// is put together from parts, each moved once.
#include "expect_error.hpp"
#include "explained.hpp"

namespace cotape {
namespace {

using tests::computes;
using tests::count;
using array = xt::xarray<double>;

// x[i] = i + 1 in the dtype.
tensor counting(dtype d, const shape& s) {
  tensor x({d, s});
  for (std::int64_t i = 0; i < s.elements(); ++i) {
    if (d == float32) x.data_as<float>()[i] = static_cast<float>(i + 1);
    else if (d == float64) x.data_as<double>()[i] = static_cast<double>(i + 1);
    else x.data_as<std::int64_t>()[i] = i + 1;
  }
  return x;
}

double element(array_view v, std::int64_t i) {
  if (v.dtype() == float32) return static_cast<double>(v.data_as<float>()[i]);
  if (v.dtype() == float64) return v.data_as<double>()[i];
  return static_cast<double>(v.data_as<std::int64_t>()[i]);
}

// The elements first .. first + n - 1 of 1, 2, ..., each as factor * x + addend.
void expect_part(array_view got, std::int64_t first, std::int64_t n, double factor, double addend) {
  ASSERT_EQ(got.shape().elements(), n);
  for (std::int64_t i = 0; i < n; ++i) {
    const auto x = static_cast<double>(first + i + 1);
    ASSERT_EQ(element(got, i), factor * x + addend) << first << " + " << i << " of " << n;
  }
}

const std::vector<bool> both{true, false};

TEST(Views, OfInputsConstantsParametersAndResultsInEveryDtype) {
  for (dtype d : {float32, float64, int64}) {
    for (std::int64_t n : {1, 7, 16, 17, 1000, 9001}) {
      const tensor value = counting(d, {n});
      const parameter w("w", value);
      for (std::int64_t first : {std::int64_t{0}, std::int64_t{1}, n / 2, n - 1, n}) {
        for (std::int64_t last : {n, std::max(first, n - 1), std::min(n, first + 1)}) {
          if (first > n) continue;
          tape t;
          const variable x = t.input(d, {n});
          const auto part = [&](variable v) { return slice(v, {range(first, last)}); };
          std::vector<variable> sources{x, t.constant(value), x + 1};
          if (d != int64) sources.push_back(t.read(w));
          std::vector<variable> outputs;
          for (const variable& v : sources) outputs.push_back(part(v) * 2 + 1);
          for (const variable& v : sources) outputs.push_back(part(v));
          for (const bool fuse : both) {
            program code(t, {x}, outputs, {.fuse = fuse});
            code.run(std::vector<array_view>{value});
            for (std::size_t i = 0; i < sources.size(); ++i) {
              const double more = i == 2 ? 1 : 0;
              expect_part(code.output(i).view(), first, last - first, 2, 2 * more + 1);
              expect_part(code.output(i + sources.size()).view(), first, last - first, 1, more);
            }
          }
        }
      }
    }
  }
}

TEST(Views, OfViewsBroadcastReducedAndMultiplied) {
  tape t;
  const variable x = t.input(float64, {6, 4});
  const variable middle = slice(x, {range(1, 5)});                  // rows 1 to 4
  const variable inner = slice(middle, {range(1, 3)});              // rows 2 and 3
  const variable row = slice(inner, {1});                           // row 3
  const variable end = slice(row, {range(2, 4)});                   // its last two
  const variable flat = slice(reshape(inner, {8}), {range(3, 6)});  // 12, 13, 14
  const variable product = matmul(inner, transpose(slice(x, {range(4, 6)})));
  const std::vector<variable> outputs{
      sum(middle, 0), inner + row, inner * slice(row, {0}), end + 1, flat * 2, product, sum(end)};
  const tensor value = counting(float64, {6, 4});
  for (const bool fuse : both) {
    program code(t, {x}, outputs, {.fuse = fuse});
    EXPECT_EQ(computes(code, "slice"), 0);
    code.run(std::vector<array_view>{value});
    const auto got = [&](std::size_t i) { return code.output(i).value<double>(); };
    EXPECT_EQ(got(0), (array{44, 48, 52, 56}));
    EXPECT_EQ(got(1), (array{{22, 24, 26, 28}, {26, 28, 30, 32}}));
    EXPECT_EQ(got(2),
              (array{{9 * 13, 10 * 13, 11 * 13, 12 * 13}, {13 * 13, 14 * 13, 15 * 13, 16 * 13}}));
    EXPECT_EQ(got(3), (array{16, 17}));
    EXPECT_EQ(got(4), (array{24, 26, 28}));
    EXPECT_EQ(
        got(5),
        (array{{17 * 9 + 18 * 10 + 19 * 11 + 20 * 12, 21 * 9 + 22 * 10 + 23 * 11 + 24 * 12},
               {17 * 13 + 18 * 14 + 19 * 15 + 20 * 16, 21 * 13 + 22 * 14 + 23 * 15 + 24 * 16}}));
    EXPECT_EQ(got(6).flat(0), 31);
  }
}

TEST(Views, TakeNoStep) {
  tape t;
  const variable x = t.input(float64, {1000}), m = t.input(float64, {10, 8});
  const auto code = [&](variable y) { return program(t, {x, m}, {y}); };
  const variable a = slice(x, {range(0, 999)}), b = slice(x, {range(1, 1000)});
  EXPECT_EQ(computes(code(sum(b * a)), "slice"), 0);
  EXPECT_EQ(code(matmul(slice(m, {range(2, 4)}), transpose(m))).steps(), 1u);
  EXPECT_EQ(code(pad(a, {1}, {0})).steps(), 1u);
  std::vector<variable> pieces = split(m, 5);
  variable y = pieces[0];
  for (std::size_t i = 1; i < pieces.size(); ++i) y = y + pieces[i];
  EXPECT_EQ(computes(code(y), "slice"), 0);
  EXPECT_EQ(computes(code(sin(slice(m, {range(), range(0, 2)}))), "slice"), 1);  // no run
}

// A view that is an output, or the new value of a parameter, keeps its own elements.
TEST(Views, AreCopiedForOutputsAndParameters) {
  tape t;
  const parameter w("w", counting(float64, {4})), last("last", counting(float64, {1}));
  const variable x = t.input(float64, {5}), y = x * 2, read = t.read(w);
  const variable tail = slice(y, {range(1, 5)}), one = slice(y, {4});
  t.assign(w, tail);
  t.assign(last, reshape(slice(read, {3}), {1}));
  program code(t, {x}, {tail, one, slice(read, {range(2, 4)}), slice(x, {range(4, 5)})});
  tensor value = counting(float64, {5});
  code.run(std::vector<array_view>{value});
  value.data_as<double>()[4] = 0;
  EXPECT_EQ(code.output(0).value<double>(), (array{4, 6, 8, 10}));
  EXPECT_EQ(code.output(1).number(), 10);
  EXPECT_EQ(code.output(2).value<double>(), (array{3, 4}));
  EXPECT_EQ(code.output(3).value<double>(), (array{5}));
  EXPECT_EQ(w.value<double>(), (array{4, 6, 8, 10}));
  EXPECT_EQ(last.value<double>(), (array{4}));
  for (std::size_t i = 0; i < code.outputs(); ++i) {
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(code.output(i).view().data()) % 64, 0u) << i;
  }
}

// What reads a part of a parameter sees the old value in every element, whatever the size of loops.
TEST(Views, OfAParameterAreReadBeforeItIsUpdatedInPlace) {
  for (std::int64_t rows : {1, 3, 200}) {
    for (const bool fuse : both) {
      const tensor old = counting(float64, {rows, 70});
      const parameter w("w", old), v("v", old), u("u", old);
      tape t;
      const variable a = t.read(w), b = t.read(v), c = t.read(u);
      const variable row = slice(a, {0}), whole = b * slice(reshape(b, {-1}), {0});
      const variable first = sum(slice(a, {range(0, 1)}));
      t.assign(w, a - 0.5 * (a + row));  // through a row, broadcast
      t.assign(v, b * 3 - whole);        // through one element
      t.assign(u, c + slice(slice(c, {0}), {1}) + slice(c, {range(0, 1)}));
      program code(t, {}, {first}, {.fuse = fuse});
      code.run({});
      const auto x = [&](std::int64_t r, std::int64_t k) { return double(r * 70 + k + 1); };
      for (std::int64_t r = 0; r < rows; ++r) {
        for (std::int64_t k = 0; k < 70; ++k) {
          const std::int64_t i = r * 70 + k;
          ASSERT_EQ(element(w.view(), i), x(r, k) - 0.5 * (x(r, k) + x(0, k))) << r << " " << k;
          ASSERT_EQ(element(v.view(), i), x(r, k) * 3 - x(r, k) * 1);
          ASSERT_EQ(element(u.view(), i), x(r, k) + 2 + x(0, k));
        }
      }
      EXPECT_EQ(code.output(0).number(), 71 * 35);
    }
  }
}

// A buffer is taken over in place only by what reads it element by element.
TEST(Views, KeepTheirBufferWhileItIsRead) {
  for (std::int64_t n : {15, 16, 1000, 20000}) {
    tape t;
    const variable x = t.input(float32, {n}), y = x * 2;
    const variable head = slice(y, {range(0, n - 1)}), tail = slice(y, {range(1, n)});
    program code(t, {x}, {sum((tail + 1) * 1 - head), tail + head * 2, cumsum(head) - tail});
    const tensor value = counting(float32, {n});
    code.run(std::vector<array_view>{value});
    for (std::int64_t i : {std::int64_t{0}, n / 2, n - 2}) {
      const auto k = static_cast<float>(i + 1);
      EXPECT_EQ(code.output(1).view().data_as<float>()[i], 2 * (k + 1) + 4 * k) << n << " " << i;
    }
    EXPECT_EQ(code.output(0).number(), 3 * static_cast<double>(n - 1));
    EXPECT_EQ(code.output(2).view().data_as<float>()[1], 0);
  }
}

TEST(Views, TellApartPartsOfOneBufferInOneLoop) {
  tape t;
  const variable x = t.input(float64, {12}), y = x + 0;
  variable all = 0 * slice(y, {range(0, 4)});
  for (std::int64_t i = 0; i < 8; ++i) {
    all = all + slice(y, {range(i, i + 4)}) * slice(y, {i}) + slice(y, {range(i, i + 1)});
  }
  const tensor value = counting(float64, {12});
  program code(t, {x}, {all});
  code.run(std::vector<array_view>{value});
  for (std::int64_t k = 0; k < 4; ++k) {
    double wanted = 0;
    for (std::int64_t i = 0; i < 8; ++i) wanted += double((i + k + 1) * (i + 1) + i + 1);
    EXPECT_EQ(element(code.output(0).view(), k), wanted);
  }
}

TEST(Views, OfManyNumbersInOneRun) {  // of scalar instructions
  tape t;
  const variable x = t.input(float32, {40}), y = x * 2;
  variable total = t.literal(0, float32, {});
  for (std::int64_t i = 0; i < 40; ++i) total = total + slice(x, {i}) * slice(y, {39 - i});
  program code(t, {x}, {total, gradient(total, x)});
  const tensor value = counting(float32, {40});
  code.run(std::vector<array_view>{value});
  double wanted = 0;
  for (int i = 0; i < 40; ++i) wanted += (i + 1) * 2 * (40 - i);
  EXPECT_EQ(code.output(0).number(), wanted);
  for (int i = 0; i < 40; ++i) EXPECT_EQ(element(code.output(1).view(), i), 4 * (40 - i)) << i;
}

// Other slices are loaded tile by tile where only loops read them.
TEST(Slices, AreLoadedByTheLoopsThatReadThem) {
  for (std::int64_t rows : {1, 5, 40, 3000}) {
    tape t;
    const variable x = t.input(float64, {rows, 7});
    const auto column = [&](int k) { return slice(x, {range(), k}); };
    const variable back = slice(x, {range(std::nullopt, std::nullopt, -1), range(1, 6, 2)});
    const variable y = column(2) * column(5) + column(0), z = sum(back * back, 0);
    const variable flipped = slice(x * 2, {range(), range(std::nullopt, std::nullopt, -1)});
    const std::vector<variable> outputs{y, z, x * 2 + flipped, back};
    const tensor value = counting(float64, {rows, 7});
    for (const bool fuse : both) {
      program code(t, {x}, outputs, {.fuse = fuse});
      code.run(std::vector<array_view>{value});
      const auto at = [&](std::int64_t r, std::int64_t k) { return double(r * 7 + k + 1); };
      std::array<double, 3> squares{};
      for (std::int64_t r = 0; r < rows; ++r) {
        ASSERT_EQ(element(code.output(0).view(), r), at(r, 2) * at(r, 5) + at(r, 0));
        for (std::int64_t k = 0; k < 3; ++k) {
          squares[std::size_t(k)] += at(r, 1 + 2 * k) * at(r, 1 + 2 * k);
          ASSERT_EQ(element(code.output(3).view(), r * 3 + k), at(rows - 1 - r, 1 + 2 * k));
        }
        for (std::int64_t k = 0; k < 7; ++k) {
          ASSERT_EQ(element(code.output(2).view(), r * 7 + k), 2 * at(r, k) + 2 * at(r, 6 - k));
        }
      }
      for (std::int64_t k = 0; k < 3; ++k) {
        ASSERT_NEAR(element(code.output(1).view(), k), squares[std::size_t(k)], 1e-3);
      }
    }
    const program one(t, {x}, {y});
    EXPECT_EQ(count(one.explain(), "loop over"), 1);
    EXPECT_EQ(count(one.explain(), "\n"), 2) << one.explain();
  }
}

// A slice that a loop loads from a parameter is read before the parameter is updated in place.
TEST(Slices, OfAParameterAreReadBeforeItIsUpdatedInPlace) {
  for (std::int64_t n : {3, 700, 20000}) {
    const tensor old = counting(float32, {n});
    const parameter w("w", old);
    tape t;
    const variable a = t.read(w), turned = slice(a, {range(std::nullopt, std::nullopt, -1)});
    t.assign(w, a * 2 - turned);
    program code(t, {}, {});
    code.run({});
    for (std::int64_t i = 0; i < n; ++i) {
      ASSERT_EQ(element(w.view(), i), 2 * double(i + 1) - double(n - i)) << n;
    }
  }
}

TEST(Assemblies, OfPartsThatAreThereAreOneStep) {
  tape t;
  std::vector<variable> in;
  std::vector<operand> columns;
  for (int k = 0; k < 16; ++k) {
    in.push_back(t.input(float32, {100}));
    columns.emplace_back(in.back());
  }
  const program side_by_side(t, in, {stack(columns, 1)});
  EXPECT_EQ(side_by_side.steps(), 1u);
  // What is computed is put when all is there.
  columns.emplace_back(cumsum(sin(in[0])));
  columns.emplace_back(in[1]);
  const program later(t, in, {concatenate(columns)});
  EXPECT_EQ(count(later.explain(), ": assemble"), 1) << later.explain();
  EXPECT_EQ(computes(later, "assemble"), 18);
}

// A part that is a view of what the others go into is read before that is overwritten.
TEST(Assemblies, MayTakeWhatTheyGoInto) {
  tape t;
  const variable x = t.input(float64, {1000}), dy = x * 2;
  const variable y = x + pad(slice(x, {range(1, 1000)}), {0}, {1});
  program code(t, {x}, {vjp(y, {x}, dy)[0] + 0});
  EXPECT_EQ(computes(code, "assemble"), 1) << code.explain();
  const tensor value = counting(float64, {1000});
  code.run(std::vector<array_view>{value});
  for (std::int64_t i = 0; i < 1000; ++i) {
    const auto k = static_cast<double>(i + 1);
    ASSERT_EQ(element(code.output(0).view(), i), 2 * k + (i > 0 ? 2 * (k - 1) : 0)) << i;
  }
}

}  // namespace
}  // namespace cotape
