// idx files, through zlib, which reads plain files as they are. Elements are converted chunk by
// chunk, straight into the result.
#include <fmt/format.h>
#include <zlib.h>

#include <array>
#include <bit>
#include <cerrno>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "cotape/io.hpp"
#include "io/file.hpp"

namespace cotape {

namespace {

// Deflate cannot pack more than this many bytes into one (zlib's technical notes).
constexpr std::uint64_t most_packed = 1032;
constexpr std::size_t chunk_bytes = 1 << 16;

// An element type of the format: its bytes, and how many of them become numbers.
struct element {
  const char* name;
  std::size_t bytes;
  bool whole;
};

std::optional<element> element_of(unsigned char code) {
  switch (code) {
    case 0x08: return element{"uint8", 1, true};
    case 0x09: return element{"int8", 1, true};
    case 0x0b: return element{"int16", 2, true};
    case 0x0c: return element{"int32", 4, true};
    case 0x0d: return element{"float32", 4, false};
    case 0x0e: return element{"float64", 8, false};
    default: return std::nullopt;
  }
}

template <class T, class Bits, class To>
void decode(const unsigned char* from, std::size_t n, To* to) {
  for (std::size_t i = 0; i < n; ++i) {
    std::uint64_t bits = 0;
    for (std::size_t b = 0; b < sizeof(T); ++b) bits = bits << 8 | from[i * sizeof(T) + b];
    to[i] = static_cast<To>(std::bit_cast<T>(static_cast<Bits>(bits)));
  }
}

template <class To>
void decode(unsigned char code, const unsigned char* from, std::size_t n, To* to) {
  switch (code) {
    case 0x08: return decode<std::uint8_t, std::uint8_t>(from, n, to);
    case 0x09: return decode<std::int8_t, std::uint8_t>(from, n, to);
    case 0x0b: return decode<std::int16_t, std::uint16_t>(from, n, to);
    case 0x0c: return decode<std::int32_t, std::uint32_t>(from, n, to);
    case 0x0d: return decode<float, std::uint32_t>(from, n, to);
    default: return decode<double, std::uint64_t>(from, n, to);
  }
}

// The file as zlib sees it; every failure is an io_error that names it.
class reader {
 public:
  explicit reader(const std::filesystem::path& file)
      : task_{"read_idx", file}, name_(file.string()), bytes_(detail::size_of_file(task_)) {
    errno = 0;
    file_.reset(gzopen(name_.c_str(), "rb"));
    if (file_ == nullptr) fail(fmt::format("cannot open it: {}", std::strerror(errno)));
    gzbuffer(file_.get(), chunk_bytes);
  }

  // Up to n bytes; fewer where the data ends.
  std::size_t read(unsigned char* to, std::size_t n) {
    const int got = gzread(file_.get(), to, static_cast<unsigned>(n));
    int code = Z_OK;
    std::string text = gzerror(file_.get(), &code);
    if (text.starts_with(name_ + ": ")) text.erase(0, name_.size() + 2);
    if (code == Z_BUF_ERROR) fail("it is truncated: its compressed data ends early");
    if (got < 0 || code < 0) {
      fail(
          fmt::format("cannot read it: {}", code == Z_ERRNO ? std::strerror(errno) : text.c_str()));
    }
    return static_cast<std::size_t>(got);
  }

  // The most bytes that it can unpack to.
  std::uint64_t capacity() { return gzdirect(file_.get()) != 0 ? bytes_ : bytes_ * most_packed; }

  [[noreturn]] void fail(const std::string& what) const { task_.fail(what); }

 private:
  struct close {
    void operator()(gzFile f) const { gzclose_r(f); }
  };
  detail::file_task task_;
  std::string name_;
  std::uint64_t bytes_;
  std::unique_ptr<std::remove_pointer_t<gzFile>, close> file_;
};

struct header {
  unsigned char code;
  element of;
  shape sizes;
};

header read_header(reader& in) {
  std::array<unsigned char, 4> magic{};
  const bool whole = in.read(magic.data(), magic.size()) == magic.size();
  const auto of = element_of(magic[2]);
  if (!whole || magic[0] != 0 || magic[1] != 0 || !of) {
    in.fail(fmt::format("it is no idx file: it starts with the bytes {:02x} {:02x} {:02x} {:02x}",
                        magic[0], magic[1], magic[2], magic[3]));
  }
  const std::size_t rank = magic[3];
  if (rank > shape::max_rank) {
    in.fail(fmt::format("it declares {} axes, the most are {}", rank, shape::max_rank));
  }
  std::array<unsigned char, 4 * shape::max_rank> packed{};
  if (in.read(packed.data(), 4 * rank) != 4 * rank)
    in.fail("it is truncated: its header ends early");
  std::array<std::uint32_t, shape::max_rank> sizes{};
  decode<std::uint32_t, std::uint32_t>(packed.data(), rank, sizes.data());
  const std::vector<std::int64_t> wide(sizes.begin(), sizes.begin() + rank);
  try {
    return {magic[2], *of, shape(wide)};
  } catch (const shape_error& e) {
    in.fail(fmt::format("it declares more than fits into memory: {}", e.what()));
  }
}

// Throws unless the file can hold what it declares, and the result stays within the limit.
void check_sizes(reader& in, const header& h, dtype as, const read_limits& limits) {
  const auto elements = static_cast<std::uint64_t>(h.sizes.elements());
  const std::string declared = fmt::format("it declares {} of {}", h.of.name, h.sizes.text());
  if (!h.of.whole && as == int64) in.fail(declared + ", whose fractions int64 cannot keep");
  if (elements * size_of(as) > limits.most_bytes) {
    in.fail(fmt::format("{}, {} bytes as {}: over the limit of {}", declared,
                        elements * size_of(as), name_of(as), limits.most_bytes));
  }
  if (elements * h.of.bytes > in.capacity()) {
    in.fail(fmt::format("it is truncated: {}, {} bytes, but can hold at most {}", declared,
                        elements * h.of.bytes, in.capacity()));
  }
}

template <class To> void read_elements(reader& in, const header& h, To* to) {
  std::vector<unsigned char> chunk(chunk_bytes);
  const auto elements = static_cast<std::size_t>(h.sizes.elements());
  const std::size_t at_once = chunk_bytes / h.of.bytes;
  for (std::size_t done = 0; done < elements;) {
    const std::size_t n = std::min(at_once, elements - done);
    const std::size_t got = in.read(chunk.data(), n * h.of.bytes);
    if (got != n * h.of.bytes) {
      in.fail(fmt::format("it is truncated: it declares {} of {}, {} bytes, but holds {}",
                          h.of.name, h.sizes.text(), elements * h.of.bytes,
                          done * h.of.bytes + got));
    }
    decode(h.code, chunk.data(), n, to + done);
    done += n;
  }
  if (in.read(chunk.data(), 1) != 0) {
    in.fail(
        fmt::format("it is longer than the {} of {} that it declares", h.of.name, h.sizes.text()));
  }
}

}  // namespace

tensor read_idx(const std::filesystem::path& file, dtype as, const read_limits& limits) {
  reader in(file);
  const header h = read_header(in);
  check_sizes(in, h, as, limits);
  tensor result(value_type{as, h.sizes});
  switch (as) {
    case float32: read_elements(in, h, result.data_as<float>()); break;
    case float64: read_elements(in, h, result.data_as<double>()); break;
    case int64: read_elements(in, h, result.data_as<std::int64_t>()); break;
  }
  return result;
}

}  // namespace cotape
