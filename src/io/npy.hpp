// The .npy format, in a file or packed in an archive.
#pragma once

#include <string>

#include "io/named.hpp"

namespace cotape::detail {

// Reads the header; fails unless exactly the declared data is left after it.
value_type read_npy_header(byte_source& in);
// The header in front of a value's data.
std::string npy_header(const value_type& type);

}  // namespace cotape::detail
