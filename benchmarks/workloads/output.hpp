// What workloads prints and writes.
#pragma once

#include <array>
#include <filesystem>
#include <string>
#include <vector>

#include "workload.hpp"

namespace bench {

/// The ratios of an engine's times to another's in the same rounds; 0 where there is no other.
struct paired_ratio {
  double median = 0, low = 0, high = 0;  // low and high: quartiles
};
/// The engines that others are compared with.
inline constexpr std::array<const char*, 5> compared{"hand", "products", "reference", "torch",
                                                     "cotape_one"};

/// One line of the result.
struct figure {
  std::string name, sizes;
  std::size_t threads = 1;
  std::string engine;
  double median_us = 0, least_us = 0;
  std::array<paired_ratio, compared.size()> ratios;
  double compile_ms = 0;
  std::size_t arena = 0;  // bytes
};

/// For each case its sizes, and what it computes.
void print_list();
/// The lines of one case.
void print(const std::vector<figure>& figures);
/// Tab-separated, with a header line.
void write_tsv(const std::filesystem::path& file, const std::vector<figure>& figures);

}  // namespace bench
