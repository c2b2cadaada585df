// The text of each kind of option, both ways.
#include "nn/options.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>
#include <functional>

namespace cotape::detail {

namespace {

constexpr const char *of_rate = ": rate ", *of_decay = ", decay ";  // of a group
constexpr const char *none = "none", *every = "all", *own_function = "a function";

[[noreturn]] void refuse(const std::string& text, const char* wanted) {
  throw value_error(fmt::format("'{}' is no {}", text, wanted));
}

template <class Number> Number number_in(const std::string& text, const char* wanted) {
  Number value{};
  const char* end = text.data() + text.size();
  const auto [behind, failed] = std::from_chars(text.data(), end, value);
  if (failed != std::errc() || behind != end) refuse(text, wanted);
  return value;
}

// "[a, [b, c]]" as "a", "[b, c]".
std::vector<std::string> parts_of(const std::string& text, char first, char last,
                                  const char* wanted) {
  if (text.size() < 2 || text.front() != first || text.back() != last) refuse(text, wanted);
  std::vector<std::string> parts;
  std::string part;
  int depth = 0;
  for (const char c : text.substr(1, text.size() - 2)) {
    if (c == ' ' && part.empty()) continue;
    if (c == '[') ++depth;
    if (c == ']' && --depth < 0) refuse(text, wanted);
    if (c != ',' || depth > 0) part += c;
    else parts.push_back(std::exchange(part, {}));
  }
  if (depth != 0) refuse(text, wanted);
  if (!part.empty() || !parts.empty()) parts.push_back(part);
  return parts;
}

std::vector<std::int64_t> list_in(const std::string& text) {
  constexpr const char* wanted = "list of whole numbers";
  std::vector<std::int64_t> list;
  for (const std::string& part : parts_of(text, '[', ']', wanted)) {
    list.push_back(number_in<std::int64_t>(part, wanted));
  }
  return list;
}

// A call of one of the library's functions: "l2(0.01)", or "zeros" without arguments.
struct call {
  std::string name;
  std::vector<std::string> arguments;

