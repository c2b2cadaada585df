// A recurrent network learns a text character by character: from the characters so far it tells
// how likely each one is as the next (Graves, "Generating sequences with recurrent neural
// networks", 2013). The last tenth of the text is held out. What the network learns by heart does
// not help there: its loss falls, and rises again while that of the training still falls. Then
// each network writes on by itself: of its logits z, softmax(z / temperature) is drawn from.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cotape/cotape.hpp>
#include <fstream>
#include <iostream>
#include <iterator>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

struct arguments {
  std::string text = "/usr/share/common-licenses/GPL-3";
  std::int64_t epochs = 40, units = 128, steps = 64, length = 300;
};

// A text as numbers of its different bytes.
struct corpus {
  std::string symbols;                // sorted
  std::vector<std::int64_t> numbers;  // of the text

  explicit corpus(const std::string& file) {
    std::ifstream in(file, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    if (!in || text.empty()) throw io_error(file + ": there is no text: give --text FILE");
    symbols = text;
    std::sort(symbols.begin(), symbols.end());
    symbols.erase(std::unique(symbols.begin(), symbols.end()), symbols.end());
    for (const char c : text) numbers.push_back(number_of(c));
  }
  std::int64_t number_of(char c) const {
    return std::lower_bound(symbols.begin(), symbols.end(), c) - symbols.begin();
  }
};

// Windows over a part of the text, and the same one character further: the targets.
struct windows {
  xt::xarray<std::int64_t> x, y;

  windows(const corpus& of, std::int64_t first, std::int64_t end, std::int64_t steps,
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
};

// From the last window of a text one character after the other.
std::string continued(model& m, const corpus& of, std::vector<std::int64_t> text,
                      double temperature, const arguments& a) {
  generator random(7);
  std::string result;
  const auto steps = static_cast<std::ptrdiff_t>(a.steps);
  for (std::int64_t k = 0; k < a.length; ++k) {
    tensor x({int64, {1, a.steps}});
    std::copy(text.end() - steps, text.end(), x.data_as<std::int64_t>());
    const auto z = m.predict<float>(x);
    std::vector<double> sums;
    for (std::size_t s = 0; s < of.symbols.size(); ++s) {
      const double z_s = z(0, a.steps - 1, s);
      sums.push_back((sums.empty() ? 0 : sums.back()) + std::exp(z_s / temperature));
    }
    const double drawn = sums.back() * *random.uniform({1}, 0, 1, float64).data_as<double>();
    const auto at = std::upper_bound(sums.begin(), sums.end() - 1, drawn) - sums.begin();
    text.push_back(at);
    result += of.symbols[static_cast<std::size_t>(at)];
  }
  return result;
}

void study(const arguments& a, const path& output) {
  if (std::min({a.epochs, a.units, a.steps, a.length}) < 1) {
    throw value_error("--epochs, --units, --steps and --length must be at least 1");
  }
  const corpus text(a.text);
  const auto all = static_cast<std::int64_t>(text.numbers.size()), held = all - all / 10;
  const windows train(text, 0, held, a.steps, (a.steps + 1) / 2),
      test(text, held, all, a.steps, a.steps);
  const auto symbols = static_cast<std::int64_t>(text.symbols.size());
  example::print("different characters", static_cast<double>(symbols));
  const std::vector<std::int64_t> beginning(text.numbers.begin(), text.numbers.begin() + held);
  std::vector<report::panel> panels;
  for (const bool gates : {false, true}) {
    const std::string name = gates ? "lstm" : "gru";
    const recurrent_options each{.return_sequences = true};
    sequential m{input({a.steps}, int64), embedding(symbols, 32),
                 gates ? layer(lstm(a.units, each)) : layer(gru(a.units, each)), dense(symbols)};
    m.compile("sparse_categorical_crossentropy_from_logits",
              adam({.rate = 0.005, .gradients = {.clip_norm = 1}}));
    const auto start = std::chrono::steady_clock::now();
    // It goes back to the weights of the best epoch; the training goes on to show what comes after.
    const history h = m.fit(train.x, train.y,
                            {.epochs = a.epochs,
                             .validation_data = {test.x, test.y},
                             .callbacks = {early_stopping({.patience = a.epochs})}});
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    const auto& held_out = h["val_loss"];
    const auto best = std::min_element(held_out.begin(), held_out.end());
    example::print(name + ", seconds", took.count());
    example::print(name + ", loss at last", h["loss"].back());
    example::print(name + ", least loss of the text held out", *best);
    example::print(name + ", in epoch", static_cast<double>(best - held_out.begin() + 1));
    example::print(name + ", loss with the weights kept", m.evaluate(test.x, test.y)["loss"]);
    for (const double temperature : {0.3, 0.7, 1.0}) {
      std::cout << "--- " << name << ", temperature " << temperature << "\n"
                << continued(m, text, beginning, temperature, a) << "\n";
    }
    panels.push_back({.title = name,
                      .x_label = "epoch",
                      .y_label = "cross-entropy, nats a character",
                      .curves = {{"training", h["loss"]}, {"held out", held_out}},
                      .y_range = report::interval{0, std::log(static_cast<double>(symbols))}});
  }
  const path file = output / "characters.svg";
  report::write_figure(file, panels);
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(argc, argv, "Learns a text character by character, and writes on.",
                      {{"--text", "file to learn", &a.text},
                       {"--epochs", "of each training", &a.epochs},
                       {"--units", "of the recurrent layer", &a.units},
                       {"--steps", "characters of a window", &a.steps},
                       {"--length", "characters written", &a.length}},
                      [&](const path& output) { study(a, output); });
}
