// What errors say.
#include "cotape/error.hpp"

#include <fmt/format.h>

namespace cotape {

void error::add(const std::string& more) {
  static_cast<std::runtime_error&>(*this) = std::runtime_error(what() + more);
}

std::string place::text() const {
  const std::string_view path = file;
  return fmt::format("{}:{}", path.substr(path.find_last_of('/') + 1), line);
}

}  // namespace cotape
