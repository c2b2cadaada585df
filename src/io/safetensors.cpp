// safetensors: the size of a JSON header, the header, the tensors' bytes. nlohmann::json reports
// the header's parts as it meets them, so a hostile one costs no tree in memory.
//
// The format has no checksum; files written here carry one in the header's metadata, which other
// readers ignore. Files without are read too.
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <vector>

#include "io/named.hpp"
#include "io/write_file.hpp"

namespace cotape {

namespace detail {

namespace {

using nlohmann::json;

constexpr const char* metadata_name = "__metadata__";
// Our metadata. Each key that begins so tells that a checksum is due, so that damage to one of them
// does not hide damage elsewhere; what else stands in the metadata tells nothing.
constexpr std::string_view mark = "cotape.";
constexpr const char *writer_key = "written_by", *version_key = "cotape.version",
                     *checksum_key = "cotape.crc32", *model_key = "cotape.model";
constexpr std::uint64_t most_header_bytes = 100'000'000;  // as in the format's own reader

// A tensor's type, and where its data begins and ends after the header.
struct stored {
  value_type type;
  std::uint64_t begin, end;
};

// {"name": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, ...}: fails at anything
// else.
class header_reader final : public json::json_sax_t {
 public:
  explicit header_reader(const byte_source& in) : in_(in) {}

  std::map<std::string, stored> tensors;
  bool ours = false;            // whether the metadata has a key with our mark
  std::string checksum, model;  // of the metadata

  bool start_object(std::size_t) override {
    if (in_list_ || depth_ > 1) refuse();
    if (++depth_ == 2) {
      if (name_ == metadata_name && !metadata_keys_.empty()) refuse();
      dtype_.reset();
      shape_.reset();
      offsets_.reset();
    }
    return true;
  }
  bool key(std::string& k) override {
    if (depth_ == 1) name_ = k;
    field_ = depth_ == 1 ? "" : k;
    return true;
  }
  bool string(std::string& s) override {
    if (depth_ != 2 || in_list_) refuse();
    if (name_ == metadata_name) {
      if (!metadata_keys_.insert(field_).second) refuse();
      ours = ours || field_.starts_with(mark);
      if (field_ == checksum_key) checksum = s;
      if (field_ == model_key) model = s;
    } else {
      if (field_ != "dtype" || dtype_) refuse();
      dtype_ = s;
    }
    return true;
  }
  bool start_array(std::size_t) override {
    const bool free = (field_ == "shape" && !shape_) || (field_ == "data_offsets" && !offsets_);
    if (depth_ != 2 || name_ == metadata_name || in_list_ || !free) refuse();
    in_list_ = true;
    list_.clear();
    return true;
  }
  bool number_unsigned(std::uint64_t n) override {
    if (!in_list_) refuse();
    if (list_.size() == shape::max_rank) {
      in_.fail(fmt::format("'{}' declares over {} axes", name_, shape::max_rank));
    }
    list_.push_back(n);
    return true;
  }
  bool end_array() override {
    (field_ == "shape" ? shape_ : offsets_) = list_;
    in_list_ = false;
    return true;
  }
  bool end_object() override {
    if (--depth_ == 1 && name_ != metadata_name) add_tensor();
    return true;
  }

  bool null() override { refuse(); }
  bool boolean(bool) override { refuse(); }
  bool number_integer(std::int64_t) override { refuse(); }
  bool number_float(double, const std::string&) override { refuse(); }
  bool binary(json::binary_t&) override { refuse(); }
  bool parse_error(std::size_t at, const std::string&, const json::exception&) override {
    in_.fail(fmt::format("its header is no JSON at byte {}", at));
  }

 private:
  [[noreturn]] void refuse() const {
    if (name_ == metadata_name) {
      in_.fail(fmt::format("its {} is no object of texts, each with a name of its own", name_));
    }
    in_.fail(fmt::format("its header holds something else than tensors at '{}'{}", name_,
                         field_.empty() ? "" : fmt::format(", '{}'", field_)));
  }

