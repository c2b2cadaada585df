#include "cotape/per_sample.hpp"

#include <fmt/format.h>

#include "cotape/derivatives.hpp"
#include "cotape/ops.hpp"
#include "primitives/binary.hpp"
#include "primitives/primitives.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace {

std::string text_of(const parameter& p) {
  return fmt::format("per_sample_gradient_norms: parameter '{}'", p.name());
}

// Where a value is used: twice where a node takes it twice.
struct use {
  std::uint32_t value, by;
};

void add_uses(const tape& t, std::uint32_t value, const std::vector<std::uint32_t>& needed,
              std::vector<use>& uses) {
  for (std::uint32_t i = value + 1; i < needed.size(); ++i) {
    if (needed[i] == no_node) continue;
    for (std::uint32_t k : t.operands_of(i)) {
      if (k == value) uses.push_back({value, i});
    }
  }
}

use only_use_of(const parameter& p, tape& t, const std::vector<std::uint32_t>& needed) {
  std::vector<use> uses;
  for (std::uint32_t i = 0; i < needed.size(); ++i) {
    if (needed[i] == no_node || t.nodes()[i].op != &sources::read) continue;
    if (t.parameter_at(static_cast<std::size_t>(t.attributes_of(i)[0])) != p) continue;
    add_uses(t, i, needed, uses);
  }
  if (uses.empty()) throw value_error(text_of(p) + ": the loss does not use it");
  if (uses.size() == 1) return uses[0];
  throw value_error(fmt::format("{} is used twice, at {} and at {}", text_of(p),
                                t.place_of(uses[0].by).text(), t.place_of(uses[1].by).text()));
}

// Whether a matrix is one of higher rank whose first axis is not its rows any more.
bool joins_axes(const tape& t, std::uint32_t i) {
  if (t.nodes()[i].op != &primitives::reshape) return false;
  const shape &from = t.type_of(t.operands_of(i)[0]).shape, &to = t.type_of(i).shape;
  return from.rank() == 0 || from[0] != to[0];
}

// Of z = x W the x, of z = a + b the z; empty for any other use.
variable rows_of(tape& t, const use& u) {
  const primitive* op = t.nodes()[u.by].op;
  const auto operands = t.operands_of(u.by);
  const shape &z = t.type_of(u.by).shape, &s = t.type_of(u.value).shape;
  if (z.rank() != 2) return {};
  const bool weight = op == &primitives::matmul && operands[1] == u.value;
  if (weight && !joins_axes(t, operands[0])) return t.at(operands[0]);
  const bool fits =
      (s.rank() == 1 || s.rank() == 2) && s.elements() == z[1] && s[s.rank() - 1] == z[1];
  return op == &builtin<add_op> && fits ? t.at(u.by) : variable();
}

}  // namespace

variable per_sample_gradient_norms(variable loss, const std::vector<parameter>& parameters) {
  if (parameters.empty()) throw value_error("per_sample_gradient_norms: no parameters");
  tape& t = loss.owner();
  const std::uint32_t root = loss.index();
  const std::vector<std::uint32_t> needed = t.needed_by({&root, 1});
  std::vector<variable> results, rows;
  for (const parameter& p : parameters) {
    const use u = only_use_of(p, t, needed);
    results.push_back(t.at(u.by));
    rows.push_back(rows_of(t, u));
    const std::string where = t.place_of(u.by).text();
    if (rows.back().empty()) {
      throw value_error(
          fmt::format("{} is used by {} at {}: it must be the weight W of x W, x "
                      "of shape (batch, inputs), or the bias added to such a product",
                      text_of(p), t.nodes()[u.by].op->name, where));
    }
    if (results.back().shape()[0] != results[0].shape()[0]) {
      throw shape_error(fmt::format("{} is used for {} samples at {}, others for {}", text_of(p),
                                    results.back().shape()[0], where, results[0].shape()[0]));
    }
  }
  const std::vector<variable> g = gradient(loss, results);
  variable total;
  for (std::size_t i = 0; i < g.size(); ++i) {
    variable share = sum(square(g[i]), 1);
    if (rows[i].index() != results[i].index()) share = share * sum(square(rows[i]), 1);
    total = total.empty() ? share : total + share;
  }
  return sqrt(total);
}

}  // namespace cotape
