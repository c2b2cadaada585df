// layer: io
// Texts as numbers, for embeddings and for losses that take labels: a vocabulary of characters or
// bytes, and windows over a text whose targets are the next ones. Immutable: any thread may use it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "cotape/xtensor.hpp"

namespace cotape {

/// What a text is taken apart into: the code points of UTF-8, or bytes.
enum class text_units : std::uint8_t { characters, bytes };

/// What becomes of units that the vocabulary does not have: an error, one number for all of them,
/// which is the last, or nothing.
enum class unknown_units : std::uint8_t { refused, replaced, left_out };

struct vocabulary_options {
  text_units units = text_units::characters;
  unknown_units unknown = unknown_units::refused;
};

/// The different units of a text, numbered from 0 in the order of their code points or bytes.
///
///   vocabulary letters(text);
///   tensor numbers = letters.encode(text);        // int64 (characters)
///   std::string again = letters.decode(numbers);  // the text
class vocabulary {
 public:
  /// Throws value_error for an empty text, and, where it is taken apart into characters, for one
  /// that is no UTF-8, naming the byte.
  explicit vocabulary(std::string_view text, vocabulary_options options = {});
  /// How many numbers there are: what an embedding takes, and a last layer has.
  std::int64_t size() const { return static_cast<std::int64_t>(units_.size()); }
  /// The text of each number; of unknown units U+FFFD, or "?" among bytes.
  const std::vector<std::string>& units() const { return units_; }
  /// The numbers of a text, int64 (units); (0) of an empty one. Throws value_error for what it does
  /// not know, if that is refused, and for what is no UTF-8, naming the unit and the byte where it
  /// begins.
  tensor encode(std::string_view text) const;
  /// The text of numbers, int64 of any shape. Throws dtype_error for others, value_error for one
  /// that is none of 0 .. size - 1.
  std::string decode(const array_argument& numbers) const;

 private:
  vocabulary_options options_;
  std::vector<std::string> units_;
  std::map<std::string, std::int64_t, std::less<>> numbers_;
};

/// Numbers of a text and, for each, the next one: both int64 (windows, length).
struct next_tokens {
  tensor x, y;
};

/// Windows over numbers (n), each beginning `stride` after the one before: floor((n - 1 - length) /
/// stride) + 1, as many as there are next ones for. Throws value_error for a length or stride below
/// 1 and for fewer than length + 1 numbers, shape_error unless these have one axis, dtype_error for
/// others than int64.
///
///   const next_tokens train = token_windows(letters.encode(text), 64, 32);
///   m.fit(train.x, train.y);
next_tokens token_windows(const array_argument& numbers, std::int64_t length, std::int64_t stride);

}  // namespace cotape
