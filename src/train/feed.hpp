// What a fit reads its batches from: arrays in memory, or a source. Asked for a batch of an epoch
// once more, it gives the same.
#pragma once

#include <algorithm>
#include <future>
#include <limits>
#include <memory>
#include <optional>
#include <vector>

#include "cotape/data.hpp"
#include "train/dataset.hpp"
#include "train/fingerprint.hpp"
#include "train/model_body.hpp"

namespace cotape::detail {

class feed {
 public:
  virtual ~feed() = default;
  /// Rows of an epoch, 0 where they are not known; rows of each batch but the last.
  virtual std::int64_t rows() const = 0;
  virtual std::int64_t size() const = 0;
  /// Rows as a step takes them, inputs and then targets.
  virtual std::vector<array_view> first() const = 0;
  /// Sets out on an epoch, at a batch of it; the next one, false at the epoch's end; that batch,
  /// valid until the next.
  virtual void start(std::int64_t epoch, std::int64_t batch) = 0;
  virtual bool next() = 0;
  virtual const std::vector<array_view>& batch() const = 0;
  /// What its data is; all that a training on it is known by; sums of the data, each by a name that
  /// `of` begins.
  virtual std::string data() const = 0;
  virtual facts settings() const = 0;
  virtual void tell_sums(const char* of, facts& to) const = 0;

  /// Batches of an epoch, 0 where that is not known.
  std::int64_t count() const { return (rows() + size() - 1) / size(); }
  /// Rows of so many batches of an epoch, its first ones.
  std::int64_t rows_until(std::int64_t batch) const {
    return rows() == 0 ? batch * size() : std::min(batch * size(), rows());
  }
  /// As many rows as the last batch has, if it is smaller.
  std::optional<std::vector<array_view>> last() const;
};

/// Rows of arrays in their order, read where they are.
class array_feed : public feed {
 public:
  array_feed(dataset set, std::int64_t size) : set_(std::move(set)), most_(size) {}
  std::int64_t rows() const override { return set_.rows; }
  std::int64_t size() const override { return std::min(most_, set_.rows); }
  std::vector<array_view> first() const override { return set_.first(most_); }
  void start(std::int64_t epoch, std::int64_t batch) override;
  bool next() override;
  const std::vector<array_view>& batch() const override { return views_; }
  std::string data() const override { return "arrays"; }
  facts settings() const override;
  void tell_sums(const char* of, facts& to) const override;

 protected:
  const dataset set_;
  const std::int64_t most_;
  std::vector<array_view> views_;

 private:
  std::int64_t at_ = 0;
};

/// In an order of each epoch's own, gathered.
class drawn_feed final : public array_feed {
 public:
  drawn_feed(dataset set, const fit_options& options);
  void start(std::int64_t epoch, std::int64_t batch) override;
  bool next() override;
  facts settings() const override;

 private:
  const fit_options& options_;
  batches batches_;
};

/// Asks for one batch ahead on a thread, which ends before it does.
class source_feed final : public feed {
 public:
  /// Asks for the first batch, of the model's next epoch, or of none in particular, 0, for which
  /// the network is built if it is not. `who` begins the messages.
  enum class epochs : std::uint8_t { of_the_model, none };
  source_feed(const char* who, const batch_source& source, model::body& of, epochs which);
  std::int64_t rows() const override { return source_.options().rows; }
  std::int64_t size() const override { return first_->set.rows; }
  std::vector<array_view> first() const override { return first_->views; }
  void start(std::int64_t epoch, std::int64_t batch) override;
  bool next() override;
  const std::vector<array_view>& batch() const override { return now_->views; }
  std::string data() const override;
  facts settings() const override;
  void tell_sums(const char*, facts&) const override {}

 private:
  struct checked {
    labelled_batch values;
    dataset set;
    std::vector<array_view> views;
  };
  std::shared_ptr<const checked> check(labelled_batch batch) const;
  void demand_like_first(const char* who, const dataset& set) const;
  void end_epoch() const;
  std::string in_epoch(const char* how) const;

  const char* who_;
  const batch_source source_;
  model::body& of_;
  const epochs which_;
  const std::int64_t first_epoch_;
  std::int64_t epoch_, index_ = 0;  // of the batch that comes next
  std::shared_ptr<const checked> first_, now_;
  std::future<std::optional<labelled_batch>> coming_;
};

}  // namespace cotape::detail
