// layer: report
// Graphs as SVG, drawn by graphviz; tables of where a program's time goes. Figures of curves and
// points stand in figures.hpp. Errors (io_error) say that graphviz is missing or what it complained
// of, and which file cannot be written.
#pragma once

#include <concepts>
#include <cstddef>
#include <filesystem>
#include <initializer_list>
#include <iosfwd>
#include <optional>
#include <string>
#include <vector>

#include "cotape/figures.hpp"
#include "cotape/program.hpp"
#include "cotape/tape.hpp"
#include "cotape/xtensor.hpp"

namespace cotape::report {

struct graph_options {
  std::string title = {};
  std::size_t most_nodes = 2000;  // more are refused: nobody could read them
};

/// Draws what a value is computed from: inputs, parameters and operations, with names and shapes;
/// what one line of the user's code recorded stands in one box, named after it.
void write_graph(const std::filesystem::path& svg, variable output,
                 const graph_options& options = {});
void write_graph(std::ostream& svg, variable output, const graph_options& options = {});
/// The same in the language of graphviz.
std::string graph_to_dot(variable output, const graph_options& options = {});

/// Draws what a value is computed from as a circuit, from left to right, with the inputs bound as
/// for value(): each value stands above the line that leads on from it, and below the line its
/// adjoint, the derivative of the output with respect to it. Values of up to 6 elements are
/// written out, larger ones by their shape. The tape is afterwards as it was. Throws shape_error
/// and names vjp unless the output has one element; value_error as value() and write_graph do.
void write_circuit(const std::filesystem::path& svg, variable output,
                   std::initializer_list<binding> inputs = {}, const graph_options& options = {});
void write_circuit(std::ostream& svg, variable output, std::initializer_list<binding> inputs = {},
                   const graph_options& options = {});
/// The same in the language of graphviz.
std::string circuit_to_dot(variable output, std::initializer_list<binding> inputs = {},
                           const graph_options& options = {});

struct profile_row {
  program_part part;
  double seconds = 0;        // median
  double share = 0;          // of the times of all rows
  double share_of_peak = 0;  // of the time that its FLOPs or bytes, whichever take longer, need at
                             // the machine's measured peak (caches are faster than one thinks: a
                             // row's bytes are held against copies of as many bytes)
  double flops_per_second() const { return seconds > 0 ? part.flops / seconds : 0; }
  double bytes_per_second() const { return seconds > 0 ? part.bytes / seconds : 0; }
};

/// How long the reverse sweeps took for each second of what they sweep. Rows that hold values of
/// both kinds (fused loops, runs of scalars) count once to the one, once to the other side.
struct reverse_ratio {
  double least, most;
};

struct profile_table {
  std::vector<profile_row> rows;
  double seconds = 0;     // sum of the rows' times
  double whole_runs = 0;  // median of runs that were not taken apart; 0 if there were none
  double forward = 0, reverse = 0, after = 0, mixed = 0;  // seconds: see `recorded`
  std::optional<reverse_ratio> reverse_to_forward;  // if the program holds a sweep and few of its
                                                    // rows are mixed
  double flops = 0, bytes = 0;
  double peak_float32 = 0, peak_float64 = 0;  // FLOP/s of a GEMM
  double peak_copy = 0;                       // bytes/s of a copy of 64 MiB, read and written
  std::string blas;                           // the kernel set in use
  std::string warning;                        // if it is a lesser one than the processor allows
  int runs = 0;
};

struct profile_options {
  int runs = 21;  // at least 1; every second one is timed as a whole
};

/// Runs a program `runs` times as run() does, effects included (a training step trains on), and
/// tells how long each item of it takes. Measures the machine's peak first, which takes 0.2 s.
profile_table profile(program& code, std::span<const array_view> inputs,
                      const profile_options& options = {});
/// `std::cout << report::profile(step.last(), x, y)`, with step = compile(...) that was called.
template <class... Arguments>
requires(std::constructible_from<array_argument, const Arguments&>&&...) profile_table
    profile(program& code, const Arguments&... inputs) {
  const std::array<array_argument, sizeof...(Arguments)> given{array_argument(inputs)...};
  std::array<array_view, sizeof...(Arguments)> views;
  for (std::size_t i = 0; i < given.size(); ++i) views[i] = given[i].view();
  return profile(code, std::span<const array_view>(views));
}
std::ostream& operator<<(std::ostream& out, const profile_table& t);

/// An operation of which elements were on a kink, a tie or a jump.
struct kink {
  std::string operation;  // "relu"; "less" of a where(x > 0, ...)
  std::string text;       // the node as a tape prints it
  place where;            // the line that recorded it
  cotape::shape shape;
  std::vector<std::vector<std::int64_t>> elements;
};
/// The operations, in the order of recording, that were on one in the last run of a program
/// compiled with `.watch_kinks = true`: relu, abs, sign and sqrt at 0, norm of zeros, ties of
/// maximum, minimum, max and min, <, <=, >, >= of equal numbers (a where; leaky_relu, elu and selu
/// too). Only those that derivatives go through. Throws value_error if the program does not watch
/// them.
std::vector<kink> kinks(const program& code);
std::ostream& operator<<(std::ostream& out, const std::vector<kink>& kinks);

}  // namespace cotape::report
