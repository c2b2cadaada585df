// What a training wrote down, epoch by epoch.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>

#include "cotape/train.hpp"

namespace cotape {

void history::add(std::initializer_list<std::pair<const char*, double>> values) {
  if (columns_.empty()) {
    for (const auto& v : values) columns_.emplace_back(v.first, std::vector<double>{});
  }
  const bool same = std::equal(values.begin(), values.end(), columns_.begin(), columns_.end(),
                               [](const auto& v, const auto& c) { return v.first == c.first; });
  if (!same) throw value_error("history: an epoch must have the same quantities as the first");
  std::size_t i = 0;
  for (const auto& v : values) columns_[i++].second.push_back(v.second);
}

const std::vector<double>& history::operator[](const std::string& name) const {
  std::vector<std::string> names;
  for (const auto& [key, values] : columns_) {
    if (key == name) return values;
    names.push_back(key);
  }
  throw value_error(fmt::format("history: no '{}', only: {}", name, fmt::join(names, ", ")));
}

std::string history::csv() const {
  std::string text = "epoch";
  for (const auto& c : columns_) text += "," + c.first;
  for (std::size_t e = 0; e < epochs(); ++e) {
    text += fmt::format("\n{}", e + 1);
    for (const auto& c : columns_) text += fmt::format(",{}", c.second[e]);
  }
  return text + "\n";
}

void history::write_csv(const std::filesystem::path& file) const {
  errno = 0;
  std::ofstream out(file, std::ios::binary);
  out << csv() << std::flush;
  if (!out) {
    throw io_error(
        fmt::format("history: cannot write {}: {}", file.string(), std::strerror(errno)));
  }
}

}  // namespace cotape
