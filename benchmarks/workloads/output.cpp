// The list, the table on the terminal and the tab-separated file.
#include "output.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>

#include "io/write_file.hpp"

namespace bench {
namespace {

std::string microseconds(double us) { return fmt::format("{:.{}f}", us, us < 100 ? 3 : 0); }

std::string spread(const paired_ratio& r) {
  const int digits = r.high < 100 ? 2 : 0;
  return r.median > 0 ? fmt::format("{:.{}f} ({:.{}f}..{:.{}f})", r.median, digits, r.low, digits,
                                    r.high, digits)
                      : "-";
}

std::string columns(const paired_ratio& r) {
  if (r.median <= 0) return "-\t-\t-";
  return fmt::format("{:.4f}\t{:.4f}\t{:.4f}", r.median, r.low, r.high);
}

double megabytes(std::size_t bytes) { return static_cast<double>(bytes) / 1e6; }

}  // namespace

void print_list() {
  for (const workload& w : all_workloads()) {
    fmt::print("{} {}\n    {}\n", w.name, w.sizes.text(), w.text);
  }
}

void print(const std::vector<figure>& figures) {
  std::vector<std::size_t> ran;  // of those that others are compared with
  for (std::size_t i = 0; i < compared.size(); ++i) {
    const auto is = [&](const figure& f) { return f.engine == compared[i]; };
    if (std::any_of(figures.begin(), figures.end(), is)) ran.push_back(i);
  }
  fmt::print("  {:<10} {:>10} {:>10}", "engine", "us", "least");
  for (std::size_t i : ran) fmt::print(" {:>20}", fmt::format("/ {}", compared[i]));
  fmt::print(" {:>9} {:>10}\n", "arena MB", "compile ms");
  for (const figure& f : figures) {
    fmt::print("  {:<10} {:>10} {:>10}", f.engine, microseconds(f.median_us),
               microseconds(f.least_us));
    for (std::size_t i : ran) fmt::print(" {:>20}", spread(f.ratios[i]));
    if (f.compile_ms > 0) fmt::print(" {:>9.3f} {:>10.2f}", megabytes(f.arena), f.compile_ms);
    fmt::print("\n");
  }
  std::fflush(stdout);
}

void write_tsv(const std::filesystem::path& file, const std::vector<figure>& figures) {
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  std::string text = "case\tsizes\tthreads\tengine\tmedian_us\tleast_us";
  for (const char* other : compared) text += fmt::format("\tto_{0}\tto_{0}_q1\tto_{0}_q3", other);
  text += "\tarena_mb\tcompile_ms\n";
  for (const figure& f : figures) {
    text += fmt::format("{}\t{}\t{}\t{}\t{:.4f}\t{:.4f}", f.name, f.sizes, f.threads, f.engine,
                        f.median_us, f.least_us);
    for (const paired_ratio& r : f.ratios) text += "\t" + columns(r);
    text += fmt::format("\t{:.3f}\t{:.3f}\n", megabytes(f.arena), f.compile_ms);
  }
  cotape::detail::write_file({"workloads", file}, text);
}

}  // namespace bench
