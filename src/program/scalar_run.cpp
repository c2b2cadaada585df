// Lowering and running lists of operations on single numbers.
#include "program/scalar_run.hpp"

#include <algorithm>
#include <bit>

#include "primitives/binary.hpp"
#include "program/emit.hpp"

namespace cotape {

namespace {

constexpr std::size_t fewest = 6;  // below, steps cost no more than the copies in and out

void anchor() {}

std::int32_t distance(lowering::function f) {
  return static_cast<std::int32_t>(reinterpret_cast<std::intptr_t>(f) -
                                   reinterpret_cast<std::intptr_t>(&anchor));
}

template <class T> void run_scalars(const kernels::step& s) {
  auto& body = *static_cast<scalar_body*>(const_cast<void*>(s.side));
  auto* slots = reinterpret_cast<T*>(body.slots.data());
  for (const auto& i : body.imports) slots[i.slot] = *static_cast<const T*>(i.outside);
  const auto base = reinterpret_cast<std::intptr_t>(&anchor);
  T previous = 0;
  for (const kernels::scalar_instruction& i : body.code) {
    previous = reinterpret_cast<kernels::scalar_function<T>>(base + i.run)(i, slots, previous);
  }
  for (const auto& e : body.exports) {
    *static_cast<T*>(const_cast<void*>(e.outside)) = slots[e.slot];
  }
}

class scalar_lowering {
 public:
  scalar_lowering(const graph& g, const schedule::item& item, const placement& p,
                  loop_tables& tables, scalar_body& out)
      : g_(g), item_(item), p_(p), slot_(tables.tile), last_(tables.last_position), out_(out) {}

  // False if a value has no scalar form.
  bool run(side_store& sides) {
    for (std::size_t k = 0; k < item_.values.size(); ++k) {
      for (std::uint32_t i : g_.values[item_.values[k]].in) {
        if (i != no_node) last_[g_.root(i)] = k;
      }
    }
    for (std::size_t k = 0; k < item_.values.size(); ++k) {
      if (!emit(item_.values[k], k, sides)) return forget();
    }
    out_.slots.resize(slots_);
    forget();
    return true;
  }

 private:
  std::array<lowering::function, kernels::scalar_forms> forms(std::uint32_t v, const primitive& op,
                                                              side_store& sides) const {
    kernels::step unused{};
    lowering l{op.name, {}, g_.type(v), {}, unused, sides};
    op.lower(l);
    return l.scalar;
  }

  bool emit(std::uint32_t v, std::size_t k, side_store& sides) {
    const graph::value& x = g_.values[v];
    const auto functions = forms(v, *x.op, sides);
    if (functions[0] == nullptr) return false;
    std::array<std::uint32_t, 3> root{no_node, no_node, no_node}, slot{};
    for (std::size_t n = 0; n < x.op->arity; ++n) {
      root[n] = g_.root(x.in[n]);
      slot[n] = slot_of(root[n]);
    }
    if (x.op->arity == 3 && root[2] != previous_) {
      const auto copy = forms(v, builtin<broadcast_op>, sides)[0];
      out_.code.push_back({distance(copy), take(), slot[2], 0});
      free_.push_back(out_.code.back().d);
      previous_ = no_node;
    }
    std::size_t form = 0;
    if (x.op->arity < 3) {
      form = (root[0] == previous_ ? 1u : 0u) + (root[1] == previous_ ? 2u : 0u);
      if (previous_ == no_node) form = 0;
    }
    for (std::uint32_t r : root) release(r, k);
    const std::uint32_t d = take();
    out_.code.push_back({distance(functions[form]), d, slot[0], slot[1]});
    slot_[v] = d;
    previous_ = v;
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
    if (r == no_node || slot_[r] == no_node || last_[r] != k) return;
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
  std::vector<std::uint32_t>& slot_;  // by root
  std::vector<std::size_t>& last_;    // by root: the last use in the item
  scalar_body& out_;
  std::vector<std::uint32_t> free_, imported_;
  std::uint32_t slots_ = 0;
  std::uint32_t previous_ = no_node;
};

}  // namespace

scalar_body* lower_scalars(const graph& g, const schedule::item& item, const placement& p,
                           loop_tables& tables, side_store& sides, kernels::step& s) {
  if (item.size != 1 || item.values.size() < fewest) return nullptr;
  const dtype d = g.type(item.values[0]).dtype;
  const bool alike = std::all_of(item.values.begin(), item.values.end(), [&](std::uint32_t v) {
    return g.values[v].op->how == form::elementwise && g.type(v).dtype == d;
  });
  if (!alike || d == int64) return nullptr;
  scalar_body body;
  body.dtype = d;
  if (!scalar_lowering(g, item, p, tables, body).run(sides)) return nullptr;
  s.run = d == float32 ? &run_scalars<float> : &run_scalars<double>;
  const auto* kept = sides.keep(std::move(body));
  s.side = kept;
  return const_cast<scalar_body*>(kept);
}

}  // namespace cotape
