// .npy: a magic text, a version, a header that is a Python dictionary, the elements.
#include "io/npy.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <bit>
#include <charconv>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "io/write_file.hpp"

namespace cotape {

namespace detail {

namespace {

constexpr std::string_view magic = "\x93NUMPY";

// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } with the keys in any order.
class dictionary {
 public:
  dictionary(const byte_source& in, std::string_view text) : in_(in), rest_(text) { parse(); }

  std::string_view descr() const { return *descr_; }
  std::string_view fortran_order() const { return *fortran_order_; }
  const std::vector<std::int64_t>& shape() const { return *shape_; }

 private:
  [[noreturn]] void fail() const {
    in_.fail(fmt::format("its header cannot be read from '{}' on", rest_.substr(0, 20)));
  }
  void skip_blanks() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size()));
  }
  bool accept(char c) {
    skip_blanks();
    if (!rest_.starts_with(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail();
  }
  std::string_view take(std::size_t n) {
    if (n > rest_.size()) fail();
    const std::string_view taken = rest_.substr(0, n);
    rest_.remove_prefix(n);
    return taken;
  }
  std::string_view quoted() {
    expect('\'');
    const std::string_view text = take(rest_.find('\''));
    expect('\'');
    return text;
  }
  void parse_shape() {
    std::vector<std::int64_t>& shape = shape_.emplace();
    expect('(');
    while (!accept(')')) {
      std::int64_t size = 0;
      skip_blanks();
      const auto [end, failed] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (failed != std::errc() || size < 0) fail();
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      shape.push_back(size);
      if (!accept(',') && !rest_.starts_with(')')) fail();
    }
  }
  void parse() {
    expect('{');
    while (!accept('}')) {
      const std::string_view key = quoted();
      expect(':');
      skip_blanks();
      if (key == "descr" && !descr_) {
        descr_ = quoted();
      } else if (key == "fortran_order" && !fortran_order_) {
        fortran_order_ = take(rest_.find_first_of(", }"));
      } else if (key == "shape" && !shape_) {
        parse_shape();
      } else {
        fail();
      }
      if (!accept(',') && !rest_.starts_with('}')) fail();
    }
    skip_blanks();
    if (!rest_.empty()) fail();
    if (!descr_ || !fortran_order_ || !shape_) {
      in_.fail("its header lacks descr, fortran_order or shape");
    }
  }

  const byte_source& in_;
  std::string_view rest_;
  std::optional<std::string_view> descr_, fortran_order_;
  std::optional<std::vector<std::int64_t>> shape_;
};

dtype dtype_of_descr(const byte_source& in, std::string_view descr) {
  if (descr == "<f4") return float32;
  if (descr == "<f8") return float64;
  if (descr == "<i8") return int64;
  if (descr.starts_with('>')) {
    in.fail(fmt::format("its elements are big-endian ('{}'); write it little-endian", descr));
  }
  in.fail(fmt::format("its elements are '{}'; only '<f4', '<f8' and '<i8' are read", descr));
}

std::string read_header_text(byte_source& in) {
  std::array<char, 8> start{};
  in.read(start.data(), start.size(), "the start of its header");
  if (!std::string_view(start.data(), start.size()).starts_with(magic)) {
    in.fail("it is no .npy file");
  }
  const auto major = static_cast<unsigned char>(start[6]),
             minor = static_cast<unsigned char>(start[7]);
  if ((major != 1 && major != 2) || minor != 0) {
    in.fail(fmt::format("it is of version {}.{}; 1.0 and 2.0 are read", major, minor));
  }
  std::array<unsigned char, 4> size{};
  in.read(size.data(), major == 1 ? 2 : 4, "the size of its header");
  const auto n = std::bit_cast<std::uint32_t>(size);
  constexpr std::uint32_t most = 1 << 16;  // a dictionary of eight sizes is far smaller
  if (n > most) in.fail(fmt::format("its header has {} bytes: over the limit of {}", n, most));
  if (n > in.left()) in.fail("it is truncated: its header ends early");
  std::string text(n, ' ');
  in.read(text.data(), n, "its header");
  return text;
}

}  // namespace

value_type read_npy_header(byte_source& in) {
  const std::string text = read_header_text(in);
  const dictionary header(in, text);
  value_type type{dtype_of_descr(in, header.descr()), {}};
  if (header.fortran_order() != "False") {
    in.fail(fmt::format("its fortran_order is {}; write it in C order (numpy.ascontiguousarray)",
                        header.fortran_order()));
  }
  try {
    type.shape = shape(std::span<const std::int64_t>(header.shape()));
  } catch (const shape_error& e) {
    in.fail(fmt::format("it declares more than a tensor can be: {}", e.what()));
  }
  if (type.bytes() != in.left()) {
    in.fail(fmt::format("it is {}: it declares {}, {} bytes, but holds {}",
                        type.bytes() > in.left() ? "truncated" : "too long", type.text(),
                        type.bytes(), in.left()));
  }
  return type;
}

std::string npy_header(const value_type& type) {
  const char* descr = type.dtype == float32 ? "<f4" : type.dtype == float64 ? "<f8" : "<i8";
  std::string text = fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': {}, }}", descr,
                                 type.shape.text());
  const std::size_t before = magic.size() + 4;
  text.append(63 - (before + text.size()) % 64, ' ');  // the data begins at a multiple of 64
  text += '\n';
  const auto n = static_cast<std::uint16_t>(text.size());
  return std::string(magic) + '\1' + '\0' + static_cast<char>(n & 0xff) +
         static_cast<char>(n >> 8) + text;
}

namespace {

void write_npy(const file_task& task, array_view value) {
  const std::string header = npy_header(value.type());
  const std::string_view pieces[] = {header, bytes_of(value)};
  write_file(task, pieces);
}

}  // namespace

}  // namespace detail

tensor read_npy(const std::filesystem::path& file, const read_limits& limits) {
  detail::input_file in({"read_npy", file});
  const value_type type = detail::read_npy_header(in);
  if (type.bytes() > limits.most_bytes) {
    in.fail(fmt::format("it declares {}, {} bytes: over the limit of {}", type.text(), type.bytes(),
                        limits.most_bytes));
  }
  tensor result(type);
  in.read(result.data(), type.bytes(), "its data");
  return result;
}

void write_npy(const std::filesystem::path& file, const array_argument& value) {
  detail::write_npy({"write_npy", file}, value.view());
}
void write_npy(std::ostream& out, const array_argument& value) {
  detail::write_npy({"write_npy", {}, &out}, value.view());
}

}  // namespace cotape
