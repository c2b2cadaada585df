// The graph of layers behind a model: a flat list in which a node's inputs precede it.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "cotape/layers.hpp"

namespace cotape::detail {

/// A shape with a first axis of so many rows, and one without its first axis, which it must have.
shape with_batch(std::int64_t rows, const shape& row);
shape without_batch(const shape& batch);
/// Such a shape as text with the batch as None: "(None, 2)".
std::string text_with_none(const shape& row);

/// What is added to the loss of a model's outputs: numbers.
struct loss_terms {
  std::vector<variable> of_values;   // of layers' outputs and of add_term
  std::vector<variable> of_weights;  // of regularizers: they hold what the others train
  std::vector<variable> named;       // those of `of_values` that are figures too
};

class network {
 public:
  struct node {
    std::vector<layer> by;          // none for an input
    std::vector<std::size_t> from;  // earlier nodes
    place where;
    std::string name;               // an input's
    std::optional<value_type> row;  // without the batch axis; once it is known; none of a number
    std::shared_ptr<std::string> inside = {};         // the name of the model that it is a part of
    std::optional<symbol> known_as = {};              // what the user has for it
    std::vector<symbol::declared_row> declared = {};  // of `from`
  };

  explicit network(std::int64_t seed) : random(seed) {}
  /// What leads from the symbols `inputs` to `outputs`, named and built.
  network(const std::vector<symbol>& inputs, const std::vector<symbol>& outputs, std::int64_t seed);

  /// A part of the loss.
  struct term {
    std::size_t node;
    std::string name;  // empty if it is no figure
  };
  /// What a file tells.
  struct plan {
    std::vector<node> nodes;
    std::vector<std::size_t> inputs, outputs;
    std::vector<term> terms;
    std::string name;
    std::int64_t seed = 0;
  };
  explicit network(plan p);

  /// One layer after the other: the first node is an input of a type that is not known yet.
  void append(const layer& l, place where);
  /// Applies the nodes of a network with one input and one output at the end.
  void append(const network& part);
  /// The input's type of such a network.
  void set_input(const value_type& row, std::string name, place where);

  bool built() const { return built_; }
  /// Makes all weights; value_error if an input's type is not known.
  void build();
  /// The same unless it is built; value_error if there are no layers.
  void demand_built();
  /// Makes them, unless they are made, if all that it takes is known.
  void build_if_possible();
  /// Records it to see whether it can be built, and takes that back.
  void try_out();
  /// Whether there are layers, and all inputs' types are known.
  bool can_build() const;
  /// The same, unless it is built, with these types of inputs (rows) where none is known. What
  /// throws leaves it as it was.
  void build_for(std::span<const value_type> rows);
  /// Makes what was built since the last call stay.
  void settle();
  /// Takes it back, but for layers that another network has settled meanwhile, giving `drop` each
  /// parameter that goes. Takes no memory.
  template <class F> void unbuild(F drop) {
    if (!before_ || walking_) return;
    for (auto& [body, name, bare] : before_->layers) {
      if (!bare || body->settled) continue;
      std::for_each(body->parameters.begin(), body->parameters.end(), drop);
    }
    restore();
  }
  /// Throws value_error if there are none.
  void demand_layers() const;
  /// Records it for variables of shape (batch, row...), building it first for their types. Adds the
  /// terms of the loss to `terms`, if it is given.
  std::vector<variable> record(std::span<const variable> x, mode m, loss_terms* terms = nullptr);
  /// Assigns to those of these parameters that have bounds what the bounds make of them.
  void bound(tape& t, const std::vector<parameter>& updated) const;

  // symbols.cpp
  /// Its nodes applied to other inputs.
  std::vector<symbol> apply(const std::vector<symbol>& x, place where) const;
  /// Adds a symbol's value to the loss. What throws, as `demand` may, leaves it as it was.
  void add_term(const symbol& what, const std::string& name, const std::function<void()>& demand);
  /// Of the terms that have names.
  std::vector<std::string> names_of_terms() const;
  symbol symbol_of(std::size_t node);
  std::vector<symbol> input_symbols();
  /// Throws value_error unless it is there once.
  symbol output_of(const std::string& layer);
  /// Throws value_error listing the names.
  layer layer_named(const std::string& name) const;
  /// Each once, in their order.
  std::vector<layer_body*> layers() const;
  /// The same with those within others, after them.
  std::vector<layer_body*> all_layers() const;
  std::string& name() { return *name_; }
  const std::string& name() const { return *name_; }

  const std::vector<node>& nodes() const { return nodes_; }
  const node& input(std::size_t i) const { return nodes_[inputs_[i]]; }
  const node& output(std::size_t i) const { return nodes_[outputs_[i]]; }
  std::size_t inputs() const { return inputs_.size(); }
  std::size_t outputs() const { return outputs_.size(); }
  const std::vector<std::size_t>& input_nodes() const { return inputs_; }
  const std::vector<std::size_t>& output_nodes() const { return outputs_; }
  const std::vector<term>& terms() const { return terms_; }
  /// The name of the layer, or of the input, that makes an output; empty before the first build.
  const std::string& name_of_output(std::size_t i) const;
  std::vector<parameter> parameters() const;
  /// layer_body::carried of all layers.
  std::vector<parameter> carried() const;
  /// The table of model::summary: summary.cpp.
  std::string summary() const;

  generator random;

 private:
  static const std::string& name_of(const node& n);
  void add_nodes(const std::vector<symbol>& inputs, const std::vector<symbol>& outputs);
  std::size_t add_node(const symbol& of);
  std::vector<symbol::declared_row> declared_for(const node& n) const;
  void name_layers();
  void name_parts();
  void add_terms(std::span<const masked> values, loss_terms& to) const;
  void demand_rest() const;
  void restore();
  std::vector<variable> walk(std::span<const variable> x, mode m, bool keep_types,
                             loss_terms* terms = nullptr);

  std::vector<node> nodes_;
  std::vector<std::size_t> inputs_, outputs_;
  std::vector<term> terms_;
  std::shared_ptr<std::string> name_ = std::make_shared<std::string>();
  bool built_ = false, walking_ = false;
  // What a build changes: nodes, the names of layers and parts, and the parameters of layers
  // without any.
  struct earlier {
    struct layer_state {
      layer_body* body;
      std::string name;
      bool bare;
    };
    std::vector<node> nodes;
    std::vector<layer_state> layers;
    std::vector<std::pair<std::shared_ptr<std::string>, std::string>> parts;
    tensor drawn;
  };
  std::optional<earlier> before_;  // a build that may be taken back
};

}  // namespace cotape::detail
