// Naming, building and recording the layers of a model.
#include "nn/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "base/telling.hpp"
#include "cotape/ops.hpp"
#include "cotape/xtensor.hpp"
#include "nn/layer_parts.hpp"

namespace cotape::detail {

namespace {

// Rows in the batch that a network is built with: any number does, nothing is computed.
constexpr std::int64_t trial_rows = 2;

value_type row_of(const variable& v) {
  const shape& s = v.shape();
  if (s.rank() == 0) throw shape_error("model: a value of shape () has no batch axis");
  return {v.dtype(), without_batch(s)};
}

// Throws shape_error unless an output has the inputs' rows.
void demand_rows(const variable& y, std::span<const variable> inputs, const std::string& name) {
  const std::int64_t rows = inputs[0].shape()[0];
  if (y.shape().rank() > 0 && y.shape()[0] == rows) return;
  throw shape_error(
      fmt::format("model: the output {} of '{}' has not the {} rows of the inputs: layers keep the "
                  "first axis, the batch",
                  y.shape().text(), name, rows));
}

}  // namespace

shape with_batch(std::int64_t rows, const shape& row) {
  std::vector<std::int64_t> sizes{rows};
  sizes.insert(sizes.end(), row.begin(), row.end());
  return shape(sizes);
}

shape without_batch(const shape& batch) {
  return shape(std::span(batch.begin() + 1, batch.rank() - 1));
}

std::string text_with_none(const shape& row) {
  std::string text = "(None";
  for (const std::int64_t n : row) text += fmt::format(", {}", n);
  return text + (row.rank() == 0 ? ",)" : ")");
}

network::network(const std::vector<symbol>& inputs, const std::vector<symbol>& outputs,
                 std::int64_t seed)
    : random(seed) {
  add_nodes(inputs, outputs);
  build();
  settle();
}

network::network(plan p)
    : random(p.seed),
      nodes_(std::move(p.nodes)),
      inputs_(std::move(p.inputs)),
      outputs_(std::move(p.outputs)),
      terms_(std::move(p.terms)) {
  *name_ = std::move(p.name);
  build();
  settle();
}

void network::append(const layer& l, place where) {
  const bool first = nodes_.empty();
  const std::size_t at = first ? 1 : nodes_.size(), end = first ? 0 : outputs_[0];
  // Takes all memory before it changes anything.
  std::vector<std::size_t> inputs{0}, outputs{at};
  node added{{l}, {end}, where, {}, {}};
  if (first) {
    nodes_.reserve(2);
    nodes_.emplace_back();
    inputs_ = std::move(inputs);
  }
  nodes_.push_back(std::move(added));
  outputs_ = std::move(outputs);
  built_ = false;
}

void network::set_input(const value_type& row, std::string name, place where) {
  if (!nodes_.empty()) {
    throw value_error("sequential: the input must be added before any layer");
  }
  inputs_ = outputs_ = {0};
  nodes_.push_back({{}, {}, where, std::move(name), row});
}

namespace {

// Gives names to what has none, counted: dense, dense_1 ...
class namer {
 public:
  void look_at(std::string& name, std::string kind, const char* hint = "") {
    if (name.empty()) wanting_.emplace_back(&name, std::move(kind));
    else if (!taken_.insert(name).second) {
      throw value_error(fmt::format("model: two layers are named '{}'{}", name, hint));
    }
  }
  void give() {
    std::map<std::string, int> given;  // of each kind
    for (auto& [to, kind] : wanting_) {
      std::string name = kind;
      int& k = given[kind];
      for (; !taken_.insert(name).second; name = fmt::format("{}_{}", kind, k)) ++k;
      *to = std::move(name);
    }
  }

