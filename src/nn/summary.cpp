// The table of a model's layers.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <set>

#include "nn/network.hpp"

namespace cotape::detail {

namespace {

std::int64_t elements(const std::vector<parameter>& parameters) {
  std::int64_t n = 0;
  for (const parameter& p : parameters) n += p.shape().elements();
  return n;
}

bool any_trainable(const std::vector<parameter>& list) {
  return std::any_of(list.begin(), list.end(), [](const parameter& p) { return p.trainable(); });
}

// What a line of a summary is about: a node, or all of a part, where its last one stands.
struct summed {
  std::size_t last = 0;
  std::vector<parameter> own = {};
  std::set<const layer_body*> seen = {};
  void add(std::size_t i, const network::node& n) {
    last = i;
    if (n.by.empty() || !seen.insert(&n.by[0].body()).second) return;
    own.insert(own.end(), n.by[0].parameters().begin(), n.by[0].parameters().end());
  }
};

}  // namespace

std::string network::summary() const {
  std::vector<std::array<std::string, 4>> rows{{"Layer", "Output shape", "Parameters", ""}};
  std::map<const std::string*, summed> parts;
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].inside) parts[nodes_[i].inside.get()].add(i, nodes_[i]);
  }
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const node& n = nodes_[i];
    summed line;
    if (n.inside) line = parts.at(n.inside.get());
    else line.add(i, n);
    if (line.last != i) continue;
    rows.push_back({n.inside ? *n.inside : name_of(n), n.row ? text_with_none(n.row->shape) : "()",
                    fmt::format("{}", elements(line.own)),
                    line.own.empty() || any_trainable(line.own) ? "" : "  not trainable"});
  }
  std::array<std::size_t, 3> widths{};
  for (const auto& r : rows) {
    for (std::size_t k = 0; k < 3; ++k) widths[k] = std::max(widths[k], r[k].size());
  }
  std::string text;
  for (const auto& r : rows) {
    text += fmt::format("{:{}}  {:{}}  {:>{}}{}\n", r[0], widths[0], r[1], widths[1], r[2],
                        widths[2], r[3]);
  }
  std::vector<parameter> trainable;
  const std::vector<parameter> every = parameters();
  std::copy_if(every.begin(), every.end(), std::back_inserter(trainable),
               [](const parameter& p) { return p.trainable(); });
  const std::int64_t total = elements(every), moved = elements(trainable);
  return text +
         fmt::format("Total: {}\nTrainable: {}\nNon-trainable: {}\n", total, moved, total - moved);
}

}  // namespace cotape::detail
