// layer: program
// Programs: a part of a tape turned into a flat array of steps over one arena. Compile once, run
// many times; running touches no allocator. A program belongs to one thread at a time and needs
// its tape no more.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "cotape/derivatives.hpp"
#include "cotape/program_part.hpp"
#include "cotape/result.hpp"
#include "cotape/tape.hpp"
#include "cotape/xtensor.hpp"

namespace cotape {

/// An input and the value to run with: `{x, array}`. Containers are not copied: they must live
/// until the run ends. A plain number adopts the input's dtype.
class binding {
 public:
  binding(variable input, array_argument value)
      : input_(input), value_(std::move(value).adopting(input.dtype())) {}
  variable input() const { return input_; }
  array_view value() const { return value_.view(); }

 private:
  variable input_;
  array_argument value_;
};

struct compile_options {
  // Element-wise chains into loops, scale factors into GEMMs: where such a factor is 0 at a run, a
  // GEMM gives 0 also for infinite and NaN factors.
  bool fuse = true;
  bool effects = true;       // run the tape's effects
  bool rebind = false;       // literals and constants are given at each run (the cache of value())
  bool watch_kinks = false;  // keep for each run which elements were on a kink (report::kinks)
};

struct program_memory {
  std::size_t arena = 0;       // bytes of the arena; programs of one function share the largest
  std::size_t most_alive = 0;  // bytes of the values alive at the worst moment
  std::size_t constants = 0;   // bytes of folded constants
  std::size_t own = 0;         // bytes that it shares with no program: steps, all its constants
};

class workspace;

class program {
 public:
  /// What `outputs`, and the tape's effects if wanted, need. `inputs` fixes the order of run's
  /// arguments. Throws value_error if something needed depends on an input that is not listed.
  program(tape& t, const std::vector<variable>& inputs, const std::vector<variable>& outputs,
          const compile_options& options = {});
  program(program&&) noexcept;
  program& operator=(program&&) noexcept;
  ~program();

  /// Runs with one value an input. Throws shape_error or dtype_error if a value does not fit,
  /// value_error while it runs, as for a kernel that calls it; then, as after any other error, all
  /// parameters are as they were.
  void run(std::span<const array_view> inputs);
  /// The same, and seconds[i] is the time that parts()[i] took.
  void run(std::span<const array_view> inputs, std::span<double> seconds);
  /// The outputs of the last run.
  std::size_t outputs() const;
  result output(std::size_t i) const;
  results all_outputs() const;
  /// Those that derivatives go through, in the order of recording, if compiled with watch_kinks;
  /// else throws value_error. The masks are valid as long as a result of the last run.
  const std::vector<kink_mask>& kinks() const;

  program_memory memory() const;
  /// The steps as text: what each computes, what was fused into it.
  std::string explain() const;
  std::size_t steps() const;
  /// What a run does, in order: binds the inputs, runs the items, writes parameters.
  std::vector<program_part> parts() const;

  /// For the cache: takes literals and constants from another recording of the same structure.
  /// `now` and `then` are the nodes that correspond, ascending; both empty for the same recording.
  void rebind(tape& t, std::span<const std::uint32_t> now, std::span<const std::uint32_t> then);

  /// For the cache: a program that runs in a memory with others.
  program(tape& t, const std::vector<variable>& inputs, const std::vector<variable>& outputs,
          const compile_options& options, std::shared_ptr<workspace> memory);
  /// Whether values have just the types of its inputs.
  bool takes(std::span<const array_view> values) const;

  struct body;

 private:
  detail::counted<body> body_;
};

/// Compiles and runs what v needs; the tape keeps the program for the next time.
tensor evaluate(variable v, std::span<const binding> inputs);
/// What jacobian<T> and hessian<T> copy, in the dtype of x.
tensor evaluate_jacobian(variable y, variable x, std::span<const binding> inputs);
tensor evaluate_hessian(variable y, variable x, std::span<const binding> inputs);
/// How many programs value() and commit() keep for the tape, as a compiled function does.
std::size_t cached_programs(const tape& t);

template <class T> auto variable::value(std::initializer_list<binding> inputs) const {
  return to_xarray<T>(evaluate(*this, {inputs.begin(), inputs.size()}));
}
template <class T> auto jacobian(variable y, operand x, std::initializer_list<binding> at) {
  return to_xarray<T>(evaluate_jacobian(y, differentiable(y, x), {at.begin(), at.size()}));
}
template <class T> auto hessian(variable y, operand x, std::initializer_list<binding> at) {
  return to_xarray<T>(evaluate_hessian(y, differentiable(y, x), {at.begin(), at.size()}));
}

}  // namespace cotape
