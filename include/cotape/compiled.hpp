// layer: program
// Compiled functions: C++ functions over variables, traced at the first call with arguments of some
// types and replayed afterwards. A compiled function belongs to one thread at a time.
#pragma once

#include <array>
#include <concepts>
#include <functional>
#include <list>
#include <memory>
#include <optional>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "cotape/program.hpp"

namespace cotape {

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
    bool held = false;
  };

  /// `who` begins the messages.
  explicit program_cache(const compile_options& options = {}, place where = {},
                         const char* who = "compiled");
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
  /// Within a trace: what it has made so far is its first part.
  void end_part();
  /// What traces made since the last call stays, or goes with all programs.
  void settle() { earlier_.reset(); }
  void unsettle();
  /// What traces made stays, and is what the next ones make.
  void forget_programs();
  void forget_all();
  /// Keeps those that it has now, whatever comes, or no longer.
  void hold(bool held) {
    for (entry& e : programs_) e.held = held;
  }
  /// What its programs have given is valid no more.
  void end_results();
  program& last() const;
  std::size_t size() const { return programs_.size(); }
  std::size_t bytes() const;
  // Parameters, each with the hash of the value that it was made with.
  using state = std::vector<std::pair<parameter, std::size_t>>;
  /// What its programs made while they were traced, and change.
  state changing() const { return state_.assigned ? state_.dropped : state(); }

 private:
  template <class Fits> entry* find_if(Fits fits);
  // What traces make. Of several functions one may make the first part alone.
  struct made {
    state dropped, held;         // the latter by others as well
    std::size_t first_part = 0;  // of the dropped
    bool assigned = false;       // some of the dropped is
  };
  made adopt(tape& t, std::uint64_t since) const;

  compile_options options_;
  place where_;
  const char* who_;
  std::shared_ptr<workspace> space_;
  mutable std::list<entry> programs_;                                        // the last used first
  std::vector<std::pair<std::uint64_t, std::span<const array_view>>> open_;  // being traced
  static constexpr std::uint64_t no_part = ~std::uint64_t{};
  std::uint64_t part_end_ = no_part;  // the number of the next parameter, within a trace
  made state_;
  std::optional<made> earlier_;  // what it was when it settled
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
  if constexpr (std::is_assignable_v<F&, std::nullptr_t>) {  // std::function, a pointer
    if (f == nullptr) detail::refuse("compile: the function is empty");
  }
  return compiled<F>(std::move(f), options, place{file, line});
}

}  // namespace cotape
