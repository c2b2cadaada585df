#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <cotape/cotape.hpp>
#include <fstream>
#include <iterator>

namespace example {

using namespace cotape;

corpus::corpus(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in || text.empty()) throw io_error(file + ": there is no text: give --text FILE");
  symbols = text;
  std::sort(symbols.begin(), symbols.end());
  symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
  for (const char c : text) {
    numbers.push_back(std::lower_bound(symbols.begin(), symbols.end(), c) - symbols.begin());
  }
}

std::string corpus::text(std::int64_t first, std::int64_t size) const {
  std::string result;
  for (std::int64_t i = first; i < first + size; ++i) {
    result += symbols.at(static_cast<std::size_t>(numbers.at(static_cast<std::size_t>(i))));
  }
  return result;
}

windows::windows(const corpus& of, std::int64_t first, std::int64_t end, std::int64_t steps,
                 std::int64_t stride) {
  if (end - first <= steps) throw value_error("the text is too short for --steps");
  const std::int64_t n = (end - first - 1 - steps) / stride + 1;
  x = y = xt::zeros<std::int64_t>({n, steps});
  for (std::int64_t i = 0; i < n; ++i) {
    for (std::int64_t k = 0; k < steps; ++k) {
      const auto at = static_cast<std::size_t>(first + i * stride + k);
      x(i, k) = of.numbers[at];
      y(i, k) = of.numbers[at + 1];
    }
  }
}

std::string continued(model& m, const corpus& of, std::int64_t read, std::int64_t steps,
                      std::int64_t length, double temperature) {
  if (read < steps) throw value_error("the text is too short for --steps");
  generator random(7);
  std::vector<std::int64_t> text(of.numbers.begin(), of.numbers.begin() + read);
  std::string result;
  for (std::int64_t k = 0; k < length; ++k) {
    tensor x({int64, {1, steps}});
    std::copy(text.end() - steps, text.end(), x.data_as<std::int64_t>());
    const auto z = m.predict<float>(x);
    std::vector<double> sums;
    for (std::size_t s = 0; s < of.symbols.size(); ++s) {
      const double z_s = z(0, steps - 1, s);
      sums.push_back((sums.empty() ? 0 : sums.back()) + std::exp(z_s / temperature));
    }
    const double drawn = sums.back() * *random.uniform({1}, 0, 1, float64).data_as<double>();
    const auto at = std::upper_bound(sums.begin(), sums.end() - 1, drawn) - sums.begin();
    text.push_back(at);
    result += of.symbols[static_cast<std::size_t>(at)];
  }
  return result;
}

}  // namespace example
