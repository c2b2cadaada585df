// Loops as data: their text, and what makes one legal.
#include "code/loop.hpp"

#include <gtest/gtest.h>

#include <stdexcept>

namespace cotape {
namespace {

using code::loop;

// y = the sum of x * x over 1000 elements: a load, a product, a reduction.
loop sum_of_squares() {
  loop l;
  l.rows = 1000;
  l.buffers = {{{code::region::arena, 0}}, {{code::region::arena, 4096}}};
  l.body.push_back({.does = loop::kind::load, .dtype = float32, .from = 0});
  l.body.push_back({.does = loop::kind::apply, .dtype = float32, .count = 2, .in = {0, 0}});
  l.body.push_back({.does = loop::kind::reduce, .dtype = float32, .count = 1, .in = {1}, .to = 1});
  return l;
}

std::string refusal(const loop& l) {
  try {
    verify(l);
  } catch (const std::logic_error& e) {
    return e.what();
  }
  return "";
}

TEST(Loop, IsPrintedInstructionByInstruction) {
  EXPECT_EQ(sum_of_squares().text(),
            "1000 elements\n"
            "%0 = load float32 from b0\n"
            "%1 = apply float32 %0 %0\n"
            "%2 = reduce float32 %1 to b1\n");
  EXPECT_EQ(refusal(sum_of_squares()), "");
}

TEST(Loop, ThatReadsWhatIsNotThereYetIsRefused) {
  loop l = sum_of_squares();
  l.body[1].in[1] = 1;
  EXPECT_EQ(refusal(l).substr(0, 46), "loop: instruction 1 reads a later result in\n10")
      << refusal(l);
  l = sum_of_squares();
  l.body.push_back({.does = loop::kind::apply, .dtype = float32, .count = 1, .in = {2}});
  EXPECT_NE(refusal(l).find("reads what is done after the loop"), std::string::npos) << refusal(l);
}

TEST(Loop, BuffersThatAreNotThereAreRefused) {
  loop l = sum_of_squares();
  l.body[0].from = 2;
  EXPECT_NE(refusal(l).find("loads from no buffer"), std::string::npos) << refusal(l);
  l = sum_of_squares();
  l.body[2].to = code::none;
  EXPECT_NE(refusal(l).find("reduces into no buffer"), std::string::npos) << refusal(l);
  l = sum_of_squares();
  l.body[0].map = 0;
  EXPECT_NE(refusal(l).find("loads by no map"), std::string::npos) << refusal(l);
}

TEST(Loop, RowsAndElementsDoNotMix) {
  loop l = sum_of_squares();
  l.columns = 10;
  l.body.push_back(
      {.does = loop::kind::reduce_row, .dtype = float32, .by_row = true, .count = 1, .in = {1}});
  EXPECT_EQ(refusal(l), "");
  l.body.push_back({.does = loop::kind::apply, .dtype = float32, .count = 2, .in = {0, 3}});
  EXPECT_NE(refusal(l).find("instruction 4 mixes rows and elements"), std::string::npos)
      << refusal(l);
  l.columns = 0;
  EXPECT_NE(refusal(l).find("once a row of a flat loop"), std::string::npos) << refusal(l);
}

}  // namespace
}  // namespace cotape
