// Vocabularies, and windows over numbers.
#include "cotape/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <span>

#include "io/file.hpp"

namespace cotape {

namespace {

// How many bytes the character has that a text begins with, as RFC 3629 has it; 0 if it is none.
std::size_t bytes_of_character(std::string_view text) {
  const auto byte = [&](std::size_t i) {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u;
  };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  if (lead < 0xc2 || lead > 0xf4) return 0;
  const std::size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
  const unsigned least = lead == 0xe0   ? 0xa0
                         : lead == 0xf0 ? 0x90
                                        : 0x80,
                 most = lead == 0xed   ? 0x9f
                        : lead == 0xf4 ? 0x8f
                                       : 0xbf;
  if (byte(1) < least || byte(1) > most) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if (byte(i) < 0x80 || byte(i) > 0xbf) return 0;
  }
  return length;
}

// f(unit, the byte that it begins at)
template <class F> void each_unit(const char* who, std::string_view text, text_units units, F f) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t n = units == text_units::bytes ? 1 : bytes_of_character(text.substr(at));
    if (n == 0) {
      throw value_error(fmt::format(
          "{}: byte {} of the text begins no character of UTF-8: convert it, or take its bytes, "
          "{{.units = text_units::bytes}}",
          who, at));
    }
    f(text.substr(at, n), at);
    at += n;
  }
}

std::span<const std::int64_t> whole_numbers(const char* who, const array_view& v) {
  if (v.dtype() != int64) {
    throw dtype_error(fmt::format("{}: the numbers are {}, not int64", who, name_of(v.dtype())));
  }
  return {v.data_as<std::int64_t>(), static_cast<std::size_t>(v.shape().elements())};
}

tensor tensor_of(const std::vector<std::int64_t>& numbers) {
  return tensor(array_view({int64, {static_cast<std::int64_t>(numbers.size())}}, numbers.data()));
}

}  // namespace

vocabulary::vocabulary(std::string_view text, vocabulary_options options) : options_(options) {
  if (text.empty()) throw value_error("vocabulary: the text is empty");
  std::set<std::string_view> found;
  each_unit("vocabulary", text, options.units,
            [&](std::string_view unit, std::size_t) { found.insert(unit); });
  for (const std::string_view unit : found) {
    numbers_.emplace(unit, size());
    units_.emplace_back(unit);
  }
  if (options.unknown != unknown_units::replaced) return;
  units_.emplace_back(options.units == text_units::bytes ? "?" : "\xef\xbf\xbd");
}

tensor vocabulary::encode(std::string_view text) const {
  std::vector<std::int64_t> result;
  each_unit("encode", text, options_.units, [&](std::string_view unit, std::size_t at) {
    const auto known = numbers_.find(unit);
    if (known != numbers_.end()) {
      result.push_back(known->second);
    } else if (options_.unknown == unknown_units::replaced) {
      result.push_back(size() - 1);
    } else if (options_.unknown == unknown_units::refused) {
      throw value_error(fmt::format(
          "encode: {} at byte {} is not in the vocabulary: make it of a text that has it, or "
          "choose its {{.unknown = unknown_units::replaced}} or left_out",
          options_.units == text_units::bytes
              ? fmt::format("the byte {:#04x}", static_cast<unsigned char>(unit[0]))
              : fmt::format("'{}'", detail::shown(std::string(unit))),
          at));
    }
  });
  return tensor_of(result);
}

std::string vocabulary::decode(const array_argument& numbers) const {
  std::string text;
  for (const std::int64_t n : whole_numbers("decode", numbers.view())) {
    if (n < 0 || n >= size()) {
      throw value_error(fmt::format("decode: {} is none of the numbers 0 to {}", n, size() - 1));
    }
    text += units_[static_cast<std::size_t>(n)];
  }
  return text;
}

next_tokens token_windows(const array_argument& numbers, std::int64_t length, std::int64_t stride) {
  const array_view view = numbers.view();
  const auto from = whole_numbers("token_windows", view);
  if (view.shape().rank() != 1) {
    throw shape_error(
        fmt::format("token_windows: numbers of shape {} have not one axis", view.shape().text()));
  }
  if (length < 1 || stride < 1) {
    throw value_error(
        fmt::format("token_windows: a length of {} and a stride of {}: both are at "
                    "least 1",
                    length, stride));
  }
  const std::int64_t n = view.shape()[0];
  if (n <= length) {
    throw value_error(
        fmt::format("token_windows: {} numbers are too few for a window of {} and the one after it",
                    n, length));
  }
  const std::int64_t count = (n - 1 - length) / stride + 1;
  next_tokens result{tensor({int64, {count, length}}), tensor({int64, {count, length}})};
  auto *x = result.x.data_as<std::int64_t>(), *y = result.y.data_as<std::int64_t>();
  for (std::int64_t i = 0; i < count; ++i, x += length, y += length) {
    const auto window = from.begin() + i * stride;
    std::copy_n(window, length, x);
    std::copy_n(window + 1, length, y);
  }
  return result;
}

}  // namespace cotape
