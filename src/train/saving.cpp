// A model as a text, and as a file.
#include "cotape/saving.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <typeinfo>

#include "io/json_tree.hpp"
#include "io/named.hpp"
#include "nn/kinds.hpp"
#include "train/model_body.hpp"
#include "train/model_file.hpp"

namespace cotape {

namespace {

namespace words = detail::model_file;
using detail::network;

constexpr const char* who = "save";

// A JSON text, item by item.
class json_text {
 public:
  void raw(const char* name, const std::string& value) {
    text_ += fmt::format("{}\"{}\":{}", text_.empty() ? "" : ",", name, value);
  }
  void text(const char* name, const std::string& value) { raw(name, detail::quoted(value, who)); }
  void number(const char* name, std::int64_t value) { raw(name, fmt::format("{}", value)); }
  void list(const char* name, const std::vector<std::string>& items) {
    raw(name, fmt::format("[{}]", fmt::join(items, ",")));
  }
  void indexes(const char* name, const std::vector<std::size_t>& items) {
    raw(name, fmt::format("[{}]", fmt::join(items, ",")));
  }
  std::string object() const { return "{" + text_ + "}"; }

 private:
  std::string text_;
};

std::string object_of(const named_texts& texts) {
  std::string items;
  for (const auto& [name, value] : texts) {
    items += fmt::format("{}{}:{}", items.empty() ? "" : ",", detail::quoted(name, who),
                         detail::word_or_quoted(value, who));
  }
  return "{" + items + "}";
}

std::string shape_text(const shape& s) { return fmt::format("[{}]", fmt::join(s, ",")); }

// Throws if the library would make another layer of it.
void demand_own_kind(const layer_body& l, const named_texts& options) {
  const std::optional<layer> made = detail::layer_of_kind(l.kind(), options);
  if (!made) return;
  const layer_body& another = made->body();
  if (typeid(another) == typeid(l)) return;
  throw value_error(
      fmt::format("it is one of your own, but its kind '{}' is one of the library's: let kind() "
                  "tell another",
                  l.kind()));
}

std::string options_of(const layer_body& l) {
  std::optional<named_texts> options;
  try {
    options = l.description();
    if (options) demand_own_kind(l, *options);
  } catch (const value_error& e) {
    throw value_error(fmt::format("{}: the layer '{}': {}", who, l.name, e.what()));
  }
  if (options) return object_of(*options);
  throw value_error(
      fmt::format("{}: no file can hold the layer '{}': it is a function, or one of your own whose "
                  "kind '{}' has no description(): keep the parameters alone (save_parameters)",
                  who, l.name, l.kind()));
}

std::string parameters_of(const layer_body& l) {
  named_texts ways;
  for (const parameter& p : l.parameters) {
    const std::vector<parameter>& frozen = l.frozen();
    const bool with_layer = std::find(frozen.begin(), frozen.end(), p) != frozen.end();
    ways.emplace_back(p.name(), p.trainable() ? words::trained
                                : with_layer  ? words::frozen
                                              : words::fixed);
  }
  return object_of(ways);
}

std::string text_of_layer(const layer_body& l) {
  json_text to;
  to.text("kind", l.kind());
  to.text("name", l.name);
  to.raw("trainable", l.trainable() ? "true" : "false");
  to.raw("options", options_of(l));
  to.raw("parameters", parameters_of(l));
  return to.object();
}

// A thing's number in the order in which they were met.
template <class T> class numbering {
 public:
  std::size_t of(const T* x) {
    const auto at = std::find(met.begin(), met.end(), x);
    if (at != met.end()) return static_cast<std::size_t>(at - met.begin());
    met.push_back(x);
    return met.size() - 1;
  }
  std::vector<const T*> met;
};

void add_nodes(json_text& to, const network& net) {
  numbering<layer_body> layers;
  numbering<std::string> parts;
  std::vector<std::string> nodes, of_layers, names;
  for (const network::node& n : net.nodes()) {
    json_text node;
    if (n.by.empty()) {
      node.text("input", n.name);
      node.text("dtype", name_of(n.row->dtype));
      node.raw("row", shape_text(n.row->shape));
    } else {
      node.number("layer", static_cast<std::int64_t>(layers.of(&n.by[0].body())));
      node.indexes("from", n.from);
      if (n.inside) node.number("part", static_cast<std::int64_t>(parts.of(n.inside.get())));
    }
    nodes.push_back(node.object());
  }
  for (const layer_body* l : layers.met) of_layers.push_back(text_of_layer(*l));
  for (const std::string* name : parts.met) names.push_back(detail::quoted(*name, who));
  to.list("layers", of_layers);
  to.list("parts", names);
  to.list("nodes", nodes);
}

// Throws unless the optimizer's state is what one of its kind makes for this model.
void demand_own_state(const model::body& m, const std::string& kind) {
  const std::vector<parameter> own = m.net.parameters(), served = m.how->served();
  for (const parameter& p : served) {
    if (std::find(own.begin(), own.end(), p) != own.end()) continue;
    throw value_error(
        fmt::format("{}: the optimizer holds state of '{}', which is no parameter of this model: "
                    "compile with one of its own",
                    who, p.name()));
  }
  const auto another = detail::optimizer_of_kind(kind, m.how->description());
  another->serve(served);
  if (another->state().size() == m.how->state().size()) return;
  throw value_error(
      fmt::format("{}: the optimizer holds gradients that were accumulated, which no file of a "
                  "model can hold: leave `optimizer` out",
                  who));
}

std::string text_of_training(const model::body& m) {
  std::vector<std::string> losses, metrics;
  for (const loss_function& l : m.losses) {
    if (l.known() == nullptr) {
      throw value_error(
          fmt::format("{}: no file can hold a loss of your own: leave `optimizer` out, and compile "
                      "the model when it is loaded",
                      who));
    }
    losses.push_back(detail::quoted(l.name(), who));
  }
  for (const metric& one : m.metrics) {
    if (!one.known()) {
      throw value_error(
          fmt::format("{}: no file can hold the metric '{}', a function of your own: leave "
                      "`optimizer` out, and compile the model when it is loaded",
                      who, one.name()));
    }
    metrics.push_back(detail::quoted(one.name(), who));
  }
  const std::string kind = detail::kind_of(*m.how);
  if (kind.empty()) {
    throw value_error(
        fmt::format("{}: no file can hold an optimizer of your own: leave `optimizer` "
                    "out, and compile the model when it is loaded",
                    who));
  }
  demand_own_state(m, kind);
  json_text how, to;
  how.text("kind", kind);
  how.raw("options", object_of(m.how->description()));
  to.list("losses", losses);
  to.list("metrics", metrics);
  to.raw("optimizer", how.object());
  to.number("epochs", m.epochs);
  to.number("steps", m.steps);
  return to.object();
}

std::string text_of(model::body& m, bool training) {
  network& net = m.net;
  json_text to;
  to.number("version", words::version);
  to.text("name", net.name());
  to.number("seed", net.random.seed());
  to.number("drawn", *net.random.counter().view().data_as<std::int64_t>());
  add_nodes(to, net);
  to.indexes("inputs", net.input_nodes());
  to.indexes("outputs", net.output_nodes());
  std::vector<std::string> terms;
  for (const network::term& t : net.terms()) {
    json_text term;
    term.number("node", static_cast<std::int64_t>(t.node));
    term.text("name", t.name);
    terms.push_back(term.object());
  }
  to.list("terms", terms);
  if (training) to.raw("training", text_of_training(m));
  if (const std::string text = to.object(); text.size() <= detail::most_json_bytes) return text;
  throw value_error(
      fmt::format("{}: the text of the layers takes over {} bytes", who, detail::most_json_bytes));
}

void add(named_views& to, const std::string& name, const parameter& p) {
  if (to.emplace(name, p.view()).second) return;
  throw value_error(fmt::format("{}: two parameters are named '{}'", who, name));
}

}  // namespace

void model::save(const std::filesystem::path& file, const save_options& options) const {
  const action of(*this, who, access::look);
  const detail::file_task task{who, file};
  check_name(task);
  if (file.extension() != words::extension) {
    throw value_error(fmt::format("{}: {}: models are kept in {}, not in '{}'", who, file.string(),
                                  words::extension, file.extension().string()));
  }
  of->net.demand_built();
  if (options.optimizer) of->demand_compiled(who);
  named_views values;
  for (const parameter& p : of->net.parameters()) add(values, p.name(), p);
  if (options.optimizer) {
    for (const parameter& p : of->how->state()) add(values, words::optimizer_prefix + p.name(), p);
  }
  detail::write_safetensors(task, values, text_of(*of, options.optimizer));
}

}  // namespace cotape
