// The text of a model in a file: to be looked at, and to be put there by a test. The names of the
// classes of layers.
#pragma once

#include <cotape/io.hpp>
#include <filesystem>
#include <fstream>
#include <regex>
#include <string>
#include <vector>

namespace cotape::tests {

namespace detail {

inline std::string whole(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

// That of zlib, bit by bit.
inline void add_to_crc(std::uint32_t& sum, const std::string& bytes) {
  for (const char c : bytes) {
    sum ^= static_cast<unsigned char>(c);
    for (int k = 0; k < 8; ++k) sum = (sum >> 1) ^ ((sum & 1) != 0 ? 0xedb88320U : 0U);
  }
}

constexpr const char* key = "\"cotape.model\":\"";

// Where the text begins and ends in a file's bytes.
inline std::pair<std::size_t, std::size_t> place_of_text(const std::string& bytes) {
  const std::size_t begin = bytes.find(key) + std::string(key).size();
  std::size_t end = begin;
  while (bytes[end] != '"') end += bytes[end] == '\\' ? 2U : 1U;
  return {begin, end};
}

}  // namespace detail

inline std::string text_in(const std::filesystem::path& file) {
  const std::string bytes = detail::whole(file);
  const auto [begin, end] = detail::place_of_text(bytes);
  return std::regex_replace(bytes.substr(begin, end - begin), std::regex(R"(\\(.))"), "$1");
}

/// Writes the text in place of the one in the file, with a checksum that fits.
inline void put_text(const std::filesystem::path& file, const std::string& text) {
  const named_tensors values = read_safetensors(file);
  std::uint32_t sum = 0xffffffffU;
  for (const auto& [name, value] : values) {
    detail::add_to_crc(sum,
                       std::to_string(name.size()) + " " + name + " " + value.type().text() + "\n");
    detail::add_to_crc(sum, {static_cast<const char*>(value.data()), value.type().bytes()});
  }
  detail::add_to_crc(sum, text);
  char digits[9];
  std::snprintf(digits, sizeof digits, "%08x", sum ^ 0xffffffffU);
  std::string bytes = detail::whole(file);
  std::uint64_t n = 0;
  std::copy_n(bytes.data(), sizeof n, reinterpret_cast<char*>(&n));
  std::string header = bytes.substr(sizeof n, n);
  const auto [begin, end] = detail::place_of_text(header);
  header.replace(begin, end - begin, std::regex_replace(text, std::regex(R"(["\\])"), R"(\$&)"));
  const std::string crc = "\"cotape.crc32\":\"";
  header.replace(header.find(crc) + crc.size(), 8, digits);
  const std::uint64_t size = header.size();
  std::ofstream out(file, std::ios::binary);
  out.write(reinterpret_cast<const char*>(&size), sizeof size);
  out << header << bytes.substr(sizeof n + n);
}

/// Of the public headers of a source tree.
inline std::vector<std::string> classes_of_layers(const std::filesystem::path& source) {
  std::vector<std::string> names;
  const std::regex line(R"(class (\w+) : public layer \{)");
  for (const auto& entry : std::filesystem::directory_iterator(source / "include/cotape")) {
    const std::string text = detail::whole(entry.path());
    for (std::sregex_iterator at(text.begin(), text.end(), line), end; at != end; ++at) {
      names.push_back((*at)[1]);
    }
  }
  return names;
}

}  // namespace cotape::tests
