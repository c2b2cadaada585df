// A recurrent network learns a text character by character: from the characters so far it tells
// how likely each one is as the next (Graves, "Generating sequences with recurrent neural
// networks", 2013). The last tenth of the text is held out. What the network learns by heart does
// not help there: its loss falls, and rises again while that of the training still falls. Then
// each network writes on by itself: of its logits z, softmax(z / temperature) is drawn from.
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cotape/cotape.hpp>
#include <iostream>

#include "example.hpp"
#include "text.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

struct arguments {
  std::string text = example::default_text;
  std::int64_t epochs = 40, units = 128, steps = 64, length = 300;
};

void study(const arguments& a, const path& output) {
  if (std::min({a.epochs, a.units, a.steps, a.length}) < 1) {
    throw value_error("--epochs, --units, --steps and --length must be at least 1");
  }
  const example::corpus text(a.text);
  const example::windows train(text, 0, text.held(), a.steps, (a.steps + 1) / 2),
      test(text, text.held(), text.size(), a.steps, a.steps);
  const std::int64_t symbols = text.different();
  example::print("different characters", static_cast<double>(symbols));
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
                << example::continued(m, text, text.held(), a.steps, a.length, temperature) << "\n";
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
