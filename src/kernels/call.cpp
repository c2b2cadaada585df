// Kernels from outside as steps: what they see, and what is demanded of them.
#include "kernels/call.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/telling.hpp"
#include "kernels/scalars.hpp"
#include "kernels/sides.hpp"

namespace cotape {

namespace {

using kernels::call;
using kernels::step;
using kernels::user_loop;

// Runs a kernel from outside. Its errors get the line where it was recorded.
template <class F> void telling_line(const place& where, F run) {
  telling(run, [&] { return at_line(where); });
}

void run_call(const step& s) {
  const call& made = *static_cast<const call*>(s.side);
  telling_line(made.where, [&] { made.run(kernel_call(made, s)); });
}

void run_user_loop(const step& s) {
  const auto& loop = *static_cast<const user_loop*>(s.side);
  const void* operands[] = {s.a, s.b, s.c};
  telling_line(loop.where, [&] { loop.run(s.d, operands, s.n); });
}

// By which dtype a kernel is chosen.
dtype deciding(const lowering& l) {
  const auto floating = [](const value_type* t) { return t->dtype != int64; };
  const auto at = std::find_if(l.inputs.begin(), l.inputs.end(), floating);
  if (floating(&l.output) || at == l.inputs.end()) return l.output.dtype;
  return (*at)->dtype;
}

[[noreturn]] void throw_taken(const char* op, const std::string& what, dtype found, dtype wanted) {
  throw dtype_error(fmt::format("{}: {} is {}, its kernel took it for {}", op, what, name_of(found),
                                name_of(wanted)));
}

}  // namespace

kernel_call::kernel_call(const call& made, const step& at)
    : signature{made.op, made.inputs, made.attributes},
      output(made.types.back()),
      operands_(made.operands),
      result_(at.d),
      scratch_(made.scratch_bytes == 0 ? nullptr : const_cast<void*>(at.c)),
      scratch_bytes_(made.scratch_bytes) {}

const void* kernel_call::checked_operand(std::size_t k, dtype wanted) const {
  if (k >= inputs.size()) {
    throw value_error(
        fmt::format("{}: its kernel asked for operand {}, it has {}", op, k, inputs.size()));
  }
  const dtype found = inputs[k]->dtype;
  if (found != wanted) throw_taken(op, fmt::format("operand {}", k), found, wanted);
  return operands_[k];
}

void* kernel_call::checked_result(dtype wanted) const {
  if (output.dtype != wanted) throw_taken(op, "its result", output.dtype, wanted);
  return result_;
}

void lower_to_kernel(lowering& l, kernel_function float32_kernel, kernel_function float64_kernel,
                     kernel_function int64_kernel) {
  const dtype d = deciding(l);
  const kernel_function& chosen = d == float32   ? float32_kernel
                                  : d == float64 ? float64_kernel
                                                 : int64_kernel;
  if (!l.whole) {
    throw value_error(fmt::format(
        "{}: lower_to_kernel is for primitives of form::kernel, which it is not", l.op));
  }
  if (chosen.run == nullptr) {
    throw dtype_error(fmt::format("{}: it has no kernel for {}", l.op, name_of(d)));
  }
  if (chosen.throws && !l.throws) {
    throw value_error(
        fmt::format("{}: its kernel may throw and the primitive does not say so: make the kernel "
                    "noexcept, or the primitive .throws = true",
                    l.op));
  }
  call made{.op = l.op,
            .where = l.where,
            .attributes = {l.attributes.begin(), l.attributes.end()},
            .run = chosen.run};
  for (const value_type* t : l.inputs) made.types.push_back(*t);
  made.types.push_back(l.output);
  for (std::size_t k = 0; k < l.inputs.size(); ++k) made.inputs.push_back(&made.types[k]);
  l.call = l.sides.keep(std::move(made));
  l.step.run = &run_call;
  l.step.side = l.call;
}

void lower_to_loop(lowering& l, element_loop float32_loop, element_loop float64_loop) {
  const element_loop chosen = l.output.dtype == float32 ? float32_loop : float64_loop;
  if (l.scalar != nullptr) *l.scalar = kernels::call_of_loop(l.output.dtype, chosen);
  l.step.run = &run_user_loop;
  l.step.side = l.sides.keep(user_loop{chosen, l.where});
}

namespace detail {

void demand_words(const char* op, std::size_t fields, std::size_t words) {
  if (fields == words) return;
  throw value_error(
      fmt::format("{}: its attributes have {} fields, {} words were recorded: give record() "
                  "words_of(...) that struct",
                  op, fields, words));
}

static void append(std::string& to, const char* name, const std::string& field) {
  to += fmt::format("{}{}={}", to.empty() ? "" : ", ", name, field);
}
void add_field(std::string& to, const char* name, bool field) {
  append(to, name, field ? "true" : "false");
}
void add_field(std::string& to, const char* name, std::int64_t field) {
  append(to, name, fmt::format("{}", field));
}
void add_field(std::string& to, const char* name, double field) {
  append(to, name, fmt::format("{}", field));
}

}  // namespace detail

}  // namespace cotape
