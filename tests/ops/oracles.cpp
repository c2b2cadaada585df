// The rows of the shape oracle, and how their calls are drawn. To add an operation, add a row.
#include "oracles.hpp"

namespace cotape::tests {

namespace {

// f(list) of a vector's elements, for arguments that are written in braces.
template <class T>
variable with_list(const std::vector<T>& v,
                   const std::function<variable(std::initializer_list<T>)>& f) {
  switch (v.size()) {
    case 0: return f({});
    case 1: return f({v[0]});
    case 2: return f({v[0], v[1]});
    case 3: return f({v[0], v[1], v[2]});
    case 4: return f({v[0], v[1], v[2], v[3]});
    case 5: return f({v[0], v[1], v[2], v[3], v[4]});
    default: throw std::logic_error("a list of more than 5");
  }
}

axes to_axes(const std::optional<sizes>& list) { return list ? axes(*list) : axes(); }
std::string text_of(const std::optional<sizes>& list) {
  return list ? fmt::format("axes {}", *list) : "all axes";
}

using unary_operation = variable (*)(operand);
using binary_operation = variable (*)(operand, operand);
using ternary_operation = variable (*)(operand, operand, operand);
using reduction_operation = variable (*)(operand, const axes&, dims);

oracle one(std::string name, std::function<variable(const variable&)> f) {
  return {
      std::move(name),
      [f](dice& d) {
        const sizes x = d.shape();
        return call{{x}, [=] { return x; }, [=](const variables& v) { return variables{f(v[0])}; }};
      },
      false};
}

oracle several(std::string name, std::size_t n, std::function<variable(const variables&)> f) {
  return {std::move(name), [=](dice& d) {
            const auto x = d.partners(n);
            return call{x, [=] { return numpy::broadcast(x); },
                        [=](const variables& v) { return variables{f(v)}; }};
          }};
}
oracle two(std::string name, binary_operation f) {
  return several(std::move(name), 2, [=](const variables& v) { return f(v[0], v[1]); });
}
oracle three(std::string name, ternary_operation f) {
  return several(std::move(name), 3, [=](const variables& v) { return f(v[0], v[1], v[2]); });
}

// `least`: of how many elements, at least, one of the result is made.
oracle reduction(std::string name, reduction_operation f, std::int64_t least = 0) {
  return {std::move(name), [=](dice& d) {
            const sizes x = d.shape();
            const auto over = d.axes(numpy::rank(x));
            const bool keep = d.one_in(2);
            return call{{x},
                        [=] {
                          numpy::demand(numpy::reduced_count(x, over) >= least);
                          return numpy::reduce(x, over, keep);
                        },
                        [=](const variables& v) {
                          return variables{f(v[0], to_axes(over), keep ? dims::keep : dims::drop)};
                        },
                        text_of(over) + (keep ? ", kept" : "")};
          }};
}

// An operation with one axis among its attributes.
oracle along(std::string name, std::function<sizes(const sizes&, std::int64_t)> rule,
             variable (*f)(operand, std::int64_t)) {
  return {std::move(name), [=](dice& d) {
            const sizes x = d.shape();
            const auto axis = d.axis(numpy::rank(x));
            return call{{x},
                        [=] { return rule(x, axis); },
                        [=](const variables& v) { return variables{f(v[0], axis)}; },
                        fmt::format("axis {}", axis)};
          }};
}

// An operation of one operand that takes no attributes but not every shape.
oracle plain(std::string name, std::function<sizes(const sizes&)> rule, unary_operation f) {
  return {std::move(name), [=](dice& d) {
            const sizes x = d.shape();
            return call{{x},
                        [=] { return rule(x); },
                        [=](const variables& v) { return variables{f(v[0])}; }};
          }};
}

void append_elementwise(std::vector<oracle>& rows) {
  using pair = std::pair<const char*, unary_operation>;
  for (const auto& [name, f] :
       std::vector<pair>{{"operator-", [](operand x) { return -x; }},
                         {"negate", negate},
                         {"reciprocal", reciprocal},
                         {"square", square},
                         {"exp", exp},
                         {"expm1", expm1},
                         {"log", log},
                         {"log1p", log1p},
                         {"sqrt", sqrt},
                         {"sin", sin},
                         {"cos", cos},
                         {"tanh", tanh},
                         {"sigmoid", sigmoid},
                         {"relu", relu},
                         {"softplus", softplus},
                         {"logit", logit},
                         {"gaussian", gaussian},
                         {"erf", erf},
                         {"sinc", sinc},
                         {"normal_cdf", normal_cdf},
                         {"abs", abs},
                         {"sign", sign},
                         {"stop_gradient", stop_gradient},
                         {"identity", identity},
                         {"silu", silu},
                         {"gelu", gelu},
                         {"gelu_tanh", gelu_tanh},
                         {"log_sigmoid", log_sigmoid},
                         {"heaviside", [](operand x) { return heaviside(x); }},
                         {"leaky_relu", [](operand x) { return leaky_relu(x); }},
                         {"relu6", relu6},
                         {"elu", [](operand x) { return elu(x); }},
                         {"selu", selu},
                         {"celu", [](operand x) { return celu(x); }},
                         {"mish", mish},
                         {"softsign", softsign},
                         {"hard_sigmoid", hard_sigmoid},
                         {"hard_silu", hard_silu},
                         {"hard_tanh", hard_tanh},
                         {"exponential", exponential},
                         {"cast", [](operand x) { return cast(x, float64); }}}) {
    rows.push_back(one(name, f));
  }
  using triple = std::pair<const char*, binary_operation>;
  for (const auto& [name, f] :
       std::vector<triple>{{"operator+", [](operand a, operand b) { return a + b; }},
                           {"operator-", [](operand a, operand b) { return a - b; }},
                           {"operator*", [](operand a, operand b) { return a * b; }},
                           {"operator/", [](operand a, operand b) { return a / b; }},
                           {"operator<", [](operand a, operand b) { return a < b; }},
                           {"operator<=", [](operand a, operand b) { return a <= b; }},
                           {"operator>", [](operand a, operand b) { return a > b; }},
                           {"operator>=", [](operand a, operand b) { return a >= b; }},
                           {"add", add},
                           {"subtract", subtract},
                           {"multiply", multiply},
                           {"divide", divide},
                           {"power", power},
                           {"maximum", maximum},
                           {"minimum", minimum},
                           {"xlogy", xlogy},
                           {"difference", difference},
                           {"sinc_derivative", sinc_derivative},
                           {"chain", chain},
                           {"absorbing_multiply", absorbing_multiply},
                           {"less", less},
                           {"less_equal", less_equal},
                           {"greater", greater},
                           {"greater_equal", greater_equal},
                           {"equal", equal},
                           {"not_equal", not_equal}}) {
    rows.push_back(two(name, f));
  }
  for (const auto& [name, f] : std::vector<std::pair<const char*, ternary_operation>>{
           {"select", select},
           {"where", where},
           {"clamp", clamp},
           {"share_of_maximum", share_of_maximum},
           {"exp_quotient", exp_quotient},
           {"undo_exp_quotient", undo_exp_quotient}}) {
    rows.push_back(three(name, f));
  }
  rows.push_back(several("custom_gradient", 2, [](const variables& v) {
    return custom_gradient([](const variables& x) { return x[0] * x[1]; }, v,
                           [](const variables& x, variable, variable dy) {
                             return variables{dy * x[1], dy * x[0]};
                           });
  }));
}

// `var` and `stddev` with a correction: more elements than that (NumPy gives NaN).
oracle deviation(std::string name, variable (*f)(operand, const axes&, dims, int)) {
  return {std::move(name), [=](dice& d) {
            const sizes x = d.shape();
            const auto over = d.axes(numpy::rank(x));
            const auto correction = static_cast<int>(d.between(0, 2));
            return call{{x},
                        [=] {
                          numpy::demand(numpy::reduced_count(x, over) > correction);
                          return numpy::reduce(x, over, false);
                        },
                        [=](const variables& v) {
                          return variables{f(v[0], to_axes(over), dims::drop, correction)};
                        },
                        fmt::format("{}, correction {}", text_of(over), correction)};
          }};
}

void append_reductions(std::vector<oracle>& rows) {
  rows.push_back(reduction("sum", sum));
  rows.push_back(reduction("mean", mean, 1));  // NumPy's mean of nothing is NaN
  rows.push_back(reduction("max", max));       // of nothing -inf and inf, which NumPy rejects
  rows.push_back(reduction("min", min));
  rows.push_back(reduction("prod", prod));
  rows.push_back(reduction("norm", norm));
  rows.push_back(reduction("logsumexp", logsumexp));
  rows.push_back(deviation("var", var));
  rows.push_back(deviation("stddev", stddev));
  rows.push_back(along("softmax", numpy::along, softmax));
  rows.push_back(along("log_softmax", numpy::along, log_softmax));
  rows.push_back(along("cumsum", numpy::along, cumsum));
  const auto without_a_full_axis = [](const sizes& x, std::int64_t axis) {
    const sizes y = numpy::without_axis(x, axis);
    numpy::demand(numpy::at(x, numpy::axis_of(axis, numpy::rank(x))) > 0);
    return y;
  };
  rows.push_back(along("argmax", without_a_full_axis, argmax));
  const auto half = [](const sizes& x, std::int64_t axis) {
    sizes y = x;
    auto& size = numpy::at(y, numpy::axis_of(axis, numpy::rank(x)));
    numpy::demand(size % 2 == 0);
    size /= 2;
    return y;
  };
  rows.push_back(along("glu", half, glu));
  rows.push_back({"maxout", [](dice& d) {
                    const sizes x = d.shape();
                    const auto axis = d.axis(numpy::rank(x)), pieces = d.between(-1, 4);
                    return call{
                        {x},
                        [=] {
                          sizes y = x;
                          auto& size = numpy::at(y, numpy::axis_of(axis, numpy::rank(x)));
                          numpy::demand(pieces > 0 && size % pieces == 0);
                          size /= pieces;
                          return y;
                        },
                        [=](const variables& v) { return variables{maxout(v[0], pieces, axis)}; },
                        fmt::format("{} pieces, axis {}", pieces, axis)};
                  }});
}

// Where the weights of a normalization are: they do not enlarge x.
sizes weighted(const sizes& x, const std::vector<sizes>& weights) {
  for (const sizes& w : weights) numpy::demand(numpy::broadcast({x, w}) == x);
  return x;
}
sizes with_channels(const sizes& x) {
  numpy::demand(x.size() >= 2);
  return x;
}
sizes weights_for(dice& d, const sizes& x) {
  const auto first = d.between(0, numpy::rank(x));
  const sizes w = numpy::part(x, first, numpy::rank(x));
  return d.one_in(6) ? d.almost(w) : w;
}

void append_normalizations(std::vector<oracle>& rows) {
  rows.push_back({"normalize", [](dice& d) {
                    const sizes x = d.shape();
                    std::vector<sizes> all{x};
                    while (all.size() < 5) all.push_back(weights_for(d, x));
                    return call{all,
                                [=] {
                                  return weighted(x, {all.begin() + 1, all.end()});
                                },
                                [](const variables& v) {
                                  return variables{normalize(v[0], v[1], v[2], v[3], v[4])};
                                }};
                  }});
  rows.push_back(
      {"batch_norm", [](dice& d) {
         const sizes x = d.shape(),
                     last = numpy::part(x, x.empty() ? 0 : numpy::rank(x) - 1, numpy::rank(x));
         const sizes scale = weights_for(d, last), shift = weights_for(d, last);
         return call{{x, scale, shift},
                     [=] {
                       numpy::demand(numpy::count(with_channels(x)) > 0);
                       weighted({x.back()}, {scale, shift});
                       return x;
                     },
                     [](const variables& v) { return variables{batch_norm(v[0], v[1], v[2]).y}; }};
       }});
  rows.push_back({"layer_norm", [](dice& d) {
                    const sizes x = d.shape(), scale = weights_for(d, x), shift = weights_for(d, x);
                    const auto over = d.axes(numpy::rank(x));
                    return call{{x, scale, shift},
                                [=] {
                                  numpy::demand(numpy::reduced_count(x, over) > 0);
                                  return weighted(x, {scale, shift});
                                },
                                [=](const variables& v) {
                                  return variables{layer_norm(v[0], v[1], v[2], to_axes(over))};
                                },
                                text_of(over)};
                  }});
  rows.push_back({"rms_norm", [](dice& d) {
                    const sizes x = d.shape(), scale = weights_for(d, x);
                    const auto over = d.axes(numpy::rank(x));
                    return call{{x, scale},
                                [=] {
                                  numpy::demand(numpy::reduced_count(x, over) > 0);
                                  return weighted(x, {scale});
                                },
                                [=](const variables& v) {
                                  return variables{rms_norm(v[0], v[1], to_axes(over))};
                                },
                                text_of(over)};
                  }});
  rows.push_back({"group_norm", [](dice& d) {
                    const sizes x = d.shape(), scale = weights_for(d, x), shift = weights_for(d, x);
                    const auto groups = d.between(0, 3);
                    return call{{x, scale, shift},
                                [=] {
                                  numpy::demand(numpy::count(with_channels(x)) > 0);
                                  numpy::demand(groups > 0 && x.back() % groups == 0);
                                  return weighted(x, {scale, shift});
                                },
                                [=](const variables& v) {
                                  return variables{group_norm(v[0], groups, v[1], v[2])};
                                },
                                fmt::format("{} groups", groups)};
                  }});
}

// Operands of a product: matrices with batch axes, or a vector.
std::vector<sizes> factors(dice& d) {
  const std::int64_t inner = d.size();
  auto batches = d.partners(2, 2);
  sizes a = numpy::joined(batches[0], {d.size(), inner});
  sizes b = numpy::joined(batches[1], {inner, d.size()});
  if (d.one_in(4)) a = {inner};
  if (d.one_in(4)) b = {inner};
  return {d.almost(a), d.one_in(10) ? sizes{} : d.almost(b)};
}

void append_products(std::vector<oracle>& rows) {
  rows.push_back({"matmul", [](dice& d) {
                    const auto x = factors(d);
                    return call{x, [=] { return numpy::matmul(x[0], x[1]); },
                                [](const variables& v) { return variables{matmul(v[0], v[1])}; }};
                  }});
  rows.push_back({"perceptron", [](dice& d) {
                    auto x = factors(d);
                    x.push_back(d.one_in(4) || x[1].empty() ? d.shape(2) : sizes{x[1].back()});
                    return call{
                        x,
                        [=] {
                          return numpy::broadcast({numpy::matmul(x[0], x[1]), x[2]});
                        },
                        [](const variables& v) { return variables{perceptron(v[0], v[1], v[2])}; }};
                  }});
}

// Sizes with about as many elements: neighbours multiplied, ones put in, one left open, one wrong.
sizes regrouped(dice& d, const sizes& x) {
  sizes to;
  for (std::int64_t n : x) {
    if (!to.empty() && d.one_in(3)) to.back() *= n;
    else to.push_back(n);
  }
  while (to.size() < 5 && d.one_in(3)) to.insert(to.begin() + d.between(0, numpy::rank(to)), 1);
  for (std::int64_t& n : to) n = d.one_in(4) ? -1 : d.one_in(12) ? d.between(-2, 4) : n;
  return to;
}

void append_views(std::vector<oracle>& rows) {
  rows.push_back({"reshape", [](dice& d) {
                    const sizes x = d.shape(), to = regrouped(d, x);
                    return call{{x},
                                [=] { return numpy::reshape(x, to); },
                                [=](const variables& v) {
                                  return variables{with_list<std::int64_t>(
                                      to, [&](auto list) { return reshape(v[0], list); })};
                                },
                                fmt::format("to {}", to)};
                  }});
  rows.push_back(
      {"reshape", [](dice& d) {
         const sizes x = d.shape(), to = d.one_in(2) ? x : d.permutation(0);
         return call{{x},
                     [=] { return numpy::reshape(x, to); },
                     [=](const variables& v) { return variables{reshape(v[0], shape_from(to))}; },
                     fmt::format("to {}", to)};
       }});
  rows.push_back({"transpose", [](dice& d) {
                    const sizes x = d.shape();
                    sizes order = d.permutation(numpy::rank(x));
                    if (d.one_in(4)) order.push_back(d.axis(numpy::rank(x)));
                    if (d.one_in(4) && !order.empty()) order.erase(order.begin());
                    return call{{x},
                                [=] { return numpy::transpose(x, order); },
                                [=](const variables& v) {
                                  return variables{with_list<std::int64_t>(
                                      order, [&](auto list) { return transpose(v[0], list); })};
                                },
                                fmt::format("order {}", order)};
                  }});
  rows.push_back({"broadcast_to", [](dice& d) {
                    const auto s = d.partners(2);
                    const sizes x = s[0], to = s[1];
                    return call{{x},
                                [=] { return numpy::broadcast_to(x, to); },
                                [=](const variables& v) {
                                  return variables{broadcast_to(v[0], shape_from(to))};
                                },
                                fmt::format("to {}", to)};
                  }});
  rows.push_back(along("expand_dims", numpy::expand_dims, expand_dims));
  rows.push_back(
      {"squeeze", [](dice& d) {
         const sizes x = numpy::joined(d.partners(2)[0], {1});
         const auto over = d.one_in(3) ? sizes{d.axis(numpy::rank(x))} : d.axes(numpy::rank(x));
         return call{{x},
                     [=] { return numpy::squeeze(x, over); },
                     [=](const variables& v) { return variables{squeeze(v[0], to_axes(over))}; },
                     text_of(over)};
       }});
}

numpy::entry random_entry(dice& d, std::int64_t n) {
  numpy::entry e;
  if (d.one_in(3)) {
    e.index = d.one_in(8) ? d.between(-n - 2, n + 1) : d.between(-n, std::max(n - 1, -n));
    return e;
  }
  if (d.one_in(2)) e.start = d.between(-n - 2, n + 2);
  if (d.one_in(2)) e.stop = d.between(-n - 2, n + 2);
  e.step = d.one_in(2) ? 1 : d.one_in(12) ? 0 : d.one_in(2) ? d.between(1, 3) : d.between(-3, -1);
  return e;
}

std::string text_of(const numpy::entry& e) {
  const auto number = [](std::optional<std::int64_t> k) { return k ? fmt::format("{}", *k) : ""; };
  return e.index ? number(e.index)
                 : fmt::format("{}:{}:{}", number(e.start), number(e.stop), e.step);
}

call random_slice(dice& d) {
  const sizes x = d.shape();
  std::vector<numpy::entry> entries;
  std::vector<range> ranges;
  std::vector<std::string> texts;
  const auto n = d.one_in(12) ? numpy::rank(x) + 1 : d.between(0, numpy::rank(x));
  for (std::int64_t i = 0; i < n; ++i) {
    const auto e = random_entry(d, i < numpy::rank(x) ? numpy::at(x, i) : 2);
    entries.push_back(e);
    ranges.push_back(e.index ? range(*e.index) : range(e.start, e.stop, e.step));
    texts.push_back(text_of(e));
  }
  return {
      {x},
      [=] { return numpy::slice(x, entries); },
      [=](const variables& v) {
        return variables{with_list<range>(ranges, [&](auto list) { return slice(v[0], list); })};
      },
      fmt::format("[{}]", fmt::join(texts, ", "))};
}

// Parts of about one shape, which may differ along one axis, and that axis.
std::pair<std::vector<sizes>, std::int64_t> random_parts(dice& d, bool differ) {
  const sizes x = d.shape();
  const auto rank = numpy::rank(x), axis = d.axis(rank + (differ ? 0 : 1));
  std::vector<sizes> parts;
  for (std::int64_t n = d.one_in(20) ? 0 : d.between(1, 4); n > 0; --n) {
    sizes s = d.one_in(6) ? d.almost(x) : x;
    if (differ && -rank <= axis && axis < rank && s.size() == x.size()) {
      numpy::at(s, axis < 0 ? axis + rank : axis) = d.size();
    }
    parts.push_back(s);
  }
  return {parts, axis};
}

oracle joining(std::string name, bool differ,
               sizes (*rule)(const std::vector<sizes>&, std::int64_t),
               variable (*f)(const std::vector<operand>&, std::int64_t, const char*, int)) {
  return {std::move(name), [=](dice& d) {
            const auto [parts, axis] = random_parts(d, differ);
            return call{parts, [parts = parts, axis = axis, rule] { return rule(parts, axis); },
                        [axis = axis, f](const variables& v) {
                          return variables{f({v.begin(), v.end()}, axis, __FILE__, __LINE__)};
                        },
                        fmt::format("axis {}", axis)};
          }};
}

call random_split(dice& d) {
  const sizes x = d.shape();
  const auto axis = d.axis(numpy::rank(x)), parts = d.between(-1, 4);
  return {{x},
          [=] {
            sizes y = x;
            auto& size = numpy::at(y, numpy::axis_of(axis, numpy::rank(x)));
            numpy::demand(parts > 0 && size % parts == 0);
            size /= parts;
            return y;
          },
          [=](const variables& v) { return split(v[0], parts, axis); },
          fmt::format("{} parts, axis {}", parts, axis),
          {},
          static_cast<std::size_t>(std::max<std::int64_t>(parts, 0))};
}

using pad_of = variable (*)(operand, std::initializer_list<std::int64_t>,
                            std::initializer_list<std::int64_t>);

// A mode that repeats elements needs some.
call random_pad(dice& d, pad_of f, bool repeats) {
  const sizes x = d.shape();
  const auto amounts = [&] {
    sizes s(x.size());
    for (std::int64_t& n : s) n = d.one_in(20) ? -1 : d.between(0, 2);
    return d.one_in(10) ? d.almost(s) : s;
  };
  const sizes before = amounts(), after = amounts();
  return {{x},
          [=] {
            const sizes y = numpy::pad(x, before, after);
            for (std::size_t i = 0; repeats && i < x.size(); ++i)
              numpy::demand(x[i] > 0 || y[i] == 0);
            return y;
          },
          [=](const variables& v) {
            return variables{with_list<std::int64_t>(before, [&](auto first) {
              return with_list<std::int64_t>(after,
                                             [&](auto last) { return f(v[0], first, last); });
            })};
          },
          fmt::format("before {}, after {}", before, after)};
}

void append_parts(std::vector<oracle>& rows) {
  rows.push_back({"slice", random_slice});
  rows.push_back(joining("concatenate", true, numpy::concatenate, concatenate));
  rows.push_back(joining("stack", false, numpy::stack, stack));
  rows.push_back({"split", random_split});
  using list = std::initializer_list<std::int64_t>;
  const auto padded = [&](pad_of f, bool repeats) {
    rows.push_back({"pad", [=](dice& d) { return random_pad(d, f, repeats); }});
  };
  padded([](operand x, list before, list after) { return pad(x, before, after); }, false);
  padded([](operand x, list a, list b) { return pad(x, a, b, "reflect"); }, true);
  padded([](operand x, list a, list b) { return pad(x, a, b, "edge"); }, true);
  rows.push_back(plain(
      "diag",
      [](const sizes& x) {
        numpy::demand(x.size() == 1 || (x.size() == 2 && x[0] == x[1]));
        return x.size() == 1 ? sizes{x[0], x[0]} : sizes{x[0]};
      },
      diag));
  rows.push_back(plain(
      "tril",
      [](const sizes& x) {
        numpy::demand(x.size() >= 2);
        return x;
      },
      [](operand x) { return tril(x); }));
  rows.push_back(plain(
      "append_ones",
      [](sizes x) {
        numpy::demand(!x.empty());
        ++x.back();
        return x;
      },
      append_ones));
}

call random_gather(dice& d) {
  const sizes x = d.shape(), indices = d.shape(3);
  const auto axis = d.axis(numpy::rank(x));
  return {{x, indices},
          [=] { return numpy::take(x, indices, axis); },
          [=](const variables& v) { return variables{gather(v[0], v[1], axis)}; },
          fmt::format("axis {}", axis),
          {1}};
}

// scatter_add turns the axes that the indices have in x, from `axis` on, into one of `size`.
call random_scatter_add(dice& d) {
  const sizes front = d.shape(2), inner = d.shape(2), back = d.shape(1);
  const sizes x = d.almost(numpy::joined(numpy::joined(front, inner), back));
  const sizes indices = d.almost(inner);
  const auto rank = numpy::rank(x) - numpy::rank(indices) + 1;
  const auto right = numpy::rank(front);
  const auto axis =
      d.one_in(4) ? d.axis(std::max<std::int64_t>(rank, 0)) : (d.one_in(2) ? right : right - rank);
  const auto size = d.one_in(10) ? -1 : d.size();
  return {{x, indices},
          [=] {
            const auto first = numpy::axis_of(axis, rank), last = first + numpy::rank(indices);
            numpy::demand(size >= 0 && numpy::part(x, first, last) == indices);
            return numpy::joined(numpy::joined(numpy::part(x, 0, first), {size}),
                                 numpy::part(x, last, numpy::rank(x)));
          },
          [=](const variables& v) { return variables{scatter_add(v[0], v[1], size, axis)}; },
          fmt::format("size {}, axis {}", size, axis),
          {1}};
}

call random_one_hot(dice& d) {
  const sizes labels = d.shape();
  const auto classes = d.between(-1, 4);
  return {{labels},
          [=] {
            numpy::demand(classes >= 0);
            return numpy::joined(labels, {classes});
          },
          [=](const variables& v) { return variables{one_hot(v[0], classes)}; },
          fmt::format("{} classes", classes),
          {0}};
}

enum class needs { nothing, elements, classes };

// A loss of equal shapes; a mean needs elements, one over classes needs rows of them.
oracle loss(std::string name, needs n, binary_operation f) {
  return {std::move(name), [=](dice& d) {
            const sizes x = d.shape(), y = d.one_in(3) ? d.almost(x) : x;
            return call{{x, y},
                        [=] {
                          numpy::demand(x == y);
                          if (n == needs::elements) numpy::demand(numpy::count(x) > 0);
                          if (n == needs::classes) {
                            numpy::demand(numpy::count(numpy::without_axis(x, -1)) > 0);
                          }
                          return sizes{};
                        },
                        [=](const variables& v) { return variables{f(v[0], v[1])}; }};
          }};
}

oracle sparse_loss(std::string name, binary_operation f) {
  return {std::move(name), [=](dice& d) {
            const sizes x = d.shape();
            const sizes labels = d.almost(x.empty() ? x : numpy::without_axis(x, -1));
            return call{{x, labels},
                        [=] {
                          numpy::demand(numpy::without_axis(x, -1) == labels);
                          numpy::demand(numpy::count(labels) > 0);
                          return sizes{};
                        },
                        [=](const variables& v) { return variables{f(v[0], v[1])}; },
                        "",
                        {1}};
          }};
}

void append_indexed(std::vector<oracle>& rows) {
  rows.push_back({"gather", random_gather});
  rows.push_back({"scatter_add", random_scatter_add});
  rows.push_back({"one_hot", random_one_hot});
}

void append_losses(std::vector<oracle>& rows) {
  for (const auto& [name, f] : std::vector<std::pair<const char*, binary_operation>>{
           {"sum_squared_error", sum_squared_error},
           {"half_squared_error", half_squared_error},
           {"sum_absolute_error", sum_absolute_error},
           {"sse", sse},
           {"rss", rss}}) {
    rows.push_back(loss(name, needs::nothing, f));
  }
  for (const auto& [name, f] : std::vector<std::pair<const char*, binary_operation>>{
           {"mean_squared_error", mean_squared_error},
           {"mse", mse},
           {"mae", mae},
           {"mape", mape},
           {"msle", msle},
           {"mean_absolute_error", mean_absolute_error},
           {"mean_absolute_percentage_error", mean_absolute_percentage_error},
           {"mean_squared_logarithmic_error", mean_squared_logarithmic_error},
           {"huber", [](operand a, operand b) { return huber(a, b); }},
           {"binary_crossentropy", binary_crossentropy},
           {"binary_crossentropy_from_logits", binary_crossentropy_from_logits}}) {
    rows.push_back(loss(name, needs::elements, f));
  }
  rows.push_back(loss("categorical_crossentropy", needs::classes, categorical_crossentropy));
  rows.push_back(loss("categorical_crossentropy_from_logits", needs::classes,
                      categorical_crossentropy_from_logits));
  rows.push_back(sparse_loss("sparse_categorical_crossentropy", sparse_categorical_crossentropy));
  rows.push_back(sparse_loss("sparse_categorical_crossentropy_from_logits",
                             sparse_categorical_crossentropy_from_logits));
}

void append_losses_by_margin_and_direction(std::vector<oracle>& rows) {
  for (const auto& [name, f] : std::vector<std::pair<const char*, binary_operation>>{
           {"log_cosh", log_cosh},
           {"hinge", hinge},
           {"squared_hinge", squared_hinge},
           {"binary_focal_crossentropy", binary_focal_crossentropy}}) {
    rows.push_back(loss(name, needs::elements, f));
  }
  rows.push_back(loss("cosine_similarity", needs::classes, cosine_similarity));
  rows.push_back(loss("kl_divergence", needs::classes, kl_divergence));
  rows.push_back(
      loss("categorical_focal_crossentropy", needs::classes, categorical_focal_crossentropy));
  rows.push_back(one("smoothed_labels", [](operand x) { return smoothed_labels(x, 0.1, 3); }));
}

}  // namespace

std::vector<oracle> oracles() {
  std::vector<oracle> rows;
  append_elementwise(rows);
  append_reductions(rows);
  append_products(rows);
  append_normalizations(rows);
  append_views(rows);
  append_parts(rows);
  append_indexed(rows);
  append_losses(rows);
  append_windows(rows);
  append_attention(rows);
  append_losses_by_margin_and_direction(rows);
  return rows;
}

}  // namespace cotape::tests
