// layer: tape
// The tape: a flat array of nodes in the order in which they were recorded, so that a node's inputs
// precede it. Recording checks shapes and dtypes; it computes, merges and folds nothing.
// A tape and its variables belong to one thread at a time. A variable of a tape that is gone
// throws.
#pragma once

#include <array>
#include <deque>
#include <initializer_list>
#include <iosfwd>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "cotape/variable.hpp"

namespace cotape {

class array_argument;
struct custom_rule;
struct primitive;

inline constexpr std::uint32_t no_node = 0xffffffff;

/// One operation as it stands on the tape.
struct node {
  const primitive* op;
  std::uint32_t in[3];       // up to three operands, else a list: see tape::operands_of
  std::uint32_t type;        // index of its value_type in the tape's types
  std::uint32_t attributes;  // where its attributes stand in the tape's words, or no_node
  std::uint32_t place;       // index in the tape's places
};
static_assert(sizeof(node) == 32);

/// A point to rewind to.
struct tape_mark {
  std::uint32_t nodes = 0, words = 0, lists = 0, tensors = 0, effects = 0, customs = 0;
  std::uint32_t messages = 0;
  std::uint32_t serial = 0;   // as a variable's: a rewind past the mark makes it stale
  std::uint32_t commits = 0;  // effects recorded after a commit are all after the mark
  const void* of = nullptr;   // the tape's slot
};

/// The value that a parameter takes when the tape's effects run.
struct effect {
  std::uint32_t parameter;  // index in the tape's parameters; no_node for a requirement
  std::uint32_t value;      // the node of the new value, or of the requirement
  std::uint32_t previous;   // the parameter's value here before, or the message of a requirement
};

class tape {
 public:
  explicit tape(precision p = precision::as_given);
  tape(const tape&) = delete;
  tape& operator=(const tape&) = delete;
  /// Undefined while the tape is at work: within a traced function or the rule of a derivative that
  /// records on it, and within a kernel or another callback of its commit() or of a value().
  ~tape();

  /// A value to be bound at each run.
  variable input(dtype d, const shape& s, std::string name = "",
                 const char* file = __builtin_FILE(), int line = __builtin_LINE());
  /// A value fixed now: any xtensor expression, a tensor, or a number.
  variable constant(const array_argument& value, const char* file = __builtin_FILE(),
                    int line = __builtin_LINE());
  /// The parameter's value here: what the last assign since the last commit gave it, else what it
  /// holds when a program runs, which is always the same node.
  variable read(const parameter& p, const char* file = __builtin_FILE(),
                int line = __builtin_LINE());
  /// Makes (p, value) an effect: later reads on this tape give `value`, and compiled programs and
  /// commit() write it to p. Throws shape_error or dtype_error if the types differ.
  void assign(const parameter& p, operand value);
  /// Makes running the tape's effects throw a requirement_error with `message` if any element of
  /// `condition` is 0.
  void require(operand condition, const std::string& message);

  /// Everything recorded after a mark is forgotten by rewind(mark), effects included.
  tape_mark mark();
  /// Throws tape_error if the tape was rewound past the mark since. Takes no memory.
  void rewind(const tape_mark& to);

  /// Runs the tape's effects once, then forgets them: for tapes recorded by hand. What was recorded
  /// from t.read(p) stands, and gives values with p's new value from now on. The tape grows by what
  /// each round of a loop records: take a mark before the loop and rewind to it after each commit.
  /// Throws tape_error inside a traced function or the rule of a derivative.
  void commit(std::initializer_list<binding> inputs = {});

  std::size_t size() const { return nodes_.size(); }
  /// Memory of the nodes, attributes, types, places and constants, in bytes.
  std::size_t bytes() const;

  // --- For operations: recording, and reading what was recorded ---------------------------------

  variable record(const primitive& op, std::span<const variable> inputs,
                  std::span<const std::int64_t> attributes = {},
                  const place& where = {__builtin_FILE(), __builtin_LINE()});
  /// A number of the given dtype; throws value_error if int64 cannot hold it.
  variable literal(double number, dtype d, const place& where);
  /// The operand as a variable of this tape, a number as a literal of dtype d.
  variable resolve(const operand& x, dtype d);
  /// Keeps a rule for a custom_gradient and returns its number.
  std::int64_t keep(std::shared_ptr<const custom_rule> rule);

