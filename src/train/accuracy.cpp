// How many rows a classifier has right.
#include <fmt/format.h>

#include <algorithm>

#include "cotape/train.hpp"

namespace cotape {

std::int64_t count_correct(const array_argument& given_scores, const array_argument& given_labels) {
  const array_view scores = given_scores.view(), labels = given_labels.view();
  if (scores.shape().rank() != 2 || labels.shape() != shape{scores.shape()[0]}) {
    throw shape_error(fmt::format("accuracy: scores of shape {} and labels of shape {} do not fit",
                                  scores.shape().text(), labels.shape().text()));
  }
  const std::int64_t classes = scores.shape()[1];
  const auto* label = labels.data_as<std::int64_t>();
  const auto count = [&](const auto* row) {
    std::int64_t correct = 0;
    for (std::int64_t i = 0; i < labels.shape()[0]; ++i, row += classes) {
      const auto* largest = std::max_element(row, row + classes);
      const bool sane = std::none_of(row, row + classes, [](auto x) { return x != x; });
      if (sane && classes > 0 && largest - row == label[i]) ++correct;
    }
    return correct;
  };
  return scores.dtype() == float64 ? count(scores.data_as<double>())
                                   : count(scores.data_as<float>());
}

double accuracy(const array_argument& scores, const array_argument& labels) {
  const auto correct = static_cast<double>(count_correct(scores, labels));
  const std::int64_t rows = labels.view().shape()[0];
  return rows == 0 ? 0 : correct / static_cast<double>(rows);
}

}  // namespace cotape
