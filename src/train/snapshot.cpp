// The state of a fit as named values, and a fit that goes on from them: all of it, or nothing.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <set>
#include <utility>

#include "io/file.hpp"
#include "train/running_fit.hpp"

namespace cotape::detail {

namespace {

constexpr const char* settings_name = "fit/settings";  // of the first version
constexpr const char* position_name = "fit/position";
constexpr const char* sums_name = "fit/sums";
constexpr const char* trainable_name = "fit/trainable";
constexpr const char* history_prefix = "fit/history/";

array_view view_of(const std::vector<double>& v) {
  return {{float64, {static_cast<std::int64_t>(v.size())}}, v.data()};
}

template <class T> array_view view_of_words(const T& words) {
  return {{int64, {static_cast<std::int64_t>(sizeof(T) / sizeof(std::int64_t))}}, &words};
}

std::string name_of_end(std::int64_t fit) { return fmt::format("{}{:04}/", ended_prefix, fit); }

// Columns by number, so that they keep their order.
std::string name_of_column(std::size_t i, const std::string& name) {
  return fmt::format("{}{:04}/{}", history_prefix, i, name);
}

// In words, what the snapshot was kept with and what there is here, where bits depend on it.
std::vector<std::string> machines_apart(const fact_values& kept) {
  std::vector<std::string> result;
  for (const fact& here : facts_of_machine()) {
    const auto there = kept.find(here.name);
    if (there == kept.end() || there->second == here.value) continue;
    result.push_back(fmt::format(
        "the training was kept with {0} {1} and goes on with {0} {2}: its figures hold, "
        "but its bits may not be those of one that was never interrupted",
        here.name, there->second, here.value));
  }
  return result;
}

}  // namespace

void refuse(const std::string& source, const std::string& why) {
  throw io_error(fmt::format("fit: {}: {}", source, shown(why)));
}

// The parameters that belong to the training, by the names that a snapshot gives them. It keeps of
// each its value, and whether it is trainable: a callback may settle that for the next fit.
std::map<std::string, parameter> running_fit::belongings() const {
  std::map<std::string, parameter> all;
  const auto take = [&](const std::string& prefix, const std::vector<parameter>& list) {
    for (const parameter& p : list) {
      if (all.emplace(prefix + p.name(), p).second) continue;
      throw value_error(fmt::format("fit: two parameters are named '{}{}'", prefix, p.name()));
    }
  };
  take("model/", parameters_);
  take("optimizer/", optimizer_state_);
  take("random/", {drawn_});
  std::size_t keepers = 0;  // callbacks without state may come and go
  for (const auto& c : callbacks_) {
    const callback& one = *c.object();
    const std::vector<parameter> state = one.state();
    for (const parameter& p : state) {
      if (p.shared()) continue;
      throw value_error(
          fmt::format("fit: {}: its state() makes '{}' at each call: keep the "
                      "parameter in a member",
                      type_name(typeid(one)), p.name()));
    }
    if (!state.empty()) take(fmt::format("callback/{}/", keepers++), state);
  }
  for (std::size_t i = 0; i < others_.size(); ++i) take(fmt::format("step/{}/", i), {others_[i]});
  return all;
}

// The views live as long as shown_ and trainable_.
named_views running_fit::fixed_part() {
  named_views result;
  shown_ = belongings();
  for (const auto& [name, p] : shown_) result[name] = p.view();
  trainable_ = trainable_then::numbers(shown_, of_.net.all_layers());
  result[position_name] = view_of_words(at_);
  result[trainable_name] = {{int64, {static_cast<std::int64_t>(trainable_.size())}},
                            trainable_.data()};
  return result;
}

// The outer fit's file keeps nothing of it: trained again from there, it would be trained anew.
void running_fit::demand_outermost() const {
  if (!nested_) return;
  throw value_error(
      "fit: a fit within a callback of another one has no state that can be kept: leave its "
      "checkpoint out, or call it between fits");
}

named_views running_fit::snapshot() {
  demand_outermost();
  describe();
  at_.epoch = epoch;
  at_.batch = epoch_ended_ ? 0 : batch;
  at_.step = steps;
  at_.state = detail::state_of(stop, ended_);
  named_views result = fixed_part();
  add_descriptions(result);
  for (const auto& [name, value] : ends_) result[name] = value;
  result[sums_name] = view_of(sums_.totals());
  if (!so_far.warnings.empty()) {
    facts lines;
    for (const std::string& w : so_far.warnings) {
      lines.push_back({fmt::format("{:04}", lines.size()), w});
    }
    result[warnings_name] = texts_[warnings_name] = as_text(lines);
  }
  const auto& columns = so_far.columns();
  for (std::size_t i = 0; i < columns.size(); ++i) {
    result[name_of_column(i, columns[i].first)] = view_of(columns[i].second);
  }
  return result;
}

// Throws unless the snapshot is one of this very training.
void running_fit::compare(const named_tensors& found, const std::string& source) {
  const named_views wanted = fixed_part();
  const auto demand = [&](const std::string& name, const array_view& view) {
    const auto at = found.find(name);
    if (at == found.end()) refuse(source, fmt::format("it holds no '{}'", name));
    if (at->second.type() != view.type()) {
      refuse(source, fmt::format("'{}' is {} in it, but {} here", name, at->second.type().text(),
                                 view.type().text()));
    }
  };
  for (const auto& [name, view] : wanted) {
    if (name != trainable_name) demand(name, view);
  }
  for (const auto& [name, value] : found) {
    if (wanted.contains(name) || name.starts_with(description_prefix)) continue;
    if (name == warnings_name && value.dtype() == int64) continue;
    const bool of_epochs = name == sums_name || name.starts_with(history_prefix);
    if (!of_epochs) {
      refuse(source, fmt::format("it also holds '{}', {}", name, value.type().text()));
    }
    if (value.dtype() != float64 || value.shape().rank() != 1) {
      refuse(source, fmt::format("'{}' is {} in it", name, value.type().text()));
    }
  }
  demand(trainable_name, wanted.at(trainable_name));  // one for each of those names, and layer
}

std::size_t running_fit::number_of_sums() const {
  std::size_t n = 2 + terms_;  // rows, the loss and named terms of it
  for (const std::size_t k : of_.metric_sizes) n += k;
  return n;
}

std::vector<std::string> running_fit::names_of_figures() const {
  std::vector<std::string> names = of_.names_of_figures(of_.metrics);
  if (validation_ == nullptr) return names;
  for (std::string& name : of_.names_of_figures(of_.metrics, model::body::validation_prefix)) {
    names.push_back(std::move(name));
  }
  return names;
}

// The sums and the history of a snapshot, if they can be those of its position.
kept_figures running_fit::read_figures(const named_tensors& found, const position& p,
                                       const std::string& source) const {
  kept_figures result;
  if (const auto at = found.find(sums_name); at != found.end()) {
    const auto* x = at->second.data_as<double>();
    result.sums.assign(x, x + at->second.shape().elements());
  }
  if (const auto at = found.find(warnings_name); at != found.end()) {
    for (auto& [number, text] : values_in(at->second)) result.past.warnings.push_back(text);
  }
  constexpr std::int64_t most = std::int64_t{1} << 62;  // what is added to it does not overflow
  const bool sane = 0 <= p.first_epoch && p.first_epoch <= p.epoch && p.epoch < most &&
                    0 <= p.first_step && p.first_step <= p.step && p.step < most && 0 <= p.batch &&
                    (feed_.rows() == 0 || p.batch <= feed_.count()) && p.fit == at_.fit &&
                    fit_state::under_way <= p.state && p.state <= fit_state::ended_after_stop;
  if (!sane) refuse(source, "its position is impossible");
  const std::int64_t epochs = p.epoch - p.first_epoch;
  std::vector<std::string> names;
  std::vector<const double*> columns;
  for (const auto& [name, value] : found) {
    if (!name.starts_with(history_prefix)) continue;
    const std::size_t start = name.find('/', std::string(history_prefix).size());
    if (start == std::string::npos) refuse(source, fmt::format("it also holds '{}'", name));
    names.push_back(name.substr(start + 1));
    columns.push_back(value.data_as<double>());
    if (value.shape()[0] == epochs) continue;
    refuse(source,
           fmt::format("'{}' has {} epochs, not {}", names.back(), value.shape().text(), epochs));
  }
  const std::vector<std::string> wanted = names_of_figures();
  const bool unused = result.sums.empty() && p.batch == 0;
  if ((result.sums.size() != number_of_sums() && !unused) || (epochs != 0 && names != wanted)) {
    refuse(source, fmt::format("it was kept with other metrics: {}; here they are: {}",
                               fmt::join(names, ", "), fmt::join(wanted, ", ")));
  }
  for (std::int64_t e = 0; e < epochs; ++e) {
    logs l;
    for (std::size_t k = 0; k < names.size(); ++k) l.add(names[k], columns[k][e]);
    result.past.add(l);
  }
  return result;
}

position running_fit::position_in(const named_tensors& found, const std::string& source) const {
  const auto place = found.find(position_name);
  if (place == found.end() || place->second.type() != view_of_words(at_).type()) {
    refuse(source, "it is no state of a fit");
  }
  const auto* words = place->second.data_as<std::int64_t>();
  return {
      words[0], words[1], words[2], words[3], words[4], words[5], static_cast<fit_state>(words[6])};
}

// What the snapshot of a later fit holds of this one, without the prefix, and with the rate that
// the fit ended with; nothing, if not all is there.
named_tensors running_fit::own_end_in(const named_tensors& found, const fact_values& kept) const {
  const auto told = kept.find(rate_after);
  if (told == kept.end()) return {};
  tensor rate(rate_.view());
  const char* end = told->second.data() + told->second.size();
  const auto [behind, failed] = std::from_chars(told->second.data(), end, *rate.data_as<double>());
  if (failed != std::errc() || behind != end) return {};
  named_tensors result;
  const std::string prefix = name_of_end(at_.fit);
  for (auto at = found.lower_bound(prefix); at != found.end() && at->first.starts_with(prefix);
       ++at) {
    result.emplace(at->first.substr(prefix.size()), at->second);
  }
  if (!result.empty()) result.emplace(name_of_rate(), std::move(rate));
  return result;
}

// Takes the ends of earlier fits out of a snapshot; of one that is of an earlier fit, all of it.
named_tensors running_fit::ends_in(named_tensors& found, std::int64_t fit) const {
  named_tensors result;
  for (auto at = found.begin(); at != found.end();) {
    const auto here = at++;
    const bool is_end = here->first.starts_with(ended_prefix);
    const bool becomes_end = fit < at_.fit && !here->first.starts_with(description_prefix) &&
                             here->first != name_of_rate();
    if (!is_end && !becomes_end) continue;
    auto taken = found.extract(here);
    if (!is_end) taken.key() = name_of_end(fit) + taken.key();
    result.insert(std::move(taken));
  }
  return result;
}

std::optional<resumption> running_fit::look_into(named_tensors&& found, const std::string& source,
                                                 resumed_rate rate) {
  const std::int64_t fit = position_in(found, source).fit;
  if (found.contains(settings_name)) {
    refuse(source, fmt::format("it is of an earlier version, which did not say of what training "
                               "it is{}",
                               start_anew));
  }
  resumption result;
  result.of_fit = fit;
  result.kept = identify(found, fit, source, rate);
  if (fit < at_.fit) demand_end(found, fit, source);
  named_tensors ends;
  if (fit > at_.fit) found = own_end_in(found, result.kept.values);
  else ends = ends_in(found, fit);
  if (fit >= at_.fit) {
    if (found.empty()) {
      refuse(source, fmt::format("it is of fit {} and does not hold the end of fit {}{}", fit,
                                 at_.fit, start_anew));
    }
    result.at = position_in(found, source);
    compare(found, source);
    result.figures = read_figures(found, result.at, source);
    result.values = std::move(found);
  }
  ends_.merge(ends);
  return fit < at_.fit ? std::nullopt : std::optional(std::move(result));
}

void running_fit::go_on_from(resumption&& where) {
  const std::map<std::string, parameter> state = belongings();
  for (const auto& [name, one] : state) {
    if (before_) before_->keep(one);
  }
  learn(where.kept.values);
  on_another_ = machines_apart(where.kept.values);
  // Nothing is refused from here on.
  const position& p = where.at;
  const bool keep_rate = where.kept.other_rate && !rate_is_set();
  const auto* trainable = where.values.at(trainable_name).data_as<std::int64_t>();
  for (const auto& [name, one] : state) {
    if (!keep_rate || one != rate_) one.set(where.values.at(name));
  }
  trainable_then::set(state, of_.net.all_layers(), trainable);
  sums_.totals() = std::move(where.figures.sums);
  so_far = std::move(where.figures.past);
  figures = {};
  for (const auto& [name, values] : so_far.columns()) {
    if (!values.empty()) figures.add(name, values.back());
  }
  at_ = p;
  epoch = of_.epochs = p.epoch;
  batch = p.batch;
  steps = of_.steps = p.step;
  find_ends();
  ended_ = has_ended(p.state);
  passed_ = where.of_fit > p.fit;
  stop_as_kept(was_stopped(p.state), where.kept.values);
  moved_ = true;
  other_rate_ = where.kept.other_rate;
}

// A stop that a callback has asked for here holds too, unless nothing is left to be stopped.
void running_fit::stop_as_kept(bool stopped_before, const fact_values& kept) {
  const bool asked = std::exchange(stop, false), left = !passed_ && !finished();
  stop = stopped_before || (asked && left);
  const auto length_before = kept.find(name_of_length);
  stays_stopped_ =
      stopped_before && left && length_before != kept.end() && length_before->second != length();
}

bool running_fit::restore(named_tensors found, const std::string& source, resumed_rate rate) {
  if (restoring_ == restoring::refused) {
    throw value_error(
        fmt::format("fit: {}: a training goes on from a snapshot only within "
                    "on_identify, on_resume and on_epoch_begin: call restore there",
                    source));
  }
  demand_outermost();
  std::optional<resumption> where = look_into(std::move(found), source, rate);
  if (!where) return false;
  if (restoring_ == restoring::at_once) go_on_from(std::move(*where));
  else if (!furthest_ || furthest_->is_behind(*where)) furthest_ = std::move(where);
  return true;
}

}  // namespace cotape::detail
