// Facts as text, their comparison, and the operations of a tape as facts.
#include "train/fingerprint.hpp"

#include <cxxabi.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <zlib.h>

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <memory>

#include "cotape/primitive.hpp"
#include "tape/sources.hpp"

namespace cotape::detail {

namespace {

constexpr const char* choice_of_rate =
    ", or choose checkpoint's {.rate = resumed_rate::given} to go on with the rate here";

const Bytef* bytes_of(std::string_view s) { return reinterpret_cast<const Bytef*>(s.data()); }

std::string on_a_line(const std::string& text) {
  if (!text.starts_with('"') && text.find_first_of("\t\n") == text.npos) return text;
  std::string line = "\"";
  for (const char c : text) {
    if (c == '\t') line += "\\t";
    else if (c == '\n') line += "\\n";
    else if (c == '\\') line += "\\\\";
    else line += c;
  }
  return line + '"';
}

std::string from_a_line(std::string_view line) {
  if (line.size() < 2 || line.front() != '"' || line.back() != '"') return std::string(line);
  std::string text;
  line = line.substr(1, line.size() - 2);
  for (std::size_t i = 0; i < line.size(); ++i) {
    const bool escaped = line[i] == '\\' && i + 1 < line.size();
    const char c = line[escaped ? ++i : i];
    text += !escaped ? c : c == 't' ? '\t' : c == 'n' ? '\n' : c;
  }
  return text;
}

std::string literal_text(const tape& t, std::uint32_t node) {
  const std::int64_t bits = t.attributes_of(node)[0];
  return t.type_of(node).dtype == int64 ? fmt::format(" {}", bits)
                                        : fmt::format(" {}", std::bit_cast<double>(bits));
}

std::string parameter_text(const tape& t, std::size_t number) {
  return fmt::format(" {} '{}'", number, t.parameter_at(number).name());
}

// What an operation is beside its operands: a number, a parameter, the checksum of a constant,
// attributes. A rule of a custom gradient shows in what it records.
std::string detail_of(const tape& t, std::uint32_t i) {
  const primitive* op = t.nodes()[i].op;
  const auto attributes = t.attributes_of(i);
  if (op == &sources::literal) return literal_text(t, i);
  if (op == &sources::read) return parameter_text(t, static_cast<std::size_t>(attributes[0]));
  if (op == &sources::constant) {
    checksum sum;
    sum.add(array_view(t.tensor_at(static_cast<std::size_t>(attributes[0]))));
    return " " + sum.text();
  }
  if (attributes.empty() || op == &sources::custom) return "";
  if (op->attributes_text != nullptr) {
    return " {" + op->attributes_text({op->name, {}, attributes}) + "}";
  }
  return fmt::format(" {{{}}}", fmt::join(attributes, ", "));
}

std::string text_of(const tape& t, std::uint32_t i) {
  const node& n = t.nodes()[i];
  std::string operands;
  for (const std::uint32_t k : t.value_operands_of(i)) {
    operands += fmt::format("{}%{}", operands.empty() ? "" : ", ", k);
  }
  if (!operands.empty()) operands = "(" + operands + ")";
  return n.op->name + operands + detail_of(t, i) + " : " + t.type_of(i).text();
}

std::string text_of(const tape& t, const effect& e) {
  if (e.parameter == no_node)
    return fmt::format("require %{} {}", e.value, t.message_at(e.previous));
  return fmt::format("assign{} = %{}", parameter_text(t, e.parameter), e.value);
}

}  // namespace

tensor as_text(const facts& of) {
  std::string text = "\n";
  for (const fact& f : of) text += fmt::format("{}\t{}\n", on_a_line(f.name), on_a_line(f.value));
  constexpr std::size_t word = sizeof(std::int64_t);
  text.resize((text.size() + word - 1) / word * word, '\n');
  tensor result({int64, {static_cast<std::int64_t>(text.size() / word)}});
  std::memcpy(result.data(), text.data(), text.size());
  return result;
}

fact_values values_in(const tensor& text) {
  fact_values result;
  std::string_view left(static_cast<const char*>(text.data()), text.type().bytes());
  while (!left.empty()) {
    const std::string_view line = left.substr(0, left.find('\n'));
    left.remove_prefix(std::min(left.size(), line.size() + 1));
    const std::size_t end = line.find('\t');
    if (end == std::string_view::npos) continue;
    result.emplace(from_a_line(line.substr(0, end)), from_a_line(line.substr(end + 1)));
  }
  return result;
}

bool same_training(const tensor& a, const tensor& b) {
  fact_values left = values_in(a), right = values_in(b);
  for (fact_values* of : {&left, &right}) {
    for (const char* name : {name_of_length, name_of_set, name_of_threads}) of->erase(name);
  }
  return left == right;
}

std::optional<std::string> difference(const facts& here, const fact_values& kept,
                                      const comparison& how) {
  for (const fact& f : here) {
    const auto at = kept.find(f.name);
    if (at == kept.end() || at->second == f.value) continue;
    if (f.kind == fact_kind::rate && how.any_rate) continue;
    if (f.kind == fact_kind::of_done && !how.done) continue;
    if (f.kind == fact_kind::remark) continue;
    if (f.kind == fact_kind::sum) {
      return fmt::format("its {} differ from those here{}", on_a_line(f.name), start_anew);
    }
    return fmt::format("it was kept with {} {}, here it is {}{}{}", on_a_line(f.name),
                       on_a_line(at->second), on_a_line(f.value), start_anew,
                       f.kind == fact_kind::rate ? choice_of_rate : "");
  }
  return {};
}

void checksum::add(std::string_view bytes) {
  if (bytes.empty()) return;  // a null pointer would start the sums again
  crc_ = crc32_z(crc_, bytes_of(bytes), bytes.size());
  adler_ = adler32_z(adler_, bytes_of(bytes), bytes.size());
}

void checksum::add(const array_view& value) {
  add(value.type().text());
  add({static_cast<const char*>(value.data()), value.type().bytes()});
}

std::string checksum::text() const { return fmt::format("{:08x}{:08x}", crc_, adler_); }

void add_operations(facts& to, const tape& t, std::size_t first, const std::string& section,
                    std::size_t listed) {
  checksum sum;
  for (std::size_t i = first; i < t.size(); ++i) {
    const std::string text = text_of(t, static_cast<std::uint32_t>(i));
    sum.add(text);
    sum.add("\n");
    if (i >= listed) continue;
    to.push_back(
        {fmt::format("operation {}", i), text + " in the " + section, fact_kind::operation});
  }
  for (const effect& e : t.effects()) sum.add(text_of(t, e) + "\n");
  to.push_back({"operations of the " + section, sum.text(), fact_kind::sum});
}

std::string type_name(const std::type_info& type) {
  int failed = 0;
  const std::unique_ptr<char, decltype(&std::free)> name(
      abi::__cxa_demangle(type.name(), nullptr, nullptr, &failed), &std::free);
  std::string text = failed == 0 ? name.get() : type.name();
  constexpr std::string_view ours = "cotape::";
  return text.starts_with(ours) ? text.substr(ours.size()) : text;
}

}  // namespace cotape::detail
