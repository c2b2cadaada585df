// Rows of arrays: in random order, a batch at a time.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>
#include <random>

#include "cotape/train.hpp"

namespace cotape {

namespace {

// Fisher-Yates on the 32 high bits of a generator that the standard fixes bit for bit, where
// std::shuffle and the distributions are left to each library.
template <class T> void shuffle(std::vector<T>& list, std::initializer_list<std::uint64_t> seeds) {
  std::vector<std::uint32_t> words;
  for (std::uint64_t s : seeds) {
    words.push_back(static_cast<std::uint32_t>(s));
    words.push_back(static_cast<std::uint32_t>(s >> 32));
  }
  std::seed_seq sequence(words.begin(), words.end());
  std::mt19937_64 random(sequence);
  for (std::size_t n = list.size(); n > 1; --n) {
    std::swap(list[n - 1], list[((random() >> 32) * n) >> 32]);
  }
}

std::size_t bytes_of_row(const value_type& type) {
  const std::int64_t rows = type.shape[0];
  return rows == 0 ? 0 : type.bytes() / static_cast<std::size_t>(rows);
}

value_type with_rows(const value_type& type, std::int64_t rows) {
  std::array<std::int64_t, shape::max_rank> sizes{};
  std::copy(type.shape.begin(), type.shape.end(), sizes.begin());
  sizes[0] = rows;
  return {type.dtype, shape(std::span<const std::int64_t>(sizes.data(), type.shape.rank()))};
}

void demand_rows(const char* name, const array_view& array) {
  if (array.shape().rank() == 0) {
    throw shape_error(fmt::format("{}: a value of shape () has no rows", name));
  }
}

}  // namespace

batches::batches(std::vector<array_view> arrays, const batch_options& options)
    : arrays_(std::move(arrays)),
      size_(options.size),
      seed_(options.seed),
      shuffle_(options.shuffle) {
  if (size_ < 1) throw value_error(fmt::format("batches: a batch of {} rows", size_));
  if (arrays_.empty()) throw value_error("batches: no array is given");
  for (const array_view& a : arrays_) demand_rows("batches", a);
  rows_ = arrays_[0].shape()[0];
  if (rows_ == 0) throw value_error("batches: the set is empty");
  for (const array_view& a : arrays_) {
    if (a.shape()[0] != rows_) {
      throw shape_error(fmt::format("batches: {} and {} differ in their rows",
                                    arrays_[0].shape().text(), a.shape().text()));
    }
    buffers_.emplace_back(with_rows(a.type(), std::min(size_, rows_)));
    views_.push_back(buffers_.back());
  }
  order_.resize(static_cast<std::size_t>(rows_));
  at_ = rows_;
}

void batches::start_epoch(std::int64_t epoch) {
  std::iota(order_.begin(), order_.end(), 0u);
  if (shuffle_) shuffle(order_, {seed_, static_cast<std::uint64_t>(epoch)});
  at_ = 0;
}

bool batches::next() {
  if (at_ == rows_) return false;
  batch_rows_ = std::min(size_, rows_ - at_);
  for (std::size_t k = 0; k < arrays_.size(); ++k) {
    const value_type& type = arrays_[k].type();
    const std::size_t row = bytes_of_row(type);
    const auto* from = static_cast<const std::byte*>(arrays_[k].data());
    auto* to = static_cast<std::byte*>(buffers_[k].data());
    for (std::int64_t i = 0; i < batch_rows_ && row != 0; ++i, to += row) {
      std::memcpy(to, from + order_[static_cast<std::size_t>(at_ + i)] * row, row);
    }
    views_[k] = array_view(with_rows(type, batch_rows_), buffers_[k].data());
  }
  at_ += batch_rows_;
  return true;
}

array_view rows_of(array_view array, std::int64_t first, std::int64_t last) {
  demand_rows("rows_of", array);
  if (first < 0 || last < first || last > array.shape()[0]) {
    throw value_error(
        fmt::format("rows_of: no rows {} to {} in {}", first, last, array.shape().text()));
  }
  const auto offset = static_cast<std::size_t>(first) * bytes_of_row(array.type());
  return {with_rows(array.type(), last - first),
          static_cast<const std::byte*>(array.data()) + offset};
}

tensor take_rows(array_view array, std::span<const std::int64_t> rows) {
  demand_rows("take_rows", array);
  tensor result(with_rows(array.type(), static_cast<std::int64_t>(rows.size())));
  const std::size_t row = bytes_of_row(array.type());
  auto* to = static_cast<std::byte*>(result.data());
  for (std::int64_t r : rows) {
    const array_view from = rows_of(array, r, r + 1);
    if (row != 0) std::memcpy(to, from.data(), row);
    to += row;
  }
  return result;
}

std::vector<std::int64_t> shuffled_rows(std::int64_t n, std::uint64_t seed) {
  std::vector<std::int64_t> rows(static_cast<std::size_t>(n));
  std::iota(rows.begin(), rows.end(), 0);
  shuffle(rows, {seed});
  return rows;
}

std::int64_t count_correct(array_view scores, array_view labels) {
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

double accuracy(array_view scores, array_view labels) {
  const auto correct = static_cast<double>(count_correct(scores, labels));
  return labels.shape()[0] == 0 ? 0 : correct / static_cast<double>(labels.shape()[0]);
}

}  // namespace cotape
