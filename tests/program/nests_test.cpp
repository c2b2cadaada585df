// Nests: loops that reduce each row and go on with the result.
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>

#include "cotape/cotape.hpp"
#include "support.hpp"

namespace cotape {
namespace {

struct case_of_rows {
  const char* name;
  std::function<std::vector<variable>(variable x, variable scale, variable column)> f;
};

variable normalised(variable x) {
  return (x - mean(x, 1, keep_dims)) / sqrt(var(x, 1, keep_dims) + 1e-3);
}

// What each gives; with the gradients, where its first result has some.
const std::vector<case_of_rows>& cases() {
  static const std::vector<case_of_rows> all{
      {"softmax", [](variable x, variable, variable) { return std::vector{softmax(x)}; }},
      {"layer norm",
       [](variable x, variable scale, variable column) {
         const variable y = normalised(x) * scale + column;
         std::vector<variable> out{y};
         for (const variable& g : vjp(y, {x, scale, column}, sin(y))) out.push_back(g);
         return out;
       }},
      {"two reductions that go on, and one of columns",
       [](variable x, variable scale, variable column) {
         const variable m = max(x, 1, keep_dims), s = sum(exp(x - m), 1, keep_dims) * column;
         return std::vector{x / s + m, log(s) + m, sum(x * s, 0), x * scale - sum(x)};
       }},
      {"a norm, kept beside what reads it",
       [](variable x, variable scale, variable column) {
         const variable n = norm(x, 1, keep_dims) + column * column;
         return std::vector{x / n, reshape(n, {x.shape()[0]}), sum(n), scale * n};
       }},
      {"sums of products",
       [](variable x, variable scale, variable column) {
         const variable y = x * scale, s = sum(x * y, 1, keep_dims);
         std::vector<variable> out{y / s, sum(y * column, 0), sum(square(x)), sum(x * y, 1)};
         out.push_back(vjp(sin(s), {x}, column)[0]);
         return out;
       }},
      {"sums of rows that are kept, and of their squares",
       [](variable x, variable scale, variable column) {
         const variable y = x * scale, z = x + column, w = z + z, v = column * x;
         return std::vector{y,
                            sum(y, 1),
                            z,
                            sum(z * z, 1),
                            sum(w, 1),
                            w * sum(w * w, 1, keep_dims),
                            sum(v, 1),
                            v,
                            sum((x + 0.5) * (x + 0.5), 1)};
       }},
      {"a column's numbers, by row and by element",
       [](variable x, variable, variable column) {
         const variable c = broadcast_to(column, x.shape()), y = x * c;
         return std::vector{y, sin(c), y / sum(y, 1, keep_dims) + sum(c, 1, keep_dims)};
       }},
      {"rows of two lengths", [](variable x, variable, variable) {
         const variable y = x * sum(x, 1, keep_dims);
         return std::vector{y * sum(y), y};
       }}};
  return all;
}

tensor waves(dtype type, const shape& s) {
  tensor result({type, s});
  for (std::int64_t i = 0; i < s.elements(); ++i) {
    const double wave = std::sin(static_cast<double>(i) * 0.37) + 1.5;
    if (type == float32) static_cast<float*>(result.data())[i] = static_cast<float>(wave);
    else static_cast<double*>(result.data())[i] = wave;
  }
  return result;
}

std::vector<tensor> results(const case_of_rows& c, dtype type, const shape& s,
                            const compile_options& options) {
  tape t;
  const variable x = t.input(type, s), scale = t.input(type, {s[1]}),
                 column = t.input(type, {s[0], 1});
  std::vector<tensor> in;
  for (const shape& of : {s, shape{s[1]}, shape{s[0], 1}}) in.push_back(waves(type, of));
  program runs(t, {x, scale, column}, c.f(x, scale, column), options);
  runs.run(std::vector<array_view>(in.begin(), in.end()));
  std::vector<tensor> out;
  for (std::size_t i = 0; i < runs.outputs(); ++i) {
    const array_view v = runs.output(i).view();
    tensor copy(v.type());
    if (v.type().bytes() != 0) std::memcpy(copy.data(), v.data(), v.type().bytes());
    out.push_back(std::move(copy));
  }
  return out;
}

class Nests : public testing::TestWithParam<shape> {};

// Whatever the rows' length: tiles that are whole or not, that fill lines or not, that are fetched
// while others are handled (of 900 rows), rows that are too long for a nest.
TEST_P(Nests, GiveTheBitsOfLoopsOfTheirOwn) {
  for (const case_of_rows& c : cases()) {
    for (const dtype type : {float32, float64}) {
      const auto fused = results(c, type, GetParam(), {}),
                 plain = results(c, type, GetParam(), {.fuse = false});
      for (std::size_t i = 0; i < fused.size(); ++i) {
        const std::size_t bytes = fused[i].type().bytes();
        EXPECT_EQ(std::memcmp(fused[i].data(), plain[i].data(), bytes), 0)
            << c.name << ", result " << i << ", " << name_of(type) << ' ' << GetParam().text();
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Rows, Nests,
                         testing::Values(shape{1, 8}, shape{2, 2}, shape{300, 3}, shape{1000, 7},
                                         shape{64, 10}, shape{257, 16}, shape{333, 13},
                                         shape{100, 512}, shape{900, 512}, shape{37, 1000},
                                         shape{20, 1001}, shape{9, 1030}, shape{5, 2048},
                                         shape{3, 5000}, shape{40, 1}, shape{0, 4}));

TEST(NestsOf, RowsAreOneItem) {
  tape t;
  const variable x = t.input(float32, {4096, 512}), scale = t.input(float32, {512}),
                 dy = t.input(float32, {4096, 512});
  EXPECT_EQ(program(t, {x}, {softmax(x)}).steps(), 1u);
  const variable y = normalised(x) * scale;
  EXPECT_EQ(program(t, {x, scale}, {y}).steps(), 1u);
  const std::vector<variable> back = vjp(y, {x, scale}, dy);
  const int before = num_threads();
  for (const int threads : {1, 2}) {  // two leave a step that adds up columns behind the loop
    set_num_threads(threads);
    const program code(t, {x, scale, dy}, {y, back[0], back[1]});
    EXPECT_EQ(code.steps(), static_cast<std::size_t>(threads)) << code.explain();
  }
  set_num_threads(before);
}

// Rows of a batch of sequences, and of more reduced axes than one.
TEST(NestsOf, RowsOfMoreAxesAreOneItem) {
  tape t;
  const variable x = t.input(float32, {32, 20, 64});
  EXPECT_EQ(program(t, {x}, {softmax(x)}).steps(), 1u);
  const variable m = mean(x, {1, 2}, keep_dims);
  EXPECT_EQ(program(t, {x}, {x - m}).steps(), 1u);
}

// What is one a row of a nest may repeat along the rows, as long as a row is or not.
TEST(NestsOf, RowsReadWhatRepeatsAlongThem) {
  for (const std::int64_t rows : {10, 20}) {
    std::vector<tensor> found;
    for (const bool fuse : {true, false}) {
      tape t;
      const variable x = t.input(float32, {40, rows, 10}), w = t.input(float32, {rows, 1});
      const variable sums = sum(x, 2, keep_dims) * w;
      program code(t, {x, w}, {x * sums, x + sin(w) * sums}, {.fuse = fuse});
      const tensor x_now = waves(float32, {40, rows, 10}), w_now = waves(float32, {rows, 1});
      code.run(std::vector<array_view>{x_now, w_now});
      for (std::size_t i = 0; i < 2; ++i) found.emplace_back(code.output(i).view());
    }
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_EQ(std::memcmp(found[i].data(), found[i + 2].data(), found[i].type().bytes()), 0)
          << rows << ", result " << i;
    }
  }
}

// Beside a nest a shorter row is added up, which ends within one of the nest's.
TEST(NestsOf, OtherRowsMayBeShorter) {
  std::vector<tensor> found;
  for (const bool fuse : {true, false}) {
    tape t;
    const variable x = t.input(float32, {4096, 8}), y = exp(x);
    program code(t, {x}, {sum(y, 1), sum(reshape(y, {8192, 4}), 1)}, {.fuse = fuse});
    const tensor x_now = waves(float32, {4096, 8});
    code.run(std::vector<array_view>{x_now});
    for (std::size_t i = 0; i < 2; ++i) found.emplace_back(code.output(i).view());
  }
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(std::memcmp(found[i].data(), found[i + 2].data(), found[i].type().bytes()), 0) << i;
  }
}

// A parameter that is overwritten in place is read by the whole row before.
TEST(NestsOf, RowsMayBeUpdatedInPlace) {
  for (const shape& s : {shape{300, 7}, shape{64, 512}}) {
    parameter w("w", waves(float32, s)), copy("copy", waves(float32, s));
    tape t;
    const variable x = t.read(w);
    t.assign(w, x / sum(x, 1, keep_dims));
    t.commit();
    tape u;
    const variable y = u.read(copy);
    program run(u, {}, {y / sum(y, 1, keep_dims)}, {.fuse = false});
    run.run({});
    EXPECT_EQ(std::memcmp(w.data(), run.output(0).view().data(), w.type().bytes()), 0) << s.text();
  }
}

// What is summed was made before the parameter is overwritten.
TEST(NestsOf, ProductsAreOfTheOldValue) {
  for (const bool rows : {true, false}) {
    parameter w("w", waves(float32, {64, 512}));
    tape t;
    const variable x = t.read(w), y = x * x;
    t.assign(w, x - 1);
    const variable s = rows ? sum(y, 1) : sum(y);
    program code(t, {}, {s});
    const tensor before = waves(float32, {64, 512});
    code.run({});
    tape u;
    const variable z = u.constant(before);
    program plain(u, {}, {rows ? sum(z * z, 1) : sum(z * z)}, {.fuse = false});
    plain.run({});
    EXPECT_EQ(
        std::memcmp(code.output(0).view().data(), plain.output(0).view().data(), s.type().bytes()),
        0)
        << rows;
  }
}

}  // namespace
}  // namespace cotape
