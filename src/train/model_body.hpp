// What a model owns: its network, how it is trained, and its compiled programs.
#pragma once

#include <exception>
#include <functional>
#include <map>
#include <optional>
#include <set>

#include "cotape/compiled.hpp"
#include "cotape/model.hpp"
#include "cotape/non_finite.hpp"
#include "nn/network.hpp"
#include "train/carried.hpp"
#include "train/dataset.hpp"
#include "train/fingerprint.hpp"

namespace cotape {

namespace detail {

class feed;

/// One of the functions whose programs a cache keeps.
class traced {
 public:
  using function = std::function<std::vector<variable>(std::span<const variable>)>;
  traced(program_cache& programs, std::uint64_t number, function f)
      : programs_(programs), number_(number), f_(std::move(f)) {}
  /// Compiles it for such values, unless it is.
  program& compile_for(std::span<const array_view> values);
  bool is_compiled_for(std::span<const array_view> values) const {
    return programs_.find(values, number_) != nullptr;
  }
  results run(std::span<const array_view> values);

 private:
  program_cache& programs_;
  std::uint64_t number_;
  function f_;
};

/// Adds up what a batch's program gives: the loss, then each metric's sums.
class figures_so_far {
 public:
  void clear();
  /// The batch's loss and so many of its terms, then of each output the sums of all metrics.
  void add(const results& batch, std::int64_t rows, std::size_t terms,
           const std::vector<metric>& metrics);
  /// Rows, then the totals: to be kept and restored.
  std::vector<double>& totals() { return totals_; }
  const std::vector<double>& totals() const { return totals_; }

 private:
  std::vector<double> totals_;
};

/// The cross-entropy of losses.hpp that records, for this prediction and target, what stands on the
/// tape from node `first` on; null if there is none.
const named_loss* crossentropy_since(std::uint32_t first, const variable& prediction,
                                     const variable& target);

}  // namespace detail

struct model::body {
  explicit body(std::int64_t seed) : net(seed) {}
  body(const symbols& inputs, const symbols& outputs, std::int64_t seed)
      : net(inputs.list, outputs.list, seed) {}

  explicit body(detail::network n) : net(std::move(n)) {}

  /// Throws value_error before compile.
  void demand_compiled(const char* who) const;
  /// Takes back what was built and traced for what was then refused, or makes it stay.
  void unbuild();
  void settle();
  /// What a step does with the loss: nothing, an update, or adding its gradients, times the rows,
  /// to sums.
  enum class step_kind : std::uint8_t { look, update, accumulate };
  /// Records outputs, loss and metrics; x holds inputs, then targets. With `stop_at_non_finite` a
  /// step that trains and whose loss is not finite throws and changes nothing.
  std::vector<variable> record_step(std::span<const variable> x, mode m, step_kind kind);
  void record_sums_of_gradients(const variable& loss, const std::vector<parameter>& trained);
  /// The update with the sums times `scale`; they start again from 0.
  std::vector<variable> record_accumulated_update(const variable& scale);
  /// Of the outputs, without the terms of the network.
  variable record_loss(std::span<const variable> predictions, std::span<const variable> targets);
  /// The sums of each metric of each output.
  std::vector<variable> record_metrics(std::span<const variable> predictions,
                                       std::span<const variable> targets) const;
  /// Where the loss of a training step for such a batch, which has changed nothing, is not finite.
  std::optional<non_finite> find_non_finite(std::span<const array_view> batch);
  /// Refuses an optimizer that served parameters of another training before: a count of steps, for
  /// one, is of that.
  void demand_own_optimizer(const std::vector<parameter>& served) const;
  logs train_on_batch(const detail::dataset& batch);
  /// Looks at the outputs of a training step. Throws value_error for one that must be meant
  /// otherwise, and fills `may_stray`.
  void examine(std::span<const variable> predictions);
  /// What is to be said of predictions for these inputs that are no probabilities.
  std::vector<std::string> strays(std::span<const array_view> inputs);
  const loss_function& loss_of(std::size_t output) const {
    return losses[losses.size() == 1 ? 0 : output];
  }
  /// Of the loss in training, by differences, at a batch's inputs and targets.
  gradient_check check_gradient(std::span<const array_view> batch,
                                const gradient_check_options& options);
  /// "loss", named terms of it, "accuracy" ...: of such metrics.
  std::vector<std::string> names_of_figures(const std::vector<metric>& by,
                                            const std::string& prefix = {}) const;
  static constexpr const char* validation_prefix = "val_";
  /// Throws value_error unless all figures of an epoch have names of their own.
  void demand_names(const std::vector<metric>& of, const char* who) const;
  /// The figures by these names, of rows and totals.
  logs figures(const detail::figures_so_far& sums, const std::string& prefix = {}) const;
  logs evaluate(detail::traced& by, detail::feed& set, const std::string& prefix = {});

