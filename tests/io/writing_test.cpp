// What all writers of files do alike: what may stand at the name and beside it, links, modes and
// owners, and what a killed process leaves. Every special file is made by the test.
#include <gtest/gtest.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <cotape/cotape.hpp>

#include <fcntl.h>
#include <csignal>
#include <cstring>
#include <functional>
#include <optional>
#include <thread>

#include "expect_error.hpp"
#include "full_disk.hpp"
#include "io/file.hpp"
#include "io/files.hpp"
#include "io/write_file.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using tests::message_of;

const xt::xarray<double> values = {1, 2, 3};

history two_epochs() {
  history h;
  h.add({{"loss", 2}});
  h.add({{"loss", 1}});
  return h;
}

void log_a_fit(csv_log log) {
  sequential m({dense(1)}, 1);
  m.compile("mse", sgd());
  m.fit(xt::xarray<float>{{1, 2}, {2, 3}}, xt::xarray<float>{1, 2},
        {.epochs = 2, .callbacks = {log}, .progress = nullptr});
}

// To a file or a stream.
template <class To> void draw_figure(To& to) {
  report::write_figure(to, {{"t", "x", "y", {{"c", {1, 2}, {}}}, false}});
}
template <class To> void draw_graph(To& to) {
  tape t;
  report::write_graph(to, square(t.input(float64, {}, "x")));
}
template <class To> void draw_circuit(To& to) {
  const parameter p("p", 3.0);
  tape t;
  report::write_circuit(to, square(t.read(p)));
}

// A function that writes a file, and the extension that the file must have.
struct writer {
  std::string name, extension;
  std::function<void(const path&)> write;
};

const std::vector<writer>& writers() {
  static const tensor one = tensor(array_argument(values).view());
  static const std::vector<writer> all = {
      {"write_npy", ".npy", [](const path& f) { write_npy(f, values); }},
      {"write_npz", ".npz",
       [](const path& f) {
         write_npz(f, {{"a", one}});
       }},
      {"write_safetensors", ".safetensors",
       [](const path& f) {
         write_safetensors(f, {{"a", one}});
       }},
      {"save_parameters", ".npz", [](const path& f) { save_parameters(f, {parameter("a", one)}); }},
      {"history::write_csv", ".csv", [](const path& f) { two_epochs().write_csv(f); }},
      {"history::write_svg", ".svg", [](const path& f) { two_epochs().write_svg(f); }},
      {"csv_log", ".csv", [](const path& f) { log_a_fit(csv_log(f)); }},
      {"write_figure", ".svg", draw_figure<const path>},
      {"write_graph", ".svg", draw_graph<const path>},
      {"write_circuit", ".svg", draw_circuit<const path>},
  };
  return all;
}

struct ::stat status_of(const path& file) {
  struct ::stat s {};
  EXPECT_EQ(::lstat(file.c_str(), &s), 0) << file;
  return s;
}

std::ptrdiff_t entries(const path& folder) {
  return std::distance(std::filesystem::directory_iterator(folder), {});
}

class Writing : public tests::files_test {
 protected:
  path folder(const std::string& name) const {
    std::filesystem::create_directories(folder_ / name);
    return folder_ / name;
  }
  // What a writer writes, where nothing stood.
  std::string wanted(const writer& w) const {
    const path file = folder("wanted") / (w.name.substr(w.name.find(':') + 1) + w.extension);
    std::filesystem::remove(file);
    w.write(file);
    return content(file);
  }
};

// Each kind of file that is none to write to, made at `at`; false where the system forbids it.
struct special {
  const char* kind;
  std::function<bool(const path& at)> make;
};

bool make_socket(const path& at) {
  const int s = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un name{};
  name.sun_family = AF_UNIX;
  const std::string text = at.string();
  if (text.size() >= sizeof(name.sun_path)) return ::close(s), false;
  text.copy(name.sun_path, text.size());
  const bool made = ::bind(s, reinterpret_cast<sockaddr*>(&name), sizeof(name)) == 0;
  ::close(s);
  return made;
}

