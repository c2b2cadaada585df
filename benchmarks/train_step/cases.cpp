// The table of cases, and data from a fixed generator.
#include "cases.hpp"

#include <cmath>
#include <random>

namespace bench {

std::vector<layer_place> places_of(const spec& s) {
  std::vector<layer_place> places;
  std::size_t at = 0;
  for (std::size_t l = 0; l < s.layers(); ++l) {
    const std::size_t inputs = s.sizes[l], units = s.sizes[l + 1], bias = at + inputs * units;
    places.push_back({inputs, units, at, bias, bias + units});
    at = bias + units;
  }
  return places;
}

const std::vector<spec>& all_cases() {
  using enum loss;
  const auto network = [](const char* name, std::vector<std::size_t> sizes, std::size_t batch,
                          activation a, loss l, bool adam = false) {
    return spec{name, task::network, 0, std::move(sizes), batch, a, l, adam, 1e-7};
  };
  const auto other = [](const char* name, task kind, std::size_t n) {
    return spec{name, kind, n, {}, 0, {}, {}, false, 0};
  };
  const activation sigmoid = activation::sigmoid, relu = activation::relu;
  static const std::vector<spec> cases{
      network("xor", {2, 4, 5, 1}, 4, sigmoid, binary_crossentropy),
      network("small", {13, 64, 64, 1}, 32, relu, mean_squared),
      network("mnist512", {784, 512, 512, 10}, 128, relu, softmax_crossentropy),
      network("mnist512_adam", {784, 512, 512, 10}, 128, relu, softmax_crossentropy, true),
      network("big", {1024, 2048, 2048, 1024}, 256, relu, softmax_crossentropy),
      other("chain_1e3", task::chain, 1000),
      other("chain_1e6", task::chain, 1000000),
      other("tape_1e6", task::loop, 142858),
  };
  return cases;
}

namespace {

std::vector<float> uniform(std::mt19937_64& random, std::size_t n, float low, float high) {
  std::uniform_real_distribution<float> draw(low, high);
  std::vector<float> values(n);
  for (float& v : values) v = draw(random);
  return values;
}

void fill_network(problem& p, std::mt19937_64& random) {
  const spec& s = p.what;
  const std::size_t outputs = s.sizes.back();
  p.x = uniform(random, s.batch * s.sizes[0], 0, 1);
  if (s.loss == loss::softmax_crossentropy) {
    for (std::size_t i = 0; i < s.batch; ++i) {
      p.labels.push_back(static_cast<std::int64_t>(random() % outputs));
    }
  } else {
    p.targets = uniform(random, s.batch * outputs, 0, 1);
  }
  if (s.loss == loss::binary_crossentropy) {
    for (float& t : p.targets) t = std::round(t);
  }
  if (s.name == "xor") {
    p.x = {0, 0, 0, 1, 1, 0, 1, 1};
    p.targets = {0, 1, 1, 0};
  }
  for (const layer_place& l : places_of(s)) {
    const float limit = std::sqrt(6.0F / static_cast<float>(l.inputs + l.units));
    for (float w : uniform(random, l.inputs * l.units, -limit, limit)) p.weights.push_back(w);
    for (float w : uniform(random, l.units, -0.1F, 0.1F)) p.weights.push_back(w);
  }
}

}  // namespace

problem make_problem(const spec& s) {
  std::mt19937_64 random(1);
  problem p;
  p.what = s;
  switch (s.kind) {
    case task::network: fill_network(p, random); break;
    case task::chain:
      p.x = uniform(random, s.n, -2, 2);
      p.a = uniform(random, s.n, -2, 2);
      p.b = uniform(random, s.n, -1, 1);
      break;
    case task::loop: p.x0 = 0.5; break;
  }
  return p;
}

}  // namespace bench
