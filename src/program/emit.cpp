// Items as loops, and as steps of their own. While they are made, a pointer into one of the
// program's buffers is a region and an offset in one word; when all sizes are known, resolve()
// turns them into addresses.
#include "program/emit.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <tuple>

#include "base/telling.hpp"
#include "primitives/primitives.hpp"
#include "program/gemm.hpp"
#include "program/put.hpp"

namespace cotape {

namespace {

using kernels::step;

class item_writer {
 public:
  item_writer(const graph& g, const schedule& s, const placement& p, program::body& out)
      : g_(g), s_(s), p_(p), out_(out), to_(out, p.constants) {
    made_.assign(g.values.size(), no_node);
  }

  void run() {
    for (const schedule::item& item : s_.items) {
      to_.begin(item.constant);
      const std::size_t first = to_.steps().size();
      if (item.loop && item.reductions < item.values.size()) emit_loop(item);
      else if (is_put(g_, item.values[0])) emit_puts(item);
      else
        for (std::uint32_t v : item.values) emit_single(v);
      if (!item.constant) describe(item, first);
    }
    to_.finish(p_.arena);
    resolve(g_, s_, p_, out_);
  }

 private:
  void* at(std::uint32_t v) const { return word_of(g_, p_, v); }

  // --- Loops ------------------------------------------------------------------------------------

  void emit_loop(const schedule::item& item) {
    loop_.clear();
    loop_.rows = item.columns == 0 ? item.size : item.size / item.columns;
    loop_.columns = item.columns;
    loads_.clear();
    for (std::uint32_t v : item.values) add_value(v, item);
    for (std::uint32_t v : item.values) made_[v] = no_node;
    if (code::verifies) verify(loop_);
    to_.add(loop_);
  }

  // Broadcasts and slices are loads.
  void add_value(std::uint32_t v, const schedule::item& item) {
    const graph::value& x = g_.values[v];
    const std::int64_t n = g_.elements(x.in[0]);
    code::loop::instruction i{code::loop::kind::load, g_.type(v).dtype};
    const bool reduces = x.how == form::reduction;
    i.by_row = s_.by_row[v] && !reduces;
    i.to = p_.of[v].where == region::none ? code::none : buffer(v);
    const bool copied = n == loop_.rows * loop_.width(i.by_row) || n == 1;
    if (x.op->shows != nullptr && (x.op->picks || !copied)) {
      const std::uint32_t made = made_[g_.whole(x.in[0])];
      if (made != no_node) spread(i, made);
      else load(i, x.in[0], map_of_shown(g_, v));
    } else {
      for (std::uint32_t o : g_.operands(v)) i.in[i.count++] = operand(v, o, i.by_row);
      i.does = !reduces       ? code::loop::kind::apply
               : s_.by_row[v] ? code::loop::kind::reduce_row
                              : code::loop::kind::reduce;
      i.by_row = s_.by_row[v];
      choose_kernel(v, i, item);
      loop_.body.push_back(i);
    }
    if (i.does != code::loop::kind::reduce) made_[v] = last();
  }

  void choose_kernel(std::uint32_t v, code::loop::instruction& i, const schedule::item& item) {
    const primitive* op = g_.values[v].op;
    loop_.splittable = loop_.splittable && op->splittable;
    const auto [known, added] = one_number_.try_emplace({op, i.dtype});
    if (item.size == 1 && !added && known->second.functions[0] != nullptr &&
        known->second.functions.called == nullptr) {  // one of your own knows its line
      i.run = known->second.run;
      i.side = known->second.side;
    } else {
      step s{};
      const lowering l = lower(v, s, &known->second.functions);
      i.run = known->second.run = s.run;
      i.side = known->second.side = s.side;
      i.scratch = l.scratch_bytes;
    }
    if (known->second.functions[0] != nullptr) i.scalar = &known->second.functions;
  }

  void spread(code::loop::instruction i, std::uint32_t row) {
    i.does = code::loop::kind::spread;
    i.in[i.count++] = row;
    loop_.body.push_back(i);
  }

  std::uint32_t last() const { return static_cast<std::uint32_t>(loop_.body.size() - 1); }

