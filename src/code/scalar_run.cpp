// Slots for numbers, and functions that take what they can from the last two results.
#include "code/scalar_run.hpp"

#include <algorithm>
#include <unordered_map>

#include "kernels/call.hpp"

namespace cotape::code {

namespace {

constexpr std::ptrdiff_t fewest = 6;  // below, steps cost no more than the copies in and out

bool is_run(const loop& l) {
  if (l.rows != 1 || l.columns != 0 || l.body.empty()) return false;
  const dtype type = l.body[0].dtype;
  const auto applies = [](const loop::instruction& i) { return i.does == loop::kind::apply; };
  return type != int64 && std::count_if(l.body.begin(), l.body.end(), applies) >= fewest &&
         std::all_of(l.body.begin(), l.body.end(), [&](const loop::instruction& i) {
           const bool number = i.does == loop::kind::load && i.map == none && i.to == none;
           return i.dtype == type && (number || (applies(i) && i.scalar != nullptr));
         });
}

class scalar_writer {
 public:
  explicit scalar_writer(const loop& l) : l_(l), slot_(l.body.size()), last_use_(last_uses(l)) {
    body_.dtype = l.body[0].dtype;
  }

  std::optional<kernels::scalar_body> run() {
    for (std::uint32_t k = 0; k < l_.body.size(); ++k) {
      if (l_.body[k].does == loop::kind::load) import(k);
      else apply(k);
      if (slots_ >= kernels::scalar_instruction::most_slots) return std::nullopt;
    }
    body_.slots.resize(slots_);
    body_.code.push_back({body_.functions.size() & 0xffff, 0, 0, 0, 0});
    body_.functions.push_back(kernels::stop_scalars(body_.dtype));
    return std::move(body_);
  }

 private:
  // Its slot is never used again: imports are made before the run.
  void import(std::uint32_t k) {
    slot_[k] = slots_++;
    body_.imports.push_back({region_word(l_.buffers[l_.body[k].from].at), slot_[k]});
  }

  void apply(std::uint32_t k) {
    const loop::instruction& i = l_.body[k];
    std::array<std::uint32_t, 3> from{};
    for (std::uint8_t n = 0; n < i.count; ++n) from[n] = slot_[i.in[n]];
    const std::uint32_t run = function_for(i, from);
    if (i.scalar->called != nullptr) {
      const auto number = static_cast<std::uint32_t>(body_.code.size());
      body_.own.emplace_back(number, static_cast<const kernels::user_loop*>(i.side)->where);
    }
    for (std::uint8_t n = 0; n < i.count; ++n) release(i.in[n], k);
    const std::uint32_t d = slot_[k] = take();
    body_.code.push_back({run & 0xffff, d & 0xffffff, from[0] & 0xffffff, from[1], from[2]});
    before_ = last_;
    last_ = d;
    if (i.to != none) body_.exports.push_back({region_word(l_.buffers[i.to].at), d});
  }

  // The number of the function for these operands.
  std::uint32_t function_for(const loop::instruction& i, const std::array<std::uint32_t, 3>& from) {
    std::array<std::size_t, 3> source{};
    for (std::size_t n = 0; n < i.count; ++n) {
      source[n] = from[n] == last_ ? 1 : from[n] == before_ ? 2 : 0;
    }
    const auto variant = [&] { return source[0] + 3 * source[1] + 9 * source[2]; };
    for (std::size_t n = 3; (*i.scalar)[variant()] == nullptr;) source[--n] = 0;
    const auto [numbers, added] = known_.try_emplace(i.scalar);
    if (added) numbers->second.fill(none);
    std::uint32_t& number = numbers->second[variant()];
    if (number == none) {
      number = static_cast<std::uint32_t>(body_.functions.size());
      body_.functions.push_back((*i.scalar)[variant()]);
      if (i.scalar->called != nullptr) body_.functions.push_back(i.scalar->called);
    }
    return number;
  }

  std::uint32_t take() {
    if (free_.empty()) return slots_++;
    const std::uint32_t s = free_.back();
    free_.pop_back();
    return s;
  }

  // A value made in the run, used for the last time, makes room.
  void release(std::uint32_t i, std::uint32_t k) {
    const loop::instruction& made = l_.body[i];
    if (made.does == loop::kind::load || made.to != none || last_use_[i] != k) return;
    last_use_[i] = none;
    free_.push_back(slot_[i]);
  }

  const loop& l_;
  std::vector<std::uint32_t> slot_, last_use_;  // by instruction
  kernels::scalar_body body_;
  std::vector<std::uint32_t> free_;
  std::unordered_map<const kernels::scalar_functions*, std::array<std::uint32_t, 27>> known_;
  std::uint32_t slots_ = 0;
  std::uint32_t last_ = none, before_ = none;  // slots of the last two results
};

}  // namespace

std::optional<kernels::scalar_body> scalar_run_of(const loop& l) {
  return is_run(l) ? scalar_writer(l).run() : std::nullopt;
}

}  // namespace cotape::code
