// Steps that check what the tape requires.
#include <fmt/format.h>

#include "program/emit.hpp"

namespace cotape {

namespace {

struct failing_condition {
  std::string message;
  value_type type;
};

void run_requirement(const kernels::step& s) {
  const auto& r = *static_cast<const failing_condition*>(s.side);
  const auto check = [&](const auto* x) {
    for (std::int64_t i = 0; i < r.type.shape.elements(); ++i) {
      if (x[i] == 0) throw value_error(fmt::format("require: {} (element {})", r.message, i));
    }
  };
  if (r.type.dtype == float32) check(static_cast<const float*>(s.a));
  else if (r.type.dtype == float64) check(static_cast<const double*>(s.a));
  else check(static_cast<const std::int64_t*>(s.a));
}

}  // namespace

void lower_requirement(kernels::step& s, side_store& sides, const std::string& message,
                       const value_type& type) {
  s.run = &run_requirement;
  s.side = sides.keep(failing_condition{message, type});
}

}  // namespace cotape
