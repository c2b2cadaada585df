// What an engine is to train_step: something that makes a stepper for the cases it can do.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "cases.hpp"
#include "stepper.hpp"

namespace bench {

// A stepper of a network changes its weights; its rate is timing_rate at first. Its values are, for
// a network, all weights, laid out as places_of says; for a chain the gradients for x, a, b; for a
// loop the derivative.

struct engine {
  const char* name;
  /// Null where the engine cannot do the case.
  std::unique_ptr<stepper> (*make)(const problem& p, std::size_t threads);
  /// False for bare GEMM calls, which compute nothing that could be checked.
  bool checked = true;
  /// Runs in a process of its own, see worker.hpp.
  bool peer = false;
  /// What makes its figures differ from the others', or "".
  const char* note = "";
  /// The case as the engine computes it, if it cannot do the very case.
  spec (*variant)(const spec&) = [](const spec& s) { return s; };
};

/// The engines built into this program, references first.
const std::vector<engine>& all_engines();

/// The double reference, written plainly: the case's loss and its gradient, for a network the
/// change of the weights by one step at rate 1, negated.
struct outcome {
  double loss = 0;
  std::vector<double> gradient;
};
outcome reference(const problem& p);

/// Runs one step and compares; gives what is wrong, or nothing.
std::optional<std::string> mismatch(const problem& p, const outcome& wanted, stepper& s);

// One function an engine, each in the file named after it.
std::unique_ptr<stepper> make_gemm(const problem& p, std::size_t threads);
std::unique_ptr<stepper> make_hand(const problem& p, std::size_t threads);
std::unique_ptr<stepper> make_cotape(const problem& p, std::size_t threads);
std::unique_ptr<stepper> make_torch(const problem& p, std::size_t threads);
std::unique_ptr<stepper> make_dlib(const problem& p, std::size_t threads);
spec dlib_variant(const spec& s);
std::unique_ptr<stepper> make_fann(const problem& p, std::size_t threads);
spec fann_variant(const spec& s);
std::unique_ptr<stepper> make_adolc(const problem& p, std::size_t threads);

}  // namespace bench