  void load(code::loop::instruction& i, std::uint32_t v, const kernels::index_map& map) {
    i.from = buffer(v);
    i.map = static_cast<std::uint32_t>(loop_.maps.size());
    loop_.maps.push_back(map);
    loop_.body.push_back(i);
  }

  // The instruction that gives operand i of v, an element or one a row.
  std::uint32_t operand(std::uint32_t v, std::uint32_t i, bool by_row) {
    const std::uint32_t r = g_.whole(i), made = made_[r];
    const bool aligned = g_.elements(i) == loop_.rows * loop_.width(by_row);
    if (aligned && made != no_node) return made;
    const bool one = g_.elements(i) == 1 && made == no_node;
    const auto [it, added] =
        loads_.try_emplace({r, g_.values[i].type, aligned || one ? nullptr : g_.values[v].type});
    if (!added) return it->second;
    code::loop::instruction load{code::loop::kind::load, g_.type(i).dtype, by_row};
    if (made != no_node) {
      spread(load, made);
    } else if (!aligned && !one) {
      this->load(load, i, kernels::broadcast_map(g_.type(i).shape, g_.type(v).shape));
    } else {
      if (!aligned) load.does = code::loop::kind::splat;
      load.by_row = by_row && aligned;
      load.from = buffer(i);
      loop_.body.push_back(load);
    }
    return it->second = last();
  }

  // What v shows all of, or a part, as a buffer of the loop.
  std::uint32_t buffer(std::uint32_t v) {
    const std::uint32_t w = g_.whole(v), root = g_.root(v);
    const bool users = g_.how(root) == form::input;
    loop_.buffers.push_back(
        {p_.of[w], g_.values[w].constant, users ? g_.type(root).bytes() - offset_bytes(g_, w) : 0});
    return static_cast<std::uint32_t>(loop_.buffers.size() - 1);
  }

  lowering lower(std::uint32_t v, step& s, kernels::scalar_functions* one_number = nullptr) {
    const graph::value& x = g_.values[v];
    lowering l{g_.seen_by(v, types_), g_.type(v),   s,         out_.sides,
               x.how == form::kernel, x.op->throws, one_number};
    l.where = g_.on.place_of(x.node);
    const auto choose = [&] {
      x.op->lower(l);
      if (l.scratch_bytes > std::size_t{1} << 40) {  // a negative number became a huge one
        throw value_error(fmt::format("{}: no scratch of {} bytes", l.op, l.scratch_bytes));
      }
      if (s.run != nullptr) return l;
      throw value_error(fmt::format("{}: `lower` chose no kernel: call lower_to_kernel", l.op));
    };
    return telling(choose,
                   [&] { return fmt::format(" (of {}){}", text_of(l.inputs), at_line(l.where)); });
  }

  // --- Everything else --------------------------------------------------------------------------

  void emit_single(std::uint32_t v) {
    const graph::value& x = g_.values[v];
    if (is_gemm(g_, v)) return emit_gemm(v);
    step s{};
    s.d = at(v);
    const auto in = g_.operands(v);
    s.a = in.size() > 0 ? at(in[0]) : nullptr;
    s.b = in.size() > 1 ? at(in[1]) : nullptr;
    s.c = in.size() > 2 ? at(in[2]) : nullptr;
    s.n = static_cast<std::uint32_t>(loop_size(g_, v));
    if (x.op == &requirement) {
      s.run = kernels::require(g_.type(x.in[0]).dtype);
      const place made = g_.on.place_of(g_.values[x.in[0]].node);
      s.side = out_.sides.keep(kernels::demand{g_.on.message_at(x.node), made});
    } else {
      const lowering l = lower(v, s);
      if (l.call != nullptr) {
        for (std::uint32_t i : in) l.call->operands.push_back(at(i));
        l.call->scratch_bytes = l.scratch_bytes;
        out_.calls.push_back(l.call);
      }
      if (l.scratch_bytes != 0) s.c = to_.scratch_for(l.scratch_bytes);
      if (g_.elements(v) == 0) return;
    }
    to_.add(s);
  }

