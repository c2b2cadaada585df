// layer: program
// Programs: a part of a tape turned into a flat array of steps over one arena. Compile once, run
// many times; running touches no allocator. A program belongs to one thread at a time and needs
// its tape no more.
#pragma once

#include <concepts>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <tuple>
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

namespace detail {

// What a traced function returned, as a list of variables.
inline std::vector<variable> as_list(const variable& v) { return {v}; }
inline std::vector<variable> as_list(const std::vector<variable>& v) { return v; }
template <std::same_as<variable>... V> std::vector<variable> as_list(const std::tuple<V...>& t) {
  return std::apply([](const auto&... v) { return std::vector<variable>{v...}; }, t);
}

// The one cache of programs: of a compiled function, of the functions of a model, or of a tape's
// value() and commit(). Its programs run in one memory, one at a time. It keeps those that were
// used last, and for functions the parameters that they make and drop while they are traced.
class program_cache {
 public:
  struct entry {
    std::vector<std::uint64_t> key;    // of functions: the number of the function
    std::vector<std::uint32_t> nodes;  // for rebind()
    program code;
  };

  explicit program_cache(const compile_options& options = {}, place where = {});
  program_cache(const program_cache&) = delete;
  /// Null if there is none. Throws value_error while one of the programs runs.
  entry* find(const std::vector<std::uint64_t>& key);
  program* find(std::span<const array_view> inputs, std::uint64_t function = 0);
  program& add(std::vector<std::uint64_t> key, std::vector<std::uint32_t> nodes, tape& t,
               const std::vector<variable>& inputs, const std::vector<variable>& outputs,
               const compile_options& options);
  /// Records the inputs, then what `f` makes of them, and compiles it. Throws value_error if f
  /// calls itself with the types that it is being traced for, or makes other state than in an
  /// earlier trace; what f throws leaves nothing behind.
  program& make(std::span<const array_view> inputs,
                const std::function<std::vector<variable>(std::span<const variable>)>& f,
                std::uint64_t function = 0);
  void forget_programs();
  /// What its programs have given is valid no more.
  void end_results();
  program& last() const;
  std::size_t size() const { return programs_.size(); }
  std::size_t bytes() const;
  // Parameters, each with the hash of the value that it was made with.
  using state = std::vector<std::pair<parameter, std::size_t>>;
  /// What its programs made while they were traced, and change.
  state changing() const { return assigned_ ? state_ : state(); }

 private:
  template <class Fits> entry* find_if(Fits fits);
  bool adopt(tape& t, std::uint64_t since, state& kept, state& held) const;

  compile_options options_;
  place where_;
  std::shared_ptr<workspace> space_;
  mutable std::list<entry> programs_;                                        // the last used first
  std::vector<std::pair<std::uint64_t, std::span<const array_view>>> open_;  // being traced
  state state_, held_;     // made and dropped while tracing; made and held by others as well
  bool assigned_ = false;  // some of the state is
};

}  // namespace detail

/// A function over variables, traced once for each combination of input shapes and dtypes and
/// replayed after that. What C++ computes while tracing (branches, counters, printing) is frozen.
/// The 64 programs that were used last are kept, fewer if they hold more than 512 MiB beside the
/// arena, which they share. Parameters, optimizers and generators that f makes while it is traced
/// and drops are made once for all traces: a trace that makes others throws value_error. A call
/// ends as it should even if f or a kernel destroys, moves or assigns to the function.
template <class F> class compiled {
 public:
  compiled(F f, compile_options options, place where)
      : body_(new body{std::move(f), detail::program_cache(options, where)}) {}
  compiled(compiled&& other) noexcept { *this = std::move(other); }
  compiled& operator=(compiled&& other) noexcept {
    body_ = std::move(other.body_);
    if (body_) body_->traces.end_results();
    return *this;
  }

  /// Runs with array-like arguments (see array_argument), one for each of f's variables. Gives a
  /// `result` where f returns a variable, else `results`; valid until the next call.
  template <class... Arguments> auto operator()(const Arguments&... arguments) {
    const std::array<array_argument, sizeof...(Arguments)> given{array_argument(arguments)...};
    std::array<array_view, sizeof...(Arguments)> views;
    for (std::size_t i = 0; i < given.size(); ++i) views[i] = given[i].view();
    using returned = std::invoke_result_t<F&, std::conditional_t<true, variable, Arguments>...>;
    const auto alive = body_;
    program* code = alive.demand(moved).traces.find(views);
    if (code == nullptr) code = &alive->trace(views, std::index_sequence_for<Arguments...>());
    code->run(views);
    if constexpr (std::same_as<returned, variable>) return code->output(0);
    else return code->all_outputs();
  }

  /// The program of the last call; throws value_error before the first. Lives as long as the
  /// function, or until many calls with other types.
  program& last() const { return body_.demand(moved).traces.last(); }
  /// How many programs it keeps, and the bytes that they hold, the arena's among them.
  std::size_t trace_count() const { return body_.demand(moved).traces.size(); }
  std::size_t bytes() const { return body_.demand(moved).traces.bytes(); }

 private:
  static constexpr const char* moved =
      "compiled: the function was moved, call what it was moved to";
  struct body {
    F f;
    detail::program_cache traces;
    std::size_t holders = 0;
    template <std::size_t... I>
    program& trace(std::span<const array_view> views, std::index_sequence<I...>) {
      return traces.make(views, [this](std::span<const variable> inputs) {
        return detail::as_list(f(inputs[I]...));
      });
    }
  };
  detail::counted<body> body_;
};

/// `auto step = compile([&](variable x, variable y) { ...; return loss; }); float l = step(a, b);`
template <class F>
compiled<F> compile(F f, const compile_options& options = {}, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE()) {
  return compiled<F>(std::move(f), options, place{file, line});
}

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
