// Parameters to files and back: all of them, or none.
#include <fmt/format.h>

#include <limits>

#include "io/named.hpp"

namespace cotape {

namespace {

using detail::file_task;

struct format {
  void (*write)(const file_task&, const named_views&);
  named_tensors (*read)(const file_task&, const read_limits&, const detail::approval&);
};

format format_of(const file_task& task) {
  check_name(task);
  const std::string extension = task.file.extension().string();
  if (extension == ".safetensors") {
    return {[](const file_task& to, const named_views& values) {
              detail::write_safetensors(to, values, {});
            },
            [](const file_task& from, const read_limits& limits, const detail::approval& approve) {
              return detail::read_safetensors(from, limits, approve, nullptr);
            }};
  }
  if (extension == ".npz") return {detail::write_npz, detail::read_npz};
  throw value_error(fmt::format("{}: {}: parameters are kept in .safetensors or .npz, not in '{}'",
                                task.operation, task.file.string(), extension));
}

std::map<std::string, parameter> by_name(const char* operation,
                                         const std::vector<parameter>& parameters) {
  if (parameters.empty()) {  // and no file of nothing takes the place of a good one
    throw value_error(
        fmt::format("{}: the list of parameters is empty: a model without an input has no weights "
                    "before its first data: begin it with input(...), or give it data first",
                    operation));
  }
  std::map<std::string, parameter> result;
  for (const parameter& p : parameters) {
    if (!result.emplace(p.name(), p).second) {
      throw value_error(fmt::format("{}: two parameters are named '{}'", operation, p.name()));
    }
  }
  return result;
}

// Fails unless the file holds just these.
void compare(const file_task& task, const detail::named_types& found,
             const std::map<std::string, parameter>& wanted) {
  for (const auto& [name, p] : wanted) {
    const auto at = found.find(name);
    if (at == found.end()) task.fail(fmt::format("it holds no '{}'", name));
    if (at->second != p.type()) {
      task.fail(
          fmt::format("'{}' is {} in it, but {} here", name, at->second.text(), p.type().text()));
    }
  }
  for (const auto& [name, type] : found) {
    if (!wanted.contains(name)) {
      task.fail(fmt::format("it also holds '{}', {}", name, type.text()));
    }
  }
}

}  // namespace

named_views detail::views_of(const char* operation, const std::vector<parameter>& parameters) {
  named_views values;
  for (const auto& [name, p] : by_name(operation, parameters)) values[name] = p.view();
  return values;
}

void save_parameters(const std::filesystem::path& file, const std::vector<parameter>& parameters) {
  const file_task task{"save_parameters", file};
  const format to = format_of(task);
  to.write(task, detail::views_of(task.operation, parameters));
}

void load_parameters(const std::filesystem::path& file, const std::vector<parameter>& parameters) {
  const file_task task{"load_parameters", file};
  const format from = format_of(task);
  const auto wanted = by_name(task.operation, parameters);
  // No limit but the parameters' own sizes, which the file must match.
  const read_limits limits{.most_bytes = std::numeric_limits<std::size_t>::max()};
  const named_tensors values = from.read(
      task, limits, [&](const detail::named_types& found) { compare(task, found, wanted); });
  for (const auto& [name, p] : wanted) p.set(values.at(name));
}

}  // namespace cotape
