// What a training wrote down, epoch by epoch.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cmath>
#include <string_view>

#include "cotape/report.hpp"
#include "cotape/train.hpp"
#include "io/write_file.hpp"
#include "train/history.hpp"

namespace cotape {

namespace {

// What stands under a name in a list of pairs.
template <class List>
const auto& find(const char* where, const List& list, const std::string& name) {
  std::vector<std::string> names;
  for (const auto& [key, value] : list) {
    if (key == name) return value;
    names.push_back(key);
  }
  throw value_error(fmt::format("{}: no '{}', only: {}", where, name, fmt::join(names, ", ")));
}

// A text as a cell of RFC 4180, whose blanks at the ends readers keep.
std::string csv_cell(const std::string& text) {
  const std::string_view blanks = " \t";
  const bool trimmed = !text.empty() && (blanks.find(text.front()) != blanks.npos ||
                                         blanks.find(text.back()) != blanks.npos);
  if (!trimmed && text.find_first_of(",\"\r\n") == text.npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + '"';
}

}  // namespace

// NaN without the sign that it may have, so that readers know it.
std::string detail::csv_line(const history& h, std::size_t epoch) {
  std::string line = fmt::format("{}", epoch + 1);
  for (const auto& c : h.columns()) {
    const double value = c.second[epoch];
    line += std::isnan(value) ? ",nan" : fmt::format(",{}", value);
  }
  return line + '\n';
}

double logs::operator[](const std::string& name) const { return find("logs", values_, name); }
double logs::operator[](std::size_t i) const {
  if (i < values_.size()) return values_[i].second;
  throw value_error(fmt::format("logs: no figure {}, there are {}", i, values_.size()));
}

void history::add(std::initializer_list<std::pair<const char*, double>> values) {
  logs l;
  for (const auto& [name, value] : values) l.add(name, value);
  add(l);
}

void history::add(const logs& values) {
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
  return find("history", columns_, name);
}

std::vector<report::panel> history::panels() const {
  if (epochs() == 0) throw value_error("history: there is no epoch to draw");
  const std::string validation = "val_";
  std::vector<report::panel> panels;
  for (const auto& [name, values] : columns_) {
    const bool of_validation = name.starts_with(validation);
    const std::string of = of_validation ? name.substr(validation.size()) : name;
    const auto at = std::find_if(panels.begin(), panels.end(),
                                 [&](const report::panel& p) { return p.title == of; });
    report::panel& p =
        at != panels.end() ? *at : panels.emplace_back(report::panel{of, "epoch", of, {}, false});
    p.curves.push_back({of_validation ? "validation" : "training", values, {}});
  }
  return panels;
}

void history::write_svg(const std::filesystem::path& file) const {
  report::write_figure(file, panels());
}
void history::write_svg(std::ostream& out) const { report::write_figure(out, panels()); }

std::string history::csv() const {
  std::string text = "epoch";
  for (const auto& c : columns_) text += "," + csv_cell(c.first);
  text += '\n';
  for (std::size_t e = 0; e < epochs(); ++e) text += detail::csv_line(*this, e);
  return text;
}

void history::write_csv(const std::filesystem::path& file) const {
  detail::write_file({"history", file}, csv());
}
void history::write_csv(std::ostream& out) const {
  detail::write_file({"history", {}, &out}, csv());
}

}  // namespace cotape