  explicit call(const std::string& text) : name(text.substr(0, text.find('('))) {
    if (name.size() != text.size()) {
      arguments = parts_of(text.substr(name.size()), '(', ')', "call of a function");
    }
  }
  double number(std::size_t i) const { return number_in<double>(arguments[i], "number"); }
};

template <class Function> struct known {
  const char* name;
  std::size_t arguments;
  Function (*make)(const call&);
};

const std::array initializers{
    known<initializer>{"glorot_uniform", 0,
                       [](const call&) { return initializer(glorot_uniform); }},
    known<initializer>{"glorot_normal", 0, [](const call&) { return initializer(glorot_normal); }},
    known<initializer>{"he_uniform", 0, [](const call&) { return initializer(he_uniform); }},
    known<initializer>{"he_normal", 0, [](const call&) { return initializer(he_normal); }},
    known<initializer>{"lecun_uniform", 0, [](const call&) { return initializer(lecun_uniform); }},
    known<initializer>{"lecun_normal", 0, [](const call&) { return initializer(lecun_normal); }},
    known<initializer>{"zeros", 0, [](const call&) { return initializer(zeros); }},
    known<initializer>{"ones", 0, [](const call&) { return initializer(ones); }},
    known<initializer>{"random_normal", 2,
                       [](const call& c) { return random_normal(c.number(0), c.number(1)); }},
    known<initializer>{"random_uniform", 2,
                       [](const call& c) { return random_uniform(c.number(0), c.number(1)); }},
    known<initializer>{"truncated_normal", 2,
                       [](const call& c) { return truncated_normal(c.number(0), c.number(1)); }},
    known<initializer>{"constant_value", 1,
                       [](const call& c) { return constant_value(c.number(0)); }},
    known<initializer>{"orthogonal", 1, [](const call& c) { return orthogonal(c.number(0)); }},
    known<initializer>{"identity_matrix", 1,
                       [](const call& c) { return identity_matrix(c.number(0)); }}};

const std::array weight_functions{
    known<weight_function>{"l1", 1, [](const call& c) { return l1(c.number(0)); }},
    known<weight_function>{"l2", 1, [](const call& c) { return l2(c.number(0)); }},
    known<weight_function>{"l1_l2", 2,
                           [](const call& c) { return l1_l2(c.number(0), c.number(1)); }},
    known<weight_function>{
        "max_norm", 2,
        [](const call& c) { return max_norm(c.number(0), list_in(c.arguments[1])); }},
    known<weight_function>{"non_neg", 0, [](const call&) { return non_neg(); }},
    known<weight_function>{"unit_norm", 1,
                           [](const call& c) { return unit_norm(list_in(c.arguments[0])); }}};

template <class Functions, class Function>
void find(const Functions& functions, const std::string& text, Function& value,
          const char* wanted) {
  const call c(text);
  for (const auto& f : functions) {
    if (c.name != f.name || c.arguments.size() != f.arguments) continue;
    value = f.make(c);
    return;
  }
  refuse(text, wanted);
}

}  // namespace

std::string text_of(std::int64_t value) { return fmt::format("{}", value); }
std::string text_of(double value) { return fmt::format("{}", value); }
std::string text_of(bool value) { return value ? "true" : "false"; }
std::string text_of(const std::string& value) { return value; }
std::string text_of(const std::vector<std::int64_t>& value) {
  return fmt::format("[{}]", fmt::join(value, ", "));
}
std::string text_of(const axes& value) { return value.all() ? every : text_of(*value.given()); }
std::string text_of(const per_axis& value) { return text_of(value.values()); }
std::string text_of(data_format value) {
  return value == channels_first ? "channels_first" : "channels_last";
}
std::string text_of(const window_padding& value) {
  if (value.same()) return "same";
  if (value.numbers().empty()) return "valid";
  std::vector<std::string> pairs;
  if (value.of_each_axis()) {
    for (const auto& [side, other] : value.numbers()) pairs.push_back(text_of(side));
    return fmt::format("[{}]", fmt::join(pairs, ", "));
  }
  for (const auto& [before, after] : value.numbers()) {
    pairs.push_back(fmt::format("[{}, {}]", before, after));
  }
  return fmt::format("[{}]", fmt::join(pairs, ", "));
}
// "a|b: rate 1, decay 0; c: rate 0.1, decay 1".
std::string text_of(const std::vector<parameter_group>& value) {
  std::string text;
  for (const parameter_group& g : value) {
    text += fmt::format("{}{}{}{}{}{}", text.empty() ? "" : "; ", fmt::join(g.names, "|"), of_rate,
                        text_of(g.rate_factor), of_decay, text_of(g.decay_factor));
  }
  return text;
}

std::string text_of(const initializer& value) {
  return value.text.empty() ? own_function : value.text;
}
std::string text_of(const weight_function& value) {
  if (value && value.text.empty()) {
    throw value_error("is a function of your own, which no file can hold");
  }
  return value ? value.text : none;
}

void read_text(const std::string& text, std::int64_t& value) {
  value = number_in<std::int64_t>(text, "whole number");
}
void read_text(const std::string& text, double& value) {
  value = number_in<double>(text, "number");
}
void read_text(const std::string& text, bool& value) {
  if (text != "true" && text != "false") refuse(text, "truth value");
  value = text == "true";
}
void read_text(const std::string& text, std::string& value) { value = text; }
void read_text(const std::string& text, std::vector<std::int64_t>& value) { value = list_in(text); }
void read_text(const std::string& text, axes& value) {
  value = text == every ? axes() : axes(list_in(text));
}
void read_text(const std::string& text, per_axis& value) { value = per_axis(list_in(text)); }
void read_text(const std::string& text, data_format& value) {
  value = text == text_of(channels_first) ? channels_first : channels_last;
  if (text != text_of(value)) refuse(text, "order of axes");
}
void read_text(const std::string& text, window_padding& value) {
  if (text == "same" || text == "valid") {
    value = window_padding(text);
    return;
  }
  constexpr const char* wanted = "padding";
  if (text.find('[', 1) == text.npos) {
    value = window_padding::of_each(list_in(text));
    return;
  }
  std::vector<window_padding::sides> sides;
  for (const std::string& part : parts_of(text, '[', ']', wanted)) {
    const std::vector<std::int64_t> pair = list_in(part);
    if (pair.size() != 2) refuse(text, wanted);
    sides.emplace_back(pair[0], pair[1]);
  }
  value = window_padding(std::move(sides));
}
void read_text(const std::string& text, std::vector<parameter_group>& value) {
  value.clear();
  for (std::size_t from = 0, end = 0; end != std::string::npos; from = end + 2) {
    end = text.find("; ", from);
    const std::string one = text.substr(from, end == std::string::npos ? end : end - from);
    const std::size_t rate = one.rfind(of_rate), decay = one.rfind(of_decay);
    if (rate == std::string::npos || decay == std::string::npos || decay < rate) {
      refuse(text, "list of groups");
    }
    parameter_group g;
    for (std::size_t at = 0; at <= rate;) {
      const std::size_t next = std::min(one.find('|', at), rate);
      g.names.push_back(one.substr(at, next - at));
      at = next + 1;
    }
    const std::size_t number = rate + std::strlen(of_rate);
    read_text(one.substr(number, decay - number), g.rate_factor);
    read_text(one.substr(decay + std::strlen(of_decay)), g.decay_factor);
    value.push_back(std::move(g));
  }
}

void read_text(const std::string& text, initializer& value) {
  if (text != own_function) find(initializers, text, value, "initializer");
}
void read_text(const std::string& text, weight_function& value) {
  if (text == none) value = {};
  else find(weight_functions, text, value, "regularizer or constraint");
}

void option_writer::refuse(const char* name, const value_error& why) {
  throw value_error(fmt::format("the option '{}' {}", name, why.what()));
}

void option_reader::demand_end() const {
  for (const auto& [name, text] : texts_) {
    if (!asked_.contains(name)) throw value_error(fmt::format("it has no option '{}'", name));
  }
}

const std::string* option_reader::find(const char* name) {
  const auto at =
      std::find_if(texts_.begin(), texts_.end(), [name](const auto& t) { return t.first == name; });
  asked_.insert(name);
  return at == texts_.end() ? nullptr : &at->second;
}

named_texts option_reader::take_all_of(const std::string& beginning) {
  named_texts result;
  for (const auto& [name, text] : texts_) {
    if (!name.starts_with(beginning)) continue;
    asked_.insert(name);
    result.emplace_back(name.substr(beginning.size()), text);
  }
  return result;
}

void option_reader::demand(const char* name) {
  throw value_error(fmt::format("the option '{}' is not there", name));
}

void option_reader::refuse(const char* name, const value_error& why) {
  throw value_error(fmt::format("the option '{}': {}", name, why.what()));
}

}  // namespace cotape::detail