  detail::network net;
  std::vector<loss_function> losses;
  std::shared_ptr<optimizer> how;
  std::vector<metric> metrics;
  std::vector<std::size_t> metric_sizes;  // how many sums each metric of each output has
  detail::program_cache programs{{}, {}, "model"};
  // The steps of a fit, and its evaluation of validation data; then what the model does elsewhere.
  detail::traced training_step{programs, 0, [this](auto x) {
                                 return record_step(
                                     x, mode::training,
                                     accumulates ? step_kind::accumulate : step_kind::update);
                               }};
  detail::traced accumulated_update{programs, 5,
                                    [this](auto x) { return record_accumulated_update(x[0]); }};
  bool accumulates = false;  // a fit that is under way: of its trained parameters, the sums
  std::vector<std::pair<parameter, parameter>> sums_of_gradients;
  detail::traced validation{
      programs, 1, [this](auto x) { return record_step(x, mode::predicting, step_kind::look); }};
  detail::traced evaluation{
      programs, 2, [this](auto x) { return record_step(x, mode::predicting, step_kind::look); }};
  detail::traced prediction{programs, 3, [this](std::span<const variable> x) {
                              std::vector<variable> result = net.record(x, mode::predicting);
                              only_carry(x[0].owner(), net);
                              return result;
                            }};
  detail::traced single_step{
      programs, 4, [this](auto x) { return record_step(x, mode::training, step_kind::update); }};
  std::vector<bool> trained_by_single_steps;  // as layers and parameters said when it was recorded
  // Told of each part of a step when it is recorded: "model", "loss", "metrics", "update".
  std::function<void(tape&, const char* part, bool last)> when_recorded;
  static constexpr std::string_view not_finite = "fit: the loss is not finite";
  bool stop_at_non_finite = true;   // then the training step throws that
  std::set<std::uint64_t> stepped;  // the numbers of all that any of its training steps has read
  // Outputs that may be no probabilities, though the loss takes them; whether that was said since
  // compile.
  std::set<std::size_t> may_stray;
  // Of each output what loss was recorded last: a function of one's own has the name of the
  // cross-entropy that it records.
  std::vector<const detail::named_loss*> recorded_losses;  // null: one's own
  bool warned = false;
  const char* at_work = nullptr;                 // the outermost action
  bool left = false;                             // the model that began it has it no more
  std::int64_t epochs = 0, steps = 0, fits = 0;  // finished
  // For checkpoints: what the fits were that can be in one; the last that began, which may have
  // failed, and what it then left.
  std::map<std::int64_t, detail::facts> kept_fits;
  struct {
    std::int64_t fit = 0;
    detail::facts beginning = {};
    detail::checksum left = {};
    double first_rate = 0, last_rate = 0;
  } begun;
};

/// What an action of a model may do: only look at it, or change what other actions rely on.
enum class access : std::uint8_t { look, change };

/// An action under way: what it works on lives until it is done, whatever a callback or a layer
/// does with the model meanwhile. One that throws takes back the weights that it has made, unless
/// they are settled.
class model::action {
 public:
  /// Throws value_error for a model that was moved from, and for a change while it is at work.
  action(const model& of, const char* name, access a);
  ~action();
  action(const action&) = delete;
  action& operator=(const action&) = delete;
  body* operator->() const { return body_.get(); }
  body& operator*() const { return *body_; }

 private:
  std::shared_ptr<body> body_;
  const char* outer_;
  int thrown_ = std::uncaught_exceptions();
};

}  // namespace cotape
