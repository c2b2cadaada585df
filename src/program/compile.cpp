// The cache of programs: finding, keeping and dropping them, and tracing functions. What a function
// makes and drops while it is traced, no one else can change: it is the function's state, if the
// function assigns any of it. Then each trace that makes some must make the same, in the same
// order, and gets that of the first. What something else holds cannot be replaced: made once (the
// weights of a layer that is built when it is first called) it is no matter, made again it is
// refused.
#include <fmt/format.h>

#include <algorithm>

#include "cotape/compiled.hpp"
#include "program/body.hpp"
#include "tape/hold.hpp"

namespace cotape::detail {

constexpr std::size_t most_programs = 64,
                      most_bytes = std::size_t{512} << 20;  // of their own, without the workspace

program_cache::program_cache(const compile_options& options, place where, const char* who)
    : options_(options),
      where_(where),
      who_(who),
      space_(std::make_shared<workspace>(where.line != 0 ? where.text() : "")) {}

template <class Fits> program_cache::entry* program_cache::find_if(Fits fits) {
  space_->demand_idle();
  const auto it = std::find_if(programs_.begin(), programs_.end(), fits);
  if (it == programs_.end()) return nullptr;
  programs_.splice(programs_.begin(), programs_, it);
  return &*it;
}

program_cache::entry* program_cache::find(const std::vector<std::uint64_t>& key) {
  return find_if([&](const entry& e) { return e.key == key; });
}

program* program_cache::find(std::span<const array_view> inputs, std::uint64_t function) {
  entry* found =
      find_if([&](const entry& e) { return e.key[0] == function && e.code.takes(inputs); });
  return found == nullptr ? nullptr : &found->code;
}

static std::size_t own_bytes(const program_cache::entry& e) {
  return e.code.memory().own + 8 * e.key.size() + 4 * e.nodes.size();
}

program& program_cache::add(std::vector<std::uint64_t> key, std::vector<std::uint32_t> nodes,
                            tape& t, const std::vector<variable>& inputs,
                            const std::vector<variable>& outputs, const compile_options& options) {
  programs_.push_front({std::move(key), std::move(nodes), {t, inputs, outputs, options, space_}});
  std::size_t kept = 0, bytes = 0, largest = 0;
  programs_.remove_if([&](const entry& e) {
    bytes += own_bytes(e);
    if (!e.held && kept > 0 && (kept >= most_programs || bytes > most_bytes)) return true;
    ++kept;
    largest = std::max(largest, e.code.memory().arena);
    return false;
  });
  space_->largest = largest;
  return last();
}

// Puts the known parameters in place of those that the trace made, from number `since` on, and
// notes those that others hold. Gives what is known then.
program_cache::made program_cache::adopt(tape& t, std::uint64_t since) const {
  made result = state_;
  const auto same = [](const auto& known, const parameter* p) {
    return p->name() == known.first.name() && p->type() == known.first.type() &&
           hash_of_bits(p->view()) == known.second;
  };
  std::vector<parameter*> dropped, held;
  for (parameter* p : t.parameters_since(since)) (p->shared() ? held : dropped).push_back(p);
  const auto demand_new = [&](const parameter* p, const state& known) {
    if (std::none_of(known.begin(), known.end(), [&](const auto& k) { return same(k, p); })) return;
    throw value_error(fmt::format(
        "{}: '{}' {} is made in each trace, and something else holds it too: make it outside of "
        "the function",
        who_, p->name(), p->type().text()));
  };
  for (const parameter* p : held) {
    demand_new(p, state_.dropped);
    demand_new(p, state_.held);
    result.held.emplace_back(*p, hash_of_bits(p->view()));
  }
  for (const parameter* p : dropped) demand_new(p, state_.held);
  for (const effect& e : t.effects()) {
    if (e.parameter != no_node && !t.parameter_at(e.parameter).shared()) result.assigned = true;
  }
  if (dropped.empty()) return result;
  const auto part = static_cast<std::size_t>(std::count_if(
      dropped.begin(), dropped.end(), [&](const parameter* p) { return p->number() < part_end_; }));
  if (result.dropped.empty()) result.first_part = part;
  const auto [known, now] = std::mismatch(result.dropped.begin(), result.dropped.end(),
                                          dropped.begin(), dropped.end(), same);
  const bool now_ends = now == dropped.end(), known_ends = known == result.dropped.end();
  const bool same_part = result.dropped.empty() || part == result.first_part;
  if (same_part && ((now_ends && (known_ends || dropped.size() == part)) ||
                    (known_ends && result.dropped.size() <= part))) {
    for (std::size_t i = 0; i < dropped.size(); ++i) {
      if (i < result.dropped.size()) *dropped[i] = result.dropped[i].first;
      else result.dropped.emplace_back(*dropped[i], hash_of_bits(dropped[i]->view()));
    }
  } else if (result.assigned) {
    const parameter& p = now != dropped.end() ? **now : known->first;
    throw value_error(
        fmt::format("{}: the state that is made while tracing is not that of an earlier trace, "
                    "'{}' {} differs: make it outside of the function",
                    who_, p.name(), p.type().text()));
  }
  return result;
}

program& program_cache::make(
    std::span<const array_view> inputs,
    const std::function<std::vector<variable>(std::span<const variable>)>& f,
    std::uint64_t function) {
  for (const auto& [number, types] : open_) {
    const auto same = [](const array_view& a, const array_view& b) { return a.type() == b.type(); };
    if (number == function &&
        std::equal(types.begin(), types.end(), inputs.begin(), inputs.end(), same)) {
      throw value_error(
          fmt::format("{}: it calls itself with the types that it is being traced for", who_));
    }
  }
  tape record;
  std::vector<variable> variables;
  for (const array_view& v : inputs) {
    variables.push_back(record.input(v.dtype(), v.shape(), "", where_.file, where_.line));
  }
  open_.emplace_back(function, inputs);
  const auto close = [](program_cache* of) { of->open_.pop_back(); };
  const std::unique_ptr<program_cache, decltype(close)> guard(this, close);
  const tape::hold work(record, "a traced function, whose program carries its effects out,");
  const std::uint64_t since = parameter::made();
  part_end_ = no_part;
  const std::vector<variable> outputs = f(variables);
  record.attachment.reset();  // the programs of value() hold parameters
  made known = adopt(record, since);
  program& code = add({function}, {}, record, variables, outputs, options_);
  if (!earlier_) earlier_ = std::move(state_);
  state_ = std::move(known);
  return code;
}

void program_cache::forget_programs() {
  space_->demand_idle();
  programs_.clear();
  std::erase_if(state_.held, [](const auto& h) { return !h.first.shared(); });
}

void program_cache::end_part() { part_end_ = parameter::made(); }

void program_cache::unsettle() {
  if (!earlier_) return;
  state_ = std::move(*earlier_);
  earlier_.reset();
  forget_programs();
}

void program_cache::forget_all() {
  forget_programs();
  state_ = {};
  earlier_.reset();
}

void program_cache::end_results() { space_->end_results(); }

program& program_cache::last() const {
  if (programs_.empty()) throw value_error("compiled: it was not called yet");
  return programs_.front().code;
}

std::size_t program_cache::bytes() const {
  std::size_t total = space_->bytes();
  for (const entry& e : programs_) total += own_bytes(e);
  return total;
}

}  // namespace cotape::detail
