// Where a program's time goes: runs with a clock between the parts, in turns with runs of one
// piece, and medians over them.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <ostream>
#include <unordered_map>

#include "cotape/report.hpp"
#include "kernels/gemm.hpp"
#include "report/machine.hpp"

namespace cotape::report {

namespace {

using clock = std::chrono::steady_clock;

double since(clock::time_point t) {
  return std::chrono::duration<double>(clock::now() - t).count();
}

double median(std::vector<double> v) {
  if (v.empty()) return 0;
  const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
  std::nth_element(v.begin(), middle, v.end());
  return *middle;
}

// What one look at the clock takes: each part's time holds one.
double time_of_clock() {
  std::vector<double> times;
  for (int i = 0; i < 101; ++i) times.push_back(since(clock::now()));
  return median(std::move(times));
}

// The table's times from `runs` runs.
void measure(program& code, std::span<const array_view> inputs, int runs, profile_table& table) {
  const double clock_time = time_of_clock();
  std::vector<double> seconds(table.rows.size()), whole;
  std::vector<std::vector<double>> times(table.rows.size());
  for (int i = 0; i < runs; ++i) {
    if (i % 2 == 1) {
      const auto start = clock::now();
      code.run(inputs);
      whole.push_back(since(start) - clock_time);
      continue;
    }
    code.run(inputs, seconds);
    for (std::size_t k = 0; k < seconds.size(); ++k) times[k].push_back(seconds[k]);
  }
  table.whole_runs = median(std::move(whole));
  for (std::size_t k = 0; k < times.size(); ++k) {
    table.rows[k].seconds = std::max(median(std::move(times[k])) - clock_time, 0.0);
  }
}

double* total_of(profile_table& table, recorded in) {
  switch (in) {
    case recorded::forward: return &table.forward;
    case recorded::reverse: return &table.reverse;
    case recorded::after: return &table.after;
    default: return &table.mixed;
  }
}

void add_up(profile_table& table) {
  for (const profile_row& row : table.rows) {
    table.seconds += row.seconds;
    table.flops += row.part.flops;
    table.bytes += row.part.bytes;
    *total_of(table, row.part.in) += row.seconds;
  }
  constexpr double most_mixed = 0.25;  // above, the two bounds say nothing
  if (table.reverse > 0 && table.forward > 0 && table.mixed < most_mixed * table.seconds) {
    table.reverse_to_forward = reverse_ratio{table.reverse / (table.forward + table.mixed),
                                             (table.reverse + table.mixed) / table.forward};
  }
}

void compare(profile_table& table, const machine_peak& peak) {
  for (profile_row& row : table.rows) {
    if (table.seconds > 0) row.share = row.seconds / table.seconds;
    const double computing = row.part.flops / peak.flops(row.part.dtype);
    const double moving = row.part.bytes / peak.copy(row.part.bytes);
    if (row.seconds > 0) row.share_of_peak = std::max(computing, moving) / row.seconds;
  }
  table.peak_float32 = peak.float32_flops;
  table.peak_float64 = peak.float64_flops;
  table.peak_copy = peak.copying.back().second;
}

bool is_amd() {
#if defined(__x86_64__)
  return __builtin_cpu_is("amd") != 0;
#else
  return false;
#endif
}

struct row_group {
  profile_row sum;
  int rows = 0;
};

// Rows with the same text as one, in the order of their first ones.
std::vector<row_group> groups_of(const std::vector<profile_row>& rows) {
  std::vector<row_group> groups;
  std::unordered_map<std::string_view, std::size_t> number;
  for (const profile_row& row : rows) {
    const auto [at, added] = number.try_emplace(row.part.what, groups.size());
    if (added) {
      groups.push_back({row, 1});
      continue;
    }
    auto& [sum, count] = groups[at->second];
    const double seconds = sum.seconds + row.seconds;
    if (seconds > 0) {
      sum.share_of_peak =
          (sum.share_of_peak * sum.seconds + row.share_of_peak * row.seconds) / seconds;
    }
    sum.seconds = seconds;
    sum.share += row.share;
    sum.part.flops += row.part.flops;
    sum.part.bytes += row.part.bytes;
    sum.part.steps += row.part.steps;
    ++count;
  }
  return groups;
}

std::string row_text(double share, double seconds, double flops, double bytes, double peak,
                     std::size_t steps, const std::string& what) {
  const auto rate = [&](double n) { return seconds > 0 ? n / seconds * 1e-9 : 0; };
  return fmt::format("{:>6.1f} {:>11.3f} {:>11.4g} {:>11.4g} {:>8.1f} {:>7.1f} {:>6} {:>5}  {}\n",
                     100 * share, 1e6 * seconds, flops * 1e-6, bytes * 1e-6, rate(flops),
                     rate(bytes), peak < 0 ? "" : fmt::format("{:.0f}", 100 * peak), steps, what);
}

std::string summary(const profile_table& t) {
  std::string text;
  if (t.whole_runs > 0) text += fmt::format("a run of one piece: {:.3f} us\n", 1e6 * t.whole_runs);
  text += fmt::format("forward {:.3f} us, reverse {:.3f} us, after it {:.3f} us, mixed {:.3f} us\n",
                      1e6 * t.forward, 1e6 * t.reverse, 1e6 * t.after, 1e6 * t.mixed);
  if (t.reverse_to_forward) {
    text += fmt::format("reverse / forward: {:.2f} to {:.2f}\n", t.reverse_to_forward->least,
                        t.reverse_to_forward->most);
  } else if (t.reverse + t.mixed > 0) {
    text += "reverse / forward: cannot be told, items hold values of both\n";
  }
  text += fmt::format(
      "peak: GEMM {:.0f} (float32) and {:.0f} (float64) GFLOP/s, BLAS kernels {}; "
      "copies {:.1f} GB/s\n",
      t.peak_float32 * 1e-9, t.peak_float64 * 1e-9, t.blas, t.peak_copy * 1e-9);
  if (!t.warning.empty()) text += fmt::format("warning: {}\n", t.warning);
  return text;
}

}  // namespace

profile_table profile(program& code, std::span<const array_view> inputs,
                      const profile_options& options) {
  if (options.runs < 1) throw value_error("profile: it takes at least one run");
  profile_table table;
  table.runs = options.runs;
  for (program_part& part : code.parts()) table.rows.push_back({std::move(part)});
  const machine_peak peak = measure_peak();
  measure(code, inputs, options.runs, table);
  add_up(table);
  compare(table, peak);
  table.blas = kernels::gemm_kernel_name();
  table.warning =
      blas_warning(table.blas, kernels::best_isa(), is_amd(), std::getenv("OPENBLAS_CORETYPE"));
  return table;
}

std::ostream& operator<<(std::ostream& out, const profile_table& t) {
  out << "     %          us       MFLOP          MB  GFLOP/s    GB/s  %peak steps\n";
  std::size_t steps = 0;
  for (const auto& [row, count] : groups_of(t.rows)) {
    const program_part& p = row.part;
    const std::string what = count == 1 ? p.what : fmt::format("{} times: {}", count, p.what);
    out << row_text(row.share, row.seconds, p.flops, p.bytes, row.share_of_peak, p.steps, what);
    steps += p.steps;
  }
  out << row_text(1, t.seconds, t.flops, t.bytes, -1, steps,
                  fmt::format("in all, medians of {} runs", t.runs));
  return out << summary(t);
}

}  // namespace cotape::report
