// A transformer learns a text character by character: two causal blocks, in which each character
// looks at those before it (Vaswani et al., "Attention is all you need", 2017), normalized in front
// of each part (Radford et al., "Language models are unsupervised multitask learners", 2019). The
// last tenth of the text is held out. Then it writes on by itself, and a picture shows what each
// head of each block looks at.
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
  std::int64_t epochs = 35, units = 128, heads = 4, steps = 64, length = 300;
};

constexpr std::int64_t blocks = 2;
constexpr double dropped = 0.3;  // with less it soon knows the text by heart

std::string name_of(const char* part, std::int64_t block) {
  return "block_" + std::to_string(block + 1) + "/" + part;
}

// x and what its characters see, then that and what a network makes of each by itself.
symbol transformer_block(const symbol& x, std::int64_t units, const arguments& a,
                         std::int64_t block) {
  const symbol normal = layer_normalization().named(name_of("normalization", block))(x);
  const layer look = multi_head_attention(a.heads, units / a.heads, {.causal = true});
  const symbol seen = add({x, dropout(dropped)(look.named(name_of("attention", block))(normal))});
  const symbol wide = dense(4 * units, "gelu_tanh")(layer_normalization()(seen));
  return add({seen, dropout(dropped)(dense(units)(wide))});
}

model transformer(std::int64_t symbols, const arguments& a) {
  const symbol text = input({a.steps}, int64);
  symbol x = dropout(dropped)(position_embedding(a.steps)(embedding(symbols, a.units)(text)));
  for (std::int64_t i = 0; i < blocks; ++i) x = transformer_block(x, a.units, a, i);
  model m(text, dense(symbols)(layer_normalization()(x)));
  m.compile("sparse_categorical_crossentropy_from_logits",
            adam({.rate = 0.003, .gradients = {.clip_norm = 1}}));
  return m;
}

array_view first_rows(const xt::xarray<std::int64_t>& of, std::int64_t n) {
  return rows_of(array_argument(of).view(), 0, n);
}

// How strongly each character of x (1, steps) attends to each: (heads, steps, steps) of a block.
xt::xarray<double> weights_of(model& m, std::int64_t block, const arguments& a,
                              const array_view& x) {
  const auto seen = model(m.inputs(), m.output(name_of("normalization", block))).predict(x);
  const auto weights = m.layer(name_of("attention", block)).parameters();
  tape t;
  const auto in_heads = [&](std::size_t weight) {
    const variable rows = matmul(t.constant(seen), weights[weight]) + weights[weight + 1];
    return transpose(reshape(rows, {a.steps, a.heads, -1}), {1, 0, 2});
  };
  variable attended;
  const auto keep = [&](variable w) { return attended = w; };
  attention(in_heads(0), in_heads(2), in_heads(4), {.causal = true, .on_weights = keep});
  return cast(attended, float64).value<double>();
}

// A map of the first characters of a head's weights.
report::panel map_of(const xt::xarray<double>& weights, std::int64_t head, const std::string& title,
                     std::int64_t characters) {
  const auto weight = [&](double to, double from) {
    const auto i = std::lround(from), k = std::lround(to);
    return k > i ? std::nan("") : weights(head, i, k);
  };
  const double last = static_cast<double>(characters) - 0.51;
  report::surface s = report::sample(weight, {-0.49, last}, {-0.49, last}, 256);
  s.z_range = report::interval{0, 1};
  return {.title = title,
          .x_label = "looks at character",
          .y_label = "character",
          .equal_units = true,
          .map = std::move(s)};
}

// How many characters back a head looks in the mean.
double distance_of(const xt::xarray<double>& weights, std::int64_t head, std::int64_t steps) {
  double sum = 0;
  for (std::int64_t i = 0; i < steps; ++i) {
    for (std::int64_t k = 0; k < i; ++k) sum += weights(head, i, k) * static_cast<double>(i - k);
  }
  return sum / static_cast<double>(steps);
}

