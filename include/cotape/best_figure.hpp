// layer: train
// The best epoch of a fit by a figure, for callbacks that look for it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "cotape/training.hpp"

namespace cotape {

struct best_weights_options {
  std::string monitor = "val_loss";
  double minimum_delta = 0;              // better is better by more than this
  std::optional<better> direction = {};  // by default the metric's; of losses lower
  std::int64_t start_from_epoch = 0;     // so many epochs of the fit do not count
};

namespace detail {

/// A figure that a callback follows: the best of a fit, and the epoch that had it.
class best_figure {
 public:
  /// `callback` names it in errors. Throws value_error for options out of range.
  best_figure(const char* callback, best_weights_options options);
  /// Begins anew. Throws value_error if there will be no such figure, or if it is not known which
  /// values of it are better.
  void begin(const training& t);
  /// Whether the epoch that has ended counts; and whether it is the best one, then, which it
  /// becomes.
  bool counts(const training& t) const;
  bool improves(const training& t);
  std::vector<parameter> state() const { return {best_, epoch_}; }
  named_texts description(const training& t) const;
  double best() const;
  std::int64_t epoch() const;

 private:
  better direction(const training& t) const;

  const char* callback_;
  best_weights_options options_;
  parameter best_, epoch_;
};

}  // namespace detail

}  // namespace cotape