const special specials[] = {
    {"a FIFO", [](const path& at) { return ::mkfifo(at.c_str(), 0666) == 0; }},
    {"a socket", make_socket},
    {"a folder", [](const path& at) { return std::filesystem::create_directory(at); }},
    // The numbers of /dev/full and of a loop device; both only in the test's folder.
    {"a device",
     [](const path& at) { return ::mknod(at.c_str(), S_IFCHR | 0666, ::makedev(1, 7)) == 0; }},
    {"a device",
     [](const path& at) { return ::mknod(at.c_str(), S_IFBLK | 0666, ::makedev(7, 250)) == 0; }},
};

TEST_F(Writing, RefusesWhatIsNoRegularFile) {
  int tried = 0;
  for (const writer& w : writers()) {
    for (const special& s : specials) {
      const path at = folder_ / ("t" + w.extension);
      std::filesystem::remove_all(at);
      if (!s.make(at)) continue;
      ++tried;
      const auto before = status_of(at);
      const std::string message = message_of([&] { w.write(at); });
      EXPECT_NE(message.find(at.string() + ": it is " + s.kind + ", no regular file"),
                std::string::npos)
          << w.name << ": " << message;
      EXPECT_EQ(status_of(at).st_ino, before.st_ino) << w.name << ", " << s.kind;
      EXPECT_EQ(status_of(at).st_mode, before.st_mode) << w.name << ", " << s.kind;
      std::filesystem::remove_all(at);
      // The same through a link.
      const path link = folder_ / ("link" + w.extension);
      if (!s.make(at)) continue;
      std::filesystem::create_symlink(at, link);
      EXPECT_NE(message_of([&] { w.write(link); }).find("no regular file"), std::string::npos)
          << w.name << ", " << s.kind;
      EXPECT_EQ(status_of(at).st_mode, before.st_mode) << w.name << ", " << s.kind;
      std::filesystem::remove(link);
    }
  }
  EXPECT_GE(tried, 3 * static_cast<int>(writers().size()));
}

TEST_F(Writing, ThroughALinkItsTargetIsWritten) {
  for (const writer& w : writers()) {
    SCOPED_TRACE(w.name);
    const std::string text = wanted(w);
    const path here = folder("here"), there = folder("there"), file = "t" + w.extension;
    std::ofstream(there / file) << "old";
    std::filesystem::create_symlink(path("..") / "there" / file, here / "middle");
    std::filesystem::create_symlink("middle", here / file);
    w.write(here / file);
    EXPECT_TRUE(S_ISLNK(status_of(here / file).st_mode));
    EXPECT_TRUE(S_ISLNK(status_of(here / "middle").st_mode));
    EXPECT_EQ(content(there / file), text);
    // A link to nothing: its target is made.
    std::filesystem::remove(there / file);
    w.write(here / file);
    EXPECT_TRUE(S_ISREG(status_of(there / file).st_mode));
    EXPECT_EQ(content(there / file), text);
    EXPECT_EQ(entries(here), 2);
    EXPECT_EQ(entries(there), 1);
    std::filesystem::remove_all(here);
    std::filesystem::remove_all(there);
  }
}

TEST_F(Writing, LinksThatLeadNowhereAreRefused) {
  std::filesystem::create_symlink("b", folder_ / "a");
  std::filesystem::create_symlink("a", folder_ / "b");
  EXPECT_EQ(message_of([&] { write_npy(folder_ / "a", values); }),
            "write_npy: " + (folder_ / "a").string() +
                ": cannot write it: Too many levels of symbolic links");
  std::filesystem::create_symlink("none/file", folder_ / "c");
  EXPECT_EQ(message_of([&] { write_npy(folder_ / "c", values); }),
            "write_npy: " + (folder_ / "c").string() + ": cannot write in the folder " +
                (folder_ / "none").string() + ": No such file or directory");
  EXPECT_EQ(entries(folder_), 3);
}

