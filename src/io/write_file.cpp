// Files that are replaced as a whole. The folder is opened once and everything done by names in it,
// so that no link that is put there meanwhile leads elsewhere.
#include "io/write_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <optional>
#include <ostream>

namespace cotape::detail {

namespace {

// What stands under a name in a folder, a link as itself.
std::optional<struct stat> status_of(const descriptor& folder, const std::string& name) {
  struct stat s {};
  if (::fstatat(folder.number(), name.c_str(), &s, AT_SYMLINK_NOFOLLOW) != 0) return std::nullopt;
  return s;
}

file_state state_of(const struct stat& s) {
  constexpr std::uint64_t billion = 1'000'000'000;
  return {s.st_dev, s.st_ino, static_cast<std::uint64_t>(s.st_size),
          static_cast<std::uint64_t>(s.st_mtim.tv_sec) * billion +
              static_cast<std::uint64_t>(s.st_mtim.tv_nsec)};
}

file_state state_of(const file_task& task, const descriptor& file) {
  struct stat s {};
  if (::fstat(file.number(), &s) != 0) task.fail_by_system("write it");
  return state_of(s);
}

// Of the files that are written before they take their name. Their writers remove what others have
// left by such names.
constexpr std::string_view unfinished = ".cotape-unfinished";

[[noreturn]] void fail_beside(const file_task& task, const std::filesystem::path& folder) {
  const int why = errno;
  task.fail(fmt::format("cannot write in the folder {}: {}", folder.native(), std::strerror(why)));
}

// Where a file stands, or will: every link followed.
struct destination {
  std::filesystem::path path_of_folder;
  descriptor folder;
  std::string name;
  std::optional<struct stat> old;  // the file that is replaced
};

std::string target_of(const file_task& task, const destination& link) {
  struct statfs of {};
  // A link of /proc leads to a file that a process has open, standard output too: replaced by
  // name, that file would be lost with all that is still written to it.
  if (::fstatfs(link.folder.number(), &of) == 0 && of.f_type == PROC_SUPER_MAGIC) {
    task.fail("it is an open file of a process: write to a std::ostream instead");
  }
  char text[PATH_MAX];
  const auto n = ::readlinkat(link.folder.number(), link.name.c_str(), text, sizeof(text));
  if (n < 0) task.fail_by_system("follow it");
  return {text, static_cast<std::size_t>(n)};
}

destination follow_links(const file_task& task) {
  check_name(task);
  // Asked of the system first, which knows loops and whose links are not to be followed.
  struct stat s {};
  if (::stat(task.file.c_str(), &s) != 0 && errno != ENOENT) task.fail_by_system("write it");
  std::filesystem::path at = task.file;
  constexpr int most_links = 40;  // as many as the system follows
  for (int links = 0; links <= most_links; ++links) {
    if (!at.has_filename()) task.fail("it names no file");
    const auto folder = at.has_parent_path() ? at.parent_path() : std::filesystem::path(".");
    destination found{folder,
                      descriptor(::open(folder.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC)),
                      at.filename(),
                      {}};
    if (!found.folder.open()) fail_beside(task, folder);
    if (found.name.find(unfinished) != found.name.npos) {
      task.fail(fmt::format("names with '{}' are of files that are being written: choose another",
                            unfinished));
    }
    found.old = status_of(found.folder, found.name);
    if (!found.old && errno != ENOENT) task.fail_by_system("write it");
    if (found.old && S_ISLNK(found.old->st_mode)) {
      at = folder / target_of(task, found);
      continue;
    }
    return found;
  }
  errno = ELOOP;
  task.fail_by_system("write it");
}

// Whether the process may do what else the owners of files may.
bool acts_as_owner() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct rights[_LINUX_CAPABILITY_U32S_3] = {};
  return ::syscall(SYS_capget, &header, rights) == 0 &&
         (rights[0].effective & 1u << CAP_FOWNER) != 0;
}

// In a sticky folder (/tmp) files of others are written, but not replaced.
bool keeps_others_files(const struct stat& folder, const struct stat& old) {
  return (folder.st_mode & S_ISVTX) != 0 && old.st_uid != ::geteuid() &&
         folder.st_uid != ::geteuid() && !acts_as_owner();
}

// Fails for what may not be replaced.
destination find_destination(const file_task& task) {
  destination found = follow_links(task);
  if (!found.old) return found;
  demand_regular(task, found.old->st_mode);
  if (::faccessat(found.folder.number(), found.name.c_str(), W_OK, AT_EACCESS) != 0) {
    task.fail_by_system("write it");
  }
  struct stat folder {};
  if (::fstat(found.folder.number(), &folder) == 0 && keeps_others_files(folder, *found.old)) {
    task.fail(
        "cannot replace it: in this folder, which is sticky, only its owner and the folder's may");
  }
  return found;
}

void write_all(const file_task& task, const descriptor& file, std::string_view bytes) {
  while (!bytes.empty()) {
    const auto done = ::write(file.number(), bytes.data(), bytes.size());
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) task.fail_by_system("write it");
    bytes.remove_prefix(static_cast<std::size_t>(done));
  }
}

