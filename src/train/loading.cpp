// A model from a file, which strangers may have written: what its text tells is checked before
// anything is made of it, and weights are taken from the file, so that none are larger than it.
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cotape/saving.hpp"
#include "io/json_tree.hpp"
#include "io/named.hpp"
#include "nn/kinds.hpp"
#include "train/model_body.hpp"
#include "train/model_file.hpp"

namespace cotape {

namespace {

namespace words = detail::model_file;
using detail::file_task, detail::json_tree, detail::network;
using kind = json_tree::kind;

[[noreturn]] void refuse(const file_task& task, const std::string& what) {
  task.fail("its model: " + detail::shown(what, 1000));
}

// The items of an object of the text, each asked for once.
class object {
 public:
  object(const file_task& task, const json_tree& tree, std::string what)
      : task_(task), tree_(tree), what_(std::move(what)) {
    if (tree.what != kind::object) refuse(task, what_ + " is no object");
  }
  /// Null if there is none of that name.
  const json_tree* find(const char* name) {
    asked_.insert(name);
    return tree_.find(name);
  }
  const json_tree& at(const char* name, kind wanted) {
    const json_tree* found = find(name);
    if (found == nullptr || found->what != wanted) fail(name);
    return *found;
  }
  const std::string& text(const char* name) { return at(name, kind::text).text; }
  std::int64_t number(const char* name) { return number_in(at(name, kind::word), name); }
  /// From 0 on, so that sums fit.
  std::int64_t count(const char* name) {
    const std::int64_t n = number(name);
    if (n < 0 || n > std::int64_t{1} << 62) fail(name);
    return n;
  }
  /// Whole numbers below `limit`.
  std::size_t index(const char* name, std::size_t limit) {
    return index_in(at(name, kind::word), name, limit);
  }
  std::vector<std::size_t> indexes(const char* name, std::size_t limit) {
    std::vector<std::size_t> result;
    for (const json_tree& item : at(name, kind::list).items) {
      result.push_back(index_in(item, name, limit));
    }
    return result;
  }
  bool flag(const char* name) {
    const std::string& word = at(name, kind::word).text;
    if (word != "true" && word != "false") fail(name);
    return word == "true";
  }
  std::vector<std::int64_t> sizes(const char* name) {
    std::vector<std::int64_t> result;
    for (const json_tree& item : at(name, kind::list).items) {
      result.push_back(number_in(item, name));
    }
    return result;
  }
  std::vector<std::string> texts(const char* name) {
    std::vector<std::string> result;
    for (const json_tree& item : at(name, kind::list).items) {
      if (item.what != kind::text) fail(name);
      result.push_back(item.text);
    }
    return result;
  }
  named_texts options(const char* name) {
    const json_tree& found = at(name, kind::object);
    named_texts result;
    for (std::size_t i = 0; i < found.items.size(); ++i) {
      if (found.items[i].what == kind::object) fail(name);
      result.emplace_back(found.names[i], detail::text_of(found.items[i]));
    }
    return result;
  }
  /// Fails if there is something that was not asked for.
  void end() const {
    for (const std::string& name : tree_.names) {
      if (!asked_.contains(name)) refuse(task_, fmt::format("{} has an unknown '{}'", what_, name));
    }
  }
  [[noreturn]] void fail(const char* name) const {
    refuse(task_, fmt::format("{} has no '{}', or none that makes sense", what_, name));
  }

 private:
  std::int64_t number_in(const json_tree& item, const char* name) const {
    std::int64_t value = 0;
    try {
      if (item.what != kind::word) fail(name);
      detail::read_text(item.text, value);
    } catch (const value_error&) {
      fail(name);
    }
    return value;
  }
  std::size_t index_in(const json_tree& item, const char* name, std::size_t limit) const {
    const std::int64_t n = number_in(item, name);
    if (n < 0 || static_cast<std::uint64_t>(n) >= limit) fail(name);
    return static_cast<std::size_t>(n);
  }

