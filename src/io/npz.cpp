// .npz: a zip archive of .npy members, through libzip, which also checks their checksums.
#include <fmt/format.h>
#include <zip.h>

#include <cerrno>
#include <memory>
#include <vector>

#include "io/npy.hpp"
#include "io/write_file.hpp"

namespace cotape {

namespace detail {

namespace {

constexpr std::string_view extension = ".npy";

struct release {
  void operator()(zip_t* a) const { zip_discard(a); }
  void operator()(zip_file_t* f) const { zip_fclose(f); }
  void operator()(zip_source_t* s) const { zip_source_free(s); }
};
template <class T> using handle = std::unique_ptr<T, release>;

// Fails with what libzip says of its error. Where it found no memory it may say that the archive
// is broken, or nothing; but malloc says so in errno, which is cleared before all work with libzip.
[[noreturn]] void fail_by_zip(const file_task& task, const std::string& what, zip_error_t* error) {
  if (zip_error_code_zip(error) == ZIP_ER_MEMORY || errno == ENOMEM) throw std::bad_alloc();
  task.fail(fmt::format("{}: {}", what, zip_error_strerror(error)));
}

// One member of an archive, unpacked as it is read.
class member final : public byte_source {
 public:
  member(const file_task& task, zip_t* archive, std::uint64_t index, std::string name,
         std::uint64_t size)
      : byte_source(task, std::move(name)), file_(zip_fopen_index(archive, index, 0)) {
    if (!file_) fail_by_zip(task_, fmt::format("'{}'", part_), zip_get_error(archive));
    size_ = size;
  }
  // The checksum is checked where the data ends.
  void expect_end() {
    char beyond = 0;
    if (read_some(&beyond, 1) != 0) fail("it is longer than it declares");
  }

 protected:
  std::size_t read_some(void* to, std::size_t n) override {
    const zip_int64_t got = zip_fread(file_.get(), to, n);
    if (got < 0) {
      fail_by_zip(task_, fmt::format("'{}': cannot unpack it", part_),
                  zip_file_get_error(file_.get()));
    }
    return static_cast<std::size_t>(got);
  }

 private:
  handle<zip_file_t> file_;
};

// An archive open for reading, whose members' sizes were found possible and within the limit.
class archive {
 public:
  archive(const file_task& task, const read_limits& limits) : task_(task) {
    readable from = open_to_read(task);
    const std::uint64_t size = from.size;
    int code = 0;
    zip_.reset(zip_fdopen(from.file.number(), ZIP_CHECKCONS, &code));
    if (!zip_) {
      zip_error_t error;
      zip_error_init_with_code(&error, code);
      if (code == ZIP_ER_OPEN && errno != ENOMEM) task.fail_by_system("open it");
      if (code == ZIP_ER_EXISTS) task.fail("it holds two members of one name");
      fail_by_zip(task, "it is no zip archive, or broken", &error);
    }
    from.file.release();  // the archive closes it
    const zip_int64_t n = zip_get_num_entries(zip_.get(), 0);
    std::uint64_t packed = 0, unpacked = 0;
    for (zip_int64_t i = 0; i < n; ++i) {
      const zip_stat_t& s = stats_.emplace_back(stat_of(static_cast<std::uint64_t>(i)));
      // Neither sum can wrap: each part is bounded before it is added.
      if (s.comp_size > size || (packed += s.comp_size) > size ||
          s.size / most_packed > s.comp_size) {
        task.fail(fmt::format("'{}' declares sizes that the file cannot hold", s.name));
      }
      unpacked += s.size;
      if (unpacked > limits.most_bytes) {
        task.fail(fmt::format("it declares {} bytes or more: over the limit of {}", unpacked,
                              limits.most_bytes));
      }
    }
  }

  std::uint64_t count() const { return stats_.size(); }
  std::string name(std::uint64_t i) const {
    const std::string_view name = stats_[i].name;
    if (name.ends_with('/')) {
      task_.fail(fmt::format("it holds the folder '{}': pack the .npy files alone", name));
    }
    if (!name.ends_with(extension)) task_.fail(fmt::format("it holds '{}', no .npy", name));
    return std::string(name.substr(0, name.size() - extension.size()));
  }
  member open(std::uint64_t i) const {
    return {task_, zip_.get(), i, stats_[i].name, stats_[i].size};
  }

 private:
  zip_stat_t stat_of(std::uint64_t i) const {
    zip_stat_t s;
    constexpr zip_uint64_t needed =
        ZIP_STAT_NAME | ZIP_STAT_SIZE | ZIP_STAT_COMP_SIZE | ZIP_STAT_COMP_METHOD;
    if (zip_stat_index(zip_.get(), i, 0, &s) != 0 || (s.valid & needed) != needed) {
      task_.fail(fmt::format("member {} cannot be read", i));
    }
    if (s.comp_method != ZIP_CM_STORE && s.comp_method != ZIP_CM_DEFLATE) {
      task_.fail(fmt::format("'{}' is packed by {}; stored and deflated members are read", s.name,
                             method_name(s.comp_method)));
    }
    return s;
  }
  // The numbers of PKWARE's APPNOTE, 4.4.5, where libzip may not know them.
  static std::string method_name(zip_uint16_t method) {
    switch (method) {
      case 9: return "deflate64";
      case 12: return "bzip2";
      case 14: return "LZMA";
      case 93: return "Zstandard";
      case 95: return "xz";
      default: return fmt::format("method {}", method);
    }
  }

