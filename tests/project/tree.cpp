#include "tree.hpp"

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace tree {
namespace {

lines split(std::istream& stream) {
  lines result;
  for (std::string line; std::getline(stream, line);) result.push_back(line);
  return result;
}

bool is_comment(const std::string& line) {
  const auto begin = line.find_first_not_of(" \t");
  return begin != std::string::npos && line.compare(begin, 2, "//") == 0;
}

}  // namespace

std::vector<path> files(const path& folder) {
  std::vector<path> result;
  if (!std::filesystem::exists(root / folder)) return result;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root / folder)) {
    const path& file = entry.path();
    if (file.extension() == ".cpp" || file.extension() == ".hpp")
      result.push_back(std::filesystem::relative(file, root));
  }
  std::sort(result.begin(), result.end());
  return result;
}

lines read(const path& file) {
  std::ifstream stream(root / file);
  if (!stream) throw std::runtime_error("cannot read " + file.string());
  return split(stream);
}

bool is_code(const std::string& line) {
  return line.find_first_not_of(" \t") != std::string::npos && !is_comment(line);
}

std::size_t code_lines(const lines& text) {
  return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), is_code));
}

bool has_marker(const lines& text, const std::string& comment) {
  const auto end = std::find_if_not(text.begin(), text.end(), is_comment);
  return std::find(text.begin(), end, comment) != end;
}

std::string layer_comment(const lines& text) {
  const std::string key = "// layer: ";
  for (const auto& line : text) {
    if (!is_comment(line)) break;
    if (line.starts_with(key)) return line.substr(key.size());
  }
  return {};
}

lines includes(const lines& text) {
  static const std::regex include(R"(^\s*#\s*include\s*([<"][^>"]+[>"]).*)");
  lines result;
  std::smatch match;
  for (const auto& line : text)
    if (std::regex_match(line, match, include)) result.push_back(match[1]);
  return result;
}

lines output(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (!pipe) throw std::runtime_error("cannot run " + command);
  std::stringstream text;
  for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) text.put(static_cast<char>(c));
  if (pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
  return split(text);
}

}  // namespace tree
