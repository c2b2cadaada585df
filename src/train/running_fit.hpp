// A fit under way: its position, its figures, and the state that a checkpoint keeps.
#pragma once

#include <optional>

#include "train/before_fit.hpp"
#include "train/feed.hpp"
#include "train/resumption.hpp"

namespace cotape::detail {

// Operations that are kept as text; those after them are in the checksum.
constexpr std::size_t most_listed = 1000;
constexpr std::int64_t validation_batch = 256;  // rows at once, as evaluate's

// Of the names in a snapshot; then the fit's number, and of an earlier fit that has ended "/" and
// the names of what it ended with.
constexpr std::string_view description_prefix = "fit/description/", ended_prefix = "fit/ended/";
constexpr const char* warnings_name = "fit/warnings";

constexpr const char* rate_after = "rate at its end";  // a fact of fits that are done
// What bits depend on: the instruction set and the kernels that products are made with, and the
// number of threads.
facts facts_of_machine();
[[noreturn]] void refuse(const std::string& source, const std::string& why);

class running_fit final : public training {
 public:
  /// `from`, `validation` (null: none) and the options must outlive it.
  running_fit(model::body& of, feed& from, feed* validation, const fit_options& options);
  running_fit(const running_fit&) = delete;
  running_fit& operator=(const running_fit&) = delete;
  ~running_fit() override;
  history run();

  const std::vector<parameter>& parameters() const override { return weights_; }
  const std::vector<parameter>& model_parameters() const override { return parameters_; }
  optimizer& how() const override { return *of_.how; }
  const std::vector<expected_figure>& expected() const override { return expected_; }
  named_views snapshot() override;
  bool restore(named_tensors snapshot, const std::string& source, resumed_rate rate) override;

 private:
  void keep_values();
  void begin();
  void run_to_end();
  void find_ends();
  void compile_steps();
  void find_weights();
  void check_first_gradient();
  void train();
  void train_epoch();
  before_fit* before() override { return before_ ? &*before_ : nullptr; }
  void commit();
  void step();
  void update();
  results run_step();
  void end_epoch();
  bool finished() const;
  // From what a callback has kept, not from the beginning.
  bool goes_on() const { return steps != at_.first_step || epoch != at_.first_epoch; }
  bool steps_done() const;
  template <class F> void each(F f) {
    for (const auto& c : callbacks_) call(*c.object(), f);
  }
  template <class F> void call(callback& c, F f);
  template <class F> void each_where_it_goes_on(F f);
  void keep(bool last);
  void demand_outermost() const;
  named_views fixed_part();
  std::map<std::string, parameter> belongings() const;
  // Of an epoch: "loss", ..., "val_loss" ...; and how many numbers they are gathered in.
  std::vector<std::string> names_of_figures() const;
  std::size_t number_of_sums() const;
  void compare(const named_tensors& found, const std::string& source);
  kept_figures read_figures(const named_tensors& found, const position& p,
                            const std::string& source) const;
  position position_in(const named_tensors& found, const std::string& source) const;
  named_tensors ends_in(named_tensors& found, std::int64_t fit) const;
  named_tensors own_end_in(const named_tensors& found, const fact_values& kept) const;
  std::optional<resumption> look_into(named_tensors&& found, const std::string& source,
                                      resumed_rate rate);
  void go_on_from(resumption&& where);
  void stop_as_kept(bool stopped_before, const fact_values& kept);
  void expect_figures();
  void warn();
  void start_progress();

  // What the fit is, as facts: identity.cpp.
  template <class T>
  void tell(const std::string& name, const T& value, fact_kind kind = fact_kind::value);
  void tell_model();
  void tell_others();
  void tell_callbacks();
  void compile_step(traced& step, const std::vector<array_view>& views, const std::string& of,
                    std::size_t listed);
  void note_parameters(tape& t, std::uint64_t since);
  void find_others();
  void demand_utf8() const;
  void set_rate_again();
  void tell_options(const std::string& name, const named_texts& options);
  facts beginning() const;
  void note_beginning();
  void note_failure() noexcept;
  checksum sum_now() const noexcept;
  double rate_now() const noexcept { return *rate_.view().data_as<double>(); }
  bool rate_is_set() const;
  std::string length() const;
  void describe();
  void claim_beginning();
  void add_descriptions(named_views& to);
  void keep_description();
  kept_fit identify(const named_tensors& found, std::int64_t fit, const std::string& source,
                    resumed_rate rate);
  void learn(const fact_values& kept);
  std::string name_of_rate() const;
  std::string sum_of_end(const named_views& state) const;
  void demand_end(const named_tensors& found, std::int64_t fit, const std::string& source) const;

  model::body& of_;
  feed& feed_;
  feed* const validation_;
  const fit_options& options_;
  const std::vector<given<callback>>& callbacks_;
  std::vector<parameter> parameters_, weights_;  // of the model; and what else steps change
  // As the steps were recorded with: of a model's generator, and of the optimizer.
  const parameter drawn_, rate_;
  std::vector<parameter> optimizer_state_;
  std::optional<slots_then> slots_;
  std::vector<expected_figure> expected_;
  const std::size_t terms_;  // of the loss that are figures too
  figures_so_far sums_;
  position at_{};
  std::optional<progress> progress_;
  bool passed_ = false;  // a later fit has been reached already by the program that is resumed
  bool ended_ = false;   // on_fit_end has been called
  bool begun_ = false;   // nothing has refused it
  bool stays_stopped_ = false;  // longer than the fit that was stopped, as the file tells
  // What restore does: within on_identify it asks where to go on from, before anything changes.
  enum class restoring : std::uint8_t { refused, asking, at_once } restoring_{};
  bool epoch_ended_ = false;  // within on_epoch_end
  const bool nested_;         // within a callback of another fit
  std::optional<trainable_then> trainable_before_;
  std::optional<before_fit> before_;         // until a step has succeeded
  bool moved_ = false, other_rate_ = false;  // it goes on from elsewhere, and with another rate
  std::optional<resumption> furthest_;
  named_tensors ends_;  // of fits before this one
  double first_rate_ = 0;
  facts beginning_, own_, operations_;      // the last as the steps were recorded
  bool described_ = false;                  // own_ holds them all
  std::vector<parameter> read_, assigned_;  // by the steps
  std::vector<parameter> others_;           // of those that are read, that nobody else keeps
  std::map<std::string, parameter> shown_;  // whose values the last snapshot shows
  std::vector<std::int64_t> trainable_;     // of these, and of the layers
  std::vector<parameter> trained_;          // all that a step may change, but for the rate
  std::map<std::string, tensor> texts_;     // that a snapshot shows
  std::vector<std::string> on_another_;     // machine than it was kept on: what to say of it
};

}  // namespace cotape::detail