  const file_task& task_;
  const json_tree& tree_;
  std::string what_;
  std::set<std::string> asked_;
};

dtype dtype_in(object& from) {
  const std::string& name = from.text("dtype");
  for (const dtype d : {float32, float64, int64}) {
    if (name == name_of(d)) return d;
  }
  from.fail("dtype");
}

// A layer of the text, and how each of its parameters is trained.
struct told_layer {
  layer made;
  bool trainable;
  named_texts parameters;
};

told_layer layer_in(object from, const file_task& task, const layer_kinds& own) {
  const std::string &of_kind = from.text("kind"), &name = from.text("name");
  const named_texts options = from.options("options");
  const auto make = [&]() -> layer {
    const auto by_user = own.find(of_kind);
    const bool is_own = by_user != own.end() && by_user->second;
    try {
      if (is_own) return by_user->second(options);
      if (auto made = detail::layer_of_kind(of_kind, options)) return *made;
    } catch (const error& e) {
      refuse(task, fmt::format("the layer '{}' of the kind '{}': {}", name, of_kind, e.what()));
    }
    refuse(task, fmt::format("the layer '{}' is of the kind '{}', which is not the library's: give "
                             "load_model a function that makes it",
                             name, of_kind));
  };
  told_layer result{make(), from.flag("trainable"), from.options("parameters")};
  result.made.body().name = name;
  for (const auto& [parameter, how] : result.parameters) {
    if (how != words::trained && how != words::fixed && how != words::frozen) {
      from.fail("parameters");
    }
  }
  from.end();
  return result;
}

// The network that a text tells, with its weights from the file.
class network_reader {
 public:
  network_reader(const file_task& task, named_tensors values, place where)
      : task_(task), values_(std::move(values)), where_(where) {}
  network_reader(const network_reader&) = delete;
  network_reader& operator=(const network_reader&) = delete;
  // Layers of the user's may live on.
  ~network_reader() {
    for (const told_layer& l : layers_) l.made.body().kept_values = nullptr;
  }

  network read(object& from, const layer_kinds& own) {
    network::plan plan;
    plan.name = from.text("name");
    plan.seed = from.number("seed");
    const std::int64_t drawn = from.number("drawn");
    std::size_t number = 0;
    for (const json_tree& item : from.at("layers", kind::list).items) {
      const std::string what = fmt::format("layer {}", number++);
      layers_.push_back(layer_in({task_, item, what}, task_, own));
      take_values(layers_.back().made.body());
    }
    for (const std::string& name : from.texts("parts")) {
      parts_.push_back(std::make_shared<std::string>(name));
    }
    std::vector<std::size_t> inputs;
    for (const json_tree& item : from.at("nodes", kind::list).items) {
      const std::size_t i = plan.nodes.size();
      plan.nodes.push_back(node_in({task_, item, fmt::format("node {}", i)}, i));
      if (plan.nodes.back().by.empty()) inputs.push_back(i);
    }
    const std::size_t n = plan.nodes.size();
    plan.inputs = from.indexes("inputs", n);
    plan.outputs = from.indexes("outputs", n);
    for (const json_tree& item : from.at("terms", kind::list).items) {
      object term(task_, item, fmt::format("term {}", plan.terms.size()));
      plan.terms.push_back({term.index("node", n), term.text("name")});
      term.end();
    }
    std::vector<std::size_t> sorted = plan.inputs;
    std::sort(sorted.begin(), sorted.end());
    if (sorted != inputs || inputs.empty()) from.fail("inputs");
    if (plan.outputs.empty()) from.fail("outputs");
    if (used_.size() != layers_.size()) from.fail("nodes");
    network result(std::move(plan));
    for (const told_layer& l : layers_) finish(l);
    result.random.counter().set(drawn);
    return result;
  }

  /// A tensor of the file, for a value of this type.
  tensor take(const std::string& name, const value_type& type) {
    const auto at = values_.find(name);
    if (at == values_.end()) task_.fail(fmt::format("it holds no '{}'", name));
    if (at->second.type() != type) {
      task_.fail(fmt::format("'{}' is {} in it, but its model takes {}", name,
                             at->second.type().text(), type.text()));
    }
    return std::move(values_.extract(at).mapped());
  }
  /// Whether the file tells what an optimizer keeps for it.
  bool has_state_of(const parameter& p) const {
    return values_.contains(fmt::format("{}{}/state0", words::optimizer_prefix, p.name()));
  }
  void demand_end() const {
    if (values_.empty()) return;
    const auto& [name, value] = *values_.begin();
    task_.fail(fmt::format("it also holds '{}', {}", name, value.type().text()));
  }

 private:
  void take_values(layer_body& l) {
    l.kept_values = [this](const std::string& name, const value_type& type) {
      taken_.insert(name);
      return take(name, type);
    };
  }

