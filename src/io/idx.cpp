// idx files, plain or unpacked by zlib. Elements are converted chunk by
// chunk, straight into the result.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <concepts>
#include <optional>
#include <span>
#include <vector>

#include "cotape/io.hpp"
#include "io/file.hpp"

namespace cotape {

namespace {

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

// The file's bytes, unpacked if they are compressed.
class reader {
 public:
  explicit reader(const std::filesystem::path& file)
      : in_({"read_idx", file}), buffer_(chunk_bytes) {
    refill();
    packed_ = z_.avail_in >= 2 && buffer_[0] == 0x1f && buffer_[1] == 0x8b;
    constexpr int gzip = 16;
    if (packed_ && inflateInit2(&z_, gzip + MAX_WBITS) != Z_OK) throw std::bad_alloc();
  }
  reader(const reader&) = delete;
  reader& operator=(const reader&) = delete;
  ~reader() {
    if (packed_) inflateEnd(&z_);
  }

  // Up to n bytes; fewer where the data ends.
  std::size_t read(unsigned char* to, std::size_t n) {
    z_.next_out = to;
    z_.avail_out = static_cast<unsigned>(n);
    while (z_.avail_out > 0) {
      if (z_.avail_in == 0) refill();
      if (z_.avail_in == 0) {
        if (!packed_ || !within_member_) break;
        if (members_ > 0 && z_.total_in < 2) fail(something_else);
        fail("it is truncated: its compressed data ends early");
      }
      if (packed_) unpack();
      else copy();
    }
    return n - z_.avail_out;
  }

  // The most bytes that it can unpack to.
  std::uint64_t capacity() const { return packed_ ? in_.size() * detail::most_packed : in_.size(); }

  [[noreturn]] void fail(const std::string& what) const { in_.fail(what); }

 private:
  void refill() {
    z_.next_in = buffer_.data();
    z_.avail_in = static_cast<unsigned>(std::min<std::uint64_t>(chunk_bytes, in_.left()));
    in_.read(buffer_.data(), z_.avail_in, "its data");
  }
  void copy() {
    const unsigned n = std::min(z_.avail_in, z_.avail_out);
    std::copy_n(z_.next_in, n, z_.next_out);
    z_.next_in += n, z_.avail_in -= n;
    z_.next_out += n, z_.avail_out -= n;
  }
  // As gzip does, one compressed member after the other; but what follows must be one.
  void unpack() {
    const int code = inflate(&z_, Z_NO_FLUSH);
    if (code == Z_MEM_ERROR) throw std::bad_alloc();
    if (code != Z_OK && code != Z_BUF_ERROR && code != Z_STREAM_END) {
      if (members_ > 0 && z_.total_out == 0) fail(something_else);
      fail(fmt::format("cannot read it: {}", z_.msg == nullptr ? "damaged" : z_.msg));
    }
    within_member_ = code != Z_STREAM_END;
    if (within_member_) return;
    ++members_;
    inflateReset(&z_);
  }

  static constexpr const char* something_else = "something else follows its compressed data";

  detail::input_file in_;
  std::vector<unsigned char> buffer_;
  z_stream z_{};
  bool packed_ = false, within_member_ = false;
  int members_ = 0;
};

struct header {
  unsigned char code;
  element of;
  shape sizes;
};

header read_header(reader& in) {
  std::array<unsigned char, 4> magic{};
  const std::size_t got = in.read(magic.data(), magic.size());
  if (got == 0) in.fail("it is empty");
  const auto of = element_of(magic[2]);
  if (got != magic.size() || magic[0] != 0 || magic[1] != 0 || !of) {
    in.fail(fmt::format("it is no idx file: it starts with the bytes {:02x}",
                        fmt::join(magic.begin(), magic.begin() + got, " ")));
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
    in.fail(fmt::format("it declares more than a tensor can be: {}", e.what()));
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

// Where an element stands: "(1, 2)".
std::string place_of(std::size_t element, const shape& sizes) {
  std::vector<std::int64_t> index(sizes.rank());
  for (std::size_t axis = sizes.rank(); axis-- > 0;) {
    const auto n = static_cast<std::size_t>(sizes[axis]);
    index[axis] = static_cast<std::int64_t>(element % n);
    element /= n;
  }
  return shape(index).text();
}

// Fails for a number that was finite in the file and is not any more.
void demand_kept(const reader& in, const header& h, const unsigned char* from, std::size_t done,
                 std::span<const float> to) {
  for (std::size_t i = 0; i < to.size(); ++i) {
    if (std::isfinite(to[i])) continue;
    double x = 0;
    decode(h.code, from + i * h.of.bytes, 1, &x);
    if (!std::isfinite(x)) continue;
    in.fail(fmt::format("the element at {} is {}, which float32 cannot hold: read it as float64",
                        place_of(done + i, h.sizes), x));
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
    if constexpr (std::same_as<To, float>) {
      if (!h.of.whole) demand_kept(in, h, chunk.data(), done, {to + done, n});
    }
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
