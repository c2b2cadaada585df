// Files in folders that several hosts write in: locks that are as a network's, or that others do
// not see, and what others do to the file, or beside it, while it is written.
#include <gtest/gtest.h>
#include <cotape/io.hpp>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>

#include "expect_error.hpp"
#include "io/files.hpp"
#include "io/write_file.hpp"

namespace {

bool locks_need_writing = false;

}  // namespace

// In place of the system's for this program. As NFS has it (flock(2)), an exclusive lock needs a
// file that is open for writing.
extern "C" int flock(int file, int operation) noexcept {
  const int mode = ::fcntl(file, F_GETFL) & O_ACCMODE;
  if (locks_need_writing && (operation & LOCK_EX) != 0 && mode == O_RDONLY) {
    errno = EBADF;
    return -1;
  }
  return static_cast<int>(::syscall(SYS_flock, file, operation));
}

namespace {

using namespace cotape;
using std::filesystem::path;

const std::string_view text = "new";

class SharedFolder : public tests::files_test {
 protected:
  void TearDown() override {
    locks_need_writing = false;
    files_test::TearDown();
  }
  path file() const { return folder_ / "t.npy"; }
  path unfinished(const char* number = "") const {
    return file().string() + ".cotape-unfinished" + number;
  }
  detail::prepared_file prepare() const {
    return {{"write", file()}, std::span<const std::string_view>(&text, 1)};
  }
  unsigned mode() const {
    struct ::stat s {};
    EXPECT_EQ(::stat(file().c_str(), &s), 0);
    return s.st_mode & 07777;
  }
  std::ptrdiff_t entries() const {
    return std::distance(std::filesystem::directory_iterator(folder_), {});
  }
};

TEST_F(SharedFolder, WhatKilledWritersLeaveIsRemovedWhereLocksNeedWriting) {
  locks_need_writing = true;
  for (const char* number : {"", "-1", "-2"}) std::ofstream(unfinished(number)) << "left";
  write_npy(file(), 1.0);
  EXPECT_EQ(entries(), 1);
  // Another's lock counts there too.
  std::ofstream(unfinished()) << "half";
  const detail::descriptor live(::open(unfinished().c_str(), O_WRONLY | O_CLOEXEC));
  ASSERT_EQ(::flock(live.number(), LOCK_EX | LOCK_NB), 0);
  write_npy(file(), 1.0);
  EXPECT_EQ(content(unfinished()), "half");
}

// A host that does not see the lock takes what is being written for a killed writer's, and writes
// its own under that name.
TEST_F(SharedFolder, WhatAnotherPutsUnderTheNameDoesNotBecomeTheFile) {
  for (const bool ready : {false, true}) {
    write("t.npy", "old");
    const std::string message = tests::message_of([&] {
      detail::prepared_file content = prepare();
      if (ready) content.make_ready();
      std::filesystem::remove(unfinished());
      std::ofstream(unfinished()) << "half";
      if (!ready) content.make_ready();
      content.become_the_file();
    });
    EXPECT_EQ(message, "write: " + file().string() + ": what was written for it is gone");
    EXPECT_EQ(content(file()), "old");
    EXPECT_EQ(content(unfinished()), "half");
    std::filesystem::remove(unfinished());
  }
}

TEST_F(SharedFolder, AFileThatIsRemovedMeanwhileHasTheModeOfANewOne) {
  const auto rights = ::umask(022);
  for (const unsigned umask : {022u, 027u, 077u, 0u}) {
    ::umask(umask);
    write("t.npy", "old");
    ASSERT_EQ(::chmod(file().c_str(), 0600), 0);
    detail::prepared_file content = prepare();
    std::filesystem::remove(file());
    std::ofstream(unfinished("-1")) << "left";
    content.make_ready();
    content.become_the_file();
    EXPECT_EQ(mode(), 0666 & ~umask);
    EXPECT_EQ(this->content(file()), text);
    EXPECT_EQ(entries(), 1);
  }
  ::umask(rights);
}

}  // namespace
