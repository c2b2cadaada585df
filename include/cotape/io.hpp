// layer: io
// Files. A reader checks what a file declares against the file's size and a limit before it takes
// memory; errors (io_error) name the file and what is wrong with it. Where another dtype is asked
// for, numbers are rounded to the nearest; finite ones beyond its range are refused, with their
// place.
//
// All functions of this library that write FILE do it in one way. They leave either the file that
// was there or the whole new one, even if the process is killed: they write FILE.cotape-unfinished
// in the same folder, bring it to the disk and rename it. Each of several writers at once writes a
// whole file under a name of its own (-1, -2 ... at the end), the last one's stays. What killed
// processes have left under these names the next writer of FILE removes; of more than four at once
// something may stay until as many write again. Locks (flock) tell it from what is being written.
// Where the file system has no locks it stays until somebody removes it. Writers on several hosts
// at once need locks that all of them see: else one may remove what another is writing, and take
// its name. The other fails then, unless this happens in the very moment of its renaming: FILE is
// half written then, until the first one is done. Through a symbolic link its target is written, or
// made. Refused are names of devices, pipes, sockets, folders and open files (/dev/stdout), names
// with a NUL, files that may not be written, and others' files in a sticky folder that is not ours:
// write to a std::ostream for standard output or a pipe. A file that is replaced keeps its mode,
// owner, group and access control list; where the system forbids that, it is the writer's, a group
// that it did not have has the rights of all others, and without its list the group has none. Its
// other hard links keep what they held. Streams are flushed. Any thread may read and write.
#pragma once

#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <map>
#include <string>
#include <vector>

#include "cotape/xtensor.hpp"

namespace cotape {

/// How much a reader takes. What .npz and safetensors files say of their values (names, shapes,
/// metadata) takes memory besides, up to 15 times its bytes in the file.
struct read_limits {
  std::size_t most_bytes = std::size_t{1} << 32;  // of the values in memory
};

/// The value in an idx file (the format of MNIST), plain or compressed by gzip, in the file's
/// shape, converted to `as`: bytes keep their values 0 to 255. Throws io_error if the file is
/// missing, no idx file, shorter or longer than it declares, or over the limit, and if it holds
/// fractions that int64 cannot keep, or finite numbers beyond float32's range, and says where.
/// Format: 0 0, a byte for the element type, a byte for the rank, each size as a big-endian 32-bit
/// number, then the big-endian elements (http://yann.lecun.com/exdb/mnist, "The IDX file format").
tensor read_idx(const std::filesystem::path& file, dtype as = float32,
                const read_limits& limits = {});

using named_tensors = std::map<std::string, tensor>;
using named_views = std::map<std::string, array_view>;

/// The value in a .npy file of NumPy's (format versions 1.0 and 2.0; little-endian float32, float64
/// or int64 in C order), in the file's dtype and shape. Throws io_error for anything else, for a
/// file shorter or longer than it declares, and over the limit.
/// Format: https://numpy.org/doc/stable/reference/generated/numpy.lib.format.html
tensor read_npy(const std::filesystem::path& file, const read_limits& limits = {});
void write_npy(const std::filesystem::path& file, const array_argument& value);
void write_npy(std::ostream& out, const array_argument& value);

/// The values in a .npz file (a zip archive, stored or deflated, of NAME.npy), by name. Throws
/// io_error as read_npy, for a member of another kind or packed otherwise, for two of one name, and
/// for a broken archive or checksum. A NUL in a member's name is read as a blank.
named_tensors read_npz(const std::filesystem::path& file, const read_limits& limits = {});
/// Stores the values, as numpy.savez does; equal values give equal files. Takes memory for a copy.
/// Throws value_error for no values, and for a name that is no UTF-8, has a control character (but
/// tab and ends of lines) or over 65,531 bytes.
void write_npz(const std::filesystem::path& file, const named_views& values);
void write_npz(std::ostream& out, const named_views& values);

/// The tensors in a safetensors file (F32, F64 and I64), by name. Throws io_error for other dtypes,
/// for a file shorter or longer than it declares, tensors that overlap or leave gaps, over the
/// limit, and for damage that the checksum tells, which files written here carry in their metadata.
/// Format: https://huggingface.co/docs/safetensors
named_tensors read_safetensors(const std::filesystem::path& file, const read_limits& limits = {});
/// Throws value_error for a name that is no UTF-8 or the format's own (__metadata__), and for names
/// and shapes that take over 100,000,000 bytes. No tensors are a file too, of metadata alone.
void write_safetensors(const std::filesystem::path& file, const named_views& values);
void write_safetensors(std::ostream& out, const named_views& values);

/// Keeps the parameters' values (a model's, and an optimizer's state()) under their names, in the
/// format of the file's extension: .safetensors or .npz. Throws value_error, and leaves the file as
/// it is, for an empty list (a model without an input has no weights before its first data), for
/// another extension, for two parameters of one name and for a name that the format cannot hold.
void save_parameters(const std::filesystem::path& file, const std::vector<parameter>& parameters);

/// Sets the parameters to the values in such a file. It must hold just these names, with the
/// parameters' dtypes and shapes; else, and for every error of reading, io_error says what is wrong
/// and no parameter has changed. Throws value_error as save_parameters, for an empty list too.
void load_parameters(const std::filesystem::path& file, const std::vector<parameter>& parameters);

}  // namespace cotape
