// Ordering, naming, building and recording the layers of a model.
#include "nn/network.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <memory>
#include <set>
#include <unordered_map>

#include "cotape/xtensor.hpp"

namespace cotape::detail {

namespace {

// Rows in the batch that a network is built with: any number does, nothing is computed.
constexpr std::int64_t trial_rows = 2;

value_type row_of(const variable& v) {
  const shape& s = v.shape();
  if (s.rank() == 0) throw shape_error("model: a value of shape () has no batch axis");
  return {v.dtype(), without_batch(s)};
}

const std::string& name_of(const network::node& n) {
  return n.by.empty() ? n.name : n.by[0].body().name;
}

std::int64_t elements(const std::vector<parameter>& parameters) {
  std::int64_t n = 0;
  for (const parameter& p : parameters) n += p.shape().elements();
  return n;
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

// Depth first, on a stack of its own: a symbol's node follows those that it is made from.
void network::add_nodes(const std::vector<symbol>& inputs, const std::vector<symbol>& outputs) {
  if (outputs.empty() || inputs.empty()) throw value_error("model: it needs inputs and outputs");
  std::unordered_map<const symbol::source*, std::size_t> known;
  for (const symbol& s : inputs) {
    if (!s.of().made_by.empty()) throw value_error("model: an input was not made by input()");
    if (!known.emplace(&s.of(), nodes_.size()).second) {
      throw value_error("model: an input is given twice");
    }
    inputs_.push_back(nodes_.size());
    nodes_.push_back({{}, {}, s.of().where, s.of().name, s.of().row});
  }
  for (const symbol& output : outputs) {
    std::vector<const symbol::source*> waiting{&output.of()};
    while (!waiting.empty()) {
      const symbol::source* s = waiting.back();
      const auto missing = std::find_if(s->from.begin(), s->from.end(),
                                        [&](const symbol& x) { return !known.contains(&x.of()); });
      if (missing != s->from.end() && !known.contains(s)) {
        waiting.push_back(&missing->of());
        continue;
      }
      waiting.pop_back();
      if (known.contains(s)) continue;
      if (s->made_by.empty()) {
        throw value_error(
            fmt::format("model: an output needs an input that is not given [made at "
                        "{}]",
                        s->where.text()));
      }
      node n{s->made_by, {}, s->where, {}, {}};
      for (const symbol& x : s->from) n.from.push_back(known.at(&x.of()));
      known.emplace(s, nodes_.size());
      nodes_.push_back(std::move(n));
    }
    outputs_.push_back(known.at(&output.of()));
  }
}

void network::append(const layer& l) {
  const bool first = nodes_.empty();
  const std::size_t at = first ? 1 : nodes_.size();
  // Takes all memory before it changes anything.
  std::vector<std::size_t> inputs{0}, outputs{at};
  node added{{l}, {at - 1}, {}, {}, {}};
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

// Gives each layer without a name its kind's, counted: dense, dense_1 ...
void network::name_layers() {
  std::set<std::string> taken;
  std::set<const layer_body*> seen;
  std::vector<std::string*> wanting;
  std::vector<const char*> kinds;
  const auto look_at = [&](std::string& name, const char* kind) {
    if (name.empty()) {
      wanting.push_back(&name);
      kinds.push_back(kind);
    } else if (!taken.insert(name).second) {
      throw value_error(fmt::format("model: two layers are named '{}'", name));
    }
  };
  for (node& n : nodes_) {
    if (n.by.empty()) look_at(n.name, "input");
    else if (seen.insert(&n.by[0].body()).second)
      look_at(n.by[0].body().name, n.by[0].body().kind());
  }
  for (std::size_t i = 0; i < wanting.size(); ++i) {
    std::string name = kinds[i];
    for (int k = 1; !taken.insert(name).second; ++k) name = fmt::format("{}_{}", kinds[i], k);
    *wanting[i] = name;
  }
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
  earlier before{nodes_, {}, tensor(random.counter().view())};
  for (const node& n : nodes_) {
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
    if (bare) body->parameters.clear();
  }
  if (!stays) random.counter().set(before_->drawn);
  before_.reset();
  built_ = false;
}

void network::settle() {
  if (!before_) return;
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

std::vector<variable> network::record(std::span<const variable> x, mode m) {
  demand_layers();
  if (x.size() != inputs_.size()) {
    throw value_error(fmt::format("model: {} values for {} inputs", x.size(), inputs_.size()));
  }
  std::vector<value_type> rows;
  for (const variable& v : x) {
    rows.push_back(row_of(v));
    // A float64 tape does not tell a float32 input from another.
    if (v.owner().promoted(float32) == float64 && v.dtype() == float64) rows.back().dtype = float32;
  }
  build_for(rows);
  return walk(x, m, false);
}

std::vector<variable> network::walk(std::span<const variable> x, mode m, bool keep_types) {
  demand_rest();
  walking_ = true;
  const auto end = [](bool* walking) { *walking = false; };
  const std::unique_ptr<bool, decltype(end)> guard(&walking_, end);
  std::vector<variable> values(nodes_.size());
  for (std::size_t i = 0; i < x.size(); ++i) values[inputs_[i]] = x[i];
  std::vector<variable> from;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    node& n = nodes_[i];
    if (n.by.empty()) continue;
    from.clear();
    for (const std::size_t k : n.from) from.push_back(values[k]);
    std::optional<tape::scope> here;
    if (n.where.line != 0) here.emplace(from[0].owner(), n.where);
    values[i] = n.by[0].body().record(from, m, random);
    if (keep_types) n.row = row_of(values[i]);
  }
  std::vector<variable> result;
  for (const std::size_t i : outputs_) result.push_back(values[i]);
  return result;
}

const std::string& network::name_of_output(std::size_t i) const { return name_of(output(i)); }

std::vector<parameter> network::parameters() const {
  std::vector<parameter> result;
  std::set<const layer_body*> seen;
  for (const node& n : nodes_) {
    if (n.by.empty() || !seen.insert(&n.by[0].body()).second) continue;
    const auto& own = n.by[0].parameters();
    result.insert(result.end(), own.begin(), own.end());
  }
  return result;
}

std::string network::summary() const {
  std::vector<std::array<std::string, 3>> rows{{"Layer", "Output shape", "Parameters"}};
  for (const node& n : nodes_) {
    const std::int64_t own = n.by.empty() ? 0 : elements(n.by[0].parameters());
    rows.push_back({name_of(n), text_with_none(n.row->shape), fmt::format("{}", own)});
  }
  std::array<std::size_t, 3> widths{};
  for (const auto& r : rows) {
    for (std::size_t k = 0; k < 3; ++k) widths[k] = std::max(widths[k], r[k].size());
  }
  std::string text;
  for (const auto& r : rows) {
    text +=
        fmt::format("{:{}}  {:{}}  {:>{}}\n", r[0], widths[0], r[1], widths[1], r[2], widths[2]);
  }
  std::vector<parameter> trainable;
  const std::vector<parameter> every = parameters();
  std::copy_if(every.begin(), every.end(), std::back_inserter(trainable),
               [](const parameter& p) { return p.trainable(); });
  const std::int64_t total = elements(every), moved = elements(trainable);
  return text +
         fmt::format("Total: {}\nTrainable: {}\nNon-trainable: {}\n", total, moved, total - moved);
}

}  // namespace cotape::detail