// Standard output is such a name: replacing its file would lose what else is printed.
TEST_F(Writing, OpenFilesOfAProcessAreRefused) {
  const path file = write("t.npy", "what was printed");
  const int descriptor = ::open(file.c_str(), O_WRONLY);
  ASSERT_GE(descriptor, 0);
  const path name = "/proc/self/fd/" + std::to_string(descriptor);
  const auto before = status_of(file).st_ino;
  EXPECT_EQ(message_of([&] { write_npy(name, values); }),
            "write_npy: " + name.string() +
                ": it is an open file of a process: write to a std::ostream instead");
  ::close(descriptor);
  EXPECT_EQ(status_of(file).st_ino, before);
  EXPECT_EQ(content(file), "what was printed");
}

// The names that a temporary file has had or could have.
const char* const beside[] = {".unfinished", ".cotape-unfinished"};

TEST_F(Writing, WhatStandsBesideIsNeitherWrittenNorInTheWay) {
  const auto rights = ::umask(022);
  for (const writer& w : writers()) {
    for (const char* ending : beside) {
      SCOPED_TRACE(w.name + ending);
      const std::string text = wanted(w);
      const path here = folder("here"), file = here / ("t" + w.extension);
      const path temporary = file.string() + ending, victim = folder("there") / "victim";
      const auto expect_written = [&] {
        w.write(file);
        EXPECT_EQ(content(file), text);
        EXPECT_EQ(content(victim), "precious");
        EXPECT_EQ(status_of(file).st_mode & 07777, 0644u);
        EXPECT_EQ(status_of(file).st_uid, ::geteuid());
        std::filesystem::remove(file);
      };
      std::ofstream(victim) << "precious";
      std::filesystem::create_symlink(victim, temporary);
      expect_written();
      EXPECT_TRUE(S_ISLNK(status_of(temporary).st_mode));
      std::filesystem::remove(temporary);
      std::filesystem::create_hard_link(victim, temporary);
      expect_written();
      EXPECT_EQ(content(temporary), "precious");
      for (const special& s : specials) {
        std::filesystem::remove_all(temporary);
        if (!s.make(temporary)) continue;
        const auto before = status_of(temporary);
        expect_written();
        EXPECT_EQ(status_of(temporary).st_ino, before.st_ino) << s.kind;
      }
      std::filesystem::remove_all(temporary);
      std::ofstream(temporary) << "another's";
      if (::chmod(temporary.c_str(), 0666) == 0 && ::chown(temporary.c_str(), 12345, 12345) == 0) {
        expect_written();
        EXPECT_EQ(content(temporary), "another's");
      }
      std::filesystem::remove_all(here);
    }
  }
  ::umask(rights);
}

TEST_F(Writing, AUsersOwnFileBesideIsKept) {
  const path file = write("t.npy.unfinished", "my notes");
  write_npy(folder_ / "t.npy", values);
  EXPECT_EQ(content(file), "my notes");
}

TEST_F(Writing, ModeAndOwnerStay) {
  const auto rights = ::umask(027);
  for (const writer& w : writers()) {
    SCOPED_TRACE(w.name);
    const path file = folder_ / ("t" + w.extension);
    std::filesystem::remove(file);
    w.write(file);
    EXPECT_EQ(status_of(file).st_mode & 07777, 0640u);
    for (const unsigned mode : {0600u, 0666u, 02775u}) {
      const bool others = ::chown(file.c_str(), 12345, 23456) == 0;
      ASSERT_EQ(::chmod(file.c_str(), mode), 0);
      w.write(file);
      EXPECT_EQ(status_of(file).st_mode & 07777, mode);
      EXPECT_EQ(status_of(file).st_uid, others ? 12345u : ::geteuid());
      EXPECT_EQ(status_of(file).st_gid, others ? 23456u : ::getegid());
    }
  }
  ::umask(rights);
}

