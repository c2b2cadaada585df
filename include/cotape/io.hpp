// layer: io
// Files. A reader checks what a file declares against the file's size and a limit before it takes
// memory; errors (io_error) name the file and what is wrong with it. Any thread may read.
#pragma once

#include <cstddef>
#include <filesystem>

#include "cotape/tensor.hpp"

namespace cotape {

struct read_limits {
  std::size_t most_bytes = std::size_t{1} << 32;  // of the value in memory
};

/// The value in an idx file (the format of MNIST), plain or compressed by gzip, in the file's
/// shape, converted to `as`: bytes keep their values 0 to 255. Throws io_error if the file is
/// missing, no idx file, shorter or longer than it declares, or over the limit, and if it holds
/// fractions that int64 cannot keep.
/// Format: 0 0, a byte for the element type, a byte for the rank, each size as a big-endian 32-bit
/// number, then the big-endian elements (http://yann.lecun.com/exdb/mnist, "The IDX file format").
tensor read_idx(const std::filesystem::path& file, dtype as = float32,
                const read_limits& limits = {});

}  // namespace cotape