  const file_task& task_;
  handle<zip_t> zip_;
  std::vector<zip_stat_t> stats_;
};

[[noreturn]] void fail_to_pack(const file_task& task, zip_error_t* error) {
  fail_by_zip(task, "cannot pack it", error);
}

[[noreturn]] void refuse_name(const file_task& task, const std::string& name) {
  throw value_error(
      fmt::format("{}: a zip archive cannot hold the name '{}'", task.operation, shown(name, 80)));
}

void add_member(const file_task& task, zip_t* zip, const std::string& name,
                const std::string& header, std::string_view data) {
  const auto fragment = [](std::string_view bytes) {  // libzip only reads them
    auto* begin = const_cast<char*>(bytes.data());
    return zip_buffer_fragment_t{reinterpret_cast<zip_uint8_t*>(begin), bytes.size()};
  };
  const zip_buffer_fragment_t parts[] = {fragment(header), fragment(data)};
  zip_source_t* source = zip_source_buffer_fragment(zip, parts, data.empty() ? 1 : 2, 0);
  if (source == nullptr) fail_to_pack(task, zip_get_error(zip));
  const std::string full = name + std::string(extension);
  const zip_int64_t index = zip_file_add(zip, full.c_str(), source, ZIP_FL_ENC_UTF_8);
  if (index < 0) {
    zip_source_free(source);
    // Of its failures for want of memory libzip says that, or nothing at all.
    if (zip_error_code_zip(zip_get_error(zip)) != ZIP_ER_INVAL) throw std::bad_alloc();
    refuse_name(task, name);
  }
  const auto i = static_cast<zip_uint64_t>(index);
  constexpr zip_uint16_t date = 1 << 5 | 1;  // 1980-01-01, the first: equal values, equal files
  if (zip_set_file_compression(zip, i, ZIP_CM_STORE, 0) != 0 ||
      zip_file_set_dostime(zip, i, 0, date, 0) != 0) {
    fail_to_pack(task, zip_get_error(zip));
  }
}

// The archive's bytes, which libzip has left in the source.
std::string content_of(const file_task& task, zip_source_t* source) {
  zip_stat_t s;
  std::string bytes;
  if (zip_source_stat(source, &s) == 0 && zip_source_open(source) == 0) {
    bytes.resize(s.size);
    const zip_int64_t got = zip_source_read(source, bytes.data(), bytes.size());
    zip_source_close(source);
    if (got == static_cast<zip_int64_t>(bytes.size())) return bytes;
  }
  fail_to_pack(task, zip_source_error(source));
}

}  // namespace

named_tensors read_npz(const file_task& task, const read_limits& limits, const approval& approve) {
  errno = 0;
  const archive from(task, limits);
  named_types types;
  for (std::uint64_t i = 0; i < from.count(); ++i) {
    std::string name = from.name(i);  // first: of what is no .npy it says so
    member in = from.open(i);
    types.emplace(std::move(name), read_npy_header(in));
  }
  approve(types);
  named_tensors result;
  for (std::uint64_t i = 0; i < from.count(); ++i) {
    member in = from.open(i);
    tensor value(read_npy_header(in));
    in.read(value.data(), value.type().bytes(), "its data");
    in.expect_end();
    result.emplace(from.name(i), std::move(value));
  }
  return result;
}

void write_npz(const file_task& task, const named_views& values) {
  if (values.empty()) {
    throw value_error(fmt::format("{}: there is nothing to write", task.operation));
  }
  errno = 0;
  zip_error_t error;
  zip_error_init(&error);
  const handle<zip_source_t> target(zip_source_buffer_create(nullptr, 0, 0, &error));
  if (!target) throw std::bad_alloc();
  handle<zip_t> zip(zip_open_from_source(target.get(), ZIP_TRUNCATE, &error));
  if (!zip) throw std::bad_alloc();
  zip_source_keep(target.get());     // the archive takes one hold, `target` keeps the other
  std::vector<std::string> headers;  // libzip reads them when it closes the archive
  headers.reserve(values.size());
  for (const auto& [name, value] : values) {
    constexpr std::size_t most_bytes = 65535;  // a member's name has its size in two bytes
    // libzip takes more for UTF-8 than other readers do.
    if (name.size() + extension.size() > most_bytes || name.find('\0') != name.npos ||
        !is_utf8(name)) {
      refuse_name(task, name);
    }
    headers.push_back(npy_header(value.type()));
    add_member(task, zip.get(), name, headers.back(), bytes_of(value));
  }
  if (zip_close(zip.get()) != 0) fail_to_pack(task, zip_get_error(zip.get()));
  zip.release();
  write_file(task, content_of(task, target.get()));
}

}  // namespace detail

named_tensors read_npz(const std::filesystem::path& file, const read_limits& limits) {
  return detail::read_npz({"read_npz", file}, limits, [](const detail::named_types&) {});
}

void write_npz(const std::filesystem::path& file, const named_views& values) {
  detail::write_npz({"write_npz", file}, values);
}
void write_npz(std::ostream& out, const named_views& values) {
  detail::write_npz({"write_npz", {}, &out}, values);
}

}  // namespace cotape
