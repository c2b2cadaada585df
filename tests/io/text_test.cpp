// Texts as numbers.
#include <gtest/gtest.h>

#include <cotape/text.hpp>
#include <xtensor/xarray.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using cotape::tests::expect_error;
using cotape::tests::message_of;

std::vector<std::int64_t> list(const tensor& t) {
  const auto* first = t.data_as<std::int64_t>();
  return {first, first + t.shape().elements()};
}
using numbers = std::vector<std::int64_t>;

TEST(Vocabulary, NumbersTheCharactersOfATextInTheirOrder) {
  const vocabulary v("banana\u00e9\u20ac\U0001f600 a");
  EXPECT_EQ(v.units(),
            (std::vector<std::string>{" ", "a", "b", "n", "\u00e9", "\u20ac", "\U0001f600"}));
  EXPECT_EQ(v.size(), 7);
  const tensor t = v.encode("nab\U0001f600\u00e9");
  EXPECT_EQ(t.type().text(), "int64 (5,)");
  EXPECT_EQ(list(t), (numbers{3, 1, 2, 6, 4}));
  EXPECT_EQ(v.decode(t), "nab\U0001f600\u00e9");
  EXPECT_EQ(v.decode(xt::xarray<std::int64_t>{{2, 1}, {3, 5}}), "ban\u20ac");
  EXPECT_EQ(v.encode("").shape(), shape{0});
  EXPECT_EQ(v.decode(v.encode("")), "");
}

TEST(Vocabulary, NumbersBytes) {
  const vocabulary v("\xff\xc3\xa9z", {.units = text_units::bytes});
  EXPECT_EQ(v.units(), (std::vector<std::string>{"z", "\xa9", "\xc3", "\xff"}));
  EXPECT_EQ(list(v.encode("\u00e9\xff")), (numbers{2, 1, 3}));
  EXPECT_EQ(v.decode(v.encode("z\xff")), "z\xff");
}

TEST(Vocabulary, TakesUnknownUnitsAsItIsTold) {
  const vocabulary refusing("ab"), replacing("ab", {.unknown = unknown_units::replaced}),
      leaving_out("ab", {.unknown = unknown_units::left_out});
  EXPECT_EQ(message_of([&] { refusing.encode("a\u00e9b"); }),
            "encode: '\u00e9' at byte 1 is not in the vocabulary: make it of a text that has it, "
            "or choose its {.unknown = unknown_units::replaced} or left_out");
  EXPECT_EQ(replacing.size(), 3);
  EXPECT_EQ(list(replacing.encode("a\u00e9b")), (numbers{0, 2, 1}));
  EXPECT_EQ(replacing.decode(replacing.encode("a\u00e9b")), "a\ufffdb");
  EXPECT_EQ(list(leaving_out.encode("a\u00e9b")), (numbers{0, 1}));
  const vocabulary bytes("ab", {text_units::bytes, unknown_units::replaced});
  EXPECT_EQ(bytes.decode(bytes.encode("a\u00e9b")), "a\?\?b");
  EXPECT_EQ(message_of([] { vocabulary("ab", {.units = text_units::bytes}).encode("b\x07"); }),
            "encode: the byte 0x07 at byte 1 is not in the vocabulary: make it of a text that has "
            "it, or choose its {.unknown = unknown_units::replaced} or left_out");
}

// What RFC 3629 has not: cut off, surrogates, longer than needed, beyond the last.
TEST(Vocabulary, RefusesWhatIsNoUtf8) {
  for (const char* wrong : {"\xc3", "\xe2\x82", "\xf0\x9f\x98", "\x80", "\xc0\x80", "\xc1\xbf",
                            "\xe0\x9f\xbf", "\xed\xa0\x80", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80",
                            "\xf5\x80\x80\x80", "\xc3(", "\xe2\x82(", "\xff"}) {
    EXPECT_EQ(message_of([&] { vocabulary(std::string("ab") + wrong); }),
              "vocabulary: byte 2 of the text begins no character of UTF-8: convert it, or take "
              "its bytes, {.units = text_units::bytes}");
  }
  for (const char* right :
       {"\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf", "\xee\x80\x80",
        "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"}) {
    EXPECT_EQ(vocabulary(right).size(), 1);
  }
  EXPECT_TRUE(message_of([] { vocabulary("a").encode("a\xff"); }).starts_with("encode: byte 1 of"));
}

TEST(Vocabulary, RefusesOtherMistakes) {
  EXPECT_EQ(message_of([] { vocabulary(""); }), "vocabulary: the text is empty");
  const vocabulary v("ab");
  EXPECT_EQ(message_of([&] {
              v.decode(xt::xarray<std::int64_t>{0, 2});
            }),
            "decode: 2 is none of the numbers 0 to 1");
  EXPECT_EQ(message_of([&] { v.decode(xt::xarray<std::int64_t>{-1}); }),
            "decode: -1 is none of the numbers 0 to 1");
  expect_error<dtype_error>([&] { v.decode(xt::xarray<float>{0}); },
                            "decode: the numbers are float32, not int64");
}

TEST(TokenWindows, HaveTheNextNumbersAsTargets) {
  const xt::xarray<std::int64_t> all = {0, 1, 2, 3, 4, 5, 6, 7};
  const next_tokens w = token_windows(all, 3, 2);
  EXPECT_EQ(w.x.type().text(), "int64 (3, 3)");
  EXPECT_EQ(list(w.x), (numbers{0, 1, 2, 2, 3, 4, 4, 5, 6}));
  EXPECT_EQ(list(w.y), (numbers{1, 2, 3, 3, 4, 5, 5, 6, 7}));
  EXPECT_EQ(list(token_windows(all, 7, 1).y), (numbers{1, 2, 3, 4, 5, 6, 7}));
  EXPECT_EQ(list(token_windows(all, 3, 5).x), (numbers{0, 1, 2}));
  EXPECT_EQ(list(token_windows(all, 2, 5).x), (numbers{0, 1, 5, 6}));
}

TEST(TokenWindows, RefuseMistakes) {
  const xt::xarray<std::int64_t> all = {0, 1, 2, 3};
  EXPECT_EQ(message_of([&] { token_windows(all, 4, 1); }),
            "token_windows: 4 numbers are too few for a window of 4 and the one after it");
  EXPECT_EQ(message_of([&] { token_windows(all, 0, 1); }),
            "token_windows: a length of 0 and a stride of 1: both are at least 1");
  EXPECT_EQ(message_of([&] { token_windows(all, 1, 0); }),
            "token_windows: a length of 1 and a stride of 0: both are at least 1");
  expect_error<shape_error>(
      [] {
        token_windows(xt::xarray<std::int64_t>{{0, 1}}, 1, 1);
      },
      "token_windows: numbers of shape (1, 2) have not one axis");
  expect_error<dtype_error>(
      [] {
        token_windows(xt::xarray<double>{0, 1}, 1, 1);
      },
      "token_windows: the numbers are float64, not int64");
}

}  // namespace
