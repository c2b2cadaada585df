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
  return r.median > 0 ? fmt::format("{:.2f} ({:.2f}..{:.2f})", r.median, r.low, r.high) : "-";
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
  const auto ran = [&](std::size_t other) {
    return std::any_of(figures.begin(), figures.end(),
                       [&](const figure& f) { return f.engine == compared[other]; });
  };
  const auto line = [&](const std::string& first, const std::string& time, const auto& ratio,
                        const std::string& arena, const std::string& compiled) {
    std::string text = fmt::format("  {:<10} {:>10}", first, time);
    for (std::size_t i = 0; i < compared.size(); ++i) {
      if (ran(i)) text += fmt::format(" {:>20}", ratio(i));
    }
    fmt::print("{} {:>9} {:>10}\n", text, arena, compiled);
  };
  line(
      "engine", "us", [](std::size_t i) { return fmt::format("/ {}", compared[i]); }, "arena MB",
      "compile ms");
  for (const figure& f : figures) {
    const bool program = f.compile_ms > 0;
    line(
        f.engine, microseconds(f.median_us), [&](std::size_t i) { return spread(f.ratios[i]); },
        program ? fmt::format("{:.3f}", megabytes(f.arena)) : "",
        program ? fmt::format("{:.2f}", f.compile_ms) : "");
  }
  std::fflush(stdout);
}

void write_tsv(const std::filesystem::path& file, const std::vector<figure>& figures) {
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  std::string text = "case\tsizes\tthreads\tengine\tmedian_us";
  for (const char* other : compared) text += fmt::format("\tto_{0}\tto_{0}_q1\tto_{0}_q3", other);
  text += "\tarena_mb\tcompile_ms\n";
  for (const figure& f : figures) {
    text +=
        fmt::format("{}\t{}\t{}\t{}\t{:.4f}", f.name, f.sizes, f.threads, f.engine, f.median_us);
    for (const paired_ratio& r : f.ratios) text += "\t" + columns(r);
    text += fmt::format("\t{:.3f}\t{:.3f}\n", megabytes(f.arena), f.compile_ms);
  }
  cotape::detail::write_file({"workloads", file}, text);
}

}  // namespace bench
