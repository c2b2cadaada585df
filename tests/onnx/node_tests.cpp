// A reader of the parts of ONNX's files that node tests consist of. They are in the wire format of
// protocol buffers: each field of a message is a number and a varint, 4 or 8 bytes, or a length and
// bytes, which are a string, a message or packed numbers (protobuf.dev, "Encoding"). Fields have
// the numbers of onnx.proto.
#include "node_tests.hpp"

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string_view>

namespace cotape::tests::onnx {

namespace {

template <class T> T number_in(std::string_view bytes) {
  T x;
  if (bytes.size() < sizeof(T)) throw std::runtime_error("a message ends within a number");
  std::memcpy(&x, bytes.data(), sizeof(T));
  return x;
}

std::int64_t take_varint(std::string_view& from) {
  std::uint64_t x = 0;
  for (unsigned shift = 0; !from.empty() && shift < 64; shift += 7) {
    const auto byte = static_cast<unsigned char>(from[0]);
    from.remove_prefix(1);
    x |= std::uint64_t{byte & 127U} << shift;
    if (byte < 128) return static_cast<std::int64_t>(x);
  }
  throw std::runtime_error("a message ends within a varint");
}

struct field {
  std::int64_t number = 0, varint = 0;
  std::string_view bytes = {};
  bool packed = false;

  std::string text() const { return std::string(bytes); }
  void append_to(std::vector<std::int64_t>& list) const {
    if (!packed) list.push_back(varint);
    for (std::string_view rest = bytes; !rest.empty();) list.push_back(take_varint(rest));
  }
};

template <class F> void for_fields(std::string_view message, F f) {
  while (!message.empty()) {
    const std::int64_t key = take_varint(message);
    field x{.number = key >> 3};
    std::size_t size = 0;
    switch (key & 7) {
      case 0: x.varint = take_varint(message); break;
      case 1: size = 8; break;
      case 5: size = 4; break;
      case 2:
        size = static_cast<std::size_t>(take_varint(message));
        x.packed = true;
        break;
      default: throw std::runtime_error("a message has a field of an unknown kind");
    }
    if (size > message.size()) throw std::runtime_error("a message ends within a field");
    x.bytes = message.substr(0, size);
    message.remove_prefix(size);
    f(x);
  }
}

std::string bytes_of(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + file.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

attribute attribute_in(std::string_view message, std::string& name) {
  attribute a;
  for_fields(message, [&](const field& x) {
    if (x.number == 1) name = x.text();
    else if (x.number == 2) a.number = static_cast<double>(number_in<float>(x.bytes));
    else if (x.number == 3) a.whole = x.varint;
    else if (x.number == 4) a.text = x.text();
    else if (x.number == 8) x.append_to(a.list);
  });
  return a;
}

void read_node(std::string_view message, node_test& t) {
  for_fields(message, [&](const field& x) {
    if (x.number == 1) t.inputs.push_back(x.text());
    else if (x.number == 2) t.outputs.push_back(x.text());
    else if (x.number == 4) t.op = x.text();
    else if (x.number == 5) {
      std::string name;
      const attribute a = attribute_in(x.bytes, name);
      t.attributes[name] = a;
    }
  });
}

template <class T> void append_all(std::string_view bytes, std::vector<double>& list) {
  for (; !bytes.empty(); bytes.remove_prefix(sizeof(T))) {
    list.push_back(static_cast<double>(number_in<T>(bytes)));
  }
}

value value_in(std::string_view message) {
  value v;
  std::string_view raw;
  std::vector<std::int64_t> whole;
  for_fields(message, [&](const field& x) {
    if (x.number == 1) x.append_to(v.sizes);
    else if (x.number == 2) v.type = static_cast<element>(x.varint);
    else if (x.number == 4) append_all<float>(x.bytes, v.numbers);
    else if (x.number == 5 || x.number == 7) x.append_to(whole);
    else if (x.number == 8) v.name = x.text();
    else if (x.number == 9) raw = x.bytes;
    else if (x.number == 10) append_all<double>(x.bytes, v.numbers);
  });
  v.numbers.insert(v.numbers.end(), whole.begin(), whole.end());
  switch (v.type) {
    case element::float32: append_all<float>(raw, v.numbers); break;
    case element::float64: append_all<double>(raw, v.numbers); break;
    case element::uint8: append_all<std::uint8_t>(raw, v.numbers); break;
    case element::int32: append_all<std::int32_t>(raw, v.numbers); break;
    case element::int64: append_all<std::int64_t>(raw, v.numbers); break;
    default: throw std::runtime_error("elements of a type that the reader does not know");
  }
  return v;
}

}  // namespace

std::vector<std::string> names_of_node_tests() {
  std::vector<std::string> names;
  std::error_code missing;
  for (const auto& entry : std::filesystem::directory_iterator(folder, missing)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

node_test read_node_test(const std::string& name) {
  node_test t;
  const std::string model = bytes_of(std::filesystem::path(folder) / name / "model.onnx");
  for_fields(model, [&](const field& graph) {
    if (graph.number != 7) return;
    for_fields(graph.bytes, [&](const field& node) {
      if (node.number != 1) return;
      node_test read;
      read.name = name;
      read.nodes = t.nodes + 1;
      read_node(node.bytes, read);
      if (read.op != "Constant") t = read;
    });
  });
  return t;
}

std::map<std::string, value> values_of(const node_test& t, const std::string& which) {
  std::map<std::string, value> values;
  const std::filesystem::path data = std::filesystem::path(folder) / t.name / "test_data_set_0";
  for (const auto& entry : std::filesystem::directory_iterator(data)) {
    if (entry.path().filename().string().rfind(which, 0) != 0) continue;
    const std::string bytes = bytes_of(entry.path());
    const value v = value_in(bytes);
    values[v.name] = v;
  }
  return values;
}

}  // namespace cotape::tests::onnx
