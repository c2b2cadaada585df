// The traces behind compiled functions.
#include <algorithm>

#include "cotape/program.hpp"
#include "tape/hold.hpp"

namespace cotape::detail {

namespace {

bool fits(const trace_table::trace& t, std::span<const array_view> inputs) {
  return std::equal(t.inputs.begin(), t.inputs.end(), inputs.begin(), inputs.end(),
                    [](const value_type& a, const array_view& b) { return a == b.type(); });
}

}  // namespace

trace_table::trace* trace_table::find(std::span<const array_view> inputs) {
  for (const auto& t : traces_) {
    if (fits(*t, inputs)) return t.get();
  }
  return nullptr;
}

trace_table::trace& trace_table::make(
    std::span<const array_view> inputs,
    const std::function<std::vector<variable>(std::span<const variable>)>& f) {
  for (const trace* t : open_) {
    if (fits(*t, inputs)) {
      throw value_error("compiled: it calls itself with the types that it is being traced for");
    }
  }
  auto t = std::make_unique<trace>();
  tape record;
  std::vector<variable> variables;
  for (const array_view& v : inputs) {
    t->inputs.push_back(v.type());
    variables.push_back(record.input(v.dtype(), v.shape(), "", where_.file, where_.line));
  }
  open_.push_back(t.get());
  const auto close = [this](const trace*) { open_.pop_back(); };
  const std::unique_ptr<const trace, decltype(close)> guard(t.get(), close);
  const tape::hold work(record, "a traced function, whose program carries its effects out,");
  const std::vector<variable> outputs = f(variables);
  t->code = std::make_unique<program>(record, variables, outputs, options_);
  for (std::size_t i = 0; i < outputs.size(); ++i) t->outputs.push_back(t->code->output(i));
  traces_.push_back(std::move(t));
  return *traces_.back();
}

}  // namespace cotape::detail
