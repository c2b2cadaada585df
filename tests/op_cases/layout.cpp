// Op cases: operations that move elements.
#include <bit>

#include "op_cases.hpp"
#include "primitives/assemble.hpp"

namespace cotape::tests {

namespace {

// A row whose result takes each element from an index of its one input.
op_case moved(std::string name, std::string variant, shape s,
              std::function<variable(const variable&)> f, shape result,
              std::function<index(const index&)> from) {
  op_case c{std::move(name), std::move(variant), {{s, {}}}, {}, {}};
  c.apply = [f](const variables& v) { return f(v[0]); };
  c.reference = [=](const arrays& x) { return rearranged(x[0], result, from); };
  return c;
}

// The same elements in the same order.
op_case reshaped(std::string name, std::string variant, shape s,
                 std::function<variable(const variable&)> f, shape result) {
  op_case c{std::move(name), std::move(variant), {{s, {}}}, {}, {}};
  c.apply = [f](const variables& v) { return f(v[0]); };
  c.reference = [result](const arrays& x) { return array(result, x[0].data); };
  return c;
}

array joined(const arrays& parts, std::size_t axis) {
  index sizes = sizes_of(parts[0].shape);
  sizes[axis] = 0;
  for (const array& a : parts) sizes[axis] += a.shape[axis];
  array y(shape_from(sizes));
  std::int64_t first = 0;
  for (const array& a : parts) {
    each(a.shape, [&](index at) {
      const double value = a[at];
      at[axis] += first;
      y[at] = value;
    });
    first += a.shape[axis];
  }
  return y;
}

void append_views(std::vector<op_case>& rows) {
  const auto row = [&](op_case c) { rows.push_back(std::move(c)); };
  using v = const variable&;
  row(reshaped("reshape", "", {3, 4}, [](v x) { return reshape(x, shape{2, 6}); }, {2, 6}));
  row(reshaped("reshape", "open size", {3, 4},
               [](v x) {
                 return reshape(x, {2, -1, 2});
               },
               {2, 3, 2}));
  row(reshaped("reshape", "to a scalar", {1, 1}, [](v x) { return reshape(x, shape{}); }, {}));
  row(reshaped("expand_dims", "first", {3, 4}, [](v x) { return expand_dims(x, 0); }, {1, 3, 4}));
  row(reshaped("expand_dims", "last", {3, 4}, [](v x) { return expand_dims(x, -1); }, {3, 4, 1}));
  row(reshaped("squeeze", "all", {1, 3, 1, 4}, [](v x) { return squeeze(x); }, {3, 4}));
  row(reshaped("squeeze", "one", {1, 3, 1, 4}, [](v x) { return squeeze(x, 2); }, {1, 3, 4}));
  row(moved(
      "transpose", "", {3, 4}, [](v x) { return transpose(x); }, {4, 3},
      [](const index& i) {
        return index{i[1], i[0]};
      }));
  row(moved(
      "transpose", "order 1, 2, 0", {2, 3, 4},
      [](v x) {
        return transpose(x, {1, 2, 0});
      },
      {3, 4, 2},
      [](const index& i) {
        return index{i[2], i[0], i[1]};
      }));
  row(moved(
      "transpose", "order 0, 2, 1", {2, 3, 4},
      [](v x) {
        return transpose(x, {0, -1, 1});
      },
      {2, 4, 3},
      [](const index& i) {
        return index{i[0], i[2], i[1]};
      }));
  row(moved(
      "broadcast_to", "rows", {4},
      [](v x) {
        return broadcast_to(x, {3, 4});
      },
      {3, 4}, [](const index& i) { return i; }));
  row(moved(
      "broadcast_to", "columns", {3, 1},
      [](v x) {
        return broadcast_to(x, {2, 3, 4});
      },
      {2, 3, 4}, [](const index& i) { return i; }));
  row(moved(
      "broadcast_to", "a scalar", {},
      [](v x) {
        return broadcast_to(x, {3, 4});
      },
      {3, 4}, [](const index& i) { return i; }));
}

void append_slices(std::vector<op_case>& rows) {
  const auto row = [&](op_case c) { rows.push_back(std::move(c)); };
  using v = const variable&;
  row(moved(
      "slice", "a block", {5, 6},
      [](v x) {
        return slice(x, {{1, 4}, {2, 5}});
      },
      {3, 3},
      [](const index& i) {
        return index{i[0] + 1, i[1] + 2};
      }));
  row(moved(
      "slice", "steps", {5, 6},
      [](v x) {
        return slice(x, {{std::nullopt, std::nullopt, 2}, {5, 0, -2}});
      },
      {3, 3},
      [](const index& i) {
        return index{2 * i[0], 5 - 2 * i[1]};
      }));
  row(moved(
      "slice", "an index", {5, 6}, [](v x) { return slice(x, {-2}); }, {6},
      [](const index& i) {
        return index{3, i[0]};
      }));
  row(moved(
      "diag", "of a matrix", {4, 4}, [](v x) { return diag(x); }, {4},
      [](const index& i) {
        return index{i[0], i[0]};
      }));
  row(moved(
      "split", "second of three", {2, 6}, [](v x) { return split(x, 3, 1)[1]; }, {2, 2},
      [](const index& i) {
        return index{i[0], i[1] + 2};
      }));
  op_case spread = moved("diag", "of a vector", {4}, [](v x) { return diag(x); }, {4, 4}, {});
  spread.reference = [](const arrays& x) {
    array y({4, 4});
    for (std::int64_t i = 0; i < 4; ++i) y[{i, i}] = x[0][{i}];
    return y;
  };
  row(spread);
  for (std::int64_t k : {-1, 0, 1}) {
    op_case lower = moved("tril", "k = " + std::to_string(k), {2, 3, 4},
                          [k](v x) { return tril(x, k); }, {2, 3, 4}, {});
    lower.reference = [k](const arrays& x) {
      array y(x[0].shape);
      each(y.shape, [&](const index& i) { y[i] = i[2] - i[1] <= k ? x[0][i] : 0; });
      return y;
    };
    row(lower);
  }
}

void append_joins(std::vector<op_case>& rows) {
  op_case two{"concatenate", "last axis", {{{2, 3}, {}}, {{2, 4}, {}}}, {}, {}};
  two.apply = [](const variables& v) { return concatenate({v[0], v[1]}, -1); };
  two.reference = [](const arrays& x) { return joined(x, 1); };
  rows.push_back(two);
  op_case three{"concatenate", "three parts", {{{2, 3}, {}}, {{1, 3}, {}}, {{4, 3}, {}}}, {}, {}};
  three.apply = [](const variables& v) { return concatenate({v[0], v[1], v[2]}); };
  three.reference = [](const arrays& x) { return joined(x, 0); };
  rows.push_back(three);
  for (const shape& s : {shape{3}, shape{2, 3}, shape{2, 0}}) {
    op_case ones{"append_ones", s.text(), {{s, {}}}, {}, {}};
    ones.apply = [](const variables& v) { return append_ones(v[0]); };
    ones.reference = [=](const arrays& x) {
      index sizes = sizes_of(s);
      sizes.back() = 1;
      return joined({x[0], array(shape_from(sizes), 1)}, s.rank() - 1);
    };
    rows.push_back(ones);
  }
  for (std::int64_t axis : {0, 1, -1}) {
    op_case c{"stack", "axis " + std::to_string(axis), {{{2, 3}, {}}, {{2, 3}, {}}}, {}, {}};
    c.apply = [axis](const variables& v) { return stack({v[0], v[1]}, axis); };
    c.reference = [axis](const arrays& x) {
      const auto at = static_cast<std::size_t>(axis < 0 ? axis + 3 : axis);
      index sizes{2, 3};
      sizes.insert(sizes.begin() + static_cast<std::ptrdiff_t>(at), 2);
      array y(shape_from(sizes));
      each(y.shape, [&](const index& i) {
        index rest = i;
        rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(at));
        y[i] = x[static_cast<std::size_t>(i[at])][rest];
      });
      return y;
    };
    rows.push_back(c);
  }
}

// Writing a 2x3 block into a larger array of `fill`: with pad, or with steps by the primitive.
array placed(const array& x, shape s, double fill, std::function<index(const index&)> to) {
  array y(s, fill);
  each(x.shape, [&](const index& i) { y[to(i)] = x[i]; });
  return y;
}

void append_placements(std::vector<op_case>& rows) {
  for (double fill : {0.0, -1.5}) {
    op_case c{"pad", "with " + std::to_string(fill), {{{2, 3}, {}}}, {}, {}};
    c.apply = [fill](const variables& v) { return pad(v[0], {1, 0}, {2, 3}, fill); };
    c.reference = [fill](const arrays& x) {
      return placed(x[0], {5, 6}, fill, [](const index& i) { return index{i[0] + 1, i[1]}; });
    };
    rows.push_back(c);
  }
  op_case backward{"assemble", "backward steps", {{{2, 3}, {}}}, {}, {}};
  backward.apply = [](const variables& v) {
    primitives::words attributes = primitives::assembly_of({5, 7}, 0.5);
    primitives::append_part(attributes, primitives::words{3, 1}, primitives::words{-2, 2});
    return record(primitives::assemble, {v[0]}, attributes);
  };
  backward.reference = [](const arrays& x) {
    return placed(x[0], {5, 7}, 0.5, [](const index& i) {
      return index{3 - 2 * i[0], 1 + 2 * i[1]};
    });
  };
  rows.push_back(backward);
  op_case mixed{"assemble", "parts that overlap", {}, {}, {}};
  mixed.inputs = {{{2, 3}, {}}, {{4, 3}, {}}, {{4, 2}, {}}, {{2}, indices(3)}};
  mixed.apply = [](const variables& v) {
    primitives::words attributes = primitives::assembly_of({4, 3});
    primitives::append_part(attributes, primitives::words{1, 0}, primitives::words{2, 1});
    primitives::append_whole(attributes, 2);
    primitives::append_whole(attributes, 2, 1);
    return v[0].owner().record(primitives::assemble, v, attributes, {__FILE__, __LINE__});
  };
  mixed.reference = [](const arrays& x) {
    array y = x[1];
    each(x[0].shape, [&](const index& i) { y[{1 + 2 * i[0], i[1]}] += x[0][i]; });
    each(x[2].shape, [&](const index& i) {
      y[{i[0], static_cast<std::int64_t>(x[3][{i[1]}])}] += x[2][i];
    });
    return y;
  };
  mixed.magnitude = [f = mixed.reference](const arrays& x) {
    return f({sizes_of_terms(x[0]), sizes_of_terms(x[1]), sizes_of_terms(x[2]), x[3]});
  };
  rows.push_back(mixed);
}

void append_whole(std::vector<op_case>& rows) {
  op_case rows_of{"gather", "rows by a matrix", {{{5, 3}, {}}, {{2, 4}, indices(5)}}, {}, {}};
  rows_of.apply = [](const variables& v) { return gather(v[0], v[1]); };
  rows_of.reference = [](const arrays& x) {
    return rearranged(x[0], {2, 4, 3}, [&](const index& i) {
      return index{static_cast<std::int64_t>(x[1][{i[0], i[1]}]), i[2]};
    });
  };
  rows.push_back(rows_of);
  op_case columns{"gather", "last axis", {{{2, 3, 5}, {}}, {{7}, indices(5)}}, {}, {}};
  columns.apply = [](const variables& v) { return gather(v[0], v[1], -1); };
  columns.reference = [](const arrays& x) {
    return rearranged(x[0], {2, 3, 7}, [&](const index& i) {
      return index{i[0], i[1], static_cast<std::int64_t>(x[1][{i[2]}])};
    });
  };
  rows.push_back(columns);
  op_case anywhere{
      "gather", "places of the flat tensor", {{{2, 3}, {}}, {{4}, indices(6)}}, {}, {}};
  anywhere.apply = [](const variables& v) {
    return record(primitives::gather, {v[0], v[1]}, {&primitives::all_axes, 1});
  };
  anywhere.reference = [](const arrays& x) {
    return rearranged(x[0], {4}, [&](const index& i) {
      const auto at = static_cast<std::int64_t>(x[1][i]);
      return index{at / 3, at % 3};
    });
  };
  rows.push_back(anywhere);
  op_case scattered{"scatter_add", "rows", {{{2, 4, 3}, {}}, {{2, 4}, indices(5)}}, {}, {}};
  scattered.apply = [](const variables& v) { return scatter_add(v[0], v[1], 5); };
  scattered.reference = [](const arrays& x) {
    array y({5, 3});
    each(x[0].shape, [&](const index& i) {
      y[{static_cast<std::int64_t>(x[1][{i[0], i[1]}]), i[2]}] += x[0][i];
    });
    return y;
  };
  scattered.magnitude = [f = scattered.reference](const arrays& x) {
    return f({sizes_of_terms(x[0]), x[1]});
  };
  rows.push_back(scattered);
  op_case last{"scatter_add", "last axis", {{{2, 7}, {}}, {{7}, indices(4)}}, {}, {}};
  last.apply = [](const variables& v) { return scatter_add(v[0], v[1], 4, -1); };
  last.reference = [](const arrays& x) {
    array y({2, 4});
    each(x[0].shape, [&](const index& i) {
      y[{i[0], static_cast<std::int64_t>(x[1][{i[1]}])}] += x[0][i];
    });
    return y;
  };
  last.magnitude = [f = last.reference](const arrays& x) {
    return f({sizes_of_terms(x[0]), x[1]});
  };
  rows.push_back(last);
}

}  // namespace

std::vector<op_case> layout_cases() {
  std::vector<op_case> rows;
  append_views(rows);
  append_slices(rows);
  append_joins(rows);
  append_placements(rows);
  append_whole(rows);
  return rows;
}

}  // namespace cotape::tests
