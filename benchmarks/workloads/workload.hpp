// A case of workloads: what it computes, its sizes, its data, and how it is written for Cotape.
#pragma once

#include <cotape/cotape.hpp>

#include <functional>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "stepper.hpp"

namespace bench {

using cotape::tensor;
using cotape::variable;

/// The named sizes of a case, in the order in which they are printed.
class settings {
 public:
  settings(std::initializer_list<std::pair<std::string, std::size_t>> list) : list_(list) {}
  /// Throws std::out_of_range if there is no such name.
  std::size_t operator[](const std::string& name) const;
  std::int64_t number(const std::string& name) const {
    return static_cast<std::int64_t>((*this)[name]);
  }
  /// False if there is no such name.
  bool set(const std::string& name, std::size_t value);
  const std::vector<std::pair<std::string, std::size_t>>& all() const { return list_; }
  /// "--rows 4096 --cols 512": also what makes them so again.
  std::vector<std::string> arguments() const;
  std::string text() const;

 private:
  std::vector<std::pair<std::string, std::size_t>> list_;
};

/// Data from a fixed generator.
class random_data {
 public:
  tensor floats(const cotape::shape& s, double low = -1, double high = 1);
  tensor doubles(const cotape::shape& s, double low = -1, double high = 1);
  /// Whole numbers below `end`.
  tensor indices(const cotape::shape& s, std::int64_t end);

 private:
  std::mt19937_64 random_{1};
};

struct workload;

/// A case with its sizes and data.
struct problem {
  problem(const workload& w, const settings& s, std::size_t thread_count);

  const workload* what;
  settings sizes;
  std::size_t threads;
  std::vector<tensor> in;
};

/// What an engine gives: one list an output.
using outputs = std::vector<std::vector<double>>;

/// A case made ready by an engine.
struct prepared {
  std::unique_ptr<stepper> runs;  // its values are the outputs one after the other; null where
                                  // the engine cannot do the case
  double compile_ms = 0;          // recording, derivatives and compiling
  std::size_t arena = 0;          // bytes
  std::optional<outputs> expected =
      std::nullopt;  // where this engine computes something else than the case
};

using recording = std::vector<variable> (*)(const settings&, const std::vector<variable>&);

struct workload {
  std::string name;
  std::string text;  // what it computes
  settings sizes;
  std::vector<tensor> (*data)(const settings&);
  /// As a user writes it: the outputs from the inputs.
  recording record = nullptr;
  /// Another way to write it, which a good engine runs as fast.
  recording reference = nullptr;
  /// Where the case has state: makes the two engines, and says what comes out.
  prepared (*make)(const problem&) = nullptr;
  prepared (*make_reference)(const problem&) = nullptr;
  outputs (*expected)(const problem&) = nullptr;
};

/// All cases, family after family.
const std::vector<workload>& all_workloads();
std::vector<workload> rows_workloads();
std::vector<workload> slices_workloads();
std::vector<workload> models_workloads();
std::vector<workload> attention_workloads();
std::vector<workload> products_workloads();
std::vector<workload> graphs_workloads();

/// What is recorded of a problem as a compiled program.
prepared make_program(const problem& p, recording record);
/// The same run in double, nothing fused.
outputs in_double(const problem& p, recording record);
/// What the engines must give: by `expected`, else by in_double(), the reference's way of writing
/// it if there is one.
outputs expected_of(const problem& p);
/// Runs one step and compares; gives what is wrong, or nothing. `factor` times what is usual may be
/// off.
std::optional<std::string> mismatch(const problem& p, const outputs& wanted, stepper& s,
                                    double factor);

}  // namespace bench