  network::node node_in(object from, std::size_t i) {
    network::node n;
    n.where = where_;
    if (from.find("input") != nullptr) {
      n.name = from.text("input");
      const std::vector<std::int64_t> row = from.sizes("row");
      n.row = value_type{dtype_in(from), shape(std::span<const std::int64_t>(row))};
    } else {
      const std::size_t k = from.index("layer", layers_.size());
      n.by.push_back(layers_[k].made);
      used_.insert(k);
      n.from = from.indexes("from", i);
      if (n.from.empty()) from.fail("from");
      if (from.find("part") != nullptr) n.inside = parts_[from.index("part", parts_.size())];
    }
    from.end();
    return n;
  }

  // Values of what a layer of the user's has made by itself, and what is trained.
  void finish(const told_layer& l) {
    layer_body& body = l.made.body();
    const auto refuse_names = [&]() {
      refuse(task_, fmt::format("the layer '{}' has other parameters", body.name));
    };
    if (body.parameters.size() != l.parameters.size()) refuse_names();
    for (std::size_t i = 0; i < l.parameters.size(); ++i) {
      const parameter& p = body.parameters[i];
      if (p.name() != l.parameters[i].first) refuse_names();
      if (!taken_.contains(p.name())) p.set(take(p.name(), p.type()));
      p.set_trainable(l.parameters[i].second != words::fixed);
    }
    if (l.trainable) return;
    body.set_trainable(false);
    for (std::size_t i = 0; i < l.parameters.size(); ++i) {
      if (l.parameters[i].second == words::trained) body.parameters[i].set_trainable(true);
    }
  }

  const file_task& task_;
  named_tensors values_;
  place where_;
  std::vector<told_layer> layers_;
  std::vector<std::shared_ptr<std::string>> parts_;
  std::set<std::string> taken_;
  std::set<std::size_t> used_;  // layers, by nodes
};

// Compiles the model as the text tells, with the optimizer's state from the file.
void take_training(model::body& to, object from, const file_task& task, network_reader& values) {
  std::vector<loss_function> losses;
  for (const std::string& name : from.texts("losses")) losses.emplace_back(name);
  for (const std::string& name : from.texts("metrics")) to.metrics.emplace_back(name);
  if (losses.size() != 1 && losses.size() != to.net.outputs()) from.fail("losses");
  to.losses = std::move(losses);
  object how(task, from.at("optimizer", kind::object), "the optimizer");
  const std::string& name = how.text("kind");
  to.how = detail::optimizer_of_kind(name, how.options("options"));
  if (!to.how) {
    refuse(task,
           fmt::format("no optimizer '{}'; there are: {}", name, detail::kinds_of_optimizers()));
  }
  how.end();
  to.epochs = from.count("epochs");
  to.steps = from.count("steps");
  from.end();
  for (const parameter& p : to.net.parameters()) {
    if (!values.has_state_of(p)) continue;
    to.how->serve({p});
    to.stepped.insert(p.number());
  }
  for (const parameter& p : to.how->state()) {
    p.set(values.take(words::optimizer_prefix + p.name(), p.type()));
  }
  const double rate = *to.how->rate().view().data_as<double>();
  if (!(rate >= 0)) refuse(task, fmt::format("{} is no learning rate", rate));
}

std::shared_ptr<model::body> body_in(const file_task& task, const json_tree& tree,
                                     named_tensors values, const layer_kinds& own, place where) {
  object top(task, tree, "it");
  const std::int64_t version = top.number("version");
  if (version < 1 || version > words::version) {
    refuse(task, fmt::format("it is of version {}, this library reads up to {}", version,
                             words::version));
  }
  network_reader reader(task, std::move(values), where);
  const auto result = std::make_shared<model::body>(reader.read(top, own));
  if (const json_tree* training = top.find("training")) {
    take_training(*result, {task, *training, "the training"}, task, reader);
  }
  top.end();
  result->demand_names(result->metrics, "its figures");
  reader.demand_end();
  return result;
}

}  // namespace

model load_model(const std::filesystem::path& file, const layer_kinds& own,
                 const read_limits& limits, const char* source, int line) {
  const file_task task{"load_model", file};
  check_name(task);
  std::string text;
  named_tensors values = detail::read_safetensors(
      task, limits, [](const detail::named_types&) {}, &text);
  if (text.empty()) {
    task.fail(
        values.contains("fit/position")
            ? "it holds the state of a fit, from which the callback checkpoint goes on, and no "
              "model: save one"
            : "it holds no model, only tensors, which load_parameters reads");
  }
  const json_tree tree =
      detail::parse_json(text, [&](const std::string& what) { refuse(task, what); });
  try {
    return model(body_in(task, tree, std::move(values), own, {source, line}));
  } catch (const io_error&) {
    throw;
  } catch (const error& e) {
    refuse(task, e.what());
  }
}

}  // namespace cotape
