// Files of named values: what the formats offer to the functions on parameters. Numbers are kept
// little-endian, and copied as they are.
#pragma once

#include <bit>
#include <functional>
#include <map>
#include <span>
#include <string>

#include "cotape/io.hpp"
#include "io/file.hpp"

namespace cotape::detail {

static_assert(std::endian::native == std::endian::little);

using named_types = std::map<std::string, value_type>;
// Is shown what a file declares before memory is taken for it; throws to refuse it.
using approval = std::function<void(const named_types&)>;

named_tensors read_npz(const file_task& task, const read_limits& limits, const approval& approve);
// `model` is set to the text of the file's model, empty if it has none.
named_tensors read_safetensors(const file_task& task, const read_limits& limits,
                               const approval& approve, std::string* model);
void write_npz(const file_task& task, const named_views& values);
void write_safetensors(const file_task& task, const named_views& values, const std::string& model);
// Gives a function the bytes of such a file, one piece after the other.
void pack_safetensors(const file_task& task, const named_views& values,
                      const std::function<void(std::span<const std::string_view>)>& use,
                      const std::string& model = {});

// The values of parameters by their names. Throws value_error for no parameters, and for two of one
// name.
named_views views_of(const char* operation, const std::vector<parameter>& parameters);

// As RFC 3629 has it: without surrogates, longer forms than needed, and numbers over 0x10ffff.
bool is_utf8(const std::string& text);

// The bytes of a value, where they are.
inline std::string_view bytes_of(const array_view& v) {
  return {static_cast<const char*>(v.data()), v.type().bytes()};
}

}  // namespace cotape::detail
