// layer: program
// Programs: a part of a tape turned into a flat array of steps over one arena. Compile once, run
// many times; running touches no allocator. A program belongs to one thread at a time and needs
// its tape no more.
#pragma once

#include <concepts>
#include <functional>
#include <iosfwd>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "cotape/derivatives.hpp"
#include "cotape/program_part.hpp"
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

/// One output of a program, where the program keeps it: valid until the program runs again.
class result {
 public:
  explicit result(array_view view) : view_(view) {}
  array_view view() const { return view_; }
  /// A copy; throws dtype_error if T is not the dtype.
  template <class T> xt::xarray<T> value() const { return to_xarray<T>(view_); }
  template <class T> operator xt::xarray<T>() const { return value<T>(); }
  /// Copies into a row-major container of yours; throws shape_error or dtype_error if it does not
  /// fit. Touches no allocator.
  template <detail::plain_container E> void copy_to(E& container) const {
    const array_view to = array_argument(container).view();
    write_to(const_cast<void*>(to.data()), to.type());
  }
  /// The number in a value of one element, of any dtype; throws shape_error if there are more.
  double number() const;
  template <arithmetic T> operator T() const { return static_cast<T>(number()); }
  /// Prints the number, or the type of a value that is not one.
  friend std::ostream& operator<<(std::ostream& out, const result& r);

 private:
  void write_to(void* data, const value_type& type) const;
  array_view view_;
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
  std::size_t arena = 0;       // bytes of the arena
  std::size_t most_alive = 0;  // bytes of the values alive at the worst moment
  std::size_t constants = 0;   // bytes of folded constants
};

class program {
 public:
  /// What `outputs`, and the tape's effects if wanted, need. `inputs` fixes the order of run's
  /// arguments. Throws value_error if something needed depends on an input that is not listed.
  program(tape& t, const std::vector<variable>& inputs, const std::vector<variable>& outputs,
          const compile_options& options = {});
  program(program&&) noexcept;
  program& operator=(program&&) noexcept;
  ~program();

  /// Runs with one value an input. Throws shape_error or dtype_error if a value does not fit; then,
  /// as after any other error, all parameters are as they were.
  void run(std::span<const array_view> inputs);
  /// The same, and seconds[i] is the time that parts()[i] took.
  void run(std::span<const array_view> inputs, std::span<double> seconds);
  /// The outputs of the last run.
  std::size_t outputs() const;
  result output(std::size_t i) const;
  /// Those that derivatives go through, in the order of recording, if compiled with watch_kinks;
  /// else throws value_error. The masks are valid until the program runs again.
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

  struct body;

 private:
  std::unique_ptr<body> body_;
};

namespace detail {

// What a traced function returned, as a list of variables.
inline std::vector<variable> as_list(const variable& v) { return {v}; }
inline std::vector<variable> as_list(const std::vector<variable>& v) { return v; }
template <std::same_as<variable>... V> std::vector<variable> as_list(const std::tuple<V...>& t) {
  return std::apply([](const auto&... v) { return std::vector<variable>{v...}; }, t);
}

// The traces of a function: one tape and program for each combination of input types.
class trace_table {
 public:
  struct trace {
    std::vector<value_type> inputs;
    std::unique_ptr<program> code;
    std::vector<result> outputs;
  };
  trace_table(compile_options options, place where) : options_(options), where_(where) {}
  trace* find(std::span<const array_view> inputs);
  /// Records the inputs, then what `f` makes of them, and compiles it. Throws value_error if f
  /// calls itself with the types that it is being traced for; what f throws leaves nothing behind.
  trace& make(std::span<const array_view> inputs,
              const std::function<std::vector<variable>(std::span<const variable>)>& f);
  const std::vector<std::unique_ptr<trace>>& all() const { return traces_; }

 private:
  compile_options options_;
  place where_;                                 // that of the inputs
  std::vector<std::unique_ptr<trace>> traces_;  // finished
  std::vector<const trace*> open_;              // being made, one within another
};

}  // namespace detail

/// A function over variables, traced once for each combination of input shapes and dtypes and
/// replayed after that. What C++ computes while tracing (branches, counters, printing) is frozen.
template <class F> class compiled {
 public:
  compiled(F f, compile_options options, place where) : f_(std::move(f)), traces_(options, where) {}

  /// Runs with array-like arguments (see array_argument), one for each of f's variables. Gives a
  /// `result` where f returns a variable, else a vector of them; valid until the next call.
  template <class... Arguments> decltype(auto) operator()(const Arguments&... arguments) {
    const std::array<array_argument, sizeof...(Arguments)> given{array_argument(arguments)...};
    std::array<array_view, sizeof...(Arguments)> views;
    for (std::size_t i = 0; i < given.size(); ++i) views[i] = given[i].view();
    using returned = std::invoke_result_t<F&, std::conditional_t<true, variable, Arguments>...>;
    detail::trace_table::trace* t = traces_.find(views);
    if (t == nullptr) t = &trace(views, std::index_sequence_for<Arguments...>());
    t->code->run(views);
    if constexpr (std::same_as<returned, variable>) return result(t->outputs[0]);
    else return static_cast<const std::vector<result>&>(t->outputs);
  }

  /// The program of the last traced types; throws value_error before the first call.
  const program& last() const {
    if (traces_.all().empty()) throw value_error("compiled: it was not called yet");
    return *traces_.all().back()->code;
  }
  program& last() { return const_cast<program&>(std::as_const(*this).last()); }
  std::size_t trace_count() const { return traces_.all().size(); }

 private:
  template <std::size_t... I>
  detail::trace_table::trace& trace(std::span<const array_view> views, std::index_sequence<I...>) {
    return traces_.make(views, [this](std::span<const variable> inputs) {
      return detail::as_list(f_(inputs[I]...));
    });
  }

  F f_;
  detail::trace_table traces_;
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
/// How many programs value() and commit() keep for the tape; the least recently used of more than
/// 64 goes.
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
