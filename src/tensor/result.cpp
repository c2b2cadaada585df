// Results: copies out of a program, and what is said of one that another run has replaced.
#include "cotape/result.hpp"

#include <fmt/format.h>

#include <cstring>
#include <ostream>

namespace cotape {

void detail::refuse(const char* text) { throw value_error(text); }

void detail::run_stamp::refuse() const {
  const bool function = !log->function.empty();
  const std::string of = function ? "the function compiled at " + log->function : "the program";
  const char* call = function ? "call" : "run";
  if (run == 0) throw value_error(fmt::format("result: {} has not run yet", of));
  std::string now = of + " was moved or destroyed";
  if (log->current != 0) {
    std::string types;
    for (std::size_t i = 0; log->inputs != nullptr && i < log->inputs->size(); ++i) {
      types += (i == 0 ? ", with " : ", ") + (*log->inputs)[i].text();
    }
    now = fmt::format("{} {} of {}{} replaced it", call, log->current, of,
                      types.empty() ? "" : types + ",");
  }
  throw value_error(
      fmt::format("result: this value is of {} {}, and {}: copy what is to last (value<T>(), "
                  "copy_to)",
                  call, run, now));
}

void result::write_to(void* data, const value_type& type) const {
  const array_view v = view();
  if (type.shape != v.shape()) {
    throw shape_error(fmt::format("result: its shape is {}, the container's {}: resize it",
                                  v.shape().text(), type.shape.text()));
  }
  if (type.dtype != v.dtype()) {
    throw dtype_error(fmt::format("result: it is {}, the container {}", cotape::name_of(v.dtype()),
                                  cotape::name_of(type.dtype)));
  }
  if (type.bytes() != 0) std::memcpy(data, v.data(), type.bytes());
}

std::ostream& operator<<(std::ostream& out, const result& r) {
  if (r.view().shape().elements() != 1) return out << r.view().type().text();
  return out << r.number();
}

double result::number() const {
  made_in_.check();
  if (view_.shape().elements() != 1) {
    throw shape_error(fmt::format("result: {} is not one number", view_.type().text()));
  }
  switch (view_.dtype()) {
    case float32: return static_cast<double>(*view_.data_as<float>());
    case float64: return *view_.data_as<double>();
    default: return static_cast<double>(*view_.data_as<std::int64_t>());
  }
}

result results::operator[](std::size_t i) const {
  if (i >= size()) {
    throw value_error(fmt::format("results: there is no result {}, only {}", i, size()));
  }
  made_in_.check();
  return {views_[i], made_in_};
}

results::operator std::vector<result>() const {
  std::vector<result> all;
  for (const result& r : *this) all.push_back(r);
  return all;
}

}  // namespace cotape
