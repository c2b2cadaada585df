// A fit under way: its position, its figures, and the state that a checkpoint keeps.
#pragma once

#include <array>

#include "cotape/data.hpp"
#include "train/model_body.hpp"

namespace cotape::detail {

class running_fit final : public training {
 public:
  /// `set` and `validation` (of no rows: none) and the options must outlive it.
  running_fit(model::body& of, const dataset& set, const dataset& validation,
              const fit_options& options);
  history run();

  const std::vector<parameter>& parameters() const override { return parameters_; }
  optimizer& how() const override { return *of_.how; }
  named_views snapshot() override;
  void restore(const named_tensors& snapshot, const std::string& source) override;

 private:
  // What must be the same in a resumed fit, and the names for messages.
  static constexpr std::array settings_names{"version of the format",
                                             "rows",
                                             "rows of validation",
                                             "batch_size",
                                             "seed",
                                             "shuffle",
                                             "replace"};
  // The fit's number among the model's, where it began, how far it is.
  struct position {
    std::int64_t fit, first_epoch, first_step, epoch, batch, step, stop;
  };

  std::vector<array_view> first_batch() const;
  void check_first_gradient();
  void train_epoch();
  void step();
  results run_step();
  void end_epoch();
  bool finished() const;
  bool steps_done() const;
  template <class F> void each(F f) {
    for (const auto& c : options_.callbacks) f(*c.object());
  }
  void keep(bool last);
  named_views fixed_part() const;
  std::vector<parameter> state_of(std::vector<std::string>& names) const;
  // Of an epoch: "loss", ..., "val_loss" ...; and how many numbers they are gathered in.
  std::vector<std::string> names_of_figures() const;
  std::size_t number_of_sums() const;
  void compare(const named_tensors& found, const std::string& source);
  void demand_settings(const named_tensors& found, const std::string& source) const;
  struct gathered {
    std::vector<double> sums;
    history past;
  };
  gathered read_figures(const named_tensors& found, const position& p,
                        const std::string& source) const;
  void start_progress();

  model::body& of_;
  const dataset &set_, &validation_;
  const fit_options& options_;
  std::vector<parameter> parameters_;
  batches batches_;
  std::vector<array_view> batch_views_;
  figures_so_far sums_;
  std::int64_t last_epoch_ = 0;
  position at_{};
  std::array<std::int64_t, settings_names.size()> settings_{};
  std::optional<progress> progress_;
  bool passed_ = false;  // a later fit has been reached already by the program that is resumed
};

}  // namespace cotape::detail
