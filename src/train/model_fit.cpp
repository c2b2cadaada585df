// What fit is given: options, arrays or a source.
#include <fmt/format.h>

#include <memory>

#include "train/rows.hpp"
#include "train/running_fit.hpp"

namespace cotape {

namespace {

void demand(const fit_options& o) {
  const auto refuse = [](const std::string& what) { throw value_error("fit: " + what); };
  if (o.epochs < 0) refuse(fmt::format("{} epochs", o.epochs));
  if (o.steps < 0) refuse(fmt::format("{} steps", o.steps));
  if (o.batch_size < 1) refuse(fmt::format("a batch of {} rows", o.batch_size));
  if (o.accumulate < 1) {
    refuse(fmt::format("accumulate is {}: an update takes at least 1 batch", o.accumulate));
  }
  if (!(o.validation_split >= 0 && o.validation_split < 1)) {
    refuse(fmt::format("a validation_split of {}, it must be in [0, 1)", o.validation_split));
  }
  const bool data = !o.validation_data.x.views().empty() || !o.validation_data.y.views().empty();
  if (data && o.validation_split != 0) {
    refuse("validation_split and validation_data are both given");
  }
  if (o.validation_source && (data || o.validation_split != 0)) {
    refuse(fmt::format("{} and validation_source are both given",
                       data ? "validation_data" : "validation_split"));
  }
  for (std::size_t i = 0; i < o.callbacks.size(); ++i) {
    if (!o.callbacks[i].object()) refuse(fmt::format("callback {} is a null pointer", i));
  }
}

// Takes the last rows away from a set.
detail::dataset split_off(detail::dataset& set, double fraction) {
  const std::int64_t kept = set.rows - detail::share_of(set.rows, fraction);
  if (kept == 0) {
    throw value_error(fmt::format(
        "fit: a validation_split of {} leaves none of {} rows to train on", fraction, set.rows));
  }
  detail::dataset last;
  last.rows = set.rows - kept;
  for (auto views : {&detail::dataset::inputs, &detail::dataset::targets}) {
    for (array_view& v : set.*views) {
      (last.*views).push_back(rows_of(v, kept, set.rows));
      v = rows_of(v, 0, kept);
    }
  }
  set.rows = kept;
  return last;
}

std::unique_ptr<detail::feed> feed_of(detail::dataset validation, const model::body& of) {
  return std::make_unique<detail::array_feed>(
      std::move(validation), detail::rows_at_once(of.net, detail::validation_batch));
}

// That is given beside what is trained on.
std::unique_ptr<detail::feed> validation_in(const fit_options& options, model::body& of) {
  using detail::source_feed;
  constexpr const char* who = "fit, validation";
  if (options.validation_source) {
    return std::make_unique<source_feed>(who, *options.validation_source, of,
                                         source_feed::epochs::none);
  }
  const labelled_data& given = options.validation_data;
  if (given.x.views().empty() && given.y.views().empty()) return nullptr;
  return feed_of(detail::examples_for(who, of.net, of.losses, given.x.views(), given.y.views()),
                 of);
}

}  // namespace

history model::fit(const arrays& x, const arrays& y, const fit_options& given_options) {
  const fit_options options = given_options;  // a callback may change those
  const action of(*this, "fit", access::change);
  of->demand_compiled("fit");
  demand(options);
  detail::dataset set = detail::examples_for("fit", of->net, of->losses, x.views(), y.views());
  detail::demand_order(of->net, options);
  std::unique_ptr<detail::feed> validation;
  if (options.validation_split == 0) {
    validation = validation_in(options, *of);
  } else {
    validation = feed_of(split_off(set, options.validation_split), *of);
  }
  detail::drawn_feed from(std::move(set), options);
  return detail::running_fit(*of, from, validation.get(), options).run();
}

history model::fit(const batch_source& source, const fit_options& given_options) {
  const fit_options options = given_options;
  const action of(*this, "fit", access::change);
  of->demand_compiled("fit");
  demand(options);
  if (options.validation_split != 0 || options.replace) {
    throw value_error(fmt::format(
        "fit: {}", options.replace ? "replace draws from arrays: a source draws its rows itself"
                                   : "validation_split takes rows of arrays: give a source's fit "
                                     "its validation_data or validation_source"));
  }
  detail::source_feed from("fit", source, *of, detail::source_feed::epochs::of_the_model);
  const std::unique_ptr<detail::feed> validation = validation_in(options, *of);
  return detail::running_fit(*of, from, validation.get(), options).run();
}

}  // namespace cotape
