// What workloads prints and writes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "workload.hpp"

namespace bench {

/// The ratios of an engine's times to another's in the same rounds; 0 where there is no other.
struct paired_ratio {
  double median = 0, low = 0, high = 0;  // low and high: quartiles
};

/// One line of the result.
struct figure {
  std::string name, sizes;
  std::size_t threads = 1;
  std::string engine;
  double median_us = 0;
  paired_ratio to_hand, to_reference, to_one_thread;
  double compile_ms = 0;
  std::size_t arena = 0;  // bytes
};

/// One line a case: name, sizes, what it computes.
void print_list();
void print_header();
void print(const figure& f);
/// Tab-separated, with a header line.
void write_tsv(const std::filesystem::path& file, const std::vector<figure>& figures);

}  // namespace bench
