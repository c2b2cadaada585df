// Texts, character by character: as numbers, as windows to learn from, and written on by a model.
#pragma once

#include <cotape/model.hpp>
#include <cotape/text.hpp>
#include <cstdint>
#include <string>

namespace example {

/// Where examples find a text unless --text says otherwise.
inline constexpr const char* default_text = "/usr/share/common-licenses/GPL-3";

/// A text as numbers of its different bytes. Throws io_error for a file without one.
struct corpus {
  cotape::vocabulary symbols;
  cotape::tensor numbers;  // of the text

  explicit corpus(const std::string& file);
  std::int64_t different() const { return symbols.size(); }
  std::int64_t size() const { return numbers.shape()[0]; }
  /// How many of them, from the first on, are for training: the last tenth is held out.
  std::int64_t held() const { return size() - size() / 10; }
  /// Those from `first` on as text.
  std::string text(std::int64_t first, std::int64_t size) const;
};

/// Windows of `steps` characters over a part of a text, one every `stride` characters, and the same
/// one character further: the targets. Throws value_error for a part that is too short.
struct windows {
  xt::xarray<std::int64_t> x, y;  // (windows, steps)

  windows(const corpus& of, std::int64_t first, std::int64_t end, std::int64_t steps,
          std::int64_t stride);
};

/// `length` characters that a model of windows writes after the first `read` characters of a text,
/// one after the other: of its logits z, softmax(z / temperature) is drawn from. Throws value_error
/// for fewer than a window.
std::string continued(cotape::model& m, const corpus& of, std::int64_t read, std::int64_t steps,
                      std::int64_t length, double temperature);

}  // namespace example
