// layer: base
// Options by name, as text that tells them exactly: of optimizers and callbacks, which checkpoints
// compare, and of layers, which files of models keep.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace cotape {

/// In the order in which they are told.
using named_texts = std::vector<std::pair<std::string, std::string>>;

}  // namespace cotape
