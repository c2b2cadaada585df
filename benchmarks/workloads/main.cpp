// Graphs beyond dense networks, by several engines side by side, each checked against a reference
// in double before it is timed: `workloads --case layer_norm_grad --rows 4096 --cols 512 --threads
// 1`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <map>

#include "blas.hpp"
#include "choice.hpp"
#include "engines.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "output.hpp"
#include "worker.hpp"

namespace bench {
namespace {

struct arguments {
  std::vector<std::string> cases, engines;
  std::vector<std::size_t> threads{1};
  std::map<std::string, std::size_t> sizes;
  measure_options measure{.turn_us = 5000, .fewest = 3};
  double tolerance = 1;
  std::string tsv;
  bool list = false;
  int serve = -1;
};

// The case's sizes with those that were given.
settings sizes_of(const workload& w, const arguments& given) {
  settings sizes = w.sizes;
  for (const auto& [name, value] : given.sizes) {
    if (!sizes.set(name, value)) {
      throw std::runtime_error(
          fmt::format("{} has no --{}: its sizes are {}", w.name, name, w.sizes.text()));
    }
  }
  return sizes;
}

paired_ratio ratio(const std::vector<double>& times, const std::vector<double>* to) {
  if (to == nullptr) return {};
  std::vector<double> ratios;
  for (std::size_t i = 0; i < times.size(); ++i) ratios.push_back(times[i] / (*to)[i]);
  return {quantile(ratios, 0.5), quantile(ratios, 0.25), quantile(ratios, 0.75)};
}

// One case at one number of threads.
class run {
 public:
  run(const problem& p, double tolerance) : p_(p), tolerance_(tolerance) {}

  /// Makes the engine ready, unless it cannot do the case. False if it does it wrong.
  bool add(const engine& e) {
    prepared made = e.peer ? remote(e) : e.make(p_);
    if (made.runs == nullptr) return true;
    if (!expected_ && !made.expected) expected_ = expected_of(p_);
    const auto wrong =
        mismatch(p_, made.expected ? *made.expected : *expected_, *made.runs, tolerance_);
    if (wrong) {
      fmt::print("{} {}: not timed, it is wrong: {}\n", p_.what->name, e.name, *wrong);
      return false;
    }
    names_.push_back(e.name);
    made_.push_back(std::move(made));
    return true;
  }

  std::vector<figure> time(const measure_options& options) {
    std::vector<stepper*> list;
    for (const prepared& m : made_) list.push_back(m.runs.get());
    const auto times = step_times_us(list, options);
    const auto of = [&](const char* name) -> const std::vector<double>* {
      const auto at = std::find(names_.begin(), names_.end(), name);
      return at == names_.end() ? nullptr : &times[static_cast<std::size_t>(at - names_.begin())];
    };
    std::vector<figure> figures;
    for (std::size_t i = 0; i < times.size(); ++i) {
      figure f{.name = p_.what->name,
               .sizes = p_.sizes.text(),
               .threads = p_.threads,
               .engine = names_[i],
               .median_us = quantile(times[i], 0.5),
               .least_us = quantile(times[i], 0),
               .ratios = {},
               .compile_ms = made_[i].compile_ms,
               .arena = made_[i].arena};
      for (std::size_t k = 0; k < compared.size(); ++k)
        f.ratios[k] = ratio(times[i], of(compared[k]));
      figures.push_back(f);
    }
    return figures;
  }

 private:
  prepared remote(const engine& e) const {
    std::vector<std::string> list = p_.sizes.arguments();
    list.insert(list.end(), {"--engine", e.name, "--case", p_.what->name});
    return {.runs = make_remote({e.name, list, p_.threads})};
  }

  const problem& p_;
  double tolerance_;
  std::optional<outputs> expected_;
  std::vector<std::string> names_;
  std::vector<prepared> made_;
};

// Times and prints one case; false if an engine is wrong.
bool run_case(const problem& p, const arguments& given, std::vector<figure>& all) {
  fmt::print("\n{} {} --threads {}\n", p.what->name, p.sizes.text(), p.threads);
  run one(p, given.tolerance);
  bool all_right = true;
  for (const engine& e : all_engines()) {
    if (!wanted(given.engines, e.name)) continue;
    try {
      all_right &= one.add(e);
    } catch (const std::exception& error) {
      fmt::print("{} {}: not timed: {}\n", p.what->name, e.name, error.what());
      all_right = false;
    }
  }
  const std::vector<figure> figures = one.time(given.measure);
  print(figures);
  all.insert(all.end(), figures.begin(), figures.end());
  return all_right;
}

// One option for each name of a size; a case refuses those that it lacks.
void add_sizes(CLI::App& app, arguments& given) {
  for (const workload& w : all_workloads()) {
    for (const auto& size : w.sizes.all()) {
      const std::string option = "--" + size.first;
      if (app.get_option_no_throw(option) != nullptr) continue;
      app.add_option_function<std::size_t>(
             option, [&given, name = size.first](std::size_t n) { given.sizes[name] = n; },
             "a size of cases, see --list")
          ->check(CLI::PositiveNumber);
    }
  }
}

int serve_engine(const arguments& given) {
  const workload& w = find(all_workloads(), given.cases.at(0));
  const problem p(w, sizes_of(w, given), given.threads.at(0));
  set_blas_threads(p.threads);
  const prepared made = find(all_engines(), given.engines.at(0)).make(p);
  serve(given.serve, made.runs.get());
  return 0;
}

int start(int argc, char** argv) {
  unset_core_type(argv);
  arguments given;
  CLI::App app("Times graphs written by hand, with Cotape and with libtorch.");
  app.add_flag("--list", given.list, "prints the cases with their sizes and what they compute");
  app.add_option("--case", given.cases, "cases; default: all")
      ->check(CLI::IsMember(names_of(all_workloads())));
  app.add_option("--engine", given.engines, "engines; default: all")
      ->check(CLI::IsMember(names_of(all_engines())));
  app.add_option("--threads", given.threads, "numbers of threads; default: 1")
      ->check(CLI::PositiveNumber);
  app.add_option("--repeats", given.measure.repeats, "rounds; default: as fit");
  app.add_option("--seconds", given.measure.seconds, "for each engine and case, about")
      ->check(CLI::PositiveNumber);
  app.add_option("--tolerance", given.tolerance,
                 "times what engines may be off by: 1e-4 of an output's norm, 1e-7 for doubles")
      ->check(CLI::NonNegativeNumber);
  app.add_option("--tsv", given.tsv, "file for the table");
  app.add_option("--serve", given.serve, "")->group("");  // for worker.cpp alone
  add_sizes(app, given);
  CLI11_PARSE(app, argc, argv);
  if (given.serve >= 0) return serve_engine(given);
  if (given.list) {
    print_list();
    return 0;
  }

  // A short run takes short turns.
  given.measure.turn_us = std::min(given.measure.turn_us, given.measure.seconds * 1e6 / 3);
  std::vector<std::pair<const workload*, settings>> chosen;
  for (const workload& w : all_workloads()) {
    if (wanted(given.cases, w.name)) chosen.emplace_back(&w, sizes_of(w, given));
  }
  fmt::print("{}\n", machine());
  std::vector<figure> figures;
  int status = 0;
  for (std::size_t threads : given.threads) {
    for (const auto& [w, sizes] : chosen) {
      if (!run_case(problem(*w, sizes, threads), given, figures)) status = 1;
    }
  }
  if (!given.tsv.empty()) write_tsv(given.tsv, figures);
  return status;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::start(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "workloads: {}\n", e.what());
    return 1;
  }
}