// An access control list as the system keeps it: a version, then tags, rights and numbers of users.
std::string access_list(unsigned named_user) {
  struct entry {
    std::uint16_t tag, rights;
    std::uint32_t id;
  };
  constexpr std::uint32_t nobody = ~0u;
  const entry entries[] = {{0x01, 6, nobody},
                           {0x02, 6, named_user},
                           {0x04, 0, nobody},
                           {0x10, 6, nobody},
                           {0x20, 0, nobody}};
  std::string bytes(4 + sizeof(entries), '\0');
  bytes[0] = 2;
  std::memcpy(bytes.data() + 4, entries, sizeof(entries));
  return bytes;
}

std::string access_list_of(const path& file) {
  std::string bytes(1000, ' ');
  const auto n = ::getxattr(file.c_str(), "system.posix_acl_access", bytes.data(), bytes.size());
  return bytes.substr(0, n < 0 ? 0 : static_cast<std::size_t>(n));
}

// With a list, the mode's bits of the group say what the list allows at most: a file that loses the
// list, but not these bits, lets the group in.
TEST_F(Writing, AccessControlListsStay) {
  const path file = write("t.npy", "old");
  const std::string list = access_list(5), of_folder = access_list(6);
  if (::setxattr(file.c_str(), "system.posix_acl_access", list.data(), list.size(), 0) != 0) {
    GTEST_SKIP() << "the file system has no access control lists";
  }
  write_npy(file, values);
  EXPECT_EQ(access_list_of(file), list);
  EXPECT_EQ(status_of(file).st_mode & 07777, 0660u);
  // A file without one takes none from the folder, which new files do.
  const path there = folder("there");
  ASSERT_EQ(
      ::setxattr(there.c_str(), "system.posix_acl_default", of_folder.data(), of_folder.size(), 0),
      0);
  write_npy(there / "new.npy", values);
  EXPECT_EQ(access_list_of(there / "new.npy"), of_folder);
  std::filesystem::rename(write("plain.npy", "old"), there / "plain.npy");
  ASSERT_EQ(::chmod((there / "plain.npy").c_str(), 0640), 0);
  write_npy(there / "plain.npy", values);
  EXPECT_EQ(access_list_of(there / "plain.npy"), "");
  EXPECT_EQ(status_of(there / "plain.npy").st_mode & 07777, 0640u);
}

// Text that is printed to a closed standard output would get into the file.
TEST_F(Writing, FilesAreNotOpenedAsStandardOnes) {
  const path file = write("t.npy", "old");
  const int kept = ::dup(0);
  ::close(0);
  {
    const detail::descriptor in(::open(file.c_str(), O_RDONLY | O_CLOEXEC));
    EXPECT_GT(in.number(), 2);
    EXPECT_EQ(::fcntl(in.number(), F_GETFD), FD_CLOEXEC);
    EXPECT_EQ(::fcntl(0, F_GETFD), -1);
  }
  if (kept >= 0) {
    ::dup2(kept, 0);
    ::close(kept);
  }
}

