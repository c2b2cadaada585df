// Recipes as C++.
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <cctype>

#include "recipe.hpp"

namespace cotape::tests {

namespace {

template <class List> std::string braced(const List& list) {
  return fmt::format("{{{}}}", fmt::join(list, ", "));
}
std::string text_of(const shape& s) {
  return "shape" + braced(std::vector<std::int64_t>(s.begin(), s.end()));
}
std::string name_of(std::size_t step) { return fmt::format("v{}", step); }
std::string names_of(const std::vector<std::size_t>& steps) {
  std::vector<std::string> names;
  for (std::size_t s : steps) names.push_back(name_of(s));
  return braced(names);
}
const char* type_name(dtype d) {
  return d == float32 ? "float" : d == float64 ? "double" : "std::int64_t";
}

std::string array_text(const value_type& type, const std::vector<double>& values) {
  std::vector<std::string> numbers;
  for (double v : values) {
    numbers.push_back(type.dtype == float32 ? fmt::format("{}", static_cast<float>(v))
                                            : fmt::format("{}", v));
  }
  const std::vector<std::int64_t> sizes(type.shape.begin(), type.shape.end());
  return fmt::format("xt::adapt(std::vector<{}>{}, std::vector<std::size_t>{})",
                     type_name(type.dtype), braced(numbers), braced(sizes));
}

// What a name in an expression stands for; the name itself if for nothing else.
std::string meaning(const std::string& name, const step& s) {
  for (std::size_t k = 0; k < s.in.size(); ++k) {
    if (name == std::string(1, static_cast<char>('a' + k))) return name_of(s.in[k]);
  }
  if (name == "axis") return std::to_string(s.with.axis);
  if (name == "i") return std::to_string(s.with.i);
  if (name == "j") return std::to_string(s.with.j);
  if (name == "m") return std::to_string(s.with.m);
  if (name == "k") return fmt::format("{}", s.with.k);
  if (name == "keep") return s.with.keep == dims::keep ? "dims::keep" : "dims::drop";
  if (name == "to") return text_of(s.with.to);
  if (name != "over") return name;
  return s.with.every ? "axes()"
                      : fmt::format("axes(std::vector<std::int64_t>{})", braced(s.with.listed));
}

std::string expression(const step& s) {
  const auto in_name = [](char c) {
    return std::isalnum(static_cast<unsigned char>(c)) || c == '_';
  };
  std::string text;
  const std::string& from = s.op->text;
  for (std::size_t i = 0; i < from.size();) {
    std::size_t end = i;
    while (end < from.size() && in_name(from[end])) ++end;
    if (end == i) {
      text += from[i++];
      continue;
    }
    const bool member = i > 0 && (from[i - 1] == '.' || from[i - 1] == ':');
    const std::string name = from.substr(i, end - i);
    text += member ? name : meaning(name, s);
    i = end;
  }
  return text;
}

std::string line_of(const step& s, std::size_t number) {
  const std::string v = fmt::format("  const variable v{} = ", number);
  switch (s.what) {
    case kind::input:
      return fmt::format("  const xt::xarray<{}> x{} = {};\n{}t.input({}, {});\n",
                         type_name(s.type.dtype), number, array_text(s.type, s.values), v,
                         cotape::name_of(s.type.dtype), text_of(s.type.shape));
    case kind::constant: return v + fmt::format("t.constant({});\n", array_text(s.type, s.values));
    case kind::parameter:
      return fmt::format("  const parameter p{}(\"p{}\", {});\n{}t.read(p{});\n", number, number,
                         array_text(s.type, s.values), v, number);
    case kind::assign:
      return fmt::format("  t.assign(p{}, v{});\n{}t.read(p{});\n", s.in[0], s.in[1], v, s.in[0]);
    case kind::sweep:
      return fmt::format("  const std::vector<variable> g{} = gradient(v{}, {});\n{}g{}[0];\n",
                         number, s.in[0], names_of({s.in.begin() + 1, s.in.end()}), v, number);
    case kind::share: return v + fmt::format("g{}[{}];\n", s.in[0], s.with.i);
    default: return v + expression(s) + ";\n";
  }
}

// The part that runs the program and looks at one element, or at a gradient along a direction.
std::string demand(const recipe& r, const recorded_recipe& g, const difference& d) {
  const auto output = [&](variable v, std::size_t position) {
    return fmt::format("code.output({}).value<{}>().data()", position, type_name(v.dtype()));
  };
  const auto position = [&](std::size_t step) {
    return static_cast<std::size_t>(std::find(r.outputs.begin(), r.outputs.end(), step) -
                                    r.outputs.begin());
  };
  const auto expect = [&](const std::string& found) {
    return fmt::format("  EXPECT_NEAR({}, {}, {});\n", found, d.wanted, d.tolerance);
  };
  const step& s = r.steps[d.step];
  if (d.updated) {
    const parameter& p = g.parameters.at(s.in[0]);
    return expect(
        fmt::format("p{}.value<{}>().data()[{}]", s.in[0], type_name(p.dtype()), d.element));
  }
  if (!d.slope) {
    return expect(fmt::format("{}[{}]", output(g.values[d.step], position(d.step)), d.element));
  }
  std::string text = "  double slope = 0;\n";
  for (std::size_t k = 1; k < s.in.size(); ++k) {
    std::vector<double> direction;
    const variable gradient = g.sweeps.at(d.step)[k - 1];
    for (std::size_t i = 0; i < static_cast<std::size_t>(gradient.shape().elements()); ++i) {
      direction.push_back(direction_at(s.in[k], i));
    }
    text += fmt::format(
        "  for (std::size_t i = 0; const double d : std::vector<double>{}) {{\n"
        "    slope += d * {}[i++];\n  }}\n",
        braced(direction), output(gradient, r.outputs.size() + k - 1));
  }
  return text + expect("slope");
}

}  // namespace

std::string cpp_of(const recipe& r, const std::string& name, const std::optional<difference>& d) {
  const recorded_recipe g(r);
  std::string text = fmt::format("TEST(RandomProgram, {}) {{\n", name);
  if (d) text = fmt::format("// {}\n", d->what) + text;
  text += r.as == precision::float64 ? "  tape t(precision::float64);\n" : "  tape t;\n";
  text += "  [[maybe_unused]] generator random(7);\n";
  std::vector<std::string> inputs, bound;
  for (std::size_t i = 0; i < r.steps.size(); ++i) {
    text += line_of(r.steps[i], i);
    if (r.steps[i].what != kind::input) continue;
    inputs.push_back(name_of(i));
    bound.push_back(fmt::format("array_argument(x{}).view()", i));
  }
  std::vector<std::string> outputs;
  for (std::size_t s : r.outputs) outputs.push_back(name_of(s));
  for (std::size_t k = 1; d && d->slope && k < r.steps[d->step].in.size(); ++k) {
    outputs.push_back(fmt::format("g{}[{}]", d->step, k - 1));
  }
  text += fmt::format("  program code(t, {}, {});\n", braced(inputs), braced(outputs));
  text += fmt::format("  code.run(std::vector<array_view>{});\n", braced(bound));
  if (d) text += demand(r, g, *d);
  return text + "}\n";
}

}  // namespace cotape::tests
