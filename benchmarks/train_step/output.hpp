// What train_step prints and writes.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace bench {

/// One line of the result: 0 stands for a ratio without its reference.
struct figure {
  std::string name;
  std::size_t threads = 1;
  std::string engine;
  double median_us = 0, ratio_to_hand = 0, ratio_to_gemm = 0;
};

void print_header();
/// `marked` engines have a note below the table.
void print(const figure& f, bool marked);
/// Tab-separated, with a header line.
void write_tsv(const std::filesystem::path& file, const std::vector<figure>& figures);
/// The ratios to `hand` as SVG. False if there are none, or no gnuplot.
bool write_picture(const std::filesystem::path& file, const std::vector<figure>& figures);

}  // namespace bench
