// The table on the terminal and the tab-separated file.
#include "output.hpp"

#include <fmt/format.h>

#include "io/write_file.hpp"

namespace bench {
namespace {

std::string ratio(double r) { return r > 0 ? fmt::format("{:.3f}", r) : "-"; }

std::string microseconds(double us) { return fmt::format("{:.{}f}", us, us < 100 ? 3 : 0); }

}  // namespace

void print_header() {
  fmt::print("{:<14} {:>7}  {:<7} {:>12} {:>8} {:>8}\n", "case", "threads", "engine", "median us",
             "/ hand", "/ gemm");
}

void print(const figure& f, bool marked) {
  fmt::print("{:<14} {:>7}  {:<7} {:>12} {:>8} {:>8}\n", f.name, f.threads,
             f.engine + (marked ? "*" : ""), microseconds(f.median_us), ratio(f.ratio_to_hand),
             ratio(f.ratio_to_gemm));
  std::fflush(stdout);
}

void write_tsv(const std::filesystem::path& file, const std::vector<figure>& figures) {
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  std::string text = "case\tthreads\tengine\tmedian_us\tratio_to_hand\tratio_to_gemm\n";
  for (const figure& f : figures) {
    text += fmt::format("{}\t{}\t{}\t{:.4f}\t{}\t{}\n", f.name, f.threads, f.engine, f.median_us,
                        ratio(f.ratio_to_hand), ratio(f.ratio_to_gemm));
  }
  cotape::detail::write_file({"train_step", file}, text);
}

}  // namespace bench