// The file that is written before it takes its name; one that was not renamed is removed. Its
// process holds a lock on it, so that what a killed process has left can be told and is removed by
// the next writer.
class unfinished_file {
 public:
  unfinished_file(const file_task& task, const destination& to)
      : task_(task),
        to_(to),
        start_(to_.name.substr(0, NAME_MAX - unfinished.size() - 3) + std::string(unfinished)),
        out_(make(to_.old ? 0600 : 0666)) {
    try {
      remove_leftovers(out_.number + 1);
    } catch (...) {
      remove(out_);
      throw;
    }
  }
  unfinished_file(const unfinished_file&) = delete;
  unfinished_file& operator=(const unfinished_file&) = delete;
  ~unfinished_file() {
    if (ours_) remove(out_);
  }

  void write(std::string_view bytes) { write_all(task_, out_.file, bytes); }

  // All that may fail but the renaming. Gives its state then.
  file_state make_ready() {
    const auto old = status_of(to_.folder, to_.name);  // by now
    if (old) demand_regular(task_, old->st_mode);
    if (old) take_mode_and_owner(*old);
    else if (to_.old) take_usual_mode();
    if (::fsync(out_.file.number()) != 0) task_.fail_by_system("write it");
    demand_name();
    return state_of(task_, out_.file);
  }

