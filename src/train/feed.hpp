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
  /// What the training is known by; and sums of the data.
  virtual facts settings() const = 0;
  virtual void tell_data(facts& to) const = 0;

  /// Batches of an epoch, 0 where that is not known.
  std::int64_t count() const { return (rows() + size() - 1) / size(); }
  /// Rows of so many batches of an epoch, its first ones.
  std::int64_t rows_until(std::int64_t batch) const {
    return rows() == 0 ? batch * size() : std::min(batch * size(), rows());
  }
  /// As many rows as the last batch has, if it is smaller.
  std::optional<std::vector<array_view>> last() const;
};

/// The checksums of the set's arrays, as facts; `of` begins their names.
void tell_sums(const dataset& set, const char* of, facts& to);

class array_feed final : public feed {
 public:
  array_feed(dataset set, const fit_options& options);
  std::int64_t rows() const override { return set_.rows; }
  std::int64_t size() const override { return std::min(options_.batch_size, set_.rows); }
  std::vector<array_view> first() const override { return set_.first(options_.batch_size); }
  void start(std::int64_t epoch, std::int64_t batch) override;
  bool next() override;
  const std::vector<array_view>& batch() const override { return views_; }
  facts settings() const override;
  void tell_data(facts& to) const override { tell_sums(set_, "", to); }

 private:
  const dataset set_;
  const fit_options& options_;
  batches batches_;
  std::vector<array_view> views_;
};

/// Asks for one batch ahead on a thread, which ends before it does.
class source_feed final : public feed {
 public:
  /// Asks for the first batch, for which the network is built if it is not.
  source_feed(const batch_source& source, model::body& of);
  std::int64_t rows() const override { return source_.options().rows; }
  std::int64_t size() const override { return first_->set.rows; }
  std::vector<array_view> first() const override { return first_->views; }
  void start(std::int64_t epoch, std::int64_t batch) override;
  bool next() override;
  const std::vector<array_view>& batch() const override { return now_->views; }
  facts settings() const override;
  void tell_data(facts&) const override {}

 private:
  struct checked {
    labelled_batch values;
    dataset set;
    std::vector<array_view> views;
  };
  std::shared_ptr<const checked> check(labelled_batch batch) const;
  void demand_like_first(const char* who, const dataset& set) const;
  void end_epoch() const;
  std::string who() const;

  const batch_source source_;
  model::body& of_;
  const std::int64_t first_epoch_;
  std::int64_t epoch_, index_ = 0;  // of the batch that comes next
  std::shared_ptr<const checked> first_, now_;
  std::future<std::optional<labelled_batch>> coming_;
};

}  // namespace cotape::detail
