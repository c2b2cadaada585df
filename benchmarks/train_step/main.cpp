// Training steps by several engines side by side, each checked against a reference in double
// before it is timed: `train_step --case mnist512 --engine hand cotape --threads 1`.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <thread>

#include "blas.hpp"
#include "choice.hpp"
#include "engine.hpp"
#include "machine.hpp"
#include "measure.hpp"
#include "output.hpp"
#include "worker.hpp"

namespace bench {
namespace {

struct arguments {
  std::vector<std::string> cases, engines;
  std::vector<std::size_t> threads;
  measure_options measure;
  std::string tsv = "build/bench.tsv", svg = "build/bench.svg";
  int serve = -1;
};

std::vector<std::size_t> default_threads() {
  const std::size_t cores = std::thread::hardware_concurrency();
  return cores > 1 ? std::vector<std::size_t>{1, cores} : std::vector<std::size_t>{1};
}

// One case at one number of threads.
class run {
 public:
  run(const spec& s, std::size_t threads) : spec_(s), threads_(threads) {}

  /// Makes the engine ready, unless it cannot do the case. False if it does it wrong.
  bool add(const engine& e) {
    const problem p = make_problem(e.variant(spec_));
    std::unique_ptr<stepper> made = e.peer ? remote(e) : e.make(p, threads_);
    if (made == nullptr) return true;
    if (e.checked) {
      const std::optional<std::string> wrong = mismatch(p, wanted_of(p), *made);
      if (wrong) {
        fmt::print("{} {}: not timed, it is wrong: {}\n", spec_.name, e.name, *wrong);
        return false;
      }
    }
    engines_.push_back(&e);
    steppers_.push_back(std::move(made));
    return true;
  }

  std::vector<figure> time(const measure_options& options) {
    std::vector<stepper*> list;
    for (const auto& s : steppers_) list.push_back(s.get());
    const auto us = step_times_us(list, options);
    double hand = 0, gemm = 0;
    std::vector<figure> figures;
    for (std::size_t i = 0; i < us.size(); ++i) {
      const std::string name = engines_[i]->name;
      const double median = quantile(us[i], 0.5);
      if (name == "hand") hand = median;
      if (name == "gemm") gemm = median;
      figures.push_back({spec_.name, threads_, name, median});
    }
    for (figure& f : figures) {
      if (hand > 0) f.ratio_to_hand = f.median_us / hand;
      if (gemm > 0) f.ratio_to_gemm = f.median_us / gemm;
    }
    return figures;
  }

 private:
  std::unique_ptr<stepper> remote(const engine& e) const {
    return make_remote({e.name, {"--engine", e.name, "--case", spec_.name}, threads_});
  }
  // Most engines compute the very case: its reference is computed once.
  const outcome& wanted_of(const problem& p) {
    if (!wanted_ || !(p.what == of_)) {
      wanted_ = reference(p);
      of_ = p.what;
    }
    return *wanted_;
  }

  spec spec_, of_;
  std::size_t threads_;
  std::optional<outcome> wanted_;
  std::vector<const engine*> engines_;
  std::vector<std::unique_ptr<stepper>> steppers_;
};

// Times and prints one case; false if an engine is wrong.
bool run_case(const spec& s, std::size_t threads, const arguments& given,
              std::vector<figure>& all) {
  run one(s, threads);
  bool all_right = true;
  for (const engine& e : all_engines()) {
    if (!wanted(given.engines, e.name)) continue;
    try {
      all_right &= one.add(e);
    } catch (const std::exception& error) {
      fmt::print("{} {}: not timed: {}\n", s.name, e.name, error.what());
      all_right = false;
    }
  }
  try {
    for (const figure& f : one.time(given.measure)) {
      print(f, *find(all_engines(), f.engine).note != '\0');
      all.push_back(f);
    }
  } catch (const std::exception& error) {
    fmt::print("{}: not timed: {}\n", s.name, error.what());
    all_right = false;
  }
  return all_right;
}

void write(const arguments& given, const std::vector<figure>& figures) {
  for (const engine& e : all_engines()) {
    const bool shown = std::any_of(figures.begin(), figures.end(),
                                   [&](const figure& f) { return f.engine == e.name; });
    if (shown && *e.note != '\0') fmt::print("* {}\n", e.note);
  }
  if (!given.tsv.empty()) {
    write_tsv(given.tsv, figures);
    fmt::print("wrote {}\n", given.tsv);
  }
  if (!given.svg.empty() && write_picture(given.svg, figures)) fmt::print("wrote {}\n", given.svg);
}

int start(int argc, char** argv) {
  unset_core_type(argv);
  arguments given;
  CLI::App app("Times training steps written by hand, as graphs and by other engines.");
  app.add_option("--case", given.cases, "cases; default: all")
      ->check(CLI::IsMember(names_of(all_cases())));
  app.add_option("--engine", given.engines, "engines; default: all")
      ->check(CLI::IsMember(names_of(all_engines())));
  app.add_option("--threads", given.threads, "numbers of threads; default: 1 and all cores")
      ->check(CLI::PositiveNumber);
  app.add_option("--repeats", given.measure.repeats, "batches per engine; default: as fit");
  app.add_option("--seconds", given.measure.seconds, "for each engine and case, about");
  app.add_option("--tsv", given.tsv, "file for the table; empty: none");
  app.add_option("--svg", given.svg, "file for the picture; empty: none");
  app.add_option("--serve", given.serve, "")->group("");  // for worker.cpp alone
  CLI11_PARSE(app, argc, argv);
  if (given.serve >= 0) {
    const engine& e = find(all_engines(), given.engines.at(0));
    const problem p = make_problem(e.variant(find(all_cases(), given.cases.at(0))));
    set_blas_threads(given.threads.at(0));
    serve(given.serve, e.make(p, given.threads.at(0)).get());
    return 0;
  }

  if (given.threads.empty()) given.threads = default_threads();
  fmt::print("{}\n", machine());
  print_header();
  std::vector<figure> figures;
  int status = 0;
  for (std::size_t threads : given.threads) {
    for (const spec& s : all_cases()) {
      if (wanted(given.cases, s.name) && !run_case(s, threads, given, figures)) status = 1;
    }
  }
  write(given, figures);
  return status;
}

}  // namespace
}  // namespace bench

int main(int argc, char** argv) {
  try {
    return bench::start(argc, argv);
  } catch (const std::exception& e) {
    fmt::print(stderr, "train_step: {}\n", e.what());
    return 1;
  }
}
