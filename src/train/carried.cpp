// States from batch to batch.
#include "train/carried.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace cotape::detail {

void begin_pass(const network& of) {
  for (const parameter& p : of.carried()) p.set(tensor(p.type()));
}

pass::pass(const network& of) {
  for (const parameter& p : of.carried()) before_.emplace_back(p, tensor(p.view()));
  begin_pass(of);
}

pass::~pass() {
  for (const auto& [p, value] : before_) p.set(value);
}

std::int64_t rows_at_once(const network& of, std::int64_t asked) {
  for (const parameter& p : of.carried()) asked = std::min(asked, p.shape()[0]);
  return asked;
}

void only_carry(tape& t, const network& of) {
  std::vector<std::pair<parameter, variable>> last;
  for (const parameter& p : of.carried()) last.emplace_back(p, t.read(p));
  t.forget_effects();
  for (const auto& [p, value] : last) t.assign(p, value);
}

void demand_order(const network& of, const fit_options& options) {
  const std::vector<parameter> carried = of.carried();
  if (carried.empty() || !(options.shuffle || options.replace)) return;
  throw value_error(fmt::format(
      "fit: '{}' goes on from batch to batch, so the rows must come in their order: fit "
      "with {{.shuffle = false}}, and not with replace",
      carried[0].name()));
}

}  // namespace cotape::detail
