// Slices as in Python over many ranges, and layout operations on empty and large arrays.
#include "support.hpp"

namespace cotape::tests {

namespace {

// The indices that Python's range(*slice(start, stop, step).indices(n)) gives.
index python_range(std::optional<std::int64_t> start, std::optional<std::int64_t> stop,
                   std::int64_t step, std::int64_t n) {
  const auto inside = [&](std::int64_t k) { return k >= 0 && k < n; };
  index chosen;
  const auto from_end = [&](std::int64_t k) { return k < 0 ? k + n : k; };
  std::int64_t first = start ? from_end(*start) : (step > 0 ? 0 : n - 1);
  std::int64_t last = stop ? from_end(*stop) : (step > 0 ? n : -1);
  if (step > 0) first = std::max<std::int64_t>(first, 0);
  else first = std::min(first, n - 1);
  for (std::int64_t k = first; step > 0 ? k < last : k > last; k += step) {
    if (!inside(k)) break;
    chosen.push_back(k);
  }
  return chosen;
}

array counted(const shape& s) {
  array x(s);
  for (std::size_t i = 0; i < x.data.size(); ++i) x.data[i] = static_cast<double>(i) + 1;
  return x;
}

}  // namespace

TEST(Slice, ChoosesTheElementsThatPythonDoes) {
  const std::optional<std::int64_t> none;
  std::vector<std::optional<std::int64_t>> ends{none};
  for (std::int64_t k = -7; k <= 7; ++k) ends.push_back(k);
  for (std::int64_t n : {0, 1, 5}) {
    for (std::int64_t step : {1, 2, 3, -1, -2, -3}) {
      graph_under_test g;
      const variable x = g.input(float64, counted({n}));
      variables parts, slopes;
      std::vector<index> wanted;
      for (const auto& start : ends) {
        for (const auto& stop : ends) {
          parts.push_back(slice(x, {{start, stop, step}}));
          slopes.push_back(gradient(sum(square(parts.back())), x));
          wanted.push_back(python_range(start, stop, step, n));
        }
      }
      const arrays got = g.run(parts), gradients = g.run(slopes);
      for (std::size_t i = 0; i < wanted.size(); ++i) {
        SCOPED_TRACE(shape_from({n}).text() + " step " + std::to_string(step) + " number " +
                     std::to_string(i));
        array expected({static_cast<std::int64_t>(wanted[i].size())}), slope({n});
        for (std::size_t k = 0; k < wanted[i].size(); ++k) {
          expected.data[k] = static_cast<double>(wanted[i][k]) + 1;
          slope.data[static_cast<std::size_t>(wanted[i][k])] = 2 * expected.data[k];
        }
        expect_close(got[i], expected, 0);
        expect_close(gradients[i], slope, 0);
      }
    }
  }
}

TEST(Slice, MixesIndicesRangesAndWholeAxes) {
  graph_under_test g;
  const array data = counted({4, 5, 6});
  const variable x = g.input(float64, data);
  const array a = g.run(slice(x, {all, 2, {std::nullopt, std::nullopt, -1}}));
  expect_close(a,
               rearranged(data, {4, 6},
                          [](const index& i) {
                            return index{i[0], 2, 5 - i[1]};
                          }),
               0);
  const array b = g.run(slice(x, {-1, -2, -3}));
  expect_close(b, array({}, data[{3, 3, 3}]), 0);
  EXPECT_EQ(slice(x, {}).shape(), x.shape());
  EXPECT_EQ(slice(x, {{1, 1}}).shape(), (shape{0, 5, 6}));
}

TEST(Slice, TakesTheFirstElementWithHugeSteps) {
  using limits = std::numeric_limits<std::int64_t>;
  graph_under_test g;
  const variable x = g.input(float64, counted({4, 5}));
  const std::optional<std::int64_t> none;
  expect_close(g.run(slice(x, {{none, none, limits::max()}, 0})), array({1}, 1), 0);
  expect_close(g.run(slice(x, {{none, none, limits::min()}, 0})), array({1}, 16), 0);
}

TEST(Transpose, MovesLargeAndEmptyArrays) {
  engine random(1);
  for (const shape& s : {shape{37, 53}, shape{600, 3}, shape{3, 600}, shape{0, 4}, shape{1, 9}}) {
    for (dtype d : {float32, float64}) {
      SCOPED_TRACE(s.text());
      const array x = rounded(draw_normal(s, random), d);
      graph_under_test g;
      const array y = g.run(transpose(g.input(d, x)));
      expect_near(y,
                  rearranged(x, {s[1], s[0]},
                             [](const index& i) {
                               return index{i[1], i[0]};
                             }),
                  d, 0, 0);
    }
  }
}

TEST(Transpose, FollowsEveryOrderOfFourAxes) {
  engine random(2);
  const array x = draw_normal({2, 3, 4, 5}, random);
  index order{0, 1, 2, 3};
  do {
    graph_under_test g;
    const variable in = g.input(float64, x);
    const variable y = transpose(in, {order[0], order[1], order[2], order[3]});
    index sizes;
    for (std::int64_t axis : order) sizes.push_back(x.shape[static_cast<std::size_t>(axis)]);
    const array wanted = rearranged(x, shape_from(sizes), [&](const index& i) {
      index from(4);
      for (std::size_t k = 0; k < 4; ++k) from[static_cast<std::size_t>(order[k])] = i[k];
      return from;
    });
    expect_close(g.run(y), wanted, 0);
    expect_close(g.run(gradient(sum(y * y * 0.5), in)), x, 1e-15);
  } while (std::next_permutation(order.begin(), order.end()));
}

TEST(Concatenate, JoinsManyPartsEmptyOnesIncluded) {
  graph_under_test g;
  std::vector<operand> parts;
  array wanted({0, 2});
  for (std::int64_t n : {2, 0, 1, 3, 0, 5, 1}) {
    array x({n, 2});
    for (double& e : x.data) {
      e = static_cast<double>(wanted.data.size() + 1);
      wanted.data.push_back(e);
    }
    wanted.shape = {wanted.shape[0] + n, 2};
    parts.emplace_back(g.input(float32, x));
  }
  const variable y = concatenate(parts, 0);
  expect_close(g.run(y), wanted, 0);
  expect_close(g.run(gradient(sum(y * y), g.inputs[3])), array({3, 2}, {14, 16, 18, 20, 22, 24}),
               0);
}

TEST(Split, GivesPartsThatConcatenateToTheWhole) {
  graph_under_test g;
  const array data = counted({2, 6, 3});
  const variable x = g.input(float64, data);
  const auto parts = split(x, 3, -2);
  ASSERT_EQ(parts.size(), 3u);
  expect_close(g.run(concatenate({parts[0], parts[1], parts[2]}, 1)), data, 0);
}

TEST(Gather, StopsTheRunAtAnIndexOutside) {
  for (double bad : {-1.0, 5.0, 1e15}) {
    graph_under_test g;
    const variable x = g.input(float64, array({5, 2}));
    const variable at = g.input(int64, array({3}, {0, bad, 1}));
    EXPECT_THROW(g.run(gather(x, at)), value_error);
    EXPECT_THROW(g.run(scatter_add(g.input(float64, array({3, 2})), at, 5)), value_error);
  }
}

TEST(Layout, TrianglesOfIntegersAreIntegers) {
  graph_under_test g;
  const variable x = g.input(int64, array({2, 2}, {1, 2, 3, 4}));
  expect_close(g.run(tril(x)), array({2, 2}, {1, 0, 3, 4}), 0);
}

TEST(Layout, IntegersArePaddedWithIntegers) {
  graph_under_test g;
  const variable x = g.input(int64, array({2}, {1, 2}));
  expect_close(g.run(pad(x, {1}, {0}, 7)), array({3}, {7, 1, 2}), 0);
}

// What lies around a run of elements is filled in whole lines, before the run is stored.
TEST(Layout, PadsBeforeAndBehindAtAnyPlace) {
  for (dtype d : {float32, float64}) {
    for (std::int64_t before : {0, 1, 15, 16, 17, 40}) {
      for (std::int64_t n : {0, 1, 3, 16, 33}) {
        for (std::int64_t after : {0, 1, 15, 16, 31}) {
          graph_under_test g;
          const array x = counted({n});
          array wanted({before + n + after});
          for (std::int64_t i = 0; i < before + n + after; ++i) {
            const bool within = i >= before && i < before + n;
            wanted.data[static_cast<std::size_t>(i)] =
                within ? static_cast<double>(i - before) + 1 : -7;
          }
          expect_close(g.run(pad(g.input(d, x), {before}, {after}, -7)), wanted, 0);
        }
      }
    }
  }
}

TEST(Layout, KeepsEmptyArraysEmpty) {
  graph_under_test g;
  const variable x = g.input(float64, array({3, 0}));
  const variable at = g.input(int64, array({0}));
  const variable table = g.input(float64, array({4, 2}));
  const variables results{reshape(x, {0, 7}),   transpose(x),  broadcast_to(x, {2, 3, 0}),
                          slice(x, {{0, 2}}),   cumsum(x, 0),  gather(table, at),
                          concatenate({x, x}),  stack({x, x}), tril(x),
                          diag(reshape(x, {0}))};
  const std::vector<shape> wanted{{0, 7}, {0, 3}, {2, 3, 0}, {2, 0}, {3, 0},
                                  {0, 2}, {6, 0}, {2, 3, 0}, {3, 0}, {0, 0}};
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    SCOPED_TRACE(i);
    EXPECT_EQ(g.run(results[i]).shape.text(), wanted[i].text());
  }
  expect_close(g.run(pad(x, {0, 1}, {0, 1}, 7)), array({3, 2}, 7), 0);
  expect_close(g.run(scatter_add(gather(table, at), at, 2)), array({2, 2}), 0);
}

}  // namespace cotape::tests
