// Loops as text, and what makes one legal.
#include "code/loop.hpp"

#include <fmt/format.h>

#include <stdexcept>

namespace cotape::code {

std::string loop::text() const {
  static constexpr std::array<const char*, 6> names{"load",  "splat",  "spread",
                                                    "apply", "reduce", "reduce"};
  std::string lines = columns == 0 ? fmt::format("{} elements\n", rows)
                                   : fmt::format("{} rows of {}\n", rows, columns);
  for (std::size_t k = 0; k < body.size(); ++k) {
    const instruction& i = body[k];
    lines += fmt::format("%{} = {}{} {}", k, names[static_cast<std::size_t>(i.does)],
                         i.by_row ? " a row" : "", name_of(i.dtype));
    for (std::uint8_t n = 0; n < i.count; ++n) lines += fmt::format(" %{}", i.in[n]);
    if (i.from != none) lines += fmt::format(" from b{}", i.from);
    if (i.to != none) lines += fmt::format(" to b{}", i.to);
    lines += '\n';
  }
  return lines;
}

std::vector<std::uint32_t> last_uses(const loop& l) {
  std::vector<std::uint32_t> last(l.body.size(), none);
  for (std::uint32_t k = 0; k < l.body.size(); ++k) {
    for (std::uint8_t n = 0; n < l.body[k].count; ++n) last[l.body[k].in[n]] = k;
  }
  return last;
}

namespace {

void demand(bool holds, const loop& l, std::size_t k, const char* what) {
  if (holds) return;
  throw std::logic_error(fmt::format("loop: instruction {} {} in\n{}", k, what, l.text()));
}

bool needs_buffer(loop::kind does) { return does == loop::kind::load || does == loop::kind::splat; }

}  // namespace

void verify(const loop& l) {
  for (std::size_t k = 0; k < l.body.size(); ++k) {
    const loop::instruction& i = l.body[k];
    for (std::uint8_t n = 0; n < i.count; ++n) {
      demand(i.in[n] < k, l, k, "reads a later result");
      const loop::instruction& o = l.body[i.in[n]];
      demand(o.does != loop::kind::reduce, l, k, "reads what is done after the loop");
      const bool from_row = i.does == loop::kind::spread;
      const bool alike = i.does == loop::kind::reduce_row ? !o.by_row
                         : from_row                       ? o.by_row
                                    : o.by_row == i.by_row || o.does == loop::kind::splat;
      demand(alike || i.does == loop::kind::reduce, l, k, "mixes rows and elements");
    }
    demand((i.from != none) == needs_buffer(i.does), l, k, "loads, or does not, from a buffer");
    demand(i.from == none || i.from < l.buffers.size(), l, k, "loads from no buffer");
    demand(i.to == none || i.to < l.buffers.size(), l, k, "stores to no buffer");
    demand(i.map == none || i.map < l.maps.size(), l, k, "loads by no map");
    demand(i.does != loop::kind::reduce || i.to != none, l, k, "reduces into no buffer");
    demand(l.columns != 0 || !i.by_row, l, k, "is done once a row of a flat loop");
  }
}

}  // namespace cotape::code
