// A fit under way: its position, its figures, and the state that a checkpoint keeps.
#pragma once

#include <array>

#include "cotape/data.hpp"
#include "train/model_body.hpp"

namespace cotape::detail {

constexpr std::string_view description_prefix = "fit/description/";  // then the fit's number

inline double rate_of(const optimizer& o) { return *o.rate().view().data_as<double>(); }
[[noreturn]] void refuse(const std::string& source, const std::string& why);

class running_fit final : public training {
 public:
  /// `set` and `validation` (of no rows: none) and the options must outlive it.
  running_fit(model::body& of, const dataset& set, const dataset& validation,
              const fit_options& options);
  history run();

  const std::vector<parameter>& parameters() const override { return parameters_; }
  optimizer& how() const override { return *of_.how; }
  const std::vector<expected_figure>& expected() const override { return expected_; }
  named_views snapshot() override;
  void restore(const named_tensors& snapshot, const std::string& source,
               resumed_rate rate) override;

 private:
  // What must be the same in a resumed fit, and the names for messages.
  static constexpr std::array settings_names{
      "rows", "rows of validation", "batch_size", "seed", "shuffle", "replace"};
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
    for (const auto& c : options_.callbacks) {
      f(*c.object());
      demand_model();
    }
  }
  void demand_model() const;
  void keep(bool last);
  named_views fixed_part() const;
  std::vector<parameter> state_of(std::vector<std::string>& names) const;
  // Of an epoch: "loss", ..., "val_loss" ...; and how many numbers they are gathered in.
  std::vector<std::string> names_of_figures() const;
  std::size_t number_of_sums() const;
  void compare(const named_tensors& found, const std::string& source);
  struct gathered {
    std::vector<double> sums;
    history past;
  };
  gathered read_figures(const named_tensors& found, const position& p,
                        const std::string& source) const;
  void expect_figures();
  void warn();
  void start_progress();

  // What the fit is, as facts: identity.cpp.
  struct kept_fit {
    fact_values values;
    bool other_rate = false;  // than here, or another schedule
  };
  template <class T>
  void tell(const std::string& name, const T& value, fact_kind kind = fact_kind::value);
  void tell_model();
  void tell_callbacks();
  void tell_operations();
  void tell_data();
  facts beginning() const;
  void note_beginning();
  bool beginning_known() const;
  bool rate_is_set() const;
  void describe();
  void add_descriptions(named_views& to);
  void keep_description();
  kept_fit identify(const named_tensors& found, std::int64_t fit, const std::string& source,
                    resumed_rate rate);
  void learn(const fact_values& kept);
  void pass(kept_fit&& kept, const std::string& source);

  model::body& of_;
  const dataset &set_, &validation_;
  const fit_options& options_;
  std::vector<parameter> parameters_;
  std::vector<expected_figure> expected_;
  batches batches_;
  std::vector<array_view> batch_views_;
  figures_so_far sums_;
  position at_{};
  std::array<std::int64_t, settings_names.size()> settings_{};
  std::optional<progress> progress_;
  bool passed_ = false;  // a later fit has been reached already by the program that is resumed
  double first_rate_ = 0;
  facts beginning_;
  facts own_;                            // none before they are asked for
  std::vector<parameter> others_;        // of the step, that nobody else keeps
  std::map<std::string, tensor> texts_;  // that a snapshot shows
};

}  // namespace cotape::detail
