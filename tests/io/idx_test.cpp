// idx files written here: good ones, and each way in which a file can be wrong.
#include <gtest/gtest.h>
#include <zlib.h>
#include <cotape/io.hpp>

#include <bit>
#include <cmath>
#include <filesystem>
#include <limits>
#include <random>
#include <string>

#include "io/files.hpp"

namespace {

using namespace cotape;
using bytes = std::string;

bytes big_endian(std::uint64_t value, int n) {
  bytes out;
  for (int i = n - 1; i >= 0; --i) out += static_cast<char>(value >> (8 * i));
  return out;
}

// A header for the element type and sizes.
bytes header(char code, std::initializer_list<std::uint32_t> sizes) {
  bytes out{0, 0, code, static_cast<char>(sizes.size())};
  for (auto s : sizes) out += big_endian(s, 4);
  return out;
}

const bytes image = header(8, {2, 3}) + bytes{0, 1, 2, 3, '\x7f', '\xff'};

class Idx : public tests::files_test {
 protected:
  std::filesystem::path plain(const bytes& content) const { return write("plain", content); }
  std::filesystem::path packed(const bytes& content) const {
    const auto file = folder_ / "packed.gz";
    const gzFile out = gzopen(file.c_str(), "wb");
    EXPECT_EQ(gzwrite(out, content.data(), static_cast<unsigned>(content.size())),
              static_cast<int>(content.size()));
    EXPECT_EQ(gzclose(out), Z_OK);
    return file;
  }
};

std::string error_of(const std::filesystem::path& file, dtype as = float32,
                     const read_limits& limits = {}) {
  try {
    read_idx(file, as, limits);
  } catch (const io_error& e) {
    const std::string text = e.what(), start = "read_idx: " + file.string() + ": ";
    EXPECT_TRUE(text.starts_with(start)) << text;
    return text.substr(std::min(start.size(), text.size()));
  }
  return "no error";
}

template <class T> std::vector<T> values(const tensor& t) {
  return {t.data_as<T>(), t.data_as<T>() + t.shape().elements()};
}

TEST_F(Idx, PlainAndCompressedFilesGiveTheSame) {
  for (const auto& file : {plain(image), packed(image)}) {
    const tensor t = read_idx(file);
    EXPECT_EQ(t.shape(), (shape{2, 3}));
    EXPECT_EQ(values<float>(t), (std::vector<float>{0, 1, 2, 3, 127, 255}));
    EXPECT_EQ(values<std::int64_t>(read_idx(file, int64)),
              (std::vector<std::int64_t>{0, 1, 2, 3, 127, 255}));
    EXPECT_EQ(values<double>(read_idx(file, float64)).back(), 255);
  }
}

TEST_F(Idx, EveryElementTypeIsRead) {
  EXPECT_EQ(values<float>(read_idx(plain(header(9, {1}) + '\xff'))), std::vector<float>{-1});
  EXPECT_EQ(values<float>(read_idx(plain(header(11, {1}) + big_endian(0xfffe, 2)))),
            std::vector<float>{-2});
  EXPECT_EQ(
      values<std::int64_t>(read_idx(plain(header(12, {1}) + big_endian(0x80000000, 4)), int64)),
      std::vector<std::int64_t>{-2147483648});
  EXPECT_EQ(values<float>(read_idx(plain(header(13, {1}) + big_endian(0x3fc00000, 4)))),
            std::vector<float>{1.5f});
  EXPECT_EQ(
      values<double>(read_idx(plain(header(14, {1}) + big_endian(0x3ff8ull << 48, 8)), float64)),
      std::vector<double>{1.5});
}

TEST_F(Idx, EmptyAndScalarFilesAreRead) {
  EXPECT_EQ(read_idx(plain(header(8, {0, 28}))).shape(), (shape{0, 28}));
  EXPECT_EQ(values<float>(read_idx(plain(header(8, {}) + '\7'))), std::vector<float>{7});
}

TEST_F(Idx, FilesOfManyChunksAreRead) {
  bytes content = header(8, {100003, 3});
  for (int i = 0; i < 300009; ++i) content += static_cast<char>(i % 251);
  const auto v = values<float>(read_idx(packed(content)));
  ASSERT_EQ(v.size(), 300009u);
  for (std::size_t i = 0; i < v.size(); ++i) ASSERT_EQ(v[i], static_cast<float>(i % 251));
}

TEST_F(Idx, AMissingFileIsNamed) {
  EXPECT_EQ(error_of(folder_ / "nowhere"), "there is no such file");
  EXPECT_EQ(error_of(folder_), "it is a folder, no regular file");
}

TEST_F(Idx, AnotherFormatIsRefused) {
  EXPECT_EQ(error_of(plain("PNG!")), "it is no idx file: it starts with the bytes 50 4e 47 21");
  EXPECT_EQ(error_of(plain("")), "it is empty");
  EXPECT_EQ(error_of(packed("")), "it is empty");
  EXPECT_EQ(error_of(plain("P")), "it is no idx file: it starts with the bytes 50");
  EXPECT_EQ(error_of(plain(header(10, {1}) + "x")),
            "it is no idx file: it starts with the bytes 00 00 0a 01");
  EXPECT_EQ(error_of(plain(bytes{0, 0, 8, 9} + bytes(40, 0))),
            "it declares 9 axes, the most are 8");
}

TEST_F(Idx, ATruncatedFileIsRefused) {
  EXPECT_EQ(error_of(plain(image.substr(0, 10))), "it is truncated: its header ends early");
  EXPECT_EQ(error_of(plain(image.substr(0, 14))),
            "it is truncated: it declares uint8 of (2, 3), 6 bytes, but holds 2");
  EXPECT_EQ(error_of(packed(image.substr(0, 14))),
            "it is truncated: it declares uint8 of (2, 3), 6 bytes, but holds 2");
  EXPECT_EQ(error_of(plain(content(packed(image)).substr(0, 20))),
            "it is truncated: its compressed data ends early");
}

TEST_F(Idx, DamagedCompressedDataIsRefused) {
  bytes damaged = content(packed(image));
  damaged[damaged.size() - 6] ^= 1;  // in the checksum
  EXPECT_EQ(error_of(plain(damaged)), "cannot read it: incorrect data check");
}

TEST_F(Idx, ALongerFileIsRefused) {
  EXPECT_EQ(error_of(plain(image + "x")), "it is longer than the uint8 of (2, 3) that it declares");
}

TEST_F(Idx, WhatFollowsCompressedDataIsCompressedToo) {
  const bytes one = content(packed(image.substr(0, 14))), two = content(packed(image.substr(14))),
              all = content(packed(image));
  EXPECT_EQ(values<float>(read_idx(plain(one + two))), values<float>(read_idx(plain(image))));
  EXPECT_EQ(error_of(plain(all + all)), "it is longer than the uint8 of (2, 3) that it declares");
  for (const bytes& junk : {bytes(1, 0), bytes("x"), bytes("trailing junk"), bytes(100000, 'x')}) {
    EXPECT_EQ(error_of(plain(all + junk)), "something else follows its compressed data");
    EXPECT_EQ(error_of(plain(one + junk + two)), "something else follows its compressed data");
  }
  EXPECT_EQ(error_of(plain(all + all.substr(0, 9))),
            "it is truncated: its compressed data ends early");
}

TEST_F(Idx, DeclaredSizesAreCheckedBeforeMemoryIsTaken) {
  EXPECT_EQ(error_of(plain(header(8, {1000000, 784}) + "abc")),
            "it is truncated: it declares uint8 of (1000000, 784), 784000000 bytes, but can hold "
            "at most 15");
  EXPECT_TRUE(error_of(packed(header(8, {1000000, 784}) + "abc"))
                  .starts_with("it is truncated: it declares uint8 of (1000000, 784)"));
  EXPECT_EQ(error_of(plain(header(8, {2000000, 784}) + "abc")),
            "it declares uint8 of (2000000, 784), 6272000000 bytes as float32: over the limit of "
            "4294967296");
  EXPECT_EQ(error_of(plain(image), float32, {.most_bytes = 20}),
            "it declares uint8 of (2, 3), 24 bytes as float32: over the limit of 20");
  EXPECT_TRUE(error_of(plain(header(8, {4000000000, 4000000000}) + "abc"))
                  .starts_with("it declares more than a tensor can be: "));
  EXPECT_EQ(error_of(plain(header(8, {0, 4294967294}))),
            "it declares more than a tensor can be: shape (0, 4294967294): more than 2^31 elements "
            "without its sizes of 0");
}

TEST_F(Idx, FractionsDoNotBecomeInt64) {
  EXPECT_EQ(error_of(plain(header(13, {1}) + big_endian(0x3fc00000, 4)), int64),
            "it declares float32 of (1,), whose fractions int64 cannot keep");
}

// 1e300 became infinite.
TEST_F(Idx, NumbersBeyondFloat32AreRefused) {
  const auto numbers = [](std::initializer_list<double> list, std::uint32_t columns) {
    bytes content = header(14, {static_cast<std::uint32_t>(list.size()) / columns, columns});
    for (const double x : list) content += big_endian(std::bit_cast<std::uint64_t>(x), 8);
    return content;
  };
  EXPECT_EQ(error_of(plain(numbers({1, 2, 3, 4, 5, 1e300}, 3))),
            "the element at (1, 2) is 1e+300, which float32 cannot hold: read it as float64");
  EXPECT_EQ(error_of(plain(numbers({-3.41e38, 0}, 1))),
            "the element at (0, 0) is -3.41e+38, which float32 cannot hold: read it as float64");
  const double infinity = std::numeric_limits<double>::infinity();
  const auto file = plain(numbers({infinity, -infinity, 3.4028235e38, 1e-300}, 1));
  EXPECT_EQ(values<float>(read_idx(file)),
            (std::vector<float>{HUGE_VALF, -HUGE_VALF, 3.4028235e38f, 0}));
  EXPECT_TRUE(std::isnan(values<float>(read_idx(plain(numbers({std::nan("")}, 1))))[0]));
  EXPECT_EQ(values<double>(read_idx(plain(numbers({1e300}, 1)), float64))[0], 1e300);
  // Not in the first chunk.
  bytes many = header(14, {20000});
  for (int i = 0; i < 20000; ++i) many += big_endian(i == 19999 ? 0x7e37e43c8800759cull : 0, 8);
  EXPECT_EQ(error_of(plain(many)),
            "the element at (19999,) is 1e+300, which float32 cannot hold: read it as float64");
}

// gzip has a checksum. A plain file has none: its data is right if it is what follows the header.
TEST_F(Idx, MutatedFilesEndInAnErrorOrTheData) {
  std::mt19937 random(1);
  const bytes files[] = {image, content(packed(image))};
  const std::vector<float> expected = values<float>(read_idx(plain(image)));
  int errors = 0;
  for (int i = 0; i < 10000; ++i) {
    const bytes mutated = tests::mutated(files[i % 2], random);
    try {
      const tensor t = read_idx(plain(mutated), float32, {.most_bytes = 1 << 20});
      const auto found = values<float>(t);
      if (i % 2 == 1) {
        ASSERT_EQ(found, expected) << "file " << i;
      } else if (mutated[2] == 8) {
        const auto data = static_cast<std::size_t>(4 + 4 * mutated[3]);
        ASSERT_EQ(found.size(), mutated.size() - data);
        for (std::size_t k = 0; k < found.size(); ++k) {
          ASSERT_EQ(found[k], static_cast<unsigned char>(mutated[data + k]));
        }
      }
    } catch (const io_error&) {
      ++errors;
    }
  }
  EXPECT_GT(errors, 5000);
  EXPECT_LT(errors, 9500);
}

}  // namespace
