// Which nodes and values there are; node_rules.cpp says what each computes.
#include "interpreter.hpp"

#include <bit>
#include <cmath>

#include "node_rules.hpp"
#include "primitives/assemble.hpp"
#include "primitives/primitives.hpp"
#include "primitives/ternary.hpp"
#include "program/gemm.hpp"
#include "program/put.hpp"
#include "program/schedule.hpp"
#include "tape/sources.hpp"

namespace cotape::tests {

namespace {

// Whether m is the maximum of x, perhaps reshaped, in a list of nodes or of a graph's values.
template <class Values> bool is_maximum(const Values& values, std::uint32_t m, std::uint32_t x) {
  while (values[m].op->how == form::view) m = values[m].in[0];
  return values[m].op == &primitives::max && values[m].in[0] == x;
}

}  // namespace

number_array numbers_of(array_view v) {
  number_array result(static_cast<std::size_t>(v.shape().elements()));
  for (std::size_t i = 0; i < result.size(); ++i) {
    result[i].x = v.dtype() == float32   ? static_cast<long double>(v.data_as<float>()[i])
                  : v.dtype() == float64 ? static_cast<long double>(v.data_as<double>()[i])
                                         : static_cast<long double>(v.data_as<std::int64_t>()[i]);
  }
  return result;
}

void interpreter::bind(variable input, array_view value, const std::vector<double>& direction) {
  number_array& n = bound_[input.index()] = numbers_of(value);
  for (std::size_t i = 0; i < direction.size(); ++i) n[i].slope = direction[i];
}

void interpreter::move(const parameter& p, const std::vector<double>& direction) {
  directions_[p.identity()] = direction;
}

number_array interpreter::source(std::uint32_t node) const {
  const primitive* op = t_.nodes()[node].op;
  if (op == &sources::input) return bound_.at(node);
  const std::int64_t word = t_.attributes_of(node)[0];
  if (op == &sources::constant) return numbers_of(t_.tensor_at(static_cast<std::size_t>(word)));
  if (op == &sources::read) {
    const parameter& p = t_.parameter_at(static_cast<std::size_t>(word));
    number_array n = numbers_of(p.view());
    const auto it = directions_.find(p.identity());
    for (std::size_t i = 0; it != directions_.end() && i < it->second.size(); ++i) {
      n[i].slope = it->second[i];
    }
    return n;
  }
  const dtype d = t_.type_of(node).dtype;
  const double x = d == int64 ? static_cast<double>(word) : std::bit_cast<double>(word);
  return {{d == float32 ? static_cast<long double>(static_cast<float>(x)) : x, 0, 0}};
}

void interpreter::run() {
  while (values_.size() < t_.size()) {
    const auto i = static_cast<std::uint32_t>(values_.size());
    const node& n = t_.nodes()[i];
    if (is_source(n.op->how)) {
      values_.push_back(source(i));
      continue;
    }
    task work{.op = n.op, .type = &t_.type_of(i), .attributes = t_.attributes_of(i)};
    const auto operands = t_.value_operands_of(i);
    work.in.resize(std::max(work.in.size(), operands.size()));
    work.in_type.resize(work.in.size());
    for (std::size_t k = 0; k < operands.size(); ++k) {
      work.in[k] = &values_[operands[k]];
      work.in_type[k] = &t_.type_of(operands[k]);
    }
    work.second_is_maximum_of_first =
        n.op == &builtin<share_of_maximum_op> && is_maximum(t_.nodes(), operands[1], operands[0]);
    values_.push_back(computed(work));
    const bool decides = n.op->derive == nullptr || work.type->dtype == int64;
    for (number& e : values_.back()) {
      if (sure_ && decides && n.op->how != form::view && std::isinf(e.error)) e.error = 0;
    }
  }
}

std::map<std::uint32_t, number_array> interpreter::updates() const {
  std::map<std::uint32_t, number_array> result;
  for (const effect& e : t_.effects()) {
    if (e.parameter != no_node) result[e.parameter] = values_[e.value];
  }
  return result;
}

std::vector<number_array> interpreter::values_of(const graph& g, const schedule* order) const {
  std::vector<number_array> values(g.values.size());
  const auto evaluate = [&](std::uint32_t v) {
    const graph::value& x = g.values[v];
    if (is_source(x.op->how)) {
      values[v] = source(x.node);
      return;
    }
    if (x.op == &requirement) return;
    task work{.op = x.op, .type = &g.type(v), .attributes = g.attributes(v)};
    if (is_gemm(g, v)) work.product = gemm_of(g, v).geometry();
    if (is_put(g, v)) {
      work.puts = {x.adds, primitives::assembly(g.on.attributes_of(x.node)).rest()};
    }
    const auto operands = g.operands(v);
    work.in.resize(std::max(work.in.size(), operands.size()));
    work.in_type.resize(work.in.size());
    for (std::size_t k = 0; k < operands.size(); ++k) {
      const std::size_t slot = x.into && k + 1 == operands.size() ? 3 : k;
      work.in[slot] = &values[operands[k]];
      work.in_type[slot] = &g.type(operands[k]);
    }
    work.second_is_maximum_of_first =
        x.op == &builtin<share_of_maximum_op> && is_maximum(g.values, x.in[1], x.in[0]);
    values[v] = computed(work);
  };
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    if (order == nullptr || is_source(g.values[v].op->how)) evaluate(v);
  }
  if (order == nullptr) return values;
  // Views are in no item: they are what they show, by then.
  const auto look = [&](std::uint32_t v) {
    std::vector<std::uint32_t> views;
    for (; g.values[v].op->how == form::view; v = g.values[v].in[0]) views.push_back(v);
    for (; !views.empty(); views.pop_back()) evaluate(views.back());
  };
  for (const schedule::item& item : order->items) {
    for (std::uint32_t v : item.values) {
      for (std::uint32_t i : g.operands(v)) look(i);
      evaluate(v);
    }
  }
  for (std::uint32_t v : g.outputs) look(v);
  for (const graph::update& u : g.updates) look(u.value);
  return values;
}

}  // namespace cotape::tests
