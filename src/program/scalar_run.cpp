// Lowering lists of operations on single numbers.
#include "program/scalar_run.hpp"

#include <algorithm>
#include <unordered_map>

#include "program/emit.hpp"

namespace cotape {

namespace {

constexpr std::size_t fewest = 6;  // below, steps cost no more than the copies in and out

class scalar_lowering {
 public:
  scalar_lowering(const graph& g, const schedule::item& item, const placement& p,
                  loop_tables& tables, kernels::scalar_body& out)
      : g_(g), item_(item), p_(p), slot_(tables.tile), last_use_(tables.last_position), out_(out) {}

  // False if a value has no scalar form.
  bool run(side_store& sides) {
    const std::vector<std::uint32_t>& order = item_.values;
    for (std::size_t k = 0; k < order.size(); ++k) {
      for (std::uint32_t i : g_.operands(order[k])) last_use_[g_.whole(i)] = k;
    }
    for (std::size_t k = 0; k < order.size(); ++k) {
      if (!emit(order[k], k, sides)) return forget();
    }
    out_.slots.resize(slots_);
    out_.code.push_back({out_.functions.size() & 0xffff, 0, 0, 0, 0});
    out_.functions.push_back(kernels::stop_scalars(out_.dtype));
    forget();
    return true;
  }

 private:
  // An operation's functions, and the numbers of those that are used.
  struct known_functions {
    kernels::scalar_functions by_form{};
    std::array<std::uint32_t, 27> number;
  };

  known_functions* functions_of(std::uint32_t v, side_store& sides) {
    const primitive& op = *g_.values[v].op;
    const auto [it, added] = known_.try_emplace(&op);
    if (added) {
      kernels::step unused{};
      lowering l{{op.name, {}, {}}, g_.type(v),         unused, sides, false,
                 op.throws,         &it->second.by_form};
      op.lower(l);
      it->second.number.fill(no_node);
    }
    return it->second.by_form[0] != nullptr ? &it->second : nullptr;
  }

  // The number of the function for operands with these roots: as many as it can take come from the
  // last two results.
  std::uint64_t function_for(known_functions& f, std::span<const std::uint32_t> roots) {
    std::array<std::size_t, 3> source{};
    for (std::size_t n = 0; n < roots.size(); ++n) {
      source[n] = roots[n] == last_ ? 1 : roots[n] == before_ ? 2 : 0;
    }
    const auto form = [&] { return source[0] + 3 * source[1] + 9 * source[2]; };
    for (std::size_t n = 3; f.by_form[form()] == nullptr;) source[--n] = 0;
    std::uint32_t& number = f.number[form()];
    if (number == no_node) {
      number = static_cast<std::uint32_t>(out_.functions.size());
      out_.functions.push_back(f.by_form[form()]);
      if (f.by_form.called != nullptr) out_.functions.push_back(f.by_form.called);
    }
    return number;
  }

  bool emit(std::uint32_t v, std::size_t k, side_store& sides) {
    const graph::value& x = g_.values[v];
    known_functions* functions = functions_of(v, sides);
    if (functions == nullptr) return false;
    std::array<std::uint32_t, 3> root{no_node, no_node, no_node}, slot{};
    for (std::size_t n = 0; n < x.op->arity; ++n) {
      root[n] = g_.whole(x.in[n]);
      slot[n] = slot_of(root[n]);
    }
    const std::uint64_t run = function_for(*functions, {root.data(), x.op->arity});
    for (std::uint32_t r : root) release(r, k);
    const std::uint32_t d = take();
    if (slots_ >= kernels::scalar_instruction::most_slots) return false;
    out_.code.push_back({run & 0xffff, d & 0xffffff, slot[0] & 0xffffff, slot[1], slot[2]});
    slot_[v] = d;
    before_ = last_;
    last_ = v;
    if (p_.of[v].where != region::none) out_.exports.push_back({region_word(p_.of[v]), d});
    return true;
  }

  std::uint32_t take() {
    if (free_.empty()) return slots_++;
    const std::uint32_t s = free_.back();
    free_.pop_back();
    return s;
  }

  std::uint32_t slot_of(std::uint32_t r) {
    if (slot_[r] != no_node) return slot_[r];
    slot_[r] = slots_++;  // never reused: imports are made before the run
    out_.imports.push_back({region_word(p_.of[r]), slot_[r]});
    imported_.push_back(r);
    return slot_[r];
  }

  // A value made in the run, used for the last time, makes room.
  void release(std::uint32_t r, std::size_t k) {
    if (r == no_node || slot_[r] == no_node || last_use_[r] != k) return;
    if (p_.of[r].where != region::none) return;
    free_.push_back(slot_[r]);
    slot_[r] = no_node;
  }

  bool forget() {
    for (std::uint32_t v : item_.values) slot_[v] = no_node;
    for (std::uint32_t r : imported_) slot_[r] = no_node;
    return false;
  }

  const graph& g_;
  const schedule::item& item_;
  const placement& p_;
  std::vector<std::uint32_t>& slot_;    // by root
  std::vector<std::size_t>& last_use_;  // by root: the last use in the item
  kernels::scalar_body& out_;
  std::vector<std::uint32_t> free_, imported_;
  std::unordered_map<const primitive*, known_functions> known_;
  std::uint32_t slots_ = 0;
  std::uint32_t last_ = no_node, before_ = no_node;  // the values of the last two instructions
};

}  // namespace

kernels::scalar_body* lower_scalars(const graph& g, const schedule::item& item, const placement& p,
                                    loop_tables& tables, side_store& sides, kernels::step& s) {
  if (item.size != 1 || item.values.size() < fewest) return nullptr;
  const dtype d = g.type(item.values[0]).dtype;
  const bool alike = std::all_of(item.values.begin(), item.values.end(), [&](std::uint32_t v) {
    return g.values[v].op->how == form::elementwise && g.type(v).dtype == d;
  });
  if (!alike || d == int64) return nullptr;
  kernels::scalar_body body;
  body.dtype = d;
  if (!scalar_lowering(g, item, p, tables, body).run(sides)) return nullptr;
  s.run = kernels::run_scalars(d);
  auto* kept = sides.keep(std::move(body));
  s.side = kept;
  return kept;
}

}  // namespace cotape
