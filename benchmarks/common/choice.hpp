// Which of a program's cases and engines its arguments name.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

namespace bench {

template <class List> std::vector<std::string> names_of(const List& list) {
  std::vector<std::string> names;
  for (const auto& item : list) names.push_back(item.name);
  return names;
}

/// An empty list names all.
inline bool wanted(const std::vector<std::string>& list, const std::string& name) {
  return list.empty() || std::find(list.begin(), list.end(), name) != list.end();
}

/// The item of that name, which there must be.
template <class Item> const Item& find(const std::vector<Item>& list, const std::string& name) {
  return *std::find_if(list.begin(), list.end(), [&](const Item& i) { return i.name == name; });
}

}  // namespace bench
