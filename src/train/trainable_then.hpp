// Which layers and parameters were to be trained at some moment, to be put back or kept in a file.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "cotape/layers.hpp"

namespace cotape::detail {

class trainable_then {
 public:
  explicit trainable_then(const std::vector<layer_body*>& layers);
  /// Keeps whether a parameter is trainable, unless it is kept already.
  void keep(const parameter& p) { parameters_.try_emplace(p.number(), p, p.trainable()); }
  /// Once. Takes no memory.
  void put_back() noexcept;

  /// As numbers, one for each parameter and then one for each layer; and set by such numbers.
  static std::vector<std::int64_t> numbers(const std::map<std::string, parameter>& parameters,
                                           const std::vector<layer_body*>& layers);
  static void set(const std::map<std::string, parameter>& parameters,
                  const std::vector<layer_body*>& layers, const std::int64_t* numbers);

 private:
  std::vector<std::pair<layer_body*, layer_body::freezing>> layers_;
  std::map<std::uint64_t, std::pair<parameter, bool>> parameters_;  // by number
};

}  // namespace cotape::detail
