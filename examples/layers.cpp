// Layers and the models that they make: one after the other; and joined by symbols, with two inputs
// and a layer that both share.
#include <algorithm>
#include <cotape/cotape.hpp>
#include <iostream>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using numbers = xt::xarray<float>;

void draw(const path& file, variable output, const std::string& title) {
  report::write_graph(file, output, {.title = title});
  example::print_picture(file);
}

double parameters_of(const model& m) {
  double count = 0;
  for (const parameter& p : m.parameters()) count += static_cast<double>(p.shape().elements());
  return count;
}

void one_after_the_other(const path& output) {
  const auto double_it = [](variable x) { return 2 * x; };
  sequential m{input({8, 8}),     flatten(),         dense(32, "relu", he_normal),
               dropout(0.25),     lambda(double_it), dense(10),
               activation("tanh")};
  std::cout << m.summary() << "\n";
  example::print("one after the other, parameters", parameters_of(m));
  tape t;
  draw(output / "layers_sequential.svg", m(t.input(float32, {16, 8, 8}, "images")),
       "layers one after the other");

  // Dropout acts in training only, and leaves the mean as it is.
  sequential drop{dropout(0.25)};
  const variable ones = t.constant(numbers(xt::ones<float>({1000, 100})));
  const auto trained = drop(ones, mode::training).value<float>();
  const auto predicted = drop(ones).value<float>();
  example::print("dropout 0.25, share of zeros in training",
                 static_cast<double>(std::count(trained.begin(), trained.end(), 0.0F)) / 1e5);
  example::print("dropout 0.25, mean in training", xt::mean(trained)());
  example::print("dropout 0.25, mean when predicting", xt::mean(predicted)());
}

void joined_by_symbols(const path& output) {
  const auto a = input({2}, float32, "a"), b = input({2}, float32, "b");
  const dense shared(4, "tanh");
  model m({a, b}, dense(1, "sigmoid")(concatenate({shared(a), shared(b)})));
  std::cout << m.summary() << "\n";
  example::print("joined by symbols, parameters", parameters_of(m));
  tape t;
  draw(output / "layers_shared.svg",
       m({t.input(float32, {16, 2}, "a"), t.input(float32, {16, 2}, "b")})[0],
       "two inputs and a layer that both share");
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Layers and the models that they make.", [](const path& output) {
    one_after_the_other(output);
    joined_by_symbols(output);
  });
}
