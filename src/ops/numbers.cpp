#include "ops/numbers.hpp"

#include <fmt/format.h>

namespace cotape {

namespace {

enum : std::size_t { at_n, at_factor, at_plus, at_over };

void run(const kernel_call& k) noexcept {
  std::int64_t sum = k.attributes[at_plus];
  for (std::int64_t& y : k.result<std::int64_t>()) {
    y = sum / k.attributes[at_over];
    sum += k.attributes[at_factor];
  }
}

constexpr primitive line{.name = "numbers",
                         .how = form::kernel,
                         .arity = 0,
                         .infer =
                             [](const signature& s) {
                               return value_type{int64, {s.attributes[at_n]}};
                             },
                         .lower = [](lowering& l) { lower_to_kernel(l, {}, {}, run); },
                         .flops = [](const signature&, const value_type&) { return 0.0; },
                         .attributes_text =
                             [](const signature& s) {
                               return fmt::format("({} i + {}) / {}", s.attributes[at_factor],
                                                  s.attributes[at_plus], s.attributes[at_over]);
                             }};

}  // namespace

variable numbers(const composition& c, std::int64_t n, const line_of_numbers& of) {
  const std::array attributes{n, of.factor, of.plus, of.over};
  return c.on().record(line, {}, attributes, c.where());
}

}  // namespace cotape
