// What the functions on rows of arrays share.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <random>

#include "cotape/tensor.hpp"

namespace cotape::detail {

// A generator that the standard fixes bit for bit, where std::shuffle and the distributions are
// left to each library.
class row_generator {
 public:
  row_generator(std::initializer_list<std::uint64_t> seeds);
  // A number below n < 2^32.
  std::uint64_t below(std::uint64_t n) { return ((random_() >> 32) * n) >> 32; }
  // Fisher and Yates.
  template <class T> void shuffle(std::vector<T>& list) {
    for (std::size_t n = list.size(); n > 1; --n) std::swap(list[n - 1], list[below(n)]);
  }

 private:
  std::mt19937_64 random_;
};

// ceil(rows * fraction), of a fraction of 0 to 1 that is meant as decimals.
std::int64_t share_of(std::int64_t rows, double fraction);
std::size_t bytes_of_row(const value_type& type);
// The type of as many rows as are given.
value_type with_rows(const value_type& type, std::int64_t rows);
// Throws shape_error for a scalar.
void demand_rows(const char* name, const array_view& array);

}  // namespace cotape::detail
