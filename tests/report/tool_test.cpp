// Running the programs that draw: input and output of any size, and clear errors.
#include "report/tool.hpp"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "cotape/error.hpp"

#include "expect_error.hpp"
#include "full_disk.hpp"
#include "own_folder.hpp"

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

TEST(Tool, RefusesMoreThanAPicture) {
  EXPECT_EQ(cotape::tests::message_of(
                [] { cotape::report::drawn_by("cat", {}, "\nhello\n<svg></svg>\n", ""); }),
            "report: cat has printed more than a picture: hello\n<svg></svg>");
  const std::string whole = "<?xml version=\"1.0\"?>\n<svg></svg>\n";
  EXPECT_EQ(cotape::report::drawn_by("cat", {}, whole, ""), whole);
}

// A process that ignores the end of its children is not told how they ended.
TEST(Tool, RunsWhereTheEndOfChildrenIsIgnored) {
  const auto before = std::signal(SIGCHLD, SIG_IGN);
  EXPECT_EQ(cotape::tests::message_of([] { EXPECT_EQ(run_tool("cat", {}, "text", ""), "text"); }),
            "no error");
  EXPECT_EQ(cotape::tests::message_of([] {
              cotape::report::drawn_by("sh", {"-c", "echo it broke >&2; exit 1"}, "", "");
            }),
            "report: the picture that sh has drawn is not whole: is the disk full?");
  std::signal(SIGCHLD, before);
}

// In a process of its own, whose standard files are closed.
TEST(Tool, WhatIsPrintedMeanwhileDoesNotGetIntoAPicture) {
  const cotape::tests::own_folder folder;
  const std::string fifo = folder.at / "fifo";
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0600), 0);
  int go[2], done[2];
  ASSERT_EQ(::pipe2(go, O_CLOEXEC), 0);
  ASSERT_EQ(::pipe2(done, O_CLOEXEC), 0);
  const pid_t child = ::fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    for (int standard : {0, 1, 2}) ::close(standard);
    bool failed = false;
    std::thread printing([&] {
      char c = 0;
      const auto told = ::read(go[0], &c, 1);
      const auto printed = ::write(1, "a", 1) + ::write(2, "b", 1);
      failed = told != 1 || printed != -2 || ::write(done[1], &c, 1) != 1;
      ::close(done[1]);
    });
    const std::string out = run_tool("cat", {fifo, "/dev/stdin"}, "text", "");
    printing.join();
    ::_exit(!failed && out == "text" ? 0 : 1);
  }
  const int running = ::open(fifo.c_str(), O_WRONLY | O_CLOEXEC);  // waits for the tool
  char c = 0;
  EXPECT_EQ(::write(go[1], &c, 1), 1);
  ::close(done[1]);
  EXPECT_GE(::read(done[0], &c, 1), 0);
  for (int number : {running, go[0], go[1], done[0]}) ::close(number);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

TEST(Tool, SaysThatTheDiskIsFull) {
  const cotape::tests::full_disk full;
  EXPECT_EQ(message_of("cat", {}), "report: cannot write a temporary file: File too large");
}

}  // namespace