  void become_the_file() {
    const int folder = to_.folder.number();
    demand_name();
    if (::renameat(folder, out_.name.c_str(), folder, to_.name.c_str()) != 0) {
      task_.fail_by_system("replace it");
    }
    ours_ = false;
    // Brings the renaming to the disk, where the file system can do that.
    const descriptor again(::openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (again.open()) ::fsync(again.number());
  }

 private:
  static constexpr int most_names = 100;

  // A file with a lock on it, and the number at the end of its name.
  struct locked_file {
    int number;
    std::string name;
    descriptor file;
  };

  std::string name_of(int number) const {
    return number == 0 ? start_ : fmt::format("{}-{}", start_, number);
  }
  void remove(const locked_file& f) const {
    if (has_name(f.file, f.name)) ::unlinkat(to_.folder.number(), f.name.c_str(), 0);
  }
  // A writer that does not see the lock, on another host, may have taken it for a leftover.
  void demand_name() const {
    if (!has_name(out_.file, out_.name)) task_.fail("what was written for it is gone");
  }

  // The first name is free but for other writers of the file and for what others have put there.
  locked_file make(unsigned mode) const {
    for (int k = 0; k < most_names; ++k) {
      locked_file made{k, name_of(k), {}};
      made.file = create(made.name, mode);
      if (!made.file.open() && remove_leftover(made.name)) made.file = create(made.name, mode);
      if (made.file.open()) return made;
    }
    task_.fail(
        fmt::format("cannot write in the folder {}: all names from '{}' to '...-{}' are taken, by "
                    "writers that are at work or by what killed ones left: remove them when nobody "
                    "writes the file",
                    to_.path_of_folder.native(), start_, most_names - 1));
  }

  // Writers that were killed while others wrote have left later ones. Nothing is beyond a few free
  // names, unless as many writers ended their work meanwhile.
  void remove_leftovers(int k) const {
    constexpr int few = 3;
    for (int free = 0; k < most_names && free < few; ++k) {
      const std::string left = name_of(k);
      free = status_of(to_.folder, left) ? 0 : free + 1;
      if (free == 0) remove_leftover(left);
    }
  }

  // Closed if the name is taken.
  descriptor create(const std::string& name, unsigned mode) const {
    descriptor file(::openat(to_.folder.number(), name.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode));
    if (!file.open() && errno != EEXIST) fail_beside(task_, to_.path_of_folder);
    // Before it was locked another could take it for a leftover. Where there are no locks none can.
    const bool kept = file.open() && (locked(file) || errno != EWOULDBLOCK) && has_name(file, name);
    return kept ? std::move(file) : descriptor();
  }

  // Whoever wrote it is dead, as nobody holds its lock. An exclusive lock on NFS needs a file that
  // is open for writing.
  bool remove_leftover(const std::string& name) const {
    const auto s = status_of(to_.folder, name);
    const bool ours = s && S_ISREG(s->st_mode) && s->st_nlink == 1 &&
                      (s->st_uid == ::geteuid() || (to_.old && s->st_uid == to_.old->st_uid));
    if (!ours) return false;
    const descriptor file(::openat(to_.folder.number(), name.c_str(),
                                   O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    return file.open() && locked(file) && has_name(file, name) &&
           ::unlinkat(to_.folder.number(), name.c_str(), 0) == 0;
  }

  static bool locked(const descriptor& file) {
    return ::flock(file.number(), LOCK_EX | LOCK_NB) == 0;
  }
  bool has_name(const descriptor& file, const std::string& name) const {
    struct stat opened {};
    const auto named = status_of(to_.folder, name);
    return named && ::fstat(file.number(), &opened) == 0 && opened.st_ino == named->st_ino &&
           opened.st_dev == named->st_dev;
  }

  // Of files that the process makes here. Its umask and the folder's access list decide: one is
  // made to see it, as no thread can look at the umask without changing it.
  void take_usual_mode() const {
    const locked_file usual = make(0666);
    struct stat s {};
    const bool known = ::fstat(usual.file.number(), &s) == 0;
    remove(usual);
    if (!known || ::fchmod(out_.file.number(), s.st_mode & 07777) != 0) {
      task_.fail_by_system("give it its mode");
    }
  }

  // Where the owner cannot stay, the file is the writer's; a group that it had not before has no
  // more rights than all others then.
  void take_mode_and_owner(const struct stat& old) {
    auto mode = old.st_mode & 07777;
    if (::fchown(out_.file.number(), old.st_uid, old.st_gid) != 0) {
      mode &= 0777;
      constexpr auto same_owner = static_cast<uid_t>(-1);
      if (::fchown(out_.file.number(), same_owner, old.st_gid) != 0) {
        mode = (mode & 0707) | (mode & 7) << 3;
      }
    }
    if (!take_access_list()) mode &= 07707;
    if (::fchmod(out_.file.number(), mode) != 0) task_.fail_by_system("keep its mode");
  }

  // With an access control list, a mode's bits of the group say what the list allows at most;
  // without it, what the group may do, which has no such right then. A file without one takes none
  // from its folder. False if there is a list that cannot be kept.
  bool take_access_list() const {
    constexpr const char* key = "system.posix_acl_access";
    const descriptor old(::openat(to_.folder.number(), to_.name.c_str(),
                                  O_WRONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!old.open()) return false;
    std::string list(XATTR_SIZE_MAX, '\0');
    const auto n = ::fgetxattr(old.number(), key, list.data(), list.size());
    if (n >= 0) {
      return ::fsetxattr(out_.file.number(), key, list.data(), static_cast<std::size_t>(n), 0) == 0;
    }
    if (errno != ENODATA && errno != EOPNOTSUPP) return false;
    return ::fremovexattr(out_.file.number(), key) == 0 || errno == ENODATA || errno == EOPNOTSUPP;
  }

  const file_task& task_;
  const destination& to_;
  std::string start_;
  locked_file out_;
  bool ours_ = true;
};

// Also brings the bytes out of the stream's buffer: what fails later nobody would be told.
void write_stream(const file_task& task, std::span<const std::string_view> pieces) {
  const auto fail = [&] {
    throw io_error(fmt::format("{}: cannot write to the stream", task.operation));
  };
  try {
    for (const std::string_view bytes : pieces) {
      task.stream->write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    }
    task.stream->flush();
  } catch (const std::ios_base::failure&) {  // as it was told to
    fail();
  }
  if (!*task.stream) fail();
}

}  // namespace

struct prepared_file::body {
  body(const file_task& t, std::span<const std::string_view> pieces) : task(t) {
    if (task.stream == nullptr) {
      to = find_destination(task);
      out.emplace(task, to);
    }
    for (const std::string_view piece : pieces) {
      if (out) out->write(piece);
      else text += piece;
    }
  }
  file_task task;
  destination to;
  std::optional<unfinished_file> out;
  std::string text;  // for a stream
};

prepared_file::prepared_file(const file_task& task, std::span<const std::string_view> pieces)
    : body_(std::make_unique<body>(task, pieces)) {}
prepared_file::prepared_file(prepared_file&&) noexcept = default;
prepared_file& prepared_file::operator=(prepared_file&&) noexcept = default;
prepared_file::~prepared_file() = default;

file_state prepared_file::make_ready() {
  return body_->out ? body_->out->make_ready() : file_state{};
}

void prepared_file::become_the_file() {
  if (body_->out) return body_->out->become_the_file();
  const std::string_view text = body_->text;
  write_stream(body_->task, {&text, 1});
}

void write_file(const file_task& task, std::span<const std::string_view> pieces) {
  if (task.stream != nullptr) return write_stream(task, pieces);
  prepared_file content(task, pieces);
  content.make_ready();
  content.become_the_file();
}

void write_file(const file_task& task, std::string_view text) { write_file(task, {&text, 1}); }

void demand_writable(const file_task& task) {
  if (task.stream != nullptr) return;
  const destination to = find_destination(task);
  if (::faccessat(to.folder.number(), ".", W_OK | X_OK, AT_EACCESS) != 0) {
    fail_beside(task, to.path_of_folder);
  }
}

file_state state_of(const file_task& task) {
  struct stat s {};
  if (task.stream != nullptr || ::stat(task.file.c_str(), &s) != 0) return {};
  return state_of(s);
}

std::string identity_of(const file_task& task) {
  const destination to = follow_links(task);
  const file_state folder = state_of(task, to.folder);
  return fmt::format("{}:{}/{}", folder.device, folder.number, to.name);
}

bool append_to_file(const file_task& task, std::string_view text, file_state& state) {
  if (task.stream != nullptr) {
    write_stream(task, {&text, 1});
    return true;
  }
  const destination to = find_destination(task);
  if (!to.old || to.old->st_nlink != 1 || state_of(*to.old) != state) return false;
  const descriptor file(::openat(to.folder.number(), to.name.c_str(),
                                 O_WRONLY | O_APPEND | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file.open()) task.fail_by_system("write it");
  try {
    write_all(task, file, text);
  } catch (...) {
    [[maybe_unused]] const int failed = ::ftruncate(file.number(), to.old->st_size);
    throw;
  }
  const std::uint64_t size = state.size + text.size();
  state = state_of(task, file);
  state.size = size;  // less than it has, if another has added to it
  return true;
}

}  // namespace cotape::detail