// Runs f in a process of user and group 65534, if the test may make one; f's message.
std::optional<std::string> message_as_nobody(const path& answer, const std::function<void()>& f) {
  std::ofstream(answer) << "";
  ::chmod(answer.c_str(), 0666);
  const pid_t child = ::fork();
  if (child == 0) {
    if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(3);
    {
      std::ofstream out(answer);
      out << message_of(f);
    }
    ::_exit(0);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  if (WEXITSTATUS(status) == 3) return std::nullopt;
  std::ifstream in(answer);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

TEST_F(Writing, AnothersFileBecomesTheWritersIfItMayBeWritten) {
  const path open = folder("open"), closed = folder("closed"), answer = folder_ / "answer";
  ::chmod(open.c_str(), 0777);
  ::chmod(closed.c_str(), 0711);
  const auto make = [](const path& file, unsigned mode) {
    std::ofstream(file) << "old";
    return ::chown(file.c_str(), 12345, 23456) == 0 && ::chmod(file.c_str(), mode) == 0;
  };
  if (!make(open / "t.npy", 06676)) GTEST_SKIP() << "only root can do this";
  const auto writing = [](const path& file) { return [=] { write_npy(file, values); }; };
  ASSERT_EQ(message_as_nobody(answer, writing(open / "t.npy")), "no error");
  EXPECT_EQ(status_of(open / "t.npy").st_uid, 65534u);
  EXPECT_EQ(status_of(open / "t.npy").st_mode & 07777, 0666u);  // no more than others have
  EXPECT_EQ(read_npy(open / "t.npy").shape(), (shape{3}));
  make(open / "read_only.npy", 0444);
  EXPECT_EQ(
      message_as_nobody(answer, writing(open / "read_only.npy")),
      "write_npy: " + (open / "read_only.npy").string() + ": cannot write it: Permission denied");
  EXPECT_EQ(content(open / "read_only.npy"), "old");
  EXPECT_EQ(message_as_nobody(answer, writing(closed / "t.npy")),
            "write_npy: " + (closed / "t.npy").string() + ": cannot write in the folder " +
                closed.string() + ": Permission denied");
  ::chmod(closed.c_str(), 0700);
  EXPECT_EQ(message_as_nobody(answer, writing(closed / "t.npy")),
            "write_npy: " + (closed / "t.npy").string() + ": cannot write it: Permission denied");
  EXPECT_EQ(message_as_nobody(answer, [&] { read_npy(closed / "t.npy"); }),
            "read_npy: " + (closed / "t.npy").string() + ": cannot open it: Permission denied");
}

// In a folder such as /tmp only the owners of a file and of the folder may replace the file.
TEST_F(Writing, WhatMayNotBeReplacedIsRefusedBeforeItIsWritten) {
  const path sticky = folder("sticky"), file = sticky / "t.npy", answer = folder_ / "answer";
  ASSERT_EQ(::chmod(sticky.c_str(), 01777), 0);
  std::ofstream(file) << "old";
  ASSERT_EQ(::chmod(file.c_str(), 0666), 0);
  if (::chown(file.c_str(), 12345, 23456) != 0) GTEST_SKIP() << "only root can do this";
  const auto demand = [&] { detail::demand_writable({"write", file}); };
  const auto replace = [&] { write_npy(file, values); };
  const std::string why = file.string() +
                          ": cannot replace it: in this folder, which is sticky, only its owner "
                          "and the folder's may";
  EXPECT_EQ(message_as_nobody(answer, demand), "write: " + why);
  EXPECT_EQ(message_as_nobody(answer, replace), "write_npy: " + why);
  EXPECT_EQ(content(file), "old");
  ASSERT_EQ(::chmod(sticky.c_str(), 0777), 0);
  EXPECT_EQ(message_as_nobody(answer, demand), "no error");
  ASSERT_EQ(::chmod(sticky.c_str(), 01777), 0);
  ASSERT_EQ(::chown(sticky.c_str(), 65534, 65534), 0);
  EXPECT_EQ(message_as_nobody(answer, demand), "no error");
  ASSERT_EQ(::chown(sticky.c_str(), 12345, 23456), 0);
  ASSERT_EQ(::chown(file.c_str(), 65534, 65534), 0);
  EXPECT_EQ(message_as_nobody(answer, replace), "no error");
  demand();  // root may
}

TEST_F(Writing, NamesMayBeAsLongAsTheSystemAllows) {
  for (const writer& w : writers()) {
    SCOPED_TRACE(w.name);
    const auto named = [&](std::size_t n) {
      return folder_ / (std::string(n - w.extension.size(), 'x') + w.extension);
    };
    w.write(named(255));
    w.write(named(255));
    EXPECT_EQ(content(named(255)), wanted(w));
    const std::string message = message_of([&] { w.write(named(256)); });
    EXPECT_TRUE(message.ends_with(": cannot write it: File name too long")) << message;
  }
}

TEST_F(Writing, NamesWithANulAreRefused) {
  const std::string nul(1, '\0');
  for (const writer& w : writers()) {
    const path file = folder_ / ("a" + w.extension + nul + "b" + w.extension);
    EXPECT_TRUE(message_of([&] {
                  w.write(file);
                }).ends_with("\\0b" + w.extension + ": its name holds a NUL"))
        << w.name;
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  write("a.npz", "");
  const path file = folder_ / ("a.npz" + nul + ".npz");
  const parameter p("p", 1.0);
  for (const std::function<void()>& read : std::vector<std::function<void()>>{
           [&] { read_idx(file); }, [&] { read_npy(file); }, [&] { read_npz(file); },
           [&] { read_safetensors(file); }, [&] { load_parameters(file, {p}); },
           [&] { read_csv(file); }}) {
    const std::string message = message_of(read);
    EXPECT_TRUE(message.ends_with("a.npz\\0.npz: its name holds a NUL")) << message;
  }
}

TEST_F(Writing, NamesOfNoFileAreRefused) {
  for (const path& file : {path(), folder_ / "", folder_ / ".", folder_ / ".."}) {
    const std::string message = message_of([&] { write_npy(file, values); });
    EXPECT_TRUE(message.ends_with(": it names no file") ||
                message.ends_with(": it is a folder, no regular file"))
        << message;
  }
}

// What a killed writer leaves, at most one file, the next one takes away.
TEST_F(Writing, WhatKilledWritersLeaveDoesNotPileUp) {
  const path file = folder_ / "t.npy";
  const xt::xarray<double> many = xt::ones<double>({200000});
  write_npy(file, many);
  std::mt19937 random(5);
  int left = 0;
  for (int kills = 0; kills < 30 || (left == 0 && kills < 1000); ++kills) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      for (;;) write_npy(file, many);
    }
    ::usleep(static_cast<useconds_t>(random() % 20000));
    ASSERT_EQ(::kill(child, SIGKILL), 0);
    ASSERT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_LE(entries(folder_), 2);
    left += entries(folder_) == 2;
    EXPECT_EQ(read_npy(file).shape(), (shape{200000}));
  }
  EXPECT_GT(left, 0);
  write_npy(file, values);
  EXPECT_EQ(entries(folder_), 1);
}

TEST_F(Writing, WhatSeveralKilledWritersLeaveIsRemoved) {
  const path file = folder_ / "t.npy";
  const auto left = [&](int k) {
    return file.string() + ".cotape-unfinished" + (k == 0 ? "" : "-" + std::to_string(k));
  };
  // Of writers that were at work at once, any may have been killed.
  for (const std::vector<int>& killed :
       {std::vector{0, 1}, {1}, {0, 1, 2}, {2}, {3}, {1, 2, 5, 6, 7, 10}}) {
    for (const int k : killed) std::ofstream(left(k)) << "left";
    write_npy(file, values);
    EXPECT_EQ(entries(folder_), 1) << killed.size() << " from " << killed[0] << " on";
  }
  // One is still at work; what others have put there is theirs.
  const path live = left(1), link = left(2), fifo = left(3), another = left(4);
  const path victim = folder("there") / "victim";
  std::ofstream(victim) << "precious";
  std::ofstream(live) << "half";
  const int held = ::open(live.c_str(), O_WRONLY);
  ASSERT_EQ(::flock(held, LOCK_EX | LOCK_NB), 0);
  std::filesystem::create_symlink(victim, link);
  ASSERT_EQ(::mkfifo(fifo.c_str(), 0666), 0);
  std::filesystem::create_hard_link(victim, another);
  std::ofstream(left(5)) << "left";
  write_npy(file, values);
  EXPECT_FALSE(std::filesystem::exists(left(5)));
  EXPECT_EQ(content(live), "half");
  EXPECT_TRUE(S_ISLNK(status_of(link).st_mode));
  EXPECT_TRUE(S_ISFIFO(status_of(fifo).st_mode));
  EXPECT_EQ(content(another), "precious");
  ::close(held);
  write_npy(file, values);
  EXPECT_FALSE(std::filesystem::exists(live));
}

// Root's writers give a file to its owner before it has its name.
TEST_F(Writing, WhatAKilledWriterGaveToTheOwnerIsRemoved) {
  const path file = write("t.npy", "old"), left = file.string() + ".cotape-unfinished";
  std::ofstream(left) << "left";
  if (::chown(file.c_str(), 12345, 23456) != 0) GTEST_SKIP() << "only root can do this";
  ASSERT_EQ(::chown(left.c_str(), 12345, 23456), 0);
  write_npy(file, values);
  EXPECT_EQ(entries(folder_), 1);
}

TEST_F(Writing, WithoutAFreeNameBesideItSaysSo) {
  const path file = folder_ / "t.npy";
  for (int k = 0; k < 100; ++k) {
    const std::string number = k == 0 ? "" : "-" + std::to_string(k);
    std::filesystem::create_directory(file.string() + ".cotape-unfinished" + number);
  }
  EXPECT_EQ(message_of([&] { write_npy(file, values); }),
            "write_npy: " + file.string() + ": cannot write in the folder " + folder_.string() +
                ": all names from 't.npy.cotape-unfinished' to '...-99' are taken, by writers that "
                "are at work or by what killed ones left: remove them when nobody writes the file");
}

TEST_F(Writing, OfTwoWritersOfOneFileEachWritesAWholeOne) {
  const path file = folder_ / "t.npy";
  const auto all = [](double x) { return xt::xarray<double>(x * xt::ones<double>({20000})); };
  write_npy(file, all(0));
  std::vector<std::thread> writing;
  for (int k = 1; k <= 4; ++k) {
    writing.emplace_back([&, k] {
      for (int i = 0; i < 25; ++i) write_npy(file, all(k));
    });
  }
  for (int i = 0; i < 100; ++i) {
    const tensor found = read_npy(file);
    const double first = found.data_as<double>()[0];
    EXPECT_TRUE(same_bits(found, array_argument(all(first)).view()));
  }
  for (std::thread& t : writing) t.join();
  EXPECT_EQ(entries(folder_), 1);
}

// As that of a stream to a full disk.
struct full_buffer : std::stringbuf {
  int sync() override { return -1; }
};

TEST_F(Writing, StreamsAreWrittenToToo) {
  const tensor one = tensor(array_argument(values).view());
  const std::vector<std::pair<std::string, std::function<void(std::ostream&)>>> streams = {
      {"write_npy", [](std::ostream& out) { write_npy(out, values); }},
      {"write_npz",
       [&](std::ostream& out) {
         write_npz(out, {{"a", one}});
       }},
      {"write_safetensors",
       [&](std::ostream& out) {
         write_safetensors(out, {{"a", one}});
       }},
      {"history::write_csv", [](std::ostream& out) { two_epochs().write_csv(out); }},
      {"history::write_svg", [](std::ostream& out) { two_epochs().write_svg(out); }},
      {"csv_log", [](std::ostream& out) { log_a_fit(csv_log(out)); }},
      {"write_figure", draw_figure<std::ostream>},
      {"write_graph", draw_graph<std::ostream>},
      {"write_circuit", draw_circuit<std::ostream>},
  };
  for (const auto& [name, write_to] : streams) {
    const auto same_name = [&, n = &name](const writer& w) { return w.name == *n; };
    const auto w = std::find_if(writers().begin(), writers().end(), same_name);
    ASSERT_NE(w, writers().end());
    std::ostringstream out;
    write_to(out);
    EXPECT_EQ(out.str(), wanted(*w)) << name;
    std::ostringstream broken;
    broken.setstate(std::ios::badbit);
    const std::string message = message_of([&, f = &write_to] { (*f)(broken); });
    EXPECT_TRUE(message.ends_with(": cannot write to the stream")) << name << ": " << message;
    // The same of one that throws.
    std::ostringstream throwing;
    throwing.exceptions(std::ios::badbit | std::ios::failbit);
    try {
      throwing.setstate(std::ios::badbit);
    } catch (const std::ios::failure&) {
    }
    EXPECT_EQ(message_of([&, f = &write_to] { (*f)(throwing); }), message) << name;
    // The same of one that takes all bytes, and cannot pass them on.
    full_buffer buffer;
    std::ostream full(&buffer);
    EXPECT_EQ(message_of([&, f = &write_to] { (*f)(full); }), message) << name;
  }
}

TEST_F(Writing, ALogHasNoPartsOfLines) {
  const path file = folder_ / "log.csv";
  std::string written;
  sequential m({dense(1)}, 1);
  m.compile("mse", sgd());
  const std::string message = message_of([&] {
    const tests::full_disk full;
    m.fit(xt::xarray<float>{{1, 2}, {2, 3}}, xt::xarray<float>{1, 2},
          {.epochs = 200,
           .callbacks = {csv_log(file), each_epoch([&](training& t) { written = t.so_far.csv(); })},
           .progress = nullptr});
  });
  EXPECT_EQ(message, "csv_log: " + file.string() + ": cannot write it: File too large");
  EXPECT_EQ(content(file), written);
  EXPECT_GT(written.size(), 900u);
}

TEST_F(Writing, ALogIsWrittenAnewWhereItIsGone) {
  const path file = folder_ / "log.csv";
  sequential m({dense(1)}, 1);
  m.compile("mse", sgd());
  const auto fit = [&](std::function<void()> meanwhile) {
    return m.fit(xt::xarray<float>{{1, 2}, {2, 3}}, xt::xarray<float>{1, 2},
                 {.epochs = 3,
                  .callbacks = {csv_log(file), each_epoch([&](training& t) {
                                  if (t.so_far.epochs() == 2) meanwhile();
                                })},
                  .progress = nullptr});
  };
  const std::function<void()> changes[] = {
      [] {},
      [&] { std::filesystem::remove(file); },
      [&] { std::filesystem::resize_file(file, 0); },
      [&] { std::filesystem::resize_file(file, std::filesystem::file_size(file) - 1); },
      [&] { std::ofstream(file, std::ios::app) << "a note"; },
      [&] {
        std::filesystem::copy(file, folder_ / "another");
        std::filesystem::rename(folder_ / "another", file);
      },
  };
  for (const auto& change : changes) {
    const std::string whole = fit(change).csv();
    EXPECT_EQ(content(file), whole);
  }
  // One that nobody has changed is added to.
  ino_t before = 0;
  fit([&] { before = status_of(file).st_ino; });
  EXPECT_EQ(status_of(file).st_ino, before);
  // Under another name too, such as a copy's that is made of links, it is that one's.
  const path other = folder_ / "other";
  std::string linked;
  const std::string whole = fit([&] {
                              std::filesystem::create_hard_link(file, other);
                              linked = content(file);
                            }).csv();
  EXPECT_EQ(content(file), whole);
  EXPECT_EQ(content(other), linked);
  const std::string message = message_of([&] {
    fit([&] {
      std::filesystem::remove(file);
      ASSERT_EQ(::mkfifo(file.c_str(), 0666), 0);
    });
  });
  EXPECT_EQ(message, "csv_log: " + file.string() + ": it is a FIFO, no regular file");
}

}  // namespace
