// What a training is, as facts by name that another process can compare with its own: its settings,
// the operations of its step, checksums of its data. No fact holds an address or a place in a
// source file. A file keeps them as text.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <typeinfo>
#include <vector>

#include "cotape/tape.hpp"

namespace cotape::detail {

// How a fact is compared and told: as it is; by its name alone, since it is a checksum; as
// something that resumed_rate::given lets differ; only of fits that are done; as an operation,
// which files tell of one fit alone; or not compared.
enum class fact_kind { value, sum, rate, of_done, operation, remark };

constexpr const char *name_of_length = "length", *name_of_set = "instruction set",
                     *name_of_threads = "threads";
constexpr const char* start_anew = ": remove the file to start anew";

struct fact {
  std::string name, value;
  fact_kind kind = fact_kind::value;
};
using facts = std::vector<fact>;
using fact_values = std::map<std::string, std::string>;

/// A line each, "name<tab>value", as the bytes of int64 words; and what stands in such words. What
/// holds a tab or the end of a line, or begins with a quote, stands in quotes there, with \t, \n
/// and \\ in it.
tensor as_text(const facts& of);
fact_values values_in(const tensor& text);

/// Whether two such texts of one fit differ only in what tells nothing of the training that there
/// was: its length, and the machine.
bool same_training(const tensor& a, const tensor& b);

struct comparison {
  bool done;  // the fit has ended
  bool any_rate;
};
/// The first fact of `here` that `kept` tells otherwise, in words, with what to do; what only one
/// of them tells is not compared.
std::optional<std::string> difference(const facts& here, const fact_values& kept,
                                      const comparison& how);

/// CRC-32 and Adler-32 together: they tell mistakes, not forgeries.
class checksum {
 public:
  void add(std::string_view bytes);
  void add(const array_view& value);
  std::string text() const;
  bool operator==(const checksum&) const = default;

 private:
  unsigned long crc_ = 0, adler_ = 1;
};

/// "operation 3", one for each node from `first` to `listed`, as text and with `section` behind it;
/// then a checksum of all from `first` on, "operations of the model". With the effects.
void add_operations(facts& to, const tape& t, std::size_t first, const std::string& section,
                    std::size_t listed);

/// A type's name as C++ writes it, without our namespace.
std::string type_name(const std::type_info& type);

}  // namespace cotape::detail
