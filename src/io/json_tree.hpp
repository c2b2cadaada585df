// A JSON text as a tree in memory, of what strangers may have written: of a limited size and depth.
// Unlike nlohmann's it takes no memory to be destroyed, and numbers keep the text that they had.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace cotape::detail {

class json_tree {
 public:
  enum class kind : std::uint8_t { object, list, text, word };  // a word: a number, true or false

  kind what = kind::text;
  std::string text;                // of texts and words
  std::vector<std::string> names;  // of an object's items
  std::vector<json_tree> items;

  /// Null if there is none of that name.
  const json_tree* find(std::string_view name) const;
};

constexpr std::size_t most_json_bytes = 8'000'000, most_json_depth = 16;

/// Calls `fail`, which throws, saying what is wrong: no JSON, a name twice, null, over a limit.
json_tree parse_json(const std::string& text,
                     const std::function<void(const std::string& what)>& fail);

/// A text in quotes. Throws value_error, beginning with `who`, for one that is no UTF-8.
std::string quoted(const std::string& text, const char* who);
/// A number, truth value or list of these as it is, if it stays what it is when it is parsed and
/// written by `text_of`; else in quotes.
std::string word_or_quoted(const std::string& text, const char* who);
/// The text of a text, and words and lists of them as JSON: "[[1, 2], [0, 0]]".
std::string text_of(const json_tree& tree);

}  // namespace cotape::detail
