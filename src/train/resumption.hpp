// What a snapshot tells of a fit.
#pragma once

#include <tuple>
#include <vector>

#include "cotape/io.hpp"
#include "cotape/train.hpp"
#include "train/fingerprint.hpp"

namespace cotape::detail {

// Whether a fit was stopped, and whether it has ended. By number in files.
enum class fit_state : std::int64_t { under_way, stopped, ended, ended_after_stop };

constexpr fit_state state_of(bool stopped, bool ended) {
  if (ended) return stopped ? fit_state::ended_after_stop : fit_state::ended;
  return stopped ? fit_state::stopped : fit_state::under_way;
}
constexpr bool has_ended(fit_state s) { return s >= fit_state::ended; }
constexpr bool was_stopped(fit_state s) { return s == state_of(true, has_ended(s)); }

// The fit's number among the model's, where it began, how far it is. In files as int64 words.
struct position {
  std::int64_t fit, first_epoch, first_step, epoch, batch, step;
  fit_state state;
};

// The facts that it was kept with; whether the rate, or what sets it, is another here.
struct kept_fit {
  fact_values values;
  bool other_rate = false;
};

struct kept_figures {
  std::vector<double> sums;  // of the epoch that it is within
  history past;
};

// A snapshot of this very fit: the whole state, ready to be gone on from.
struct resumption {
  std::int64_t of_fit = 0;  // whose snapshot holds it
  position at = {};
  named_tensors values;
  kept_figures figures;
  kept_fit kept;
  bool is_behind(const resumption& other) const {
    return std::tie(of_fit, at.step, at.epoch, at.state) <
           std::tie(other.of_fit, other.at.step, other.at.epoch, other.at.state);
  }
};

}  // namespace cotape::detail
