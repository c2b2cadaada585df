// A program as a plain list of steps: what a random one is drawn as, shrunk as and printed as. A
// step's operation is a row of a table whose expression is both compiled and printed.
#pragma once

#include <cotape/cotape.hpp>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace cotape::tests {

/// What a step takes beside its operands; an expression uses what it needs, by these names.
struct attributes {
  std::int64_t axis = 0, i = 0, j = 0, m = 1;
  double k = 0;
  axes over;
  std::vector<std::int64_t> listed;  // what `over` holds; all axes if `every`
  bool every = true;
  dims keep = dims::drop;
  shape to;
};

/// What an operation's operands and attributes must be like.
enum class pattern {
  one,         // any value
  two,         // two that broadcast
  three,       // three that do
  equal,       // two of one type; `axis` is one of theirs
  derive,      // a, an earlier b
  derive_few,  // the same, of few elements
  derive_by,   // a, an earlier b, c like b
  pull,        // a, an earlier b, c like a
  reduce,      // `over` and `keep` of a value that is not empty
  along,       // `axis` of a value that is not empty; `m` its size
  axis,        // `axis` of any value but a scalar; `m` its size
  grow,        // `axis` of what a has with one axis more
  resize,      // `to` of as many elements
  widen,       // `to` that a broadcasts to
  vector,      // one axis, not too long; i, j at most 2
  square,      // two equal axes
  matrix,      // rank 2; i, j at most 2
  stack,       // rank 2 or more, i in [-1, 1]
  cube,        // rank 3
  image,       // rank 3 and not empty: (batch, size, channels); `m` channels, i, j at most 2
  cut,         // `axis` 0 cut as i:j:m
  cut_second,  // axis 1 cut so
  pick,        // i an index of axis 0
  join,        // two that differ in `axis` at most
  product,     // two that matmul takes
  gather,      // b int64 indices into a's `axis`
  scatter,     // b int64 indices below m, of the size of a's `axis`
};

/// The operands and attributes by the names that expressions use.
struct place_holders {
  const std::vector<variable>& x;
  const attributes& with;
  tape& t;
  generator& random;
};

struct operation {
  std::string names;  // what it shows: operations of the public headers, separated by spaces
  pattern takes;
  variable (*build)(const place_holders&);
  std::string text;
};
const std::vector<operation>& operations();

enum class kind {
  input,      // `type` and `values`, as for the next two
  constant,   //
  parameter,  // and its value then
  apply,      // `op` of the operands
  assign,     // to a parameter's step the value of another; then the parameter's value
  sweep,      // gradient(loss, {leaves}); its first
  share,      // of a sweep, number with.i
};

struct step {
  kind what = kind::apply;
  const operation* op = nullptr;  // apply
  std::vector<std::size_t> in;    // earlier steps
  attributes with;
  value_type type;
  std::vector<double> values;
};

struct recipe {
  std::vector<step> steps;
  std::vector<std::size_t> outputs;  // steps
  precision as = precision::as_given;
};

/// The value as a tensor.
tensor tensor_of(const value_type& type, const std::vector<double>& values);

/// A recipe's tape.
struct recorded_recipe {
  explicit recorded_recipe(const recipe& r) : t(r.as) {
    for (const step& s : r.steps) record(s);
  }
  explicit recorded_recipe(precision as) : t(as) {}
  /// Records one more step; throws what the operation throws.
  variable record(const step& s);
  /// Forgets the steps from `size` on.
  void rewind(std::size_t size);
  std::vector<variable> of(const std::vector<std::size_t>& steps) const;

  tape t;
  generator random{7};
  std::vector<variable> values;  // by step
  std::vector<variable> inputs;
  std::vector<tensor> bound;                            // to the inputs
  std::map<std::size_t, parameter> parameters;          // by step
  std::map<std::size_t, std::vector<variable>> sweeps;  // by step

 private:
  std::vector<tape_mark> marks_;  // before each step
};

/// What a recipe's output should have been.
struct difference {
  std::string what;  // for people
  std::size_t step = 0, element = 0;
  double wanted = 0, tolerance = 0;
  bool updated = false;  // the parameter after a run, not the step's value
  bool slope = false;    // the sweep's gradient times direction_at
};

/// The direction in which gradients are held against slopes: element i of a step.
inline double direction_at(std::size_t step, std::size_t i) {
  const std::size_t h = (step * 37 + i * 11) % 23;
  return (static_cast<double>(h) - 11.5) / 8;
}

/// A test in C++ that builds the recipe by public calls and demands what is wanted of one element
/// (without one: that it runs).
std::string cpp_of(const recipe& r, const std::string& name,
                   const std::optional<difference>& d = std::nullopt);

}  // namespace cotape::tests