  void emit_gemm(std::uint32_t v) {
    const gemm_operands of = gemm_operands_of(g_, v);
    step s{};
    s.run = kernels::gemm(g_.type(v).dtype);
    s.side = out_.sides.keep(telling([&] { return gemm_of(g_, v).geometry(); },
                                     [&] { return at_line(g_.on.place_of(g_.values[v].node)); }));
    if (g_.elements(v) == 0) return;
    bring_into_place(v);
    s.d = at(v);
    s.a = at(of.a);
    s.b = at(of.b);
    s.c = of.alpha == no_node ? nullptr : at(of.alpha);
    to_.add(s);
  }

  // Parts that are put one after the other into one buffer are one step, but those with indices.
  void emit_puts(const schedule::item& item) {
    kernels::puts open;
    for (std::size_t k = 0; k < item.values.size() && g_.elements(item.values[0]) != 0; ++k) {
      const std::uint32_t v = item.values[k];
      const graph::value& x = g_.values[v];
      bring_into_place(v);
      put_part(g_, v, at(x.in[0]), open);
      const bool last = k + 1 == item.values.size() || at(item.values[k + 1]) != at(v);
      const bool indexed = x.op->lower != nullptr;
      if ((last || indexed) && (open.fills || !open.parts.empty())) {
        step s{};
        s.d = at(v);
        s.n = static_cast<std::uint32_t>(g_.elements(v));
        s.run = kernels::put(g_.type(v).dtype, s.n, open);
        s.side = out_.all_puts.emplace_back(out_.sides.keep(std::exchange(open, {})));
        to_.add(s);
      }
      if (indexed) emit_single(v);
    }
  }

  // What v goes into stands in v's buffer, or is copied there.
  void bring_into_place(std::uint32_t v) {
    const graph::value& x = g_.values[v];
    if (x.into && at(x.goes_into()) != at(v)) copy(x.goes_into(), v);
  }

  void copy(std::uint32_t from, std::uint32_t to) {
    step s{};
    s.run = kernels::copy(g_.type(to).dtype);
    s.d = at(to);
    s.a = at(from);
    s.n = static_cast<std::uint32_t>(g_.elements(to));
    to_.add(s);
  }

  void describe(const schedule::item& item, std::size_t first) {
    constexpr std::size_t most_names = 40;
    std::string what;
    for (std::size_t k = 0; k < std::min(item.values.size(), most_names); ++k) {
      const std::uint32_t v = item.values[k];
      const graph::value& x = g_.values[v];
      what += (k == 0 ? "" : " ") + text_of(*x.op, g_.attributes(v));
      if (is_gemm(g_, v)) what += ' ' + gemm_of(g_, v).text();
      if (s_.in_place[v] != no_node) {
        what += fmt::format("->'{}'", g_.on.parameter_at(s_.in_place[v]).name());
      }
    }
    if (item.values.size() > most_names) {
      what += fmt::format(" ... ({} values)", item.values.size());
    }
    const std::uint32_t last = item.values.back();
    const std::string type =
        item.loop ? fmt::format("loop over {}", item.size) : g_.type(last).text();
    out_.notes.push_back({static_cast<std::uint32_t>(first),
                          static_cast<std::uint32_t>(to_.steps().size() - first),
                          fmt::format("{}: {}", type, what)});
  }

  const graph& g_;
  const schedule& s_;
  const placement& p_;
  program::body& out_;
  code::emitter to_;
  code::loop loop_;                  // of the item
  std::vector<std::uint32_t> made_;  // by value: the instruction of the loop that makes it
  // The instructions that load operands: by value, its type and, of a broadcast, the result's.
  std::map<std::tuple<std::uint32_t, const value_type*, const value_type*>, std::uint32_t> loads_;
  // What an operation without attributes is lowered to, and its functions for one number.
  struct lowered {
    kernels::kernel run;
    const void* side;
    kernels::scalar_functions functions;
  };
  std::map<std::pair<const primitive*, dtype>, lowered> one_number_;
  std::vector<const value_type*> types_;  // of the operands of the value that is lowered
};

}  // namespace

void emit(const graph& g, const schedule& s, const placement& p, program::body& out) {
  item_writer(g, s, p, out).run();
}

}  // namespace cotape
