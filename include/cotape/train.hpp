// layer: train
// What a training loop is made of, beside data.hpp: accuracy, a progress line, a history.
// Objects of one thread; nothing is printed but to the stream that the caller gives.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <iosfwd>
#include <string>
#include <utility>
#include <vector>

#include "cotape/data.hpp"
#include "cotape/xtensor.hpp"

namespace cotape {

namespace report {
struct panel;
}

/// The rows of scores (n, classes) whose largest entry is at the row's int64 label (n); NaN is
/// never right. Throws shape_error if the two do not fit, dtype_error for other labels.
std::int64_t count_correct(const array_argument& scores, const array_argument& labels);
/// The same as a share of the rows, 0 to 1.
double accuracy(const array_argument& scores, const array_argument& labels);

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

/// Figures by name in a fixed order: "loss", then the metrics.
class logs {
 public:
  void add(std::string name, double value) { values_.emplace_back(std::move(name), value); }
  /// Throws value_error naming those that there are.
  double operator[](const std::string& name) const;
  /// Throws value_error beyond the last.
  double operator[](std::size_t i) const;
  std::size_t size() const { return values_.size(); }
  auto begin() const { return values_.begin(); }
  auto end() const { return values_.end(); }

 private:
  std::vector<std::pair<std::string, double>> values_;
};

/// Named quantities by epoch: "loss", "accuracy", "val_loss" ...
class history {
 public:
  std::vector<std::string> warnings;  // of what fit thinks was meant otherwise
  /// One more epoch. The first fixes the names; throws value_error if later ones differ.
  void add(std::initializer_list<std::pair<const char*, double>> values);
  void add(const logs& values);
  const std::vector<std::pair<std::string, std::vector<double>>>& columns() const {
    return columns_;
  }
  std::size_t epochs() const { return columns_.empty() ? 0 : columns_[0].second.size(); }
  /// A quantity over the epochs; throws value_error naming those that there are.
  const std::vector<double>& operator[](const std::string& name) const;
  /// A header line, then a line an epoch, which counts from 1.
  std::string csv() const;
  /// Throws io_error naming the file.
  void write_csv(const std::filesystem::path& file) const;
  void write_csv(std::ostream& out) const;
  /// A picture, by gnuplot: a panel for each quantity over the epochs, its "val_" beside it. Throws
  /// value_error for a history without epochs, io_error naming the file or the missing program.
  void write_svg(const std::filesystem::path& file) const;
  void write_svg(std::ostream& out) const;

 private:
  std::vector<report::panel> panels() const;

  std::vector<std::pair<std::string, std::vector<double>>> columns_;
};

struct progress_options {
  std::int64_t epochs = 1;   // here and below: 0 where that is not known
  std::int64_t rows = 0;     // an epoch
  std::int64_t batches = 0;  // an epoch
  std::int64_t first = 0;    // epochs that were done before
  bool live = false;         // rewrite one line (a terminal); else whole lines, a few an epoch
  double quiet = 0;          // write nothing before so many seconds have passed
  std::function<double()> clock = {};  // seconds; default: a steady clock
};

/// Writes how a training goes: epoch, batch, figures, samples a second, time left.
class progress {
 public:
  progress(std::ostream& out, progress_options options);
  /// After each batch, with the means of the epoch so far.
  void update(std::int64_t rows, double loss, double accuracy);
  /// The same with any figures, which are only asked for where a line is written. They are asked
  /// for by end_epoch as well.
  void update(std::int64_t rows, std::function<logs()> figures);
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
  std::int64_t epoch_, batch_ = 0, rows_ = 0, total_ = 0;  // the last of all epochs
  std::function<logs()> figures_;
};

/// Whether a stream is the standard output or error and that is a terminal.
bool is_terminal(const std::ostream& out);

}  // namespace cotape
