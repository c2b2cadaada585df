// The list, the table on the terminal and the tab-separated file.
#include "output.hpp"

#include <fmt/format.h>

#include "io/write_file.hpp"

namespace bench {
namespace {

std::string microseconds(double us) { return fmt::format("{:.{}f}", us, us < 100 ? 3 : 0); }

std::string spread(const paired_ratio& r) {
  if (r.median <= 0) return "-";
  return fmt::format("{:.2f} ({:.2f}..{:.2f})", r.median, r.low, r.high);
}

std::string median(const paired_ratio& r) {
  return r.median > 0 ? fmt::format("{:.2f}", r.median) : "-";
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

void print_header() {
  fmt::print("{:<10} {:>12} {:>20} {:>8} {:>8} {:>9} {:>11}\n", "engine", "median us",
             "/ hand (quartiles)", "/ ref.", "/ one", "arena MB", "compile ms");
}

void print(const figure& f) {
  const bool compiled = f.compile_ms > 0;
  fmt::print("{:<10} {:>12} {:>20} {:>8} {:>8} {:>9} {:>11}\n", f.engine, microseconds(f.median_us),
             spread(f.to_hand), median(f.to_reference), median(f.to_one_thread),
             compiled ? fmt::format("{:.3f}", megabytes(f.arena)) : "",
             compiled ? fmt::format("{:.2f}", f.compile_ms) : "");
}

void write_tsv(const std::filesystem::path& file, const std::vector<figure>& figures) {
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  std::string text =
      "case\tsizes\tthreads\tengine\tmedian_us\tto_hand\tto_hand_q1\tto_hand_q3\tto_reference\t"
      "to_reference_q1\tto_reference_q3\tto_one_thread\tto_one_thread_q1\tto_one_thread_q3\t"
      "arena_mb\tcompile_ms\n";
  for (const figure& f : figures) {
    text +=
        fmt::format("{}\t{}\t{}\t{}\t{:.4f}\t{}\t{}\t{}\t{:.3f}\t{:.3f}\n", f.name, f.sizes,
                    f.threads, f.engine, f.median_us, columns(f.to_hand), columns(f.to_reference),
                    columns(f.to_one_thread), megabytes(f.arena), f.compile_ms);
  }
  cotape::detail::write_file({"workloads", file}, text);
}

}  // namespace bench
