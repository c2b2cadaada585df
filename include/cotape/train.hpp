// layer: train
// What a training loop is made of: batches of rows, accuracy, a progress line, a history.
// Objects of one thread; nothing is printed but to the stream that the caller gives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cotape/tensor.hpp"

namespace cotape {

struct batch_options {
  std::int64_t size = 32;
  std::uint64_t seed = 0;
  bool shuffle = true;
};

/// Rows of arrays that share their first axis (data, labels, ...), some at a time, gathered into
/// buffers that are reused. The arrays must outlive it.
///
///   batches parts({images, labels}, {.size = 128, .seed = 1});
///   for (std::int64_t e = 0; e < epochs; ++e) {
///     parts.start_epoch(e);
///     while (parts.next()) step(parts[0], parts[1]);
///   }
class batches {
 public:
  /// Throws shape_error if the arrays differ in their first size, value_error for an empty set or
  /// a size below 1.
  batches(std::vector<array_view> arrays, const batch_options& options);

  /// Batches an epoch: ceil(rows / size); the last may be smaller.
  std::int64_t count() const { return (rows_ + size_ - 1) / size_; }
  std::int64_t rows() const { return rows_; }
  /// Sets out on an epoch. Its order depends on the seed and the epoch alone, so a training can be
  /// resumed at any epoch.
  void start_epoch(std::int64_t epoch);
  /// Gathers the next batch; false at the epoch's end.
  bool next();
  /// The i-th array's rows in this batch: valid until the next one.
  const array_view& operator[](std::size_t i) const { return views_[i]; }
  std::int64_t batch_rows() const { return batch_rows_; }

 private:
  std::vector<array_view> arrays_;
  std::vector<tensor> buffers_;
  std::vector<array_view> views_;
  std::vector<std::uint32_t> order_;
  std::int64_t rows_ = 0, size_, at_ = 0, batch_rows_ = 0;
  std::uint64_t seed_;
  bool shuffle_;
};

/// The rows from first to last (exclusive) of an array, not copied; value_error outside it.
array_view rows_of(array_view array, std::int64_t first, std::int64_t last);
/// A copy of some rows of an array, in the given order; value_error outside it.
tensor take_rows(array_view array, std::span<const std::int64_t> rows);
/// 0 .. n - 1 in an order that depends on the seed alone, on every machine.
std::vector<std::int64_t> shuffled_rows(std::int64_t n, std::uint64_t seed);

/// The rows of scores (n, classes) whose largest entry is at the row's int64 label (n); NaN is
/// never right. Throws shape_error if the two do not fit.
std::int64_t count_correct(array_view scores, array_view labels);
/// The same as a share of the rows, 0 to 1.
double accuracy(array_view scores, array_view labels);

/// The mean of a quantity over samples, gathered batch by batch.
class running_mean {
 public:
  void add(double mean_of_batch, std::int64_t rows) {
    sum_ += mean_of_batch * static_cast<double>(rows);
    rows_ += rows;
  }
  double value() const { return rows_ == 0 ? 0 : sum_ / static_cast<double>(rows_); }

 private:
  double sum_ = 0;
  std::int64_t rows_ = 0;
};

/// Named quantities by epoch: "loss", "accuracy", "val_loss" ...
class history {
 public:
  /// One more epoch. The first fixes the names; throws value_error if later ones differ.
  void add(std::initializer_list<std::pair<const char*, double>> values);
  std::size_t epochs() const { return columns_.empty() ? 0 : columns_[0].second.size(); }
  /// A quantity over the epochs; throws value_error naming those that there are.
  const std::vector<double>& operator[](const std::string& name) const;
  /// A header line, then a line an epoch, which counts from 1.
  std::string csv() const;
  /// Throws io_error naming the file.
  void write_csv(const std::filesystem::path& file) const;

 private:
  std::vector<std::pair<std::string, std::vector<double>>> columns_;
};

struct progress_options {
  std::int64_t epochs = 1;
  std::int64_t rows = 0;     // an epoch
  std::int64_t batches = 0;  // an epoch
  bool live = false;         // rewrite one line (a terminal); else whole lines, a few an epoch
  std::function<double()> clock = {};  // seconds; default: a steady clock
};

/// Writes how a training goes: epoch, batch, loss, accuracy, samples a second, time left.
class progress {
 public:
  progress(std::ostream& out, progress_options options);
  /// After each batch, with the means of the epoch so far.
  void update(std::int64_t rows, double loss, double accuracy);
  /// Ends the epoch's line, with something to add to it. Quick epochs share a line.
  void end_epoch(const std::string& more = {});
  /// Seconds since the start.
  double elapsed() const { return options_.clock() - started_; }

 private:
  std::string line() const;
  void write(const std::string& text, bool last);

  std::ostream& out_;
  progress_options options_;
  double started_, last_written_, last_ended_;
  std::int64_t epoch_ = 0, batch_ = 0, rows_ = 0;
  double loss_ = 0, accuracy_ = 0;
};

/// Whether a stream is the standard output or error and that is a terminal.
bool is_terminal(const std::ostream& out);

}  // namespace cotape