  /// The dtype that a value of dtype d takes on this tape.
  dtype promoted(dtype d) const {
    return precision_ == precision::float64 && d == float32 ? float64 : d;
  }
  variable at(std::uint32_t index) { return {slot_, index}; }
  const std::vector<node>& nodes() const { return nodes_; }
  const value_type& type_of(std::uint32_t index) const { return types_[nodes_[index].type]; }
  const value_type& type_at(std::uint32_t type) const { return types_[type]; }
  place place_of(std::uint32_t index) const { return places_[nodes_[index].place]; }
  /// For errors: " [at a.cpp:3; operands made at a.cpp:1, a.cpp:2]", in a scope at the scope's
  /// place.
  std::string origin(std::span<const variable> operands, place where) const;
  std::span<const std::int64_t> attributes_of(std::uint32_t index) const;
  /// A node's operands, any number of earlier nodes: the one walk over them. Of a custom_gradient,
  /// its value and then the inputs of its rule. As with attributes, recording ends the span.
  std::span<const std::uint32_t> operands_of(std::uint32_t index) const {
    const node& n = nodes_[index];
    if (n.in[1] == no_node && n.in[2] != no_node) return {lists_.data() + n.in[0], n.in[2]};
    return {n.in, std::size_t{n.in[0] != no_node} + (n.in[1] != no_node) + (n.in[2] != no_node)};
  }
  /// Those that its value is computed from: of a view, the first.
  std::span<const std::uint32_t> value_operands_of(std::uint32_t index) const;
  /// Those that its derivative's rule sees: of a custom_gradient, the inputs of its rule.
  std::span<const std::uint32_t> rule_operands_of(std::uint32_t index) const;
  const tensor& tensor_at(std::size_t i) const { return *tensors_[i]; }
  std::shared_ptr<const tensor> shared_tensor(std::size_t i) const { return tensors_[i]; }
  const parameter& parameter_at(std::size_t i) const { return parameters_[i].handle; }
  /// The parameters read or assigned here, with the node of their current value.
  std::vector<std::pair<parameter, std::uint32_t>> current_parameters() const;
  /// The tape's handles of parameters made from that number on (parameter::number), in the order of
  /// their first use. A compiled function replaces some: it puts the state of an earlier trace in.
  std::vector<parameter*> parameters_since(std::uint64_t number);
  std::span<const effect> effects() const { return effects_; }
  /// Drops the effects: a parameter's value is its first read's again.
  void forget_effects();
  const custom_rule& rule_at(std::size_t i) const { return *customs_[i]; }
  const std::string& message_at(std::size_t i) const { return messages_[i]; }
  const std::string* label_of(std::uint32_t index) const;
  void label(std::uint32_t index, std::string text);
  /// The nodes that all rewinds since a serial number have kept.
  std::uint32_t kept_since(std::uint32_t serial) const;
  /// The nodes that the roots are computed from, numbered in order; no_node for the others.
  std::vector<std::uint32_t> needed_by(std::span<const std::uint32_t> roots) const;
  /// What an error calls an operation: the outermost composed one that is being recorded.
  const char* operation(const char* name) const { return current({}).operation_or(name); }

  /// What is being recorded.
  struct context {
    std::uint32_t scope = no_node;  // the place of the outermost composed operation
    const char* holder = nullptr;   // who works on the tape, see tape/hold.hpp
    std::uint32_t held = 0;         // nodes that must not be rewound
  };
  /// While alive, nodes are recorded as made at `where` (unless an outer scope is alive): a
  /// composed operation's nodes point to the user's line, not into the library.
  class scope {
   public:
    scope(tape& t, place where, const char* name = nullptr);
    ~scope() { tape_.now_ = outer_; }
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;

   private:
    tape& tape_;
    context outer_;
  };
  class hold;  // see tape/hold.hpp
  /// What derivatives that are recorded from here on take at kinks and ties.
  kink_policy kinks = kink_policy::standard;
  /// Whatever later layers keep beside a tape: the programs of value() and commit().
  std::shared_ptr<void> attachment;
  /// A reverse sweep recorded the nodes [first, last), to differentiate node `of`.
  struct swept {
    std::uint32_t first, last, of;
  };
  std::vector<swept> sweeps;  // ascending

 private:
  struct known_parameter {
    parameter handle;
    std::uint32_t read;     // its read node, or no_node
    std::uint32_t current;  // its value here, or no_node
  };
  place current(place where) const { return now_.scope != no_node ? places_[now_.scope] : where; }
  variable append(const primitive& op, std::span<const variable> inputs, std::uint32_t type,
                  std::span<const std::int64_t> attributes, const place& where);
  std::uint32_t intern(const value_type& type);
  std::uint32_t intern(const place& where);
  std::uint32_t known(const parameter& p);

  struct indexes;
  precision precision_;
  std::uint32_t commits_ = 0;
  context now_;
  std::vector<node> nodes_;
  std::vector<std::int64_t> words_;
  std::vector<std::uint32_t> lists_;  // more than three operands: in[0] says where, in[2] how many
  std::deque<value_type> types_;      // references to its elements stay valid
  std::vector<place> places_;
  std::array<std::uint32_t, 64> recent_{};  // of them, by hash
  std::vector<std::shared_ptr<const tensor>> tensors_;
  std::vector<known_parameter> parameters_;
  std::vector<effect> effects_;
  std::vector<std::shared_ptr<const custom_rule>> customs_;
  std::vector<std::string> messages_;
  // (serial, nodes kept) of the rewinds that still matter, both increasing: a handle is stale if a
  // rewind after its serial kept no more than its index.
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rewinds_;
  std::unique_ptr<indexes> indexes_;  // hash indexes over types, places, parameters and labels
  detail::tape_slot* slot_;
};

/// For errors: " [output made at a.cpp:3]", if `what` is "output ".
std::string made(const char* what, const variable& v);

/// One line a node: index, operation, inputs, type, place.
std::ostream& operator<<(std::ostream& out, const tape& t);

}  // namespace cotape