  void add_tensor() {
    if (!dtype_ || !shape_ || !offsets_ || offsets_->size() != 2) {
      in_.fail(fmt::format("'{}' lacks dtype, shape or data_offsets", name_));
    }
    const stored t{{dtype_of_name(), shape_of_list()}, (*offsets_)[0], (*offsets_)[1]};
    if (t.begin > t.end || t.end - t.begin != t.type.bytes()) {
      in_.fail(fmt::format("'{}' is {}, {} bytes, but its place is from {} to {}", name_,
                           t.type.text(), t.type.bytes(), t.begin, t.end));
    }
    if (!tensors.emplace(name_, t).second) in_.fail(fmt::format("it holds '{}' twice", name_));
  }
  dtype dtype_of_name() const {
    if (dtype_ == "F32") return float32;
    if (dtype_ == "F64") return float64;
    if (dtype_ == "I64") return int64;
    in_.fail(fmt::format("'{}' is of dtype {}; only F32, F64 and I64 are read", name_, *dtype_));
  }
  shape shape_of_list() const {
    try {
      std::vector<std::int64_t> sizes;
      for (const std::uint64_t n : *shape_) {
        if (n > std::uint64_t{std::numeric_limits<std::int64_t>::max()}) {  // as shape says it
          throw size_error(
              fmt::format("shape ({}): more than 2^31 elements", fmt::join(*shape_, ", ")));
        }
        sizes.push_back(static_cast<std::int64_t>(n));
      }
      return shape(std::span<const std::int64_t>(sizes));
    } catch (const shape_error& e) {
      in_.fail(fmt::format("'{}' declares more than a tensor can be: {}", name_, e.what()));
    }
  }

