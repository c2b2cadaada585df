// Recipes onto tapes.
#include "recipe.hpp"

namespace cotape::tests {

tensor tensor_of(const value_type& type, const std::vector<double>& values) {
  tensor x(type);
  for (std::size_t i = 0; i < values.size(); ++i) {
    if (type.dtype == float32) x.data_as<float>()[i] = static_cast<float>(values[i]);
    else if (type.dtype == float64) x.data_as<double>()[i] = values[i];
    else x.data_as<std::int64_t>()[i] = static_cast<std::int64_t>(values[i]);
  }
  return x;
}

std::vector<variable> recorded_recipe::of(const std::vector<std::size_t>& steps) const {
  std::vector<variable> result;
  for (std::size_t s : steps) result.push_back(values.at(s));
  return result;
}

variable recorded_recipe::record(const step& s) {
  marks_.push_back(t.mark());
  const std::size_t number = values.size();
  values.emplace_back();
  variable& v = values.back();
  if (s.what == kind::input) {
    v = t.input(s.type.dtype, s.type.shape);
    inputs.push_back(v);
    bound.push_back(tensor_of(s.type, s.values));
  } else if (s.what == kind::constant) {
    v = t.constant(tensor_of(s.type, s.values));
  } else if (s.what == kind::parameter) {
    const parameter p("p" + std::to_string(number), tensor_of(s.type, s.values));
    parameters.emplace(number, p);
    v = t.read(p);
  } else if (s.what == kind::assign) {
    const parameter& p = parameters.at(s.in[0]);
    t.assign(p, values[s.in[1]]);
    v = t.read(p);
  } else if (s.what == kind::sweep) {
    const std::vector<variable> operands = of(s.in);
    sweeps[number] =
        gradient(operands[0], std::vector<variable>(operands.begin() + 1, operands.end()));
    v = sweeps[number][0];
  } else if (s.what == kind::share) {
    v = sweeps.at(s.in[0]).at(static_cast<std::size_t>(s.with.i));
  } else {
    v = s.op->build({of(s.in), s.with, t, random});
  }
  return v;
}

void recorded_recipe::rewind(std::size_t size) {
  if (size == values.size()) return;
  t.rewind(marks_[size]);
  marks_.resize(size);
  values.resize(size);
  const auto stale = [&](const variable& v) { return v.index() >= t.size(); };
  while (!inputs.empty() && stale(inputs.back())) {
    inputs.pop_back();
    bound.pop_back();
  }
  parameters.erase(parameters.lower_bound(size), parameters.end());
  sweeps.erase(sweeps.lower_bound(size), sweeps.end());
}

}  // namespace cotape::tests
