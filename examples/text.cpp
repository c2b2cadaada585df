#include "text.hpp"

#include <algorithm>
#include <cmath>
#include <cotape/cotape.hpp>
#include <fstream>
#include <iterator>

namespace example {

using namespace cotape;

namespace {

std::string text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in || text.empty()) throw io_error(file + ": there is no text: give --text FILE");
  return text;
}

}  // namespace

corpus::corpus(const std::string& file)
    : symbols(text_of(file), {.units = text_units::bytes}),
      numbers(symbols.encode(text_of(file))) {}

std::string corpus::text(std::int64_t first, std::int64_t size) const {
  return symbols.decode(rows_of(numbers, first, first + size));
}

windows::windows(const corpus& of, std::int64_t first, std::int64_t end, std::int64_t steps,
                 std::int64_t stride) {
  if (end - first <= steps) throw value_error("the text is too short for --steps");
  const next_tokens made = token_windows(rows_of(of.numbers, first, end), steps, stride);
  x = to_xarray<std::int64_t>(made.x);
  y = to_xarray<std::int64_t>(made.y);
}

std::string continued(model& m, const corpus& of, std::int64_t read, std::int64_t steps,
                      std::int64_t length, double temperature) {
  if (read < steps) throw value_error("the text is too short for --steps");
  generator random(7);
  const auto* first = of.numbers.data_as<std::int64_t>();
  std::vector<std::int64_t> text(first, first + read);
  std::string result;
  for (std::int64_t k = 0; k < length; ++k) {
    tensor x({int64, {1, steps}});
    std::copy(text.end() - steps, text.end(), x.data_as<std::int64_t>());
    const auto z = m.predict<float>(x);
    std::vector<double> sums;
    for (std::int64_t s = 0; s < of.different(); ++s) {
      const double z_s = z(0, steps - 1, s);
      sums.push_back((sums.empty() ? 0 : sums.back()) + std::exp(z_s / temperature));
    }
    const double drawn = sums.back() * *random.uniform({1}, 0, 1, float64).data_as<double>();
    const auto at = std::upper_bound(sums.begin(), sums.end() - 1, drawn) - sums.begin();
    text.push_back(at);
    result += of.symbols.units()[static_cast<std::size_t>(at)];
  }
  return result;
}

}  // namespace example
