// NumPy's matmul beyond the rows of the table: large and empty operands, one GEMM where there is no
// batch.
#include "primitives/primitives.hpp"
#include "support.hpp"

namespace cotape::tests {

namespace {

const op_case& row_of(const shape& a, const shape& b) {
  for (const op_case& c : op_cases()) {
    if (c.name == "matmul" && c.inputs[0].shape.rank() == a.rank() &&
        c.inputs[1].shape.rank() == b.rank()) {
      return c;
    }
  }
  throw std::logic_error("no row of these ranks");
}

void expect_product(const shape& a, const shape& b, engine& random) {
  const op_case& c = row_of(a, b);
  for (dtype d : {float64, float32}) {
    SCOPED_TRACE(a.text() + " by " + b.text() + " in " + name_of(d));
    arrays x = draw(c, {a, b}, random);
    for (array& e : x) e = rounded(e, d);
    graph_under_test g(c, x, d);
    const std::int64_t inner = a[a.rank() - 1];
    expect_near(g.run(c.apply(g.inputs)), c.reference(x), d, 4, 4 + static_cast<double>(inner) / 2);
  }
}

std::vector<shape> products_on(const tape& t) {
  std::vector<shape> shapes;
  for (std::uint32_t i = 0; i < t.size(); ++i) {
    if (t.nodes()[i].op == &primitives::matmul) shapes.push_back(t.type_of(i).shape);
  }
  return shapes;
}

TEST(Matmul, TimesZeroIsNotANumberWhereAFactorIsInfinite) {
  tape t;
  const variable x = t.constant(xt::xarray<double>{{HUGE_VAL, 1.0}, {1.0, 1.0}});
  const xt::xarray<double> y = (matmul(x, x) * 0).value<double>();
  EXPECT_TRUE(std::isnan(y(0, 0)));
}

}  // namespace

TEST(Matmul, MultipliesMatricesOfManySizes) {
  engine random(1);
  for (std::int64_t m : {1, 2, 7, 16, 33}) {
    for (std::int64_t k : {1, 3, 8, 65}) {
      for (std::int64_t n : {1, 4, 9, 48}) expect_product({m, k}, {k, n}, random);
    }
  }
  expect_product({130, 200}, {200, 70}, random);
}

TEST(Matmul, BroadcastsBatchAxes) {
  engine random(2);
  for (const auto& [a, b] : std::vector<std::pair<shape, shape>>{{{5, 2, 3}, {5, 3, 4}},
                                                                 {{5, 2, 3}, {1, 3, 4}},
                                                                 {{1, 2, 3}, {5, 3, 4}},
                                                                 {{2, 3, 2, 3}, {3, 3, 4}},
                                                                 {{3, 1, 2}, {2, 1, 2, 3}},
                                                                 {{2, 1, 2, 3}, {3, 3, 1}},
                                                                 {{7, 9, 3}, {3, 4}},
                                                                 {{9, 3}, {7, 3, 4}}}) {
    if (a.rank() == 3 && b.rank() == 4) continue;  // no row of these ranks: see the next test
    expect_product(a, b, random);
  }
}

TEST(Matmul, BroadcastsALowerRankedBatch) {
  engine random(3);
  const array a = draw_normal({3, 1, 2}, random), b = draw_normal({2, 1, 2, 3}, random);
  graph_under_test g;
  array wanted({2, 3, 1, 3});
  each(wanted.shape, [&](const index& i) {
    for (std::int64_t k = 0; k < 2; ++k) {
      wanted[i] += a[{i[1], i[2], k}] * b[{i[0], 0, k, i[3]}];
    }
  });
  expect_close(g.run(matmul(g.input(float64, a), g.input(float64, b))), wanted, 1e-14);
}

TEST(Matmul, OfEmptyOperandsIsEmptyOrZero) {
  engine random(4);
  for (const auto& [a, b] : std::vector<std::pair<shape, shape>>{{{3, 0}, {0, 4}},
                                                                 {{0, 3}, {3, 4}},
                                                                 {{3, 4}, {4, 0}},
                                                                 {{0, 2, 3}, {0, 3, 4}},
                                                                 {{2, 3, 0}, {2, 0, 4}},
                                                                 {{0}, {0}},
                                                                 {{0, 3, 4}, {4, 5}}}) {
    expect_product(a, b, random);
  }
}

TEST(Matmul, WithoutABatchOnTheRightIsOneGemmAlsoInReverse) {
  tape t;
  const variable x = t.input(float32, {6, 7, 3}), w = t.input(float32, {3, 4});
  const variable y = matmul(x, w);
  EXPECT_EQ(y.shape(), (shape{6, 7, 4}));
  EXPECT_EQ(products_on(t), (std::vector<shape>{{42, 4}}));
  gradient(sum(y * y), {x, w});
  EXPECT_EQ(products_on(t), (std::vector<shape>{{42, 4}, {42, 3}, {3, 4}}));
}

// Transposes, a scale factor and an addend may be folded into the call.
TEST(Matmul, TakesTransposesAFactorAndAnAddend) {
  engine random(5);
  const array a = draw_normal({5, 3}, random), b = draw_normal({4, 5}, random);
  const array c = draw_normal({3, 4}, random);
  array wanted({3, 4});
  each(wanted.shape, [&](const index& i) {
    for (std::int64_t k = 0; k < 5; ++k) wanted[i] += -0.5 * a[{k, i[0]}] * b[{i[1], k}];
    wanted[i] += c[i];
  });
  for (bool fuse : {true, false}) {
    graph_under_test g;
    const variable va = g.input(float64, a), vb = g.input(float64, b), vc = g.input(float64, c);
    const variable product = matmul(transpose(va), transpose(vb));
    const variables forms{vc + -0.5 * product, product * -0.5 + vc, vc - product / 2,
                          vc - 0.5 * product};
    for (const array& got : g.run(forms, {.fuse = fuse})) expect_close(got, wanted, 1e-14);
    // The addend is used again: it may not be overwritten.
    const arrays both = g.run({vc * 2, vc * 2 + product, product}, {.fuse = fuse});
    for (std::size_t i = 0; i < c.data.size(); ++i) {
      EXPECT_NEAR(both[1].data[i], both[0].data[i] + both[2].data[i], 1e-13);
      EXPECT_EQ(both[0].data[i], 2 * c.data[i]);
    }
  }
}

// Only a swap of the last two axes is a flag of the call; other orders move the elements.
TEST(Matmul, TakesOperandsTransposedInAnyOrder) {
  engine random(6);
  const array a = draw_normal({3, 3, 3}, random), b = draw_normal({3, 3, 3}, random);
  index order{0, 1, 2};
  do {
    SCOPED_TRACE(shape_from(order).text());
    const auto reordered = [&](const index& i) {
      index from(3);
      for (std::size_t k = 0; k < 3; ++k) from[static_cast<std::size_t>(order[k])] = i[k];
      return from;
    };
    array left(a.shape), right(a.shape);
    each(a.shape, [&](const index& i) {
      for (std::int64_t k = 0; k < 3; ++k) {
        left[i] += a[reordered({i[0], i[1], k})] * b[{i[0], k, i[2]}];
        right[i] += b[{i[0], i[1], k}] * a[reordered({i[0], k, i[2]})];
      }
    });
    graph_under_test g;
    const variable va = g.input(float64, a), vb = g.input(float64, b);
    const variable moved = transpose(va, {order[0], order[1], order[2]});
    expect_close(g.run(matmul(moved, vb)), left, 1e-14);
    expect_close(g.run(matmul(vb, moved)), right, 1e-14);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Matmul, TakesOneOperandTwice) {
  engine random(7);
  const array a = draw_normal({4, 4}, random);
  array square({4, 4}), gram({4, 4}), slope({4, 4}, 0);
  each(a.shape, [&](const index& i) {
    for (std::int64_t k = 0; k < 4; ++k) {
      square[i] += a[{i[0], k}] * a[{k, i[1]}];
      gram[i] += a[{k, i[0]}] * a[{k, i[1]}];
    }
    for (std::int64_t k = 0; k < 4; ++k) slope[i] += 2 * a[{i[0], k}];  // d sum(A^T A) / dA
  });
  graph_under_test g;
  const variable v = g.input(float64, a);
  expect_close(g.run(matmul(v, v)), square, 1e-14);
  expect_close(g.run(matmul(transpose(v), v)), gram, 1e-14);
  expect_close(g.run(gradient(sum(matmul(transpose(v), v)), v)), slope, 1e-14);
}

}  // namespace cotape::tests
