// What a fit is, as facts, and whether the file of a training is of this one: of this fit, of an
// earlier one of the program, or of a later one. All fits that a program has kept are compared.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <memory>
#include <set>

#include "cotape/threads.hpp"
#include "cotape/xtensor.hpp"
#include "io/named.hpp"
#include "kernels/gemm.hpp"
#include "kernels/kernels.hpp"
#include "train/rows.hpp"
#include "train/running_fit.hpp"

namespace cotape::detail {

namespace {

constexpr int version = 6;
constexpr const char *sum_after = "last values", *name_of_first_rate = "rate",
                     *name_of_version = "version of the format";

std::string name_of_description(std::int64_t fit) {
  return fmt::format("{}{:04}", description_prefix, fit);
}

// A name that could be taken for a list, or for none, stands in quotes.
std::string joined(const std::vector<std::string>& names) {
  if (names.empty()) return "none";
  std::string list;
  for (const std::string& name : names) {
    const bool plain = !name.empty() && name != "none" && name.find_first_of(",'\\") == name.npos;
    if (!list.empty()) list += ", ";
    if (!plain) list += "'";
    for (const char c : name) list += fmt::format("{}{}", c == '\'' || c == '\\' ? "\\" : "", c);
    if (!plain) list += "'";
  }
  return list;
}

checksum sum_of(const std::vector<parameter>& parameters) {
  checksum sum;
  for (const parameter& p : parameters) {
    sum.add(p.name());
    sum.add(p.view());
  }
  return sum;
}

// Of options, so that each is a fact of its own.
void demand_names(const std::string& whose, const named_texts& options) {
  std::set<std::string> taken{"options"};  // the list of them
  for (const auto& [option, text] : options) {
    if (taken.insert(option).second) continue;
    throw value_error(fmt::format(
        "fit: {}: its description() has {}: give it another name", whose,
        option == "options" ? "an option named 'options', which is the name of the list of them"
                            : fmt::format("two options named '{}'", option)));
  }
}

void add_new(const parameter& p, std::vector<parameter>& to) {
  if (std::find(to.begin(), to.end(), p) == to.end()) to.push_back(p);
}

std::string text_of(const parameter& p) {
  return p.type().text() + (p.trainable() ? "" : ", not trainable");
}

// A name without the numbers in it.
std::string without_numbers(std::string name) {
  std::erase_if(name, [](char c) { return c >= '0' && c <= '9'; });
  return name;
}

}  // namespace

facts facts_of_machine() {
  const std::string set =
      fmt::format("{} with BLAS kernels for {}", kernels::name_of(kernels::chosen_isa()),
                  kernels::gemm_kernel_name());
  return {{name_of_set, set, fact_kind::remark},
          {name_of_threads, fmt::format("{}", num_threads()), fact_kind::remark}};
}

template <class T> void running_fit::tell(const std::string& name, const T& value, fact_kind kind) {
  own_.push_back({name, fmt::format("{}", value), kind});
}

// What it trains, and how.
void running_fit::tell_model() {
  tell(name_of_version, version);
  for (fact& f : feed_.settings()) own_.push_back(std::move(f));
  facts of_validation{{"rows", "0"}};
  if (validation_ != nullptr) of_validation = validation_->settings();
  for (const fact& f : of_validation) tell(f.name + " of validation", f.value);
  tell("accumulate", options_.accumulate);
  for (const parameter& p : parameters_) {
    tell(fmt::format("parameter '{}'", p.name()), text_of(p));
  }
  tell("seed of the model", of_.net.random.seed());
  std::vector<std::string> losses, metrics;
  for (const loss_function& l : of_.losses) losses.push_back(l.name());
  const bool named = std::find(losses.begin(), losses.end(), "") == losses.end();
  if (named) tell("loss", joined(losses));  // else its operations tell
  for (const metric& m : of_.metrics) metrics.push_back(m.name());
  tell("metrics", joined(metrics));
  const optimizer& how = *of_.how;
  const std::string type = type_name(typeid(how));
  tell("optimizer", type);
  tell_options(type, how.description());
}

// What else the steps read, as they were recorded.
void running_fit::tell_others() {
  std::vector<parameter> known = parameters_;
  known.insert(known.end(), optimizer_state_.begin(), optimizer_state_.end());
  known.push_back(drawn_);
  std::size_t count = 0;
  for (const parameter& p : read_) {
    if (std::find(known.begin(), known.end(), p) != known.end()) continue;
    tell(fmt::format("parameter {} beside the model's, '{}'", count++, p.name()), text_of(p));
  }
}

// With the names of the options, so that one which only one of two trainings has is seen.
void running_fit::tell_options(const std::string& name, const named_texts& options) {
  std::vector<std::string> names;
  for (const auto& [option, text] : options) {
    tell(fmt::format("{}'s {}", name, option), text);
    names.push_back(option);
  }
  tell(name + "'s options", joined(names));
}

// The callbacks that keep state or have something to tell, and the rate: that it begins with, or
// that callbacks set. These have names of their own: another schedule may be chosen, and one of
// another length has more options with numbers.
void running_fit::tell_callbacks() {
  std::vector<std::string> names, of_rate;
  for (const auto& c : callbacks_) {
    const callback& one = *c.object();
    const named_texts options = one.description(*this);
    if (options.empty() && one.state().empty()) continue;
    const std::string type = type_name(typeid(one));
    demand_names(type, options);
    if (!one.sets_rate()) {
      tell_options(fmt::format("{} {}", type, names.size()), options);
      names.push_back(type);
      continue;
    }
    std::vector<std::string> kinds;
    const std::string name = fmt::format("rate-setting {} {}", type, of_rate.size());
    for (const auto& [option, text] : options) {
      tell(fmt::format("{}'s {}", name, option), text, fact_kind::rate);
      std::string kind = without_numbers(option);
      if (std::find(kinds.begin(), kinds.end(), kind) == kinds.end()) kinds.push_back(kind);
    }
    tell(name + "'s options", joined(kinds), fact_kind::rate);
    of_rate.push_back(type);
  }
  tell("callbacks", joined(names));
  tell("rate set by", joined(of_rate), fact_kind::rate);
  if (!rate_is_set()) tell(name_of_first_rate, first_rate_, fact_kind::rate);
}

// What a step reads and assigns; of what was made while it was recorded, from number `since` on,
// what something else holds too.
void running_fit::note_parameters(tape& t, std::uint64_t since) {
  for (const effect& e : t.effects()) {
    if (e.parameter == no_node) continue;
    const parameter& p = t.parameter_at(e.parameter);
    if (p.number() < since || p.shared()) add_new(p, assigned_);
  }
  for (const auto& [p, node] : t.current_parameters()) {
    if (p.number() < since) add_new(p, read_);
  }
  for (const parameter* p : t.parameters_since(since)) {
    if (p->shared()) add_new(*p, read_);
  }
}

// Compiles a step for such values. For callbacks it notes the parameters and tells the operations
// as they are recorded; `of` begins the names of the facts. The look at whether the loss is finite
// tells nothing.
void running_fit::compile_step(traced& step, const std::vector<array_view>& views,
                               const std::string& of, std::size_t listed) {
  const std::uint64_t since = parameter::made();
  std::size_t told = 0;
  const auto done = [](model::body* b) { b->when_recorded = nullptr; };
  const std::unique_ptr<model::body, decltype(done)> guard(&of_, done);
  if (!callbacks_.empty()) {
    of_.when_recorded = [&](tape& t, const char* part, bool last) {
      add_operations(operations_, t, told, of + part, listed);
      told = t.size();
      if (last) note_parameters(t, since);
    };
  }
  step.compile_for(views);
}

// What a step reads and nobody else keeps is state of the training too. Of what is made and dropped
// whenever the step is recorded, the compiled step has its own.
void running_fit::find_others() {
  std::vector<parameter> others = read_;
  for (const auto& [name, p] : belongings()) std::erase(others, p);
  for (const auto& [p, hash] : of_.programs.changing()) others.push_back(p);
  others_ = std::move(others);
}

// Whether a callback says what the rate is.
bool running_fit::rate_is_set() const {
  return std::any_of(callbacks_.begin(), callbacks_.end(),
                     [](const auto& c) { return c.object()->sets_rate(); });
}

// Where the fit begins. Nothing is known of a fit that is under way already.
facts running_fit::beginning() const {
  if (goes_on()) return {};
  facts result{{"epochs before it", fmt::format("{}", epoch)}};
  const auto tell_sum = [&](const std::string& name, const std::vector<parameter>& of) {
    result.push_back({name, sum_of(of).text(), fact_kind::sum});
  };
  tell_sum("first weights", parameters_);
  std::vector<parameter> state = optimizer_state_;
  std::erase(state, rate_);
  tell_sum("first values of the optimizer's state", state);
  for (std::size_t i = 0; i < others_.size(); ++i) {
    tell_sum(
        fmt::format("first values of parameter {} beside the model's, '{}'", i, others_[i].name()),
        {others_[i]});
  }
  result.push_back(
      {"random values drawn before it", fmt::format("{}", drawn_.value<std::int64_t>()())});
  result.push_back({"steps before it", fmt::format("{}", steps)});
  return result;
}

// From here on it trains.
void running_fit::note_beginning() {
  if (begun_ || !described_) return;
  begun_ = true;
  of_.begun = {at_.fit, beginning_, {}, first_rate_, first_rate_};
}

// There may be no memory.
void running_fit::note_failure() noexcept {
  if (!begun_) return;
  of_.begun.left = sum_now();
  of_.begun.last_rate = rate_now();
}

checksum running_fit::sum_now() const noexcept {
  checksum sum;
  for (const parameter& p : trained_) {
    sum.add({static_cast<const char*>(p.data()), p.type().bytes()});
  }
  return sum;
}

// The names that a snapshot has, all in all: refused before anything is written.
void running_fit::demand_utf8() const {
  std::vector<std::string> names;
  for (const auto& [name, p] : belongings()) names.push_back(name);
  for (const expected_figure& f : expected_) names.push_back(f.name);
  for (const std::string& name : names) {
    if (is_utf8(name)) continue;
    throw value_error(
        fmt::format("fit: the name '{}' is no UTF-8, a checkpoint cannot hold it: name it "
                    "otherwise",
                    shown(name, 80)));
  }
}

std::string running_fit::length() const {
  return options_.steps == 0 ? fmt::format("{} epochs", options_.epochs)
                             : fmt::format("{} steps", options_.steps);
}

void running_fit::describe() {
  if (described_) return;
  described_ = true;
  const optimizer& how = *of_.how;
  demand_names(type_name(typeid(how)), how.description());
  tell_callbacks();
  own_.insert(own_.end(), operations_.begin(), operations_.end());
  find_others();
  feed_.tell_sums("", own_);
  if (validation_ != nullptr) validation_->tell_sums("validation ", own_);
  for (fact& f : facts_of_machine()) own_.push_back(std::move(f));
  demand_utf8();
  trained_ = parameters_;
  for (const auto& list : {optimizer_state_, others_, {drawn_}}) {
    trained_.insert(trained_.end(), list.begin(), list.end());
  }
  std::erase(trained_, rate_);
  beginning_ = beginning();
  own_.insert(own_.end(), beginning_.begin(), beginning_.end());
  tell(name_of_length, length(), fact_kind::of_done);
}

// For a snapshot of this very fit, which failed and is tried once more with what it left: it began
// where it did at first.
void running_fit::claim_beginning() {
  const auto& first = of_.begun;
  if (first.fit != at_.fit || sum_now() != first.left) return;
  beginning_ = first.beginning;
  if (first_rate_ == first.last_rate) first_rate_ = first.first_rate;
  for (fact& f : own_) {
    if (f.name == name_of_first_rate) f.value = fmt::format("{}", first_rate_);
    for (const fact& b : beginning_) {
      if (f.name == b.name) f = b;
    }
  }
  texts_.clear();
}

// The descriptions of this fit and of those before it, as a snapshot keeps them.
void running_fit::add_descriptions(named_views& to) {
  describe();
  const auto add = [&](std::int64_t fit, const facts& of) {
    const auto [text, added] = texts_.try_emplace(name_of_description(fit));
    if (added) text->second = as_text(of);
    to[text->first] = text->second;
  };
  for (const auto& [fit, of] : of_.kept_fits) add(fit, of);
  add(at_.fit, own_);
}

// For the fits that come after it.
void running_fit::keep_description() {
  if (!described_) return;
  tell(sum_after, sum_of_end(snapshot()), fact_kind::sum);
  tell(rate_after, rate_now(), fact_kind::rate);
  std::erase_if(own_, [](const fact& f) { return f.kind == fact_kind::operation; });
  of_.kept_fits.insert_or_assign(at_.fit, std::move(own_));  // all of it, or no entry
}

// Throws unless the snapshot, which is of fit `fit`, is of this program.
kept_fit running_fit::identify(const named_tensors& found, std::int64_t fit,
                               const std::string& source, resumed_rate rate) {
  describe();
  kept_fit result;
  const std::int64_t last = std::min(fit, at_.fit);
  if (last < 1) refuse(source, "its position is impossible");
  for (std::int64_t k = 1; k <= last; ++k) {
    const auto there = found.find(name_of_description(k));
    const auto done = of_.kept_fits.find(k);
    const bool known = k == at_.fit || done != of_.kept_fits.end();
    if (!known || there == found.end()) {
      if (k != last) continue;  // fits that kept nothing
      refuse(source,
             known
                 ? fmt::format("it is of fit {} and does not tell of fit {}{}", fit, k, start_anew)
                 : fmt::format("it is of fit {}, which keeps no state here{}", k, start_anew));
    }
    if (k == at_.fit) claim_beginning();
    const facts& here = k == at_.fit ? own_ : done->second;
    fact_values kept = values_in(there->second);
    if (there->second.dtype() != int64 || !kept.contains(name_of_version)) {
      refuse(source, fmt::format("its description of fit {} tells nothing{}", k, start_anew));
    }
    const auto differs = [&](bool any_rate) {
      return difference(here, kept, {.done = k < fit, .any_rate = any_rate});
    };
    if (const auto text = differs(rate == resumed_rate::given)) {
      const bool of_this_fit = k == fit && k == at_.fit;
      refuse(source, (of_this_fit ? "" : fmt::format("in fit {} ", k)) + *text);
    }
    if (k != at_.fit) continue;
    result.other_rate = differs(false).has_value();
    result.values = std::move(kept);
  }
  return result;
}

// What the snapshot tells beyond what is known here, but for how the fit ended.
void running_fit::learn(const fact_values& kept) {
  std::set<std::string> known{sum_after, rate_after};
  for (const fact& f : own_) known.insert(f.name);
  for (const auto& [name, value] : kept) {
    if (!known.contains(name)) own_.push_back({name, value});
  }
  texts_.clear();
}

std::string running_fit::name_of_rate() const { return "optimizer/" + rate_.name(); }

// Of the state that a fit ended with. The rate is told by itself, since another may be chosen.
std::string running_fit::sum_of_end(const named_views& state) const {
  checksum sum;
  for (const auto& [name, view] : state) {
    const bool told = name.starts_with(description_prefix) || name.starts_with(ended_prefix);
    if (told || name == name_of_rate() || name == warnings_name) continue;
    sum.add(name);
    sum.add(view);
  }
  return sum.text();
}

// Throws unless a snapshot of an earlier fit holds what this program's ended with.
void running_fit::demand_end(const named_tensors& found, std::int64_t fit,
                             const std::string& source) const {
  const fact here{sum_after, sum_of_end({found.begin(), found.end()}), fact_kind::sum};
  fact_values known;
  for (const fact& f : of_.kept_fits.at(fit)) known.emplace(f.name, f.value);
  const auto text = difference({here}, known, {.done = true, .any_rate = true});
  if (text) refuse(source, fmt::format("in fit {} {}", fit, *text));
}

}  // namespace cotape::detail