 private:
  std::set<std::string> taken_;
  std::vector<std::pair<std::string*, std::string>> wanting_;
};

}  // namespace

void network::name_parts() {
  namer names;
  std::set<const std::string*> seen;
  for (const node& n : nodes_) {
    if (n.inside && seen.insert(n.inside.get()).second) names.look_at(*n.inside, "model");
  }
  names.give();
}

void network::name_layers() {
  name_parts();
  namer names;
  std::set<const layer_body*> seen;
  for (node& n : nodes_) {
    if (n.by.empty()) {
      names.look_at(n.name, "input");
      continue;
    }
    layer_body& l = n.by[0].body();
    if (!seen.insert(&l).second) continue;
    const std::string& of = n.inside ? *n.inside : *name_;
    names.look_at(l.name, of.empty() ? l.kind() : fmt::format("{}/{}", of, l.kind()),
                  n.inside ? ": give the models that are parts names (set_name) before their "
                             "first use"
                           : "");
  }
  names.give();
}

void network::demand_rest() const {
  if (walking_) throw value_error("model: one of its layers calls the model itself");
}

void network::build() {
  demand_rest();
  tape t;
  std::vector<variable> x;
  for (const std::size_t i : inputs_) {
    const node& n = nodes_[i];
    if (!n.row)
      throw value_error("model: the input's shape is not known yet: add input({...}) first");
    const shape batch = with_batch(trial_rows, n.row->shape);
    x.push_back(t.input(n.row->dtype, batch, "", n.where.file, n.where.line));
  }
  earlier before{nodes_, {}, {}, tensor(random.counter().view())};
  for (const node& n : nodes_) {
    if (n.inside) before.parts.emplace_back(n.inside, *n.inside);
    if (n.by.empty()) continue;
    layer_body& l = n.by[0].body();
    before.layers.push_back({&l, l.name, l.parameters.empty()});
  }
  before_ = std::move(before);
  try {
    name_layers();
    walk(x, mode::predicting, true);
  } catch (...) {  // so that another try can make them for other inputs, with the same numbers
    restore();
    throw;
  }
  built_ = true;
}

void network::restore() {
  nodes_ = std::move(before_->nodes);
  bool stays = false;  // something that was drawn
  for (auto& [body, name, bare] : before_->layers) {
    if (body->settled) {
      stays = stays || (bare && !body->parameters.empty());
      continue;
    }
    body->name = std::move(name);
    if (bare) body->forget_parameters();
  }
  for (auto& [part, name] : before_->parts) *part = std::move(name);
  if (!stays) random.counter().set(before_->drawn);
  before_.reset();
  built_ = false;
}

void network::demand_built() {
  demand_layers();
  if (!built_) build();
}

void network::build_if_possible() {
  if (!built_ && can_build()) build();
}

// Weights are not drawn for it.
void network::try_out() {
  const std::vector<layer_body*> all = layers();
  const auto draw_again = [](const std::vector<layer_body*>* of) {
    for (layer_body* l : *of) l->kept_values = nullptr;
  };
  const std::unique_ptr<const std::vector<layer_body*>, decltype(draw_again)> guard(&all,
                                                                                    draw_again);
  for (layer_body* l : all) {
    l->kept_values = [](const std::string&, const value_type& type) { return tensor(type); };
  }
  build();
  restore();
}

void network::settle() {
  if (!before_ || walking_) return;
  for (const auto& l : before_->layers) l.body->settled = true;
  before_.reset();
}

bool network::can_build() const {
  return nodes_.size() > 1 && std::all_of(inputs_.begin(), inputs_.end(), [this](std::size_t i) {
           return nodes_[i].row.has_value();
         });
}

void network::build_for(std::span<const value_type> rows) {
  demand_layers();
  if (built_) return;
  demand_rest();
  std::vector<node> before = nodes_;
  for (std::size_t i = 0; i < rows.size() && i < inputs_.size(); ++i) {
    node& n = nodes_[inputs_[i]];
    if (!n.row) n.row = rows[i];
  }
  try {
    build();
  } catch (...) {
    nodes_ = std::move(before);
    throw;
  }
  before_->nodes = std::move(before);
}

void network::demand_layers() const {
  if (nodes_.size() < 2) throw value_error("sequential: the model has no layers, add some");
}

namespace {

// Throws shape_error unless a value has the rows that an input was declared with.
void demand_declared(const symbol::declared_row& d, const variable& given) {
  const shape row = row_of(given).shape;
  if (row == d.row) return;
  throw shape_error(
      fmt::format("model{}: its input is declared as {}, but is given {} [declared at {}]",
                  d.model->empty() ? "" : fmt::format(" '{}'", *d.model), text_with_none(d.row),
                  text_with_none(row), d.where.text()));
}

}  // namespace

std::vector<symbol::declared_row> network::declared_for(const node& n) const {
  std::vector<symbol::declared_row> result = n.declared;
  for (std::size_t k = 0; k < n.from.size(); ++k) {
    const node& from = nodes_[n.from[k]];
    if (from.by.empty() && from.where.line != 0) {
      result.push_back({k, from.row->shape, name_, from.where});
    }
  }
  return result;
}

std::vector<variable> network::record(std::span<const variable> x, mode m, loss_terms* terms) {
  demand_layers();
  if (x.size() != inputs_.size()) {
    throw value_error(fmt::format("model: {} values for {} inputs", x.size(), inputs_.size()));
  }
  std::vector<value_type> rows;
  for (const variable& v : x) {
    const node& n = nodes_[inputs_[rows.size()]];
    if (n.where.line != 0) demand_declared({0, n.row->shape, name_, n.where}, v);
    rows.push_back(row_of(v));
    // A float64 tape does not tell a float32 input from another.
    if (v.owner().promoted(float32) == float64 && v.dtype() == float64) rows.back().dtype = float32;
  }
  build_for(rows);
  return walk(x, m, false, terms);
}

std::vector<variable> network::walk(std::span<const variable> x, mode m, bool keep_types,
                                    loss_terms* terms) {
  demand_rest();
  walking_ = true;
  const auto end = [](bool* walking) { *walking = false; };
  const std::unique_ptr<bool, decltype(end)> guard(&walking_, end);
  std::vector<masked> values(nodes_.size());
  for (std::size_t i = 0; i < x.size(); ++i) values[inputs_[i]].value = x[i];
  std::vector<masked> from;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    node& n = nodes_[i];
    if (n.by.empty()) continue;
    from.clear();
    for (const std::size_t k : n.from) from.push_back(values[k]);
    std::optional<tape::scope> here;
    if (n.where.line != 0) here.emplace(from[0].value.owner(), n.where);
    layer_body& l = n.by[0].body();
    const auto which = [&] {
      return fmt::format(" [layer '{}'{}{}]", l.name,
                         n.where.line == 0 ? "" : " at " + n.where.text(),
                         keep_types ? fmt::format(", tried with {} rows", trial_rows) : "");
    };
    values[i] = telling(
        [&] {
          for (const auto& d : n.declared) demand_declared(d, from[d.at].value);
          return detail::record(l, from, m, random);
        },
        which);
    const bool is_term =
        std::any_of(terms_.begin(), terms_.end(), [i](const term& one) { return one.node == i; });
    const variable& made = values[i].value;
    if (keep_types && !(is_term && made.shape().rank() == 0)) n.row = row_of(made);
  }
  if (terms != nullptr) add_terms(values, *terms);
  std::vector<variable> result;
  for (const std::size_t i : outputs_) {
    demand_rows(values[i].value, x, name_of(nodes_[i]));
    result.push_back(values[i].value);
  }
  return result;
}

