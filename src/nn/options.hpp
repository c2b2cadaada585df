// The options of layers and optimizers as text, and back: what files of models keep. A text is what
// JSON writes for numbers, truth values and lists of them; any other is a word ("same") or a call
// ("l2(0.01)"), whose text the function gave itself.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "cotape/layers.hpp"
#include "cotape/named_texts.hpp"
#include "cotape/ops.hpp"
#include "cotape/update_rules.hpp"
#include "cotape/vision.hpp"

namespace cotape::detail {

std::string text_of(std::int64_t value);
std::string text_of(double value);
std::string text_of(bool value);
std::string text_of(const std::string& value);
std::string text_of(const std::vector<std::int64_t>& value);
std::string text_of(const axes& value);
std::string text_of(const per_axis& value);
std::string text_of(data_format value);
std::string text_of(const window_padding& value);
std::string text_of(const std::vector<parameter_group>& value);
std::string text_of(const initializer& value);
/// Throws value_error for a function of the user's own.
std::string text_of(const weight_function& value);

/// Each throws value_error saying what the text should be.
void read_text(const std::string& text, std::int64_t& value);
void read_text(const std::string& text, double& value);
void read_text(const std::string& text, bool& value);
void read_text(const std::string& text, std::string& value);
void read_text(const std::string& text, std::vector<std::int64_t>& value);
void read_text(const std::string& text, axes& value);
void read_text(const std::string& text, per_axis& value);
void read_text(const std::string& text, data_format& value);
void read_text(const std::string& text, window_padding& value);
void read_text(const std::string& text, std::vector<parameter_group>& value);
/// An own one leaves the value: whoever reads has the weights already.
void read_text(const std::string& text, initializer& value);
void read_text(const std::string& text, weight_function& value);

/// Writes options: give it each by its name.
class option_writer {
 public:
  template <class T> void operator()(const char* name, const T& value) {
    try {
      texts.emplace_back(name, text_of(value));
    } catch (const value_error& e) {
      refuse(name, e);
    }
  }
  /// None is no option.
  void operator()(const char* name, const std::vector<parameter_group>& value) {
    if (!value.empty()) texts.emplace_back(name, text_of(value));
  }
  /// All of a struct of options. `fields(F&, Options&)` (fields.hpp) gives each to an option_writer
  /// or an option_reader.
  template <class Options> void all_of(Options options) { fields(*this, options); }
  named_texts texts;

 private:
  [[noreturn]] static void refuse(const char* name, const value_error& why);
};

template <class Options> named_texts texts_of(const Options& options) {
  option_writer to;
  to.all_of(options);
  return to.texts;
}

/// Reads them: sets each by its name. One that is not there stays at its default: files that were
/// written before there was such an option do not have it. Throws value_error for a wrong one.
class option_reader {
 public:
  explicit option_reader(const named_texts& texts) : texts_(texts) {}
  template <class T> bool operator()(const char* name, T& value) {
    const std::string* text = find(name);
    try {
      if (text != nullptr) read_text(*text, value);
    } catch (const value_error& e) {
      refuse(name, e);
    }
    return text != nullptr;
  }
  /// Throws value_error if it is not there.
  template <class T> T take(const char* name) {
    T value{};
    if (!(*this)(name, value)) demand(name);
    return value;
  }
  /// Those whose names begin so, without that.
  named_texts take_all_of(const std::string& beginning);
  template <class Options> Options all_of() {
    Options result;
    fields(*this, result);
    return result;
  }
  /// Throws value_error for an option that nobody has asked for.
  void demand_end() const;

 private:
  const std::string* find(const char* name);
  [[noreturn]] static void demand(const char* name);
  [[noreturn]] static void refuse(const char* name, const value_error& why);

  const named_texts& texts_;
  std::set<std::string> asked_;
};

/// One option by its name.
template <class T> named_texts told(const char* name, const T& value) {
  return {{name, text_of(value)}};
}

}  // namespace cotape::detail
