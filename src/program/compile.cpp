// The traces behind compiled functions.
#include <algorithm>

#include "cotape/program.hpp"

namespace cotape::detail {

trace_table::trace* trace_table::find(std::span<const array_view> inputs) {
  for (const auto& t : traces_) {
    const bool same =
        std::equal(t->inputs.begin(), t->inputs.end(), inputs.begin(), inputs.end(),
                   [](const value_type& a, const array_view& b) { return a == b.type(); });
    if (same) return t.get();
  }
  return nullptr;
}

trace_table::trace& trace_table::start(std::span<const array_view> inputs,
                                       std::vector<variable>& variables) {
  traces_.push_back(std::make_unique<trace>());
  trace& t = *traces_.back();
  t.record = std::make_unique<tape>();
  for (const array_view& v : inputs) {
    t.inputs.push_back(v.type());
    variables.push_back(t.record->input(v.dtype(), v.shape(), "", where_.file, where_.line));
  }
  return t;
}

void trace_table::finish(trace& t, const std::vector<variable>& inputs,
                         const std::vector<variable>& outputs) {
  t.code = std::make_unique<program>(*t.record, inputs, outputs, options_);
  for (std::size_t i = 0; i < outputs.size(); ++i) t.outputs.push_back(t.code->output(i));
  t.record.reset();  // the program needs it no more
}

}  // namespace cotape::detail