  const byte_source& in_;
  int depth_ = 0;
  bool in_list_ = false;
  std::string name_, field_;
  std::set<std::string> metadata_keys_;
  std::vector<std::uint64_t> list_;
  std::optional<std::string> dtype_;
  std::optional<std::vector<std::uint64_t>> shape_, offsets_;
};

std::string read_header_text(byte_source& in, const read_limits& limits) {
  std::uint64_t n = 0;
  in.read(&n, sizeof(n), "the size of its header");
  if (n > in.left()) {
    in.fail(
        fmt::format("it is truncated or no safetensors file: it declares a header of {} bytes, "
                    "but {} are left",
                    n, in.left()));
  }
  const std::uint64_t most = std::min<std::uint64_t>(most_header_bytes, limits.most_bytes);
  if (n > most) in.fail(fmt::format("its header has {} bytes: over the limit of {}", n, most));
  std::string text(n, ' ');
  in.read(text.data(), n, "its header");
  if (!text.starts_with('{')) in.fail("it is no safetensors file: its header is no JSON object");
  // The parser would take one for the end.
  if (text.find('\0') != text.npos) in.fail("its header holds a NUL");
  return text;
}

using place = std::pair<const std::string, stored>;

// The tensors in the order of their data, which must fill the rest of the file.
std::vector<const place*> in_order(const byte_source& in,
                                   const std::map<std::string, stored>& tensors,
                                   const read_limits& limits) {
  std::vector<const place*> order;
  for (const place& t : tensors) order.push_back(&t);
  std::sort(order.begin(), order.end(), [](const place* a, const place* b) {
    return std::pair(a->second.begin, a->second.end) < std::pair(b->second.begin, b->second.end);
  });
  std::uint64_t total = 0;
  for (const place* t : order) {
    if (t->second.begin != total) {
      in.fail(fmt::format("'{}' begins at byte {} of the data, where {} was due", t->first,
                          t->second.begin, total));
    }
    total = t->second.end;
  }
  if (total > limits.most_bytes) {
    in.fail(fmt::format("it declares {} bytes: over the limit of {}", total, limits.most_bytes));
  }
  if (total != in.left()) {
    in.fail(fmt::format("it is {}: it declares {} bytes of data, but holds {}",
                        total > in.left() ? "truncated" : "too long", total, in.left()));
  }
  return order;
}

// Of names, types and data, and of the model's text.
std::string checksum_of(const named_views& values, const std::string& model) {
  uLong sum = crc32_z(0, nullptr, 0);
  const auto add = [&](std::string_view bytes) {
    // A null pointer would start the sum again.
    if (!bytes.empty()) {
      sum = crc32_z(sum, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size());
    }
  };
  for (const auto& [name, value] : values) {
    add(fmt::format("{} {} {}\n", name.size(), name, value.type().text()));
    add(bytes_of(value));
  }
  add(model);
  return fmt::format("{:08x}", sum);
}

const char* name_in_header(dtype d) { return d == float32 ? "F32" : d == float64 ? "F64" : "I64"; }

}  // namespace

bool is_utf8(const std::string& text) {
  try {
    json(text).dump();
    return true;
  } catch (const json::type_error&) {
    return false;
  }
}

named_tensors read_safetensors(const file_task& task, const read_limits& limits,
                               const approval& approve, std::string* model) {
  input_file in(task);
  header_reader header(in);
  const std::string text = read_header_text(in, limits);
  json::sax_parse(text, &header);
  const auto order = in_order(in, header.tensors, limits);
  named_types types;
  for (const auto& [name, t] : header.tensors) types.emplace(name, t.type);
  approve(types);
  named_tensors result;
  for (const place* t : order) {
    tensor value(t->second.type);
    in.read(value.data(), value.type().bytes(), "its data");
    result.emplace(t->first, std::move(value));
  }
  if (header.ours && header.checksum != checksum_of({result.begin(), result.end()}, header.model)) {
    task.fail("it is damaged: its checksum is not that of its tensors");
  }
  if (model != nullptr) *model = std::move(header.model);
  return result;
}

void pack_safetensors(const file_task& task, const named_views& values,
                      const std::function<void(std::span<const std::string_view>)>& use,
                      const std::string& model) {
  std::vector<const named_views::value_type*> order;  // the wide first, so that all are aligned
  for (const auto& v : values) order.push_back(&v);
  std::stable_sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return size_of(a->second.dtype()) > size_of(b->second.dtype());
  });
  // No tree: its destructor takes memory.
  std::string text = fmt::format(R"({{"{}":{{"{}":"cotape","{}":"1","{}":"{}")", metadata_name,
                                 writer_key, version_key, checksum_key, checksum_of(values, model));
  if (!model.empty()) text += fmt::format(R"(,"{}":{})", model_key, json(model).dump());
  text += '}';
  std::vector<std::string_view> pieces(2);
  std::uint64_t at = 0;
  for (const auto* v : order) {
    const auto& [name, value] = *v;
    if (name == metadata_name) {
      throw value_error(fmt::format("{}: the name '{}' is the format's own", task.operation, name));
    }
    if (!is_utf8(name)) {
      throw value_error(
          fmt::format("{}: the name '{}' is no UTF-8", task.operation, shown(name, 80)));
    }
    const std::uint64_t end = at + value.type().bytes();
    text += fmt::format(R"(,{}:{{"dtype":"{}","shape":[{}],"data_offsets":[{},{}]}})",
                        json(name).dump(), name_in_header(value.dtype()),
                        fmt::join(value.shape(), ","), at, end);
    pieces.push_back(bytes_of(value));
    at = end;
  }
  text += '}';
  text.append((8 - text.size() % 8) % 8, ' ');
  const std::uint64_t n = text.size();
  if (n > most_header_bytes) {
    throw value_error(fmt::format("{}: the names and shapes take {} bytes: over the format's {}",
                                  task.operation, n, most_header_bytes));
  }
  pieces[0] = {reinterpret_cast<const char*>(&n), sizeof(n)};
  pieces[1] = text;
  use(pieces);
}

void write_safetensors(const file_task& task, const named_views& values, const std::string& model) {
  pack_safetensors(
      task, values, [&](auto pieces) { write_file(task, pieces); }, model);
}

}  // namespace detail

named_tensors read_safetensors(const std::filesystem::path& file, const read_limits& limits) {
  return detail::read_safetensors(
      {"read_safetensors", file}, limits, [](const detail::named_types&) {}, nullptr);
}

void write_safetensors(const std::filesystem::path& file, const named_views& values) {
  detail::write_safetensors({"write_safetensors", file}, values, {});
}
void write_safetensors(std::ostream& out, const named_views& values) {
  detail::write_safetensors({"write_safetensors", {}, &out}, values, {});
}

}  // namespace cotape
