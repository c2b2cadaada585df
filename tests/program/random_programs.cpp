// Examines random programs of a range of seeds; prints each that goes wrong, shrunk, as C++.
//
//   random_programs --first 0 --count 200000
#include <CLI/CLI.hpp>
#include <chrono>
#include <iostream>

#include "random_programs.hpp"

int main(int argc, char** argv) {
  using namespace cotape::tests;
  std::uint64_t first = 0, count = 10000, most_failures = 5;
  bool print_every = false, print_only = false;
  CLI::App app{"Random programs against a node-by-node interpreter in long double"};
  app.add_option("--first", first, "first seed");
  app.add_option("--count", count, "number of seeds");
  app.add_option("--most-failures", most_failures, "stop after so many");
  app.add_flag("--print", print_only, "print the first seed's program as C++");
  app.add_flag("--every-operation", print_every, "print a program of every operation as C++");
  CLI11_PARSE(app, argc, argv);
  if (print_every || print_only) {
    std::cout << "#include <cotape/cotape.hpp>\n#include <gtest/gtest.h>\n#include "
                 "\"weave.hpp\"\nusing namespace cotape;\n"
              << cpp_of(print_every ? every_operation() : drawn(first), "Printed");
    return 0;
  }
  tally seen;
  std::uint64_t failures = 0;
  const auto start = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < count && failures < most_failures; ++i) {
    const std::string report = report_of(first + i, seen);
    if (!report.empty()) {
      ++failures;
      std::cout << report << std::endl;
    }
    if ((i + 1) % 1000 == 0) {
      const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
      std::cerr << i + 1 << " programs, " << failures << " differences, " << seconds.count()
                << " s\n";
    }
  }
  std::cout << "seeds " << first << " to " << first + seen.programs - 1 << ": " << failures
            << " differences; " << seen.compared << " elements compared, " << seen.uncertain
            << " uncertain; " << seen.slopes << " gradients compared, " << seen.uncertain_slopes
            << " uncertain\n";
  for (const auto& [name, n] : seen.traits) std::cout << "  " << name << ": " << n << "\n";
  return failures == 0 ? 0 : 1;
}
