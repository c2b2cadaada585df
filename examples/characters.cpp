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

std::string text_of(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(in), {}};
  if (!in || text.empty()) throw io_error(file + ": there is no text: give --text FILE");
  return text;
}

// From the last window of a text one character after the other.
std::string continued(model& m, const vocabulary& symbols, array_view beginning, double temperature,
                      const arguments& a) {
  generator random(7);
  const auto* first = beginning.data_as<std::int64_t>();
  std::vector<std::int64_t> text(first, first + beginning.shape()[0]);
  const auto steps = static_cast<std::ptrdiff_t>(a.steps);
  for (std::int64_t k = 0; k < a.length; ++k) {
    tensor x({int64, {1, a.steps}});
    std::copy(text.end() - steps, text.end(), x.data_as<std::int64_t>());
    const auto z = m.predict<float>(x);
    std::vector<double> sums;
    for (std::int64_t s = 0; s < symbols.size(); ++s) {
      const double z_s = z(0, a.steps - 1, s);
      sums.push_back((sums.empty() ? 0 : sums.back()) + std::exp(z_s / temperature));
    }
    const double drawn = sums.back() * *random.uniform({1}, 0, 1, float64).data_as<double>();
    text.push_back(std::upper_bound(sums.begin(), sums.end() - 1, drawn) - sums.begin());
  }
  return symbols.decode(rows_of({{int64, {beginning.shape()[0] + a.length}}, text.data()},
                                beginning.shape()[0], beginning.shape()[0] + a.length));
}

void study(const arguments& a, const path& output) {
  if (std::min({a.epochs, a.units, a.steps, a.length}) < 1) {
    throw value_error("--epochs, --units, --steps and --length must be at least 1");
  }
  const std::string text = text_of(a.text);
  const vocabulary symbols(text, {.units = text_units::bytes});
  const tensor numbers = symbols.encode(text);
  const std::int64_t all = numbers.shape()[0], held = all - all / 10;
  const array_view beginning = rows_of(numbers, 0, held);
  const next_tokens train = token_windows(beginning, a.steps, (a.steps + 1) / 2),
                    test = token_windows(rows_of(numbers, held, all), a.steps, a.steps);
  example::print("different characters", static_cast<double>(symbols.size()));
  std::vector<report::panel> panels;
  for (const bool gates : {false, true}) {
    const std::string name = gates ? "lstm" : "gru";
    const recurrent_options each{.return_sequences = true};
    sequential m{input({a.steps}, int64), embedding(symbols.size(), 32),
                 gates ? layer(lstm(a.units, each)) : layer(gru(a.units, each)),
                 dense(symbols.size())};
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
                << continued(m, symbols, beginning, temperature, a) << "\n";
    }
    panels.push_back(
        {.title = name,
         .x_label = "epoch",
         .y_label = "cross-entropy, nats a character",
         .curves = {{"training", h["loss"]}, {"held out", held_out}},
         .y_range = report::interval{0, std::log(static_cast<double>(symbols.size()))}});
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
