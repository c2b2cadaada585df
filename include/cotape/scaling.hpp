// layer: train
// Scaling of columns: fitted on the training part alone, then applied to all parts and undone on
// predictions. A fitted scaler changes only by another fit: any thread may use it meanwhile.
#pragma once

#include <string>
#include <vector>

#include "cotape/xtensor.hpp"

namespace cotape {

/// What becomes of a column of one value, which cannot be scaled.
enum class constant_column { refuse, zero };

/// Whether a standard deviation divides by n or by n - 1.
enum class deviation { population, sample };

struct scaling_options {
  constant_column constant = constant_column::refuse;
  std::vector<std::string> names = {};  // of the columns, for messages; else they are numbered
};

/// (x - offset) / scale for each column of (rows, columns) float32 or float64 arrays; an array of
/// one axis is one column. A scale of 0 maps its column to 0.
class scaler {
 public:
  /// The scaled array, of x's dtype and shape. Throws value_error before any fit, or naming row and
  /// column of NaN or infinity; shape_error for another number of columns; dtype_error for int64.
  /// An xtensor expression gives a container, anything else a tensor.
  tensor transform(const array_argument& x) const;
  /// Undoes `transform`; where a column was constant it gives that constant. Errors as transform's.
  tensor inverse_transform(const array_argument& x) const;

  template <detail::xtensor_expression E> auto transform(const E& x) const {
    return to_xarray<detail::stored<typename E::value_type>>(transform(array_argument(x)));
  }
  template <detail::xtensor_expression E> auto inverse_transform(const E& x) const {
    return to_xarray<detail::stored<typename E::value_type>>(inverse_transform(array_argument(x)));
  }

  /// Takes offsets and scales that another scaler learned, to go on after a restart. Throws
  /// value_error unless there are as many of both, all finite; the scaler is then as it was.
  void restore(std::vector<double> offset, std::vector<double> scale);

  /// Of each column; empty before a fit.
  const std::vector<double>& offset() const { return offset_; }
  const std::vector<double>& scale() const { return scale_; }

 protected:
  explicit scaler(scaling_options options) : options_(std::move(options)) {}
  ~scaler() = default;
  scaler(const scaler&) = default;
  scaler& operator=(const scaler&) = default;

  /// A column's smallest and largest value, or mean and deviation, as offset and scale.
  struct line {
    double offset, scale;
  };
  /// Takes each column's line from `line_of`, which is given the column, its minimum and maximum.
  template <class F> void fit_columns(const char* name, const array_argument& x, F line_of);

 private:
  scaling_options options_;
  std::vector<double> offset_, scale_;
};

/// x' = (x - min) / (max - min): the training part's values lie in [0, 1].
class min_max_scaler : public scaler {
 public:
  explicit min_max_scaler(scaling_options options = {}) : scaler(std::move(options)) {}
  /// Learns minimum and maximum of each column of the training part. Throws value_error for no
  /// rows, for NaN or infinity (naming row and column), for columns whose range is beyond float64,
  /// and for a constant column unless they become 0; a scaler that threw is as it was.
  void fit(const array_argument& training);
};

/// z = (x - mean) / deviation: the training part has mean 0 and deviation 1.
class standard_scaler : public scaler {
 public:
  explicit standard_scaler(deviation kind = deviation::population, scaling_options options = {})
      : scaler(std::move(options)), kind_(kind) {}
  /// Learns mean and standard deviation of each column of the training part. Errors as
  /// min_max_scaler's.
  void fit(const array_argument& training);

 private:
  deviation kind_;
};

}  // namespace cotape
