// layer: train
// Data sets as arrays that share their first axis, the rows: batches of them, splits, one-hot
// labels. Every order depends on its seed alone, on every machine. Objects of one thread.
#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <vector>

#include "cotape/xtensor.hpp"

namespace cotape {

struct batch_options {
  std::int64_t size = 32;
  std::uint64_t seed = 0;
  bool shuffle = true;
  /// Draw every row of a batch from all rows, instead of each row once an epoch.
  bool replace = false;
};

/// Rows of arrays that share their first axis (data, labels, ...), some at a time, gathered into
/// buffers that are reused. Containers, tensors and views are read where they are and must outlive
/// it; expressions and temporary tensors are kept.
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
  batches(std::initializer_list<array_argument> arrays, const batch_options& options);
  batches(std::vector<array_view> arrays, const batch_options& options);

  /// Batches an epoch: ceil(rows / size); the last may be smaller. One batch if size > rows.
  std::int64_t count() const { return (rows_ + size_ - 1) / size_; }
  std::int64_t rows() const { return rows_; }
  /// Sets out on an epoch. Its order depends on the seed and the epoch alone, so a training can be
  /// resumed at any epoch.
  void start_epoch(std::int64_t epoch);
  /// Gathers the next batch; false at the epoch's end.
  bool next();
  /// Passes over so many batches of the epoch: to go on within it.
  void skip(std::int64_t count);
  /// The i-th array's rows in this batch: valid until the next one.
  const array_view& operator[](std::size_t i) const { return views_[i]; }
  std::int64_t batch_rows() const { return batch_rows_; }

 private:
  void prepare(const batch_options& options);

  std::vector<tensor> kept_;
  std::vector<array_view> arrays_;
  std::vector<tensor> buffers_;
  std::vector<array_view> views_;
  std::vector<std::uint32_t> order_;
  std::int64_t rows_ = 0, size_ = 0, at_ = 0, batch_rows_ = 0;
  std::uint64_t seed_ = 0;
  bool shuffle_ = true, replace_ = false;
};

/// The rows from first to last (exclusive) of an array, not copied; value_error outside it.
array_view rows_of(array_view array, std::int64_t first, std::int64_t last);
/// A copy of some rows of an array, in the given order; value_error outside it. An xtensor
/// expression gives a container.
tensor take_rows(const array_argument& array, std::span<const std::int64_t> rows);
template <detail::xtensor_expression E>
auto take_rows(const E& array, std::span<const std::int64_t> rows) {
  return to_xarray<detail::stored<typename E::value_type>>(take_rows(array_argument(array), rows));
}
/// 0 .. n - 1 in an order that depends on the seed alone, on every machine; value_error for n below
/// 0 or over 2^31.
std::vector<std::int64_t> shuffled_rows(std::int64_t n, std::uint64_t seed);

struct split_options {
  double test = 0.1;        // of all rows
  double validation = 0.1;  // of the rows that are left
  std::uint64_t seed = 0;
  bool shuffle = true;
};

/// Three sets of row numbers, for take_rows. No row is in two of them.
struct row_split {
  std::vector<std::int64_t> train, validation, test;
};

/// Splits n rows: ceil(n test) are the test set, ceil of the validation fraction of the rest is the
/// validation set. Unshuffled, training comes first, then validation, then test. A product within
/// rounding of a whole number counts as that number (0.07 of 100 rows are 7). Throws value_error
/// for fractions outside [0, 1) and if no row is left to train on.
row_split split_rows(std::int64_t n, const split_options& options = {});

namespace detail {
tensor one_hot(array_view labels, std::int64_t classes, dtype as);
}

/// Rows of zeros with a 1 at each label, (n) to (n, classes): of int64 or whole floating labels.
/// Throws value_error naming the row of a label that is none of 0 .. classes - 1, shape_error if
/// the labels have not one axis.
///
///   xt::xarray<float> targets = one_hot<float>(labels, 10);
template <std::floating_point T>
xt::xarray<T> one_hot(const array_argument& labels, std::int64_t classes) {
  return to_xarray<T>(detail::one_hot(labels.view(), classes, dtype_of<T>::value));
}

}  // namespace cotape
