// Every activation and its derivative, which comes from `gradient`. Where the derivative is below
// 0.01 a unit is saturated: what it should learn hardly reaches its weights. Those regions are
// shaded. (argmax is an activation too, but has no derivative.)
#include <algorithm>
#include <cmath>
#include <cotape/cotape.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

struct shown_activation {
  std::string name;
  std::function<variable(variable)> of;
  std::string about = {};
};

std::vector<shown_activation> all_activations() {
  std::vector<shown_activation> list;
  for (const char* name :
       {"identity",     "heaviside", "sign",      "sigmoid",    "tanh",        "relu",
        "leaky_relu",   "relu6",     "elu",       "selu",       "celu",        "softplus",
        "silu",         "gelu",      "gelu_tanh", "mish",       "log_sigmoid", "softsign",
        "hard_sigmoid", "hard_silu", "hard_tanh", "exponential"}) {
    list.push_back({name, [name](variable x) { return activate(name, x); }});
  }
  // These take several numbers at once: x beside others.
  const auto beside = [](variable x, operand other) { return stack({x, other}, 1); };
  list.push_back({"maxout", [=](variable x) { return squeeze(maxout(beside(x, -0.5 * x)), 1); },
                  " of (x, -x/2)"});
  list.push_back(
      {"glu", [=](variable x) { return squeeze(glu(beside(x, -0.5 * x)), 1); }, " of (x, -x/2)"});
  list.push_back({"softmax",
                  [=](variable x) {
                    return slice(softmax(beside(x, x * 0)), {all, 0});
                  },
                  " of (x, 0), the first"});
  list.push_back({"log_softmax",
                  [=](variable x) {
                    return slice(log_softmax(beside(x, x * 0)), {all, 0});
                  },
                  " of (x, 0), the first"});
  return list;
}

// The parts of the axis in which |slope| < 0.01.
std::vector<report::marker> saturated(const std::vector<double>& x,
                                      const std::vector<double>& slope) {
  std::vector<report::marker> regions;
  for (std::size_t i = 0; i < x.size(); ++i) {
    if (!(std::abs(slope[i]) < 0.01)) continue;
    const bool goes_on = i > 0 && std::abs(slope[i - 1]) < 0.01;
    if (goes_on) regions.back().to = x[i];
    else regions.push_back({"", x[i]});
  }
  // Where the derivative only passes through 0 a unit is not stuck.
  std::erase_if(regions,
                [&](const report::marker& m) { return m.from != x.front() && m.to != x.back(); });
  if (!regions.empty()) regions.front().name = "saturated";
  return regions;
}

report::panel draw(const shown_activation& a, const xt::xarray<double>& at) {
  tape t;
  const variable x = t.input(float64, {static_cast<std::int64_t>(at.size())}, "x");
  const variable y = a.of(x);
  const auto value = y.value<double>({{x, at}});
  const auto slope = gradient(sum(y), x).value<double>({{x, at}});
  const std::vector<double> xs(at.begin(), at.end()), slopes(slope.begin(), slope.end());

  example::print(a.name + " largest slope", *std::max_element(slopes.begin(), slopes.end()));
  const auto regions = saturated(xs, slopes);
  for (const report::marker& m : regions) {
    example::print(a.name + (m.from == xs.front() ? " saturated below" : " saturated above"),
                   m.from == xs.front() ? m.to : m.from);
  }
  return {.title = a.name + a.about,
          .x_label = "x",
          .y_label = "y, dy/dx",
          .curves = {{"value", {value.begin(), value.end()}, xs},
                     {"derivative", slopes, xs, report::stroke::dashed}},
          .y_range = report::interval{-2, 3},
          .markers = regions};
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(
      argc, argv, "Draws every activation and its derivative.", [](const path& output) {
        const xt::xarray<double> x = xt::linspace<double>(-6, 6, 1201);
        std::vector<report::panel> panels;
        for (const shown_activation& a : all_activations()) panels.push_back(draw(a, x));
        const path file = output / "activations.svg";
        report::write_figure(file, panels, {.columns = 4, .width = 400, .height = 300});
        example::print_picture(file);
      });
}
