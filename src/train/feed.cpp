// Batches for a fit, from arrays and from sources.
#include "train/feed.hpp"

#include <fmt/format.h>

#include "train/rows.hpp"

namespace cotape::detail {

std::optional<std::vector<array_view>> feed::last() const {
  const std::int64_t rest = rows() % size();
  if (rest == 0) return {};
  std::vector<array_view> result = first();
  for (array_view& v : result) v = rows_of(v, 0, rest);
  return result;
}

void array_feed::start(std::int64_t, std::int64_t batch) { at_ = batch * size(); }

bool array_feed::next() {
  if (at_ >= set_.rows) return false;
  const std::int64_t end = std::min(at_ + size(), set_.rows);
  views_ = set_.all();
  for (array_view& v : views_) v = rows_of(v, at_, end);
  at_ = end;
  return true;
}

facts array_feed::settings() const {
  return {{"data", data()}, {"rows", fmt::format("{}", set_.rows)}};
}

void array_feed::tell_sums(const char* of, facts& to) const {
  const auto add = [&](const char* what, const std::vector<array_view>& views) {
    for (std::size_t i = 0; i < views.size(); ++i) {
      checksum sum;
      sum.add(views[i]);
      to.push_back({fmt::format("data of {}{} {}", of, what, i), sum.text(), fact_kind::sum});
    }
  };
  add("input", set_.inputs);
  add("target", set_.targets);
}

drawn_feed::drawn_feed(dataset set, const fit_options& options)
    : array_feed(std::move(set), options.batch_size),
      options_(options),
      batches_(set_.all(), {options.batch_size, options.seed, options.shuffle, options.replace}) {
  views_.resize(set_.inputs.size() + set_.targets.size());
}

void drawn_feed::start(std::int64_t epoch, std::int64_t batch) {
  batches_.start_epoch(epoch);
  batches_.skip(batch);
}

bool drawn_feed::next() {
  if (!batches_.next()) return false;
  for (std::size_t i = 0; i < views_.size(); ++i) views_[i] = batches_[i];
  return true;
}

facts drawn_feed::settings() const {
  return {{"data", data()},
          {"rows", fmt::format("{}", set_.rows)},
          {"batch_size", fmt::format("{}", options_.batch_size)},
          {"seed", fmt::format("{}", static_cast<std::int64_t>(options_.seed))},
          {"shuffle", options_.shuffle ? "1" : "0"},
          {"replace", options_.replace ? "1" : "0"}};
}

source_feed::source_feed(const char* who, const batch_source& source, model::body& of, epochs which)
    : who_(who),
      source_(source),
      of_(of),
      which_(which),
      first_epoch_(which == epochs::none ? 0 : of.epochs),
      epoch_(first_epoch_) {
  std::optional<labelled_batch> batch = source_(epoch_, 0);
  if (!batch) end_epoch();
  first_ = check(std::move(*batch));
}

std::string source_feed::in_epoch(const char* how) const {
  return which_ == epochs::none ? "" : fmt::format("{} epoch {}", how, epoch_ + 1);
}

// Called where the source gives no batch.
void source_feed::end_epoch() const {
  if (index_ == 0) {
    throw value_error(fmt::format("{}: the source gives no batch{}", who_, in_epoch(" in")));
  }
  if (rows() == 0) return;
  throw value_error(
      fmt::format("{}: the source ended{} after {} batches of {} rows, but tells {} rows an epoch",
                  who_, in_epoch(""), index_, size(), rows()));
}

void source_feed::demand_like_first(const char* who, const dataset& set) const {
  const std::int64_t size = first_ ? this->size() : set.rows;
  const std::int64_t wanted = rows() == 0 ? size : std::min(size, rows() - index_ * size);
  if (set.rows != wanted) {
    throw value_error(fmt::format(
        "{}: it has {} rows, not {}: a source gives batches as large as its first, and where it "
        "tells the rows of an epoch, here {}, the rest of them as the last",
        who, set.rows, wanted, rows() == 0 ? "not told" : fmt::format("{}", rows())));
  }
  if (!first_) return;
  const std::vector<array_view> views = set.all();
  for (std::size_t i = 0; i < views.size(); ++i) {
    const value_type then = with_rows(first_->views[i].type(), set.rows);
    if (views[i].type() == then) continue;
    throw shape_error(fmt::format("{}: {} {} is {}, but {} in the first batch", who,
                                  i < set.inputs.size() ? "input" : "target",
                                  i < set.inputs.size() ? i : i - set.inputs.size(),
                                  views[i].type().text(), then.text()));
  }
}

std::shared_ptr<const source_feed::checked> source_feed::check(labelled_batch batch) const {
  const std::string name = fmt::format("{}, batch {}{}", who_, index_ + 1, in_epoch(" of"));
  auto result = std::make_shared<checked>(checked{std::move(batch), {}, {}});
  const auto views_of = [](const std::vector<tensor>& list) {
    return std::vector<array_view>(list.begin(), list.end());
  };
  result->set = examples_for(name.c_str(), of_.net, of_.losses, views_of(result->values.x),
                             views_of(result->values.y));
  result->views = result->set.all();
  demand_like_first(name.c_str(), result->set);
  return result;
}

// What is still being made for another place is waited for and dropped.
void source_feed::start(std::int64_t epoch, std::int64_t batch) {
  coming_ = {};
  epoch_ = epoch;
  index_ = batch;
}

bool source_feed::next() {
  const bool counted = rows() != 0;
  if (counted && index_ == count()) return false;
  if (!coming_.valid() && epoch_ == first_epoch_ && index_ == 0) {
    now_ = first_;
  } else {
    std::optional<labelled_batch> batch = coming_.valid() ? coming_.get() : source_(epoch_, index_);
    if (!batch) {
      end_epoch();
      return false;
    }
    now_ = check(std::move(*batch));
  }
  ++index_;
  if (counted && index_ == count()) return true;
  coming_ = std::async(std::launch::async,
                       [this, epoch = epoch_, index = index_] { return source_(epoch, index); });
  return true;
}

std::string source_feed::data() const { return fmt::format("source '{}'", source_.options().name); }

facts source_feed::settings() const {
  return {{"data", data()},
          {"rows", rows() == 0 ? "not told" : fmt::format("{}", rows())},
          {"batch_size", fmt::format("{}", size())}};
}

}  // namespace cotape::detail
