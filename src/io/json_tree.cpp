// JSON to a tree, by the events of nlohmann's parser.
#include "io/json_tree.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <set>

#include "cotape/error.hpp"
#include "io/file.hpp"
#include "io/named.hpp"

namespace cotape::detail {

namespace {

using nlohmann::json;

class tree_builder final : public json::json_sax_t {
 public:
  using failing = std::function<void(const std::string&)>;
  explicit tree_builder(const failing& fail) : fail_(fail) { open_.push_back(&top_); }

  json_tree result() { return std::move(top_.items.at(0)); }

  bool start_object(std::size_t) override { return start(json_tree::kind::object); }
  bool start_array(std::size_t) override { return start(json_tree::kind::list); }
  bool end_object() override { return end(); }
  bool end_array() override { return end(); }
  bool key(std::string& name) override {
    if (!names_.back().insert(name).second) {
      fail_(fmt::format("it holds '{}' twice", shown(name, 80)));
    }
    open_.back()->names.push_back(name);
    return true;
  }
  bool string(std::string& text) override { return leaf(json_tree::kind::text, text); }
  bool boolean(bool b) override { return leaf(json_tree::kind::word, b ? "true" : "false"); }
  bool number_integer(std::int64_t n) override {
    return leaf(json_tree::kind::word, fmt::format("{}", n));
  }
  bool number_unsigned(std::uint64_t n) override {
    return leaf(json_tree::kind::word, fmt::format("{}", n));
  }
  bool number_float(double, const std::string& text) override {
    return leaf(json_tree::kind::word, text);
  }
  bool null() override {
    fail_("it holds null");
    return false;
  }
  bool binary(json::binary_t&) override { return false; }
  bool parse_error(std::size_t at, const std::string&, const json::exception&) override {
    fail_(fmt::format("it is no JSON at byte {}", at));
    return false;
  }

 private:
  json_tree& add(json_tree::kind what) {
    std::vector<json_tree>& items = open_.back()->items;
    items.emplace_back();
    items.back().what = what;
    return items.back();
  }
  // A list's items move while it grows, but only its last one is ever open.
  bool start(json_tree::kind what) {
    if (open_.size() > most_json_depth) {
      fail_(fmt::format("it is over {} levels deep", most_json_depth));
    }
    open_.push_back(&add(what));
    names_.emplace_back();
    return true;
  }
  bool end() {
    open_.pop_back();
    names_.pop_back();
    return true;
  }
  bool leaf(json_tree::kind what, std::string text) {
    add(what).text = std::move(text);
    return true;
  }

  const failing& fail_;
  json_tree top_;
  std::vector<json_tree*> open_;
  std::vector<std::set<std::string>> names_;  // of each that is open, but for the top
};

}  // namespace

const json_tree* json_tree::find(std::string_view name) const {
  const auto at = std::find(names.begin(), names.end(), name);
  return at == names.end() ? nullptr : &items[static_cast<std::size_t>(at - names.begin())];
}

json_tree parse_json(const std::string& text,
                     const std::function<void(const std::string& what)>& fail) {
  if (text.size() > most_json_bytes) {
    fail(fmt::format("it has {} bytes: over the limit of {}", text.size(), most_json_bytes));
  }
  tree_builder builder(fail);
  json::sax_parse(text, &builder);
  return builder.result();
}

std::string quoted(const std::string& text, const char* who) {
  if (!is_utf8(text)) throw value_error(fmt::format("{}: '{}' is no UTF-8", who, shown(text, 80)));
  return json(text).dump();
}

std::string text_of(const json_tree& tree) {
  if (tree.what == json_tree::kind::text || tree.what == json_tree::kind::word) return tree.text;
  std::string text;
  for (const json_tree& item : tree.items) text += (text.empty() ? "" : ", ") + text_of(item);
  return "[" + text + "]";
}

std::string word_or_quoted(const std::string& text, const char* who) {
  const bool may_be =
      !text.empty() && std::string_view("-0123456789[tf").find(text[0]) != std::string_view::npos;
  struct other {};
  if (may_be) {
    try {
      const json_tree tree = parse_json(text, [](const std::string&) { throw other(); });
      const bool of_words = text.find_first_of("\"{") == std::string::npos;
      if (of_words && text_of(tree) == text) return text;
    } catch (const other&) {  // a text like any other
    }
  }
  return quoted(text, who);
}

}  // namespace cotape::detail
