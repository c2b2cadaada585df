// From operands to nodes: which tape, which dtype, and the shape rule of element-wise operations.
#include <fmt/format.h>

#include "cotape/primitive.hpp"
#include "tape/few.hpp"

namespace cotape {

value_type infer_elementwise(const signature& s) {
  value_type result = *s.inputs[0];
  for (const value_type* t : s.inputs.subspan(1)) {
    if (t->dtype != result.dtype) {
      throw dtype_error(fmt::format("{}: cannot combine {} with {}, cast one of them", s.op,
                                    result.text(), t->text()));
    }
    const shape before = result.shape;
    if (!broadcast(before, t->shape, result.shape)) {
      throw shape_error(
          fmt::format("{}: cannot broadcast {} with {}", s.op, before.text(), t->shape.text()));
    }
  }
  return result;
}

variable record(const primitive& op, std::initializer_list<operand> inputs,
                std::span<const std::int64_t> attributes) {
  tape* t = nullptr;
  for (const operand& x : inputs) {
    if (x.is_number() || x.as_parameter() != nullptr) continue;
    t = &x.as_variable().owner();
    break;
  }
  const place where = inputs.begin()->where();
  if (t == nullptr) {
    throw tape_error(
        fmt::format("{}: no operand is on a tape: record a parameter with tape.read(p) [at {}]",
                    op.name, where.text()));
  }
  dtype d = float32;
  for (const operand& x : inputs) {
    if (x.is_number()) continue;
    d = x.as_parameter() != nullptr ? t->promoted(x.as_parameter()->dtype())
                                    : x.as_variable().dtype();
    break;
  }
  few<variable> resolved(inputs.size());
  std::size_t n = 0;
  for (const operand& x : inputs) resolved[n++] = t->resolve(x, d);
  return t->record(op, resolved.all(), attributes, where);
}

std::string text_of(const primitive& op, std::span<const std::int64_t> attributes) {
  if (op.attributes_text == nullptr) return op.name;
  return fmt::format("{}({})", op.name, op.attributes_text({op.name, {}, attributes}));
}

}  // namespace cotape