namespace {

// The sum of a batch's values over its rows.
variable over_rows(const variable& sum, const variable& batch) {
  const shape& s = batch.shape();
  return s.rank() == 0 || s[0] == 0 ? sum : sum / static_cast<double>(s[0]);
}

variable number_of(const regularizer& f, const variable& x, const std::string& name) {
  const variable result = f(x);
  if (result.shape().elements() == 1) return sum(result);
  throw shape_error(
      fmt::format("regularizer: that of '{}' has shape {}, not one number: take its "
                  "sum",
                  name, result.shape().text()));
}

}  // namespace

void network::add_terms(std::span<const masked> values, loss_terms& to) const {
  for (const term& one : terms_) {
    const variable& x = values[one.node].value;
    to.of_values.push_back(over_rows(sum(x), x));
    if (!one.name.empty()) to.named.push_back(to.of_values.back());
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].by.empty()) continue;
    const layer_body& l = nodes_[i].by[0].body();
    if (!l.activity) continue;
    const variable& x = values[i].value;
    to.of_values.push_back(over_rows(number_of(l.activity, x, l.name), x));
  }
  tape& t = values[inputs_[0]].value.owner();
  for (const layer_body* l : layers()) {
    for (std::size_t i = 0; i < std::min(l->rules.size(), l->parameters.size()); ++i) {
      const parameter& p = l->parameters[i];
      if (!l->rules[i].term || !p.trainable()) continue;
      to.of_weights.push_back(number_of(l->rules[i].term, t.read(p), p.name()));
    }
  }
}

void network::bound(tape& t, const std::vector<parameter>& updated) const {
  for (const layer_body* l : layers()) {
    for (std::size_t i = 0; i < std::min(l->rules.size(), l->parameters.size()); ++i) {
      const parameter& p = l->parameters[i];
      if (!l->rules[i].bounds) continue;
      if (std::find(updated.begin(), updated.end(), p) == updated.end()) continue;
      t.assign(p, l->rules[i].bounds(t.read(p)));
    }
  }
}

const std::string& network::name_of(const node& n) {
  return n.by.empty() ? n.name : n.by[0].body().name;
}

const std::string& network::name_of_output(std::size_t i) const { return name_of(output(i)); }

std::vector<layer_body*> network::layers() const {
  std::vector<layer_body*> result;
  std::set<const layer_body*> seen;
  for (const node& n : nodes_) {
    if (!n.by.empty() && seen.insert(&n.by[0].body()).second) result.push_back(&n.by[0].body());
  }
  return result;
}

std::vector<layer_body*> network::all_layers() const {
  std::vector<layer_body*> result = layers();
  for (std::size_t i = 0; i < result.size(); ++i) {
    for (layer_body* l : result[i]->inner()) result.push_back(l);
  }
  return result;
}

std::vector<parameter> network::carried() const {
  std::vector<parameter> result;
  for (const layer_body* l : layers()) {
    const std::vector<parameter> list = l->carried();
    result.insert(result.end(), list.begin(), list.end());
  }
  return result;
}

std::vector<parameter> network::parameters() const {
  std::vector<parameter> result;
  for (const layer_body* l : layers()) {
    result.insert(result.end(), l->parameters.begin(), l->parameters.end());
  }
  return result;
}

}  // namespace cotape::detail
