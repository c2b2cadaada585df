// What callbacks ask of a fit, whatever fit it is.
#include "cotape/training.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "train/before_fit.hpp"

namespace cotape {

void training::take_file(const char* who, const std::filesystem::path& file) {
  std::string identity;
  try {
    identity = detail::identity_of({who, file});
  } catch (const io_error&) {  // what is wrong with the name its writer says
    return;
  }
  if (std::find(files_.begin(), files_.end(), identity) != files_.end()) {
    throw value_error(
        fmt::format("{}: {}: another callback of this fit writes this file: give each its own", who,
                    file.string()));
  }
  files_.push_back(std::move(identity));
}

void training::if_refused(std::function<void()> undo) {
  if (!undo) throw value_error("training::if_refused: the function is empty");
  if (detail::before_fit* all = before()) all->if_refused(std::move(undo));
}

}  // namespace cotape
