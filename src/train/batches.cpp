// Rows of arrays, a batch at a time.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <numeric>

#include "cotape/data.hpp"
#include "train/rows.hpp"

namespace cotape {

using detail::bytes_of_row;
using detail::with_rows;

batches::batches(std::initializer_list<array_argument> arrays, const batch_options& options) {
  for (const array_argument& a : arrays) {
    // The list's elements die with the call.
    if (a.owns()) kept_.emplace_back(a.view());
    arrays_.push_back(a.owns() ? array_view(kept_.back()) : a.view());
  }
  prepare(options);
}

batches::batches(std::vector<array_view> arrays, const batch_options& options)
    : arrays_(std::move(arrays)) {
  prepare(options);
}

void batches::prepare(const batch_options& options) {
  size_ = options.size;
  seed_ = options.seed;
  shuffle_ = options.shuffle;
  replace_ = options.replace;
  if (size_ < 1) throw value_error(fmt::format("batches: a batch of {} rows", size_));
  if (arrays_.empty()) throw value_error("batches: no array is given");
  for (const array_view& a : arrays_) detail::demand_rows("batches", a);
  rows_ = arrays_[0].shape()[0];
  if (rows_ == 0) throw value_error("batches: the set is empty");
  size_ = std::min(size_, rows_);
  for (const array_view& a : arrays_) {
    if (a.shape()[0] != rows_) {
      throw shape_error(fmt::format("batches: {} and {} differ in their rows",
                                    arrays_[0].shape().text(), a.shape().text()));
    }
    buffers_.emplace_back(with_rows(a.type(), size_));
    views_.push_back(buffers_.back());
  }
  order_.resize(static_cast<std::size_t>(rows_));
  at_ = rows_;
}

void batches::start_epoch(std::int64_t epoch) {
  std::iota(order_.begin(), order_.end(), 0u);
  at_ = 0;
  if (!shuffle_ && !replace_) return;
  detail::row_generator random({seed_, static_cast<std::uint64_t>(epoch)});
  if (replace_) {
    const auto rows = static_cast<std::uint64_t>(rows_);
    for (std::uint32_t& row : order_) row = static_cast<std::uint32_t>(random.below(rows));
  } else {
    random.shuffle(order_);
  }
}

void batches::skip(std::int64_t count) {
  if (count < 0) throw value_error(fmt::format("batches: cannot skip {}", count));
  at_ = count >= this->count() ? rows_ : std::min(rows_, at_ + count * size_);
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

}  // namespace cotape
