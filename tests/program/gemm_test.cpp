// Products in programs: what is folded into them, against the program that folds nothing.
#include <functional>

#include "expect_error.hpp"
#include "explained.hpp"

namespace cotape {
namespace {

using tests::computes;
using tests::count;
using list = std::vector<variable>;
using recipe = std::function<variable(const list&)>;

// Whole numbers: their products and sums are exact in any order.
template <class T> void fill(tensor& t, std::int64_t seed) {
  for (std::int64_t i = 0; i < t.shape().elements(); ++i) {
    t.data_as<T>()[i] = static_cast<T>((i * 7 + seed * 5 + i / 3) % 9 - 4);
  }
}

// The texts of programs of f of inputs of these shapes, one a dtype. Fused and not they give the
// same values.
std::vector<std::string> fused(const std::vector<shape>& shapes, const recipe& f) {
  std::vector<std::string> texts;
  for (const dtype d : {float32, float64}) {
    tape t;
    list x;
    std::vector<tensor> values;
    for (const shape& s : shapes) {
      x.push_back(t.input(d, s));
      values.emplace_back(x.back().type());
      const auto seed = static_cast<std::int64_t>(x.size());
      d == float32 ? fill<float>(values.back(), seed) : fill<double>(values.back(), seed);
    }
    const std::vector<array_view> views(values.begin(), values.end());
    const variable y = f(x), as_double = cast(y, float64);
    program code(t, x, {as_double}), plain(t, x, {as_double}, {.fuse = false});
    code.run(views);
    plain.run(views);
    EXPECT_EQ(code.output(0).value<double>(), plain.output(0).value<double>()) << code.explain();
    texts.push_back(program(t, x, {y}).explain());
  }
  return texts;
}

// They are programs of one step, a product.
void expect_one_step(const std::vector<shape>& shapes, const std::string& product,
                     const recipe& f) {
  for (const std::string& text : fused(shapes, f)) {
    EXPECT_EQ(std::stoi(text), 1) << text;
    EXPECT_EQ(count(text, "matmul " + product + "\n"), 1) << text;
  }
}

// They are programs of so many steps, one of which is the operation's.
void expect_copy(const std::vector<shape>& shapes, const char* operation, const recipe& f,
                 int steps = 2) {
  for (const std::string& text : fused(shapes, f)) {
    EXPECT_EQ(std::stoi(text), steps) << text;
    EXPECT_EQ(count(text, std::string(": ") + operation), 1) << text;
  }
}

const auto none = std::nullopt;

TEST(Gemm, ReadsSlicesWhereTheyAre) {
  expect_one_step({{7, 9}, {9, 5}}, "A B", [](const list& x) {
    return matmul(slice(x[0], {{2, 5}, {1, 5}}), slice(x[1], {{4, 8}}));
  });
  expect_one_step({{7, 9}, {4, 5}}, "A B", [](const list& x) {
    return matmul(slice(x[0], {{1, none, 3}, {3, 7}}), x[1]);  // every third row
  });
  expect_one_step({{7, 9}, {9, 6}}, "A^T B", [](const list& x) {
    return matmul(transpose(slice(x[0], {{0, 3}, {2, 8}})), slice(x[1], {{1, 4}}));
  });
  expect_one_step({{7, 9}, {9, 6}}, "A B^T", [](const list& x) {  // of a slice of a transpose
    return matmul(slice(x[0], {all, {3, 9}}), transpose(slice(slice(x[1], {{1, 9}}), {{2, 7}})));
  });
  expect_one_step({{4, 6, 9}, {3, 9, 5}}, "A B", [](const list& x) {
    return matmul(slice(x[0], {{0, none, 2}, {1, 4}, {0, 4}}),
                  slice(x[1], {{2, none, -2}, {5, 9}}));  // a batch backwards
  });
}

TEST(Gemm, ReadsPermutedBatchesWhereTheyAre) {
  expect_one_step({{4, 3, 5}, {3, 6, 5}}, "A B^T", [](const list& x) {
    return matmul(transpose(x[0], {1, 0, 2}), transpose(x[1], {0, 2, 1}));
  });
  expect_one_step({{5, 3, 4}, {5, 3, 6}}, "A^T B", [](const list& x) {
    return matmul(transpose(x[0], {1, 2, 0}), transpose(x[1], {1, 0, 2}));
  });
  // Heads: the columns of each position are split.
  const auto heads = [](variable x) { return transpose(reshape(x, {2, 4, 3, 5}), {0, 2, 1, 3}); };
  expect_one_step({{2, 4, 15}, {8, 15}}, "A B^T", [&](const list& x) {
    return matmul(heads(x[0]), transpose(heads(x[1]), {0, 1, 3, 2}));
  });
  expect_one_step({{2, 3, 4, 4}, {2, 4, 45}}, "A B", [&](const list& x) {
    return matmul(x[0], heads(slice(x[1], {all, all, {15, 30}})));
  });
}

TEST(Gemm, ReadsBroadcastBatchesWhereTheyAre) {
  expect_one_step({{2, 3, 4, 5}, {3, 5, 6}}, "A B",
                  [](const list& x) { return matmul(x[0], x[1]); });
  expect_one_step({{4, 5}, {2, 3, 5, 6}}, "A B", [](const list& x) { return matmul(x[0], x[1]); });
  expect_one_step({{2, 1, 4, 5}, {3, 5, 6}}, "A B",
                  [](const list& x) { return matmul(x[0], x[1]); });
  expect_one_step({{2, 3, 4, 5}, {1, 1, 5, 6}}, "A B",
                  [](const list& x) { return matmul(x[0], x[1]); });
  expect_one_step({{3, 4, 5}, {6, 5}}, "A B^T", [](const list& x) {
    return matmul(x[0], broadcast_to(transpose(x[1]), {3, 5, 6}));
  });
}

TEST(Gemm, ReadsVectorsOfAnyPositiveStride) {
  expect_one_step({{5, 7}, {5, 6}}, "A^T B", [](const list& x) {
    return matmul(transpose(slice(x[0], {all, {3, 4}})), x[1]);
  });
  expect_one_step({{4, 5}, {5, 7}}, "A B", [](const list& x) {
    return matmul(x[0], slice(x[1], {all, {6, 7}}));
  });
  expect_one_step({{4, 10}, {5, 1}}, "A^T B", [](const list& x) {
    return matmul(slice(x[0], {{3, 4}, {0, none, 2}}), x[1]);
  });
  expect_one_step({{40, 60}, {60, 70}}, "A B", [](const list& x) {
    return matmul(x[0], slice(x[1], {all, {6, 7}}));
  });
  expect_one_step({{60, 3}, {60, 70}}, "A^T B", [](const list& x) {
    return matmul(transpose(slice(x[0], {all, {1, 2}})), x[1]);
  });
}

TEST(Gemm, CopiesWhatBlasCannotRead) {
  expect_copy({{4, 10}, {5, 6}}, "slice", [](const list& x) {
    return matmul(slice(x[0], {all, {0, none, 2}}), x[1]);
  });
  expect_copy({{4, 5}, {5, 6}}, "slice", [](const list& x) {
    return matmul(slice(x[0], {{none, none, -1}}), x[1]);
  });
  expect_copy({{1, 5}, {5, 6}}, "broadcast_to", [](const list& x) {
    return matmul(broadcast_to(x[0], {4, 5}), x[1]);
  });
  expect_copy({{4, 6}, {4, 5}}, "slice", [](const list& x) {  // no reshape of these is a map
    return matmul(reshape(slice(x[0], {all, {1, 6}}), {5, 4}), x[1]);
  });
  // What moves the copy's elements needs none itself.
  expect_copy({{4, 10}, {4, 6}}, "slice", [](const list& x) {
    return matmul(transpose(slice(x[0], {all, {0, none, 2}})), x[1]);
  });
  expect_copy({{3, 4, 5}, {15, 6}}, "transpose", [](const list& x) {  // heads put together again
    return matmul(reshape(transpose(x[0], {1, 0, 2}), {4, 15}), x[1]);
  });
}

TEST(Gemm, OfNothingIsZerosOrNothing) {
  expect_one_step({{4, 5}, {5, 6}}, "A B", [](const list& x) {
    return matmul(slice(x[0], {all, {2, 2}}), slice(x[1], {{3, 3}}));
  });
  for (const std::string& text : fused({{4, 5}, {5, 6}}, [](const list& x) {
         return matmul(slice(x[0], {{2, 2}}), slice(x[1], {all, {1, 3}}));
       })) {
    EXPECT_EQ(std::stoi(text), 0) << text;
  }
  fused({{4, 5, 0}, {4, 0, 6}}, [](const list& x) {
    return transpose(matmul(x[0], x[1]), {1, 0, 2});
  });
  fused({{0, 5, 3}, {3, 6}}, [](const list& x) {
    return matmul(transpose(x[0], {1, 0, 2}), x[1]);
  });
}

TEST(Gemm, TakesFactorsAndAddendsBesidesMaps) {
  expect_one_step({{7, 9}, {4, 5}, {}}, "A B *alpha", [](const list& x) {
    return x[2] * matmul(slice(x[0], {{2, 5}, {1, 5}}), x[1]);
  });
  expect_one_step({{7, 9}, {4, 5}, {}}, "-A B *alpha", [](const list& x) {
    return -(x[2] * matmul(slice(x[0], {{2, 5}, {1, 5}}), x[1]));
  });
  for (const std::string& text : fused({{4, 3, 5}, {3, 6, 5}, {3, 4, 6}}, [](const list& x) {
         return 2 * x[2] - 0.5 * matmul(transpose(x[0], {1, 0, 2}), transpose(x[1], {0, 2, 1}));
       })) {
    EXPECT_EQ(count(text, "\n"), 3) << text;
    EXPECT_EQ(count(text, "matmul -A B^T *alpha +C\n"), 1) << text;
  }
  // The product of a part of what it is added to.
  fused({{6, 6}}, [](const list& x) {
    const variable s = x[0] + 1;
    return matmul(slice(s, {all, {0, 3}}), slice(s, {{3, 6}})) + s;
  });
}

TEST(Gemm, WritesTransposesOfItsResult) {
  expect_one_step({{4, 5}, {5, 6}}, "A^T B^T",
                  [](const list& x) { return transpose(matmul(x[0], x[1])); });
  expect_one_step({{5, 4}, {6, 5}}, "A B", [](const list& x) {
    return transpose(matmul(transpose(x[0]), transpose(x[1])));
  });
  expect_one_step({{3, 4, 5}, {3, 5, 6}}, "A B", [](const list& x) {
    return transpose(matmul(x[0], x[1]), {1, 0, 2});
  });
  expect_one_step({{2, 3, 4, 5}, {2, 3, 5, 6}}, "A B", [](const list& x) {
    return reshape(transpose(matmul(x[0], x[1]), {0, 2, 1, 3}), {8, 18});
  });
  expect_one_step({{3, 4, 5}, {3, 5, 6}}, "-A^T B^T *alpha", [](const list& x) {
    return -transpose(0.5 * matmul(x[0], x[1]), {0, 2, 1});
  });
  expect_one_step({{4, 5}, {5, 6}}, "A B",
                  [](const list& x) { return transpose(transpose(matmul(x[0], x[1]))); });
  expect_one_step({{4, 5}, {5, 1}}, "A B",
                  [](const list& x) { return transpose(matmul(x[0], x[1])); });
  expect_copy({{3, 4, 5}, {3, 5, 6}}, "transpose", [](const list& x) {
    return transpose(matmul(x[0], x[1]), {1, 2, 0});
  });
  // Not where the product is needed as it was.
  for (const std::string& text : fused({{4, 5}, {5, 4}}, [](const list& x) {
         const variable y = matmul(x[0], x[1]);
         return transpose(y) * y;
       })) {
    EXPECT_EQ(count(text, ": transpose\n"), 1) << text;
  }
}

// Of an attention of heads and its gradient: split, multiplied and joined without a copy.
TEST(Gemm, CopiesNoHeads) {
  tape t;
  const std::int64_t batch = 2, length = 4, heads = 3, size = 5, width = heads * size;
  const variable x = t.input(float32, {batch, length, width});
  list w;
  for (int i = 0; i < 4; ++i) w.push_back(t.input(float32, {width, width}));
  const auto split = [&](const variable& of) {
    return transpose(reshape(matmul(x, of), {batch, length, heads, size}), {0, 2, 1, 3});
  };
  const variable scores = matmul(split(w[0]), transpose(split(w[1]), {0, 1, 3, 2})) * 0.4;
  const variable mixed = transpose(matmul(softmax(scores), split(w[2])), {0, 2, 1, 3});
  const variable y = matmul(reshape(mixed, {batch, length, width}), w[3]);
  list wanted{x};
  wanted.insert(wanted.end(), w.begin(), w.end());
  const program forward(t, wanted, {y}), training(t, wanted, gradient(sum(square(y)), wanted));
  EXPECT_EQ(computes(forward, "transpose"), 0) << forward.explain();
  EXPECT_EQ(computes(forward, "matmul"), 6);
  EXPECT_EQ(computes(training, "transpose"), 0) << training.explain();
  EXPECT_EQ(computes(training, "matmul"), 18);
}

// Gates whose weights are columns of one matrix: no slices of it are made.
TEST(Gemm, CopiesNoGates) {
  tape t;
  const variable x = t.input(float64, {8, 5}), w = t.input(float64, {5, 12});
  const list parts = split(w, 4, 1);
  const variable y = tanh(matmul(x, parts[0])) * sigmoid(matmul(x, parts[1])) +
                     tanh(matmul(x, parts[2])) * sigmoid(matmul(x, parts[3]));
  const program code(t, {x, w}, {y, gradient(sum(y), x)});
  EXPECT_EQ(computes(code, "slice"), 0) << code.explain();
  EXPECT_EQ(computes(code, "matmul"), 8);
}

// A parameter is updated in place after the products that read parts of it.
TEST(Gemm, ReadsPartsOfAParameterBeforeItsUpdate) {
  for (const bool fuse : {true, false}) {
    tape t;
    const parameter w("w", xt::xarray<double>{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}});
    const variable x = t.input(float64, {2, 2}), now = t.read(w);
    const variable y = matmul(x, slice(now, {{1, 3}, {0, 2}}));
    t.assign(w, now * 2);
    const variable z = matmul(transpose(slice(now, {{0, 2}, {1, 3}})), x);
    program code(t, {x}, {y, z}, {.fuse = fuse});
    const xt::xarray<double> unit{{1, 0}, {0, 1}};
    const std::vector<array_view> values{array_view({float64, {2, 2}}, unit.data())};
    for (const double scale : {1, 2, 4}) {
      code.run(values);
      EXPECT_EQ(code.output(0).value<double>(), scale * (xt::xarray<double>{{4, 5}, {7, 8}}));
      EXPECT_EQ(code.output(1).value<double>(), scale * (xt::xarray<double>{{2, 5}, {3, 6}}));
    }
  }
}

// An update by the product of a part of what it updates.
TEST(Gemm, UpdatesWhatItReadsAPartOf) {
  const parameter w("w", xt::xarray<double>{{1, 2}, {3, 4}});
  tape t;
  const variable now = t.read(w);
  t.assign(w, now - matmul(slice(now, {all, {0, 1}}), slice(now, {{1, 2}})));
  program code(t, {}, {});
  code.run({});
  EXPECT_EQ(w.value<double>(), (xt::xarray<double>{{-2, -2}, {-6, -8}}));
  code.run({});
  EXPECT_EQ(w.value<double>(), (xt::xarray<double>{{-14, -18}, {-42, -56}}));
}

TEST(Gemm, OfWhatBlasCannotCountIsRefused) {
  tape t;
  const std::int64_t much = std::int64_t{1} << 31;
  const variable x = t.input(float32, {1, much}), y = matmul(x, transpose(x));
  const std::string line = std::to_string(__LINE__ - 1);
  tests::expect_error<shape_error>(
      [&] { program(t, {x}, {y}); },
      "matmul: a size or stride beyond 32 bits: m 1, n 1, k 2147483648 [at gemm_test.cpp:" + line);
}

// Long chains are followed a few steps, each product's for itself: time stays linear.
TEST(Gemm, ReadsThroughTheLastOperationsOfALongChain) {
  for (const std::string& text : fused({{4, 4}}, [](const list& x) {
         variable y = x[0];
         for (int i = 0; i < 15; ++i) y = transpose(y);
         return matmul(y, y);
       })) {
    EXPECT_EQ(count(text, "matmul"), 1) << text;
    EXPECT_EQ(count(text, ": transpose"), 7) << text;
  }
}

}  // namespace
}  // namespace cotape
