// What a fit changes before its first step, as it was: put back where the fit ends by then.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "train/model_body.hpp"

namespace cotape::detail {

class before_fit {
 public:
  explicit before_fit(model::body& of)
      : of_(of),
        served_(of.how->served()),
        begun_(of.begun),
        epochs_(of.epochs),
        steps_(of.steps) {}
  /// The parameters that the optimizer held state for.
  const std::vector<parameter>& served() const { return served_; }
  /// Keeps the values of parameters, unless it has earlier ones.
  void keep(const std::vector<parameter>& list);
  void put_back();

 private:
  model::body& of_;
  std::vector<parameter> served_;
  decltype(model::body::begun) begun_;
  std::int64_t epochs_, steps_;
  std::map<std::uint64_t, std::pair<parameter, tensor>> kept_;
};

}  // namespace cotape::detail
