#include "support.hpp"

#include <limits>

namespace cotape::tests {

graph_under_test::graph_under_test(const op_case& c, const arrays& x, dtype d) {
  for (std::size_t i = 0; i < x.size(); ++i) input(c.inputs[i].from.in(d), x[i]);
}

variable graph_under_test::input(dtype d, const array& x) {
  inputs.push_back(t.input(d, x.shape));
  values.push_back(to_tensor(x, d));
  return inputs.back();
}

arrays graph_under_test::run(const variables& outputs, const compile_options& options) {
  program code(t, inputs, outputs, options);
  const std::vector<array_view> views(values.begin(), values.end());
  code.run(views);
  arrays result;
  for (std::size_t i = 0; i < outputs.size(); ++i)
    result.push_back(to_array(code.output(i).view()));
  return result;
}

double error_in(const array& got, const array& wanted, dtype d, double scale) {
  const double epsilon =
      d == float32 ? std::numeric_limits<float>::epsilon() : std::numeric_limits<double>::epsilon();
  double worst = 0;
  for (std::size_t i = 0; i < wanted.data.size(); ++i) {
    const double g = got.data.at(i), w = wanted.data[i];
    if (g == w || (std::isnan(g) && std::isnan(w))) continue;
    const double unit = d == int64 ? 0 : epsilon * (std::abs(w) + scale);
    const double error = std::abs(g - w) / unit;
    worst = std::isnan(error) ? std::numeric_limits<double>::infinity() : std::max(worst, error);
  }
  return worst;
}

void expect_near(const array& got, const array& wanted, dtype d, double ulps, double scale) {
  ASSERT_EQ(got.shape.text(), wanted.shape.text());
  EXPECT_LE(error_in(got, wanted, d, scale), ulps) << "(in units in the last place)";
}

void expect_close(const array& got, const array& wanted, double tolerance) {
  ASSERT_EQ(got.shape.text(), wanted.shape.text());
  for (std::size_t i = 0; i < wanted.data.size(); ++i) {
    const double w = wanted.data[i];
    EXPECT_NEAR(got.data[i], w, tolerance * std::max(1.0, std::abs(w))) << "element " << i;
  }
}

double dot(const array& a, const array& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.data.size(); ++i) total += a.data[i] * b.data.at(i);
  return total;
}

double dot(const arrays& a, const arrays& b) {
  double total = 0;
  for (std::size_t i = 0; i < a.size(); ++i) total += dot(a[i], b.at(i));
  return total;
}

arrays moved(const arrays& x, double h, const arrays& direction) {
  arrays y = x;
  for (std::size_t i = 0; i < x.size(); ++i) {
    for (std::size_t k = 0; k < x[i].data.size(); ++k) y[i].data[k] += h * direction[i].data[k];
  }
  return y;
}

double difference(const std::function<double(double)>& f, double h) {
  const auto central = [&](double step) { return (f(step) - f(-step)) / (2 * step); };
  const double wide = central(h), half = central(h / 2), quarter = central(h / 4);
  const double first = (4 * half - wide) / 3, second = (4 * quarter - half) / 3;
  return (16 * second - first) / 15;
}

}  // namespace cotape::tests
