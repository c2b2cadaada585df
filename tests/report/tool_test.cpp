// Running the programs that draw: input and output of any size, and clear errors.
#include "report/tool.hpp"

#include <gtest/gtest.h>

#include "cotape/error.hpp"

#include "full_disk.hpp"

namespace {

using cotape::io_error;
using cotape::report::run_tool;

std::string message_of(const std::string& program, const std::vector<std::string>& arguments) {
  try {
    run_tool(program, arguments, std::string(1 << 20, 'x'), "some-package");
  } catch (const io_error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Tool, PassesMoreThanAPipeHolds) {
  const std::string text(1 << 20, 'x');
  EXPECT_EQ(run_tool("cat", {}, text, ""), text);
}

TEST(Tool, NamesThePackageOfAMissingProgram) {
  EXPECT_EQ(message_of("cotape-no-such-program", {}),
            "report: the program cotape-no-such-program is missing: install Debian's package "
            "some-package");
}

TEST(Tool, PassesOnWhatAFailingProgramSays) {
  EXPECT_EQ(message_of("sh", {"-c", "echo; echo it broke >&2; exit 3"}),
            "report: sh failed: it broke");
  EXPECT_EQ(message_of("false", {}), "report: false failed: it gives no reason");
}

TEST(Tool, SaysWhyItCannotStart) {
  EXPECT_EQ(message_of("/", {}), "report: cannot start /: Permission denied");
}

TEST(Tool, RefusesPicturesThatAreNotWhole) {
  const auto drawn = [](const std::string& text) {
    try {
      return cotape::report::drawn_by("cat", {}, text, "");
    } catch (const io_error& e) {
      return std::string(e.what());
    }
  };
  EXPECT_EQ(drawn("<svg></svg>\n"), "<svg></svg>\n");
  const std::string text = "report: the picture that cat has drawn is not whole: is the disk full?";
  EXPECT_EQ(drawn("<svg><g>"), text);
  EXPECT_EQ(drawn(""), text);
  const cotape::tests::full_disk full;
  EXPECT_EQ(drawn("<svg>" + std::string(900, ' ') + "</svg>").size(), 911u);
}

TEST(Tool, SaysThatTheDiskIsFull) {
  const cotape::tests::full_disk full;
  EXPECT_EQ(message_of("cat", {}), "report: cannot write a temporary file: File too large");
}

}  // namespace