// In a line of the text held out.
void draw_attention(model& m, const example::corpus& text, const arguments& a, const path& file) {
  const std::string rest = text.text(text.held(), text.size() - text.held());
  const auto first = text.held() + static_cast<std::int64_t>(rest.find('\n') + 1);
  const example::windows of(text, first, text.size(), a.steps, a.steps);
  const array_view x = first_rows(of.x, 1);
  const std::int64_t shown = std::min<std::int64_t>(a.steps, 32);
  std::vector<report::panel> panels;
  for (std::int64_t i = 0; i < blocks; ++i) {
    const auto weights = weights_of(m, i, a, x);
    for (std::int64_t head = 0; head < a.heads; ++head) {
      const std::string name =
          "block " + std::to_string(i + 1) + ", head " + std::to_string(head + 1);
      example::print(name + ", characters back", distance_of(weights, head, a.steps));
      panels.push_back(map_of(weights, head, name, shown));
    }
  }
  std::string line = text.text(first, shown);
  std::replace(line.begin(), line.end(), '\n', ' ');
  report::write_figure(file, panels,
                       {.title = "What the characters of \"" + line + "\" look at",
                        .columns = static_cast<std::size_t>(a.heads),
                        .width = 420,
                        .height = 400});
  example::print_picture(file);
}

void check_gradients(model& m, const example::windows& of) {
  const gradient_check check =
      m.check_gradient(first_rows(of.x, 2), first_rows(of.y, 2), {.directions = 1});
  std::cout << check << "\n";
  example::print("gradients hold", check.ok());
  example::print("worst relative error", check.worst_error());
}

// It goes back to the weights of the best epoch.
history train(model& m, const example::windows& of, const example::windows& held_out,
              std::int64_t epochs) {
  const auto start = std::chrono::steady_clock::now();
  const history h = m.fit(of.x, of.y,
                          {.epochs = epochs,
                           .validation_data = {held_out.x, held_out.y},
                           .callbacks = {early_stopping({.patience = epochs})}});
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
  const auto& losses = h["val_loss"];
  const auto best = std::min_element(losses.begin(), losses.end());
  example::print("seconds", took.count());
  example::print("loss at last", h["loss"].back());
  example::print("least loss of the text held out", *best);
  example::print("in epoch", static_cast<double>(best - losses.begin() + 1));
  return h;
}

void study(const arguments& a, const path& output) {
  if (std::min({a.epochs, a.units, a.heads, a.steps, a.length}) < 1 || a.units % a.heads != 0) {
    throw value_error(
        "--epochs, --units, --heads, --steps and --length must be at least 1, and --units a "
        "multiple of --heads");
  }
  const example::corpus text(a.text);
  const example::windows windows(text, 0, text.held(), a.steps, (a.steps + 1) / 2),
      held_out(text, text.held(), text.size(), a.steps, a.steps);
  model m = transformer(text.different(), a);
  std::cout << m.summary() << "\n";
  check_gradients(m, windows);
  const history h = train(m, windows, held_out, a.epochs);
  for (const double temperature : {0.3, 0.7, 1.0}) {
    std::cout << "--- temperature " << temperature << "\n"
              << example::continued(m, text, text.held() / 2, a.steps, a.length, temperature)
              << "\n";
  }
  const path curve = output / "transformer.svg";
  const auto symbols = static_cast<double>(text.different());
  report::write_figure(curve, {{.title = "A transformer on " + path(a.text).filename().string(),
                                .x_label = "epoch",
                                .y_label = "cross-entropy, nats a character",
                                .curves = {{"training", h["loss"]}, {"held out", h["val_loss"]}},
                                .y_range = report::interval{0, std::log(symbols)}}});
  example::print_picture(curve);
  draw_attention(m, text, a, output / "transformer_attention.svg");
}

}  // namespace

int main(int argc, char** argv) {
  arguments a;
  return example::run(argc, argv, "Learns a text by attention, and shows what heads look at.",
                      {{"--text", "file to learn", &a.text},
                       {"--epochs", "of the training", &a.epochs},
                       {"--units", "features of a character", &a.units},
                       {"--heads", "of each block", &a.heads},
                       {"--steps", "characters of a window", &a.steps},
                       {"--length", "characters written", &a.length}},
                      [&](const path& output) { study(a, output); });
}
