// Exclusive or, which no straight line separates: what one unit cannot do, what layers without
// activations cannot do either, how a hidden layer bends the plane until a line is enough, and
// which regions more hidden layers cut.
#include <cmath>
#include <cotape/cotape.hpp>
#include <iostream>
#include <limits>
#include <map>
#include <utility>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;
using matrix = xt::xarray<double>;

const matrix corners = {{0, 0}, {0, 1}, {1, 0}, {1, 1}};
const matrix odd = example::column({0, 1, 1, 0});

// The places of a square grid as rows (x, y), row by row from below.
matrix grid_rows(const report::surface& s) {
  matrix rows = matrix::from_shape({s.z.size(), 2});
  for (std::size_t i = 0; i < s.z.size(); ++i) {
    rows(i, 0) = s.x[i % s.x.size()];
    rows(i, 1) = s.y[i / s.x.size()];
  }
  return rows;
}

report::surface grid(report::interval range, std::size_t points) {
  return report::sample([](double, double) { return 0.0; }, range, range, points);
}

// The rows of one class as points.
report::curve points_of(const std::string& name, const matrix& x, const matrix& label, double which,
                        std::size_t colour) {
  report::curve c{name, {}, {}, report::stroke::points, colour};
  for (std::size_t i = 0; i < x.shape(0); ++i) {
    if (label(i, 0) != which) continue;
    c.x.push_back(x(i, 0));
    c.y.push_back(x(i, 1));
  }
  return c;
}

std::vector<report::curve> both_classes(const matrix& x, const matrix& label) {
  std::vector<report::curve> both{points_of("0", x, label, 0, 4), points_of("1", x, label, 1, 1)};
  std::erase_if(both, [](const report::curve& c) { return c.y.empty(); });
  return both;
}

// What the model takes for the probability of class 1 over the plane, with the line where it
// decides.
report::panel decision_surface(const std::string& title, model& m, report::interval range,
                               const matrix& x, const matrix& label) {
  report::surface s = grid(range, 101);
  const matrix p = m.predict<double>(grid_rows(s));
  s.z.assign(p.begin(), p.end());
  s.levels = {0.5};
  s.label = "probability of 1";
  s.z_range = report::interval{0, 1};
  return {.title = title,
          .x_label = "x0",
          .y_label = "x1",
          .curves = both_classes(x, label),
          .equal_units = true,
          .map = std::move(s)};
}

double loss_of(model& m) { return m.evaluate(corners, odd)["loss"]; }

void print_fit(const std::string& name, model& m) {
  const matrix p = m.predict<double>(corners);
  example::print(name + " loss", loss_of(m));
  example::print(name + " furthest output from 0.5", xt::amax(xt::abs(p - 0.5))());
  example::print(name + " right of 4", 4 * m.evaluate(corners, odd)["accuracy"]);
}

// --- One unit, layers that collapse, layers that do not -----------------------------------------

std::vector<report::panel> three_networks() {
  const auto in = input({2}, float64);
  const auto network = [&](const char* activation) {
    return sequential{in, dense(4, activation), dense(5, activation), dense(1, "sigmoid")};
  };
  sequential one_unit{dense(1, "sigmoid")};
  sequential linear = network("identity"), curved = network("sigmoid");
  const report::interval range{-0.5, 1.5};
  report::panel losses{.title = "Loss by epoch",
                       .x_label = "epoch",
                       .y_label = "binary cross-entropy",
                       .log_y = true,
                       .y_range = report::interval{1e-3, 2},
                       .markers = {{"ln 2", std::log(2.0), std::log(2.0), report::axis::y}}};
  std::vector<report::panel> panels;
  const auto learn = [&](const std::string& name, sequential& m) {
    m.compile("binary_crossentropy", adam({.rate = 0.02}), {"accuracy"});
    const history h = m.fit(corners, odd, {.epochs = 3000});
    losses.curves.push_back({name, h["loss"], {}, report::stroke::line});
    print_fit(name, m);
    panels.push_back(decision_surface(name, m, range, corners, odd));
  };
  learn("one sigmoid unit", one_unit);
  learn("2-4-5-1 without activations", linear);
  learn("2-4-5-1 with sigmoids", curved);
  std::cout << curved.summary() << "\n";
  panels.push_back(std::move(losses));
  return panels;
}

// --- The hidden space of a 2-2-1 network --------------------------------------------------------

// The lines of an even grid over the inputs, sent through a function.
report::curve warped_grid(model& to_hidden) {
  constexpr int lines = 11, points = 41;
  matrix at = matrix::from_shape({std::size_t{2} * lines * points, 2});
  for (std::size_t i = 0; i < at.shape(0); ++i) {
    const double along = static_cast<double>(i % points) / (points - 1);
    const double line = static_cast<double>(i / points % lines) / (lines - 1);
    const bool upright = i >= at.shape(0) / 2;
    at(i, 0) = upright ? line : along;
    at(i, 1) = upright ? along : line;
  }
  const matrix h = to_hidden.predict<double>(at);
  report::curve c{"grid over the inputs", {}, {}, report::stroke::thin, 0};
  for (std::size_t i = 0; i < at.shape(0); ++i) {
    c.x.push_back(h(i, 0));
    c.y.push_back(h(i, 1));
    if (i % points + 1 < points) continue;
    c.x.push_back(std::numeric_limits<double>::quiet_NaN());  // a gap before the next line
    c.y.push_back(c.x.back());
  }
  return c;
}

report::panel hidden_space(const std::string& title, model& to_hidden, const dense& output) {
  const matrix w = output.parameters()[0].value<double>(),
               b = output.parameters()[1].value<double>();
  const matrix h = to_hidden.predict<double>(corners);
  report::panel p{.title = title,
                  .x_label = "first hidden unit",
                  .y_label = "second hidden unit",
                  .curves = {warped_grid(to_hidden)},
                  .equal_units = true,
                  .x_range = report::interval{-0.05, 1.05},
                  .y_range = report::interval{-0.05, 1.05}};
  const auto boundary = [&](double h0) { return -(w(0, 0) * h0 + b(0)) / w(1, 0); };
  p.curves.push_back(
      {"output 0.5", {boundary(-1), boundary(2)}, {-1, 2}, report::stroke::dashed, 6});
  for (report::curve& c : both_classes(h, odd)) p.curves.push_back(std::move(c));
  return p;
}

const matrix given_w1 = {{-2, 2}, {-2, 2}}, given_b1 = {3, -1};
const matrix given_w2 = example::column({1, 1}), given_b2 = xt::ones<double>({1}) * -1;

// With the given weights, threshold units compute exclusive or as AND(NAND, OR): if they are 0 at
// 0.
void threshold_units() {
  for (const double at_zero : {0.0, 1.0}) {
    tape t;
    const variable hidden =
        perceptron(t.constant(corners), t.constant(given_w1), t.constant(given_b1), at_zero);
    const variable y = perceptron(hidden, t.constant(given_w2), t.constant(given_b2), at_zero);
    example::print(
        "threshold units that are " + std::to_string(std::lround(at_zero)) + " at 0, right of 4",
        sum(equal(y, t.constant(odd))).value<double>()());
  }
}

std::vector<report::panel> hidden_layer() {
  const auto x = input({2}, float64);
  const dense hidden(2, "sigmoid"), output(1, "sigmoid");
  const auto h = hidden(x);
  model network(x, output(h)), to_hidden(x, h);  // which share the hidden layer
  const auto weights = network.parameters();
  weights[0].set(given_w1);
  weights[1].set(given_b1);
  weights[2].set(given_w2);
  weights[3].set(given_b2);
  network.compile("binary_crossentropy", sgd({.rate = 0.5}), {"accuracy"});
  std::vector<report::panel> panels{hidden_space("2-2-1, given weights", to_hidden, output)};
  print_fit("2-2-1 at the start", network);
  network.fit(corners, odd, {.epochs = 1000});
  print_fit("2-2-1 after 1000 epochs", network);
  panels.push_back(hidden_space("2-2-1 after 1000 epochs", to_hidden, output));
  return panels;
}

// --- Random starts ------------------------------------------------------------------------------

report::panel random_starts() {
  report::panel p{.title = "2-2-1 from 20 random starts",
                  .x_label = "epoch",
                  .y_label = "binary cross-entropy",
                  .log_y = true,
                  .y_range = report::interval{1e-3, 2}};
  int learned = 0;
  std::string learns = "learns", stays = "stays in a local minimum";  // once in the legend
  for (std::int64_t seed = 1; seed <= 20; ++seed) {
    sequential m({dense(2, "sigmoid"), dense(1, "sigmoid")}, seed);
    m.compile("binary_crossentropy", adam({.rate = 0.05}), {"accuracy"});
    const history h = m.fit(corners, odd, {.epochs = 2000});
    const bool right = m.evaluate(corners, odd)["accuracy"] == 1;
    learned += right ? 1 : 0;
    const std::size_t colour = right ? 2 : 1;
    std::string& name = right ? learns : stays;
    p.curves.push_back({std::exchange(name, ""), h["loss"], {}, report::stroke::thin, colour});
  }
  example::print("random starts that learn, of 20", learned);
  p.title += ": " + std::to_string(learned) + " learn";
  return p;
}

// --- Regions ------------------------------------------------------------------------------------

// A board of 4 x 4 fields, the exclusive or of the coordinates' integer parts.
std::pair<matrix, matrix> board() {
  constexpr std::size_t points = 400;
  generator random(5);
  const matrix x = to_xarray<double>(random.uniform({points, 2}, 0, 4, float64));
  matrix label = matrix::from_shape({points, 1});
  for (std::size_t i = 0; i < points; ++i) {
    label(i, 0) = static_cast<int>(std::floor(x(i, 0)) + std::floor(x(i, 1))) % 2;
  }
  return {x, label};
}

// The pieces of the plane in which the same ReLU units are above zero, so that the network is
// linear: coloured by their number in the order in which the grid meets them.
report::panel pieces(const std::string& title, const std::vector<symbol>& hidden, const symbol& x,
                     std::size_t& count) {
  model units(x, hidden.size() == 1 ? hidden[0] : concatenate(hidden));
  report::surface s = grid({0, 4}, 201);
  const matrix values = units.predict<double>(grid_rows(s));
  std::map<std::vector<bool>, std::size_t> known;
  for (std::size_t i = 0; i < s.z.size(); ++i) {
    std::vector<bool> above;
    for (std::size_t unit = 0; unit < values.shape(1); ++unit) above.push_back(values(i, unit) > 0);
    const std::size_t number = known.try_emplace(std::move(above), known.size()).first->second;
    s.z[i] = static_cast<double>(number * 7 % 16);  // neighbours in different colours
  }
  s.key = false;
  count = known.size();
  return {.title = title + ": " + std::to_string(count) + " linear pieces",
          .x_label = "x0",
          .y_label = "x1",
          .equal_units = true,
          .map = std::move(s)};
}

// The rows that the model gets wrong.
std::pair<matrix, matrix> mistakes(model& m, const matrix& x, const matrix& label) {
  const matrix p = m.predict<double>(x);
  std::vector<std::int64_t> wrong;
  for (std::size_t i = 0; i < p.size(); ++i) {
    if ((p(i, 0) > 0.5) != (label(i, 0) == 1)) wrong.push_back(static_cast<std::int64_t>(i));
  }
  return {take_rows(x, wrong), take_rows(label, wrong)};
}

std::vector<report::panel> regions() {
  const auto [x, label] = board();
  std::vector<report::panel> decisions, cuts;
  for (std::size_t layers = 1; layers <= 3; ++layers) {
    const auto in = input({2}, float64);
    std::vector<symbol> hidden;
    for (std::size_t i = 0; i < layers; ++i) {
      hidden.push_back(dense(8, "relu", he_normal)(i == 0 ? in : hidden.back()));
    }
    model m(in, dense(1, "sigmoid")(hidden.back()), 1);
    m.compile("binary_crossentropy", adam({.rate = 0.01}), {"accuracy"});
    m.fit(x, label, {.epochs = 1000});
    const std::string name =
        std::to_string(layers) + (layers == 1 ? " hidden layer" : " hidden layers");
    example::print(name + ", accuracy", m.evaluate(x, label)["accuracy"]);
    const auto [wrong_x, wrong_label] = mistakes(m, x, label);
    decisions.push_back(
        decision_surface(name + " of 8: what it gets wrong", m, {0, 4}, wrong_x, wrong_label));
    std::size_t count = 0;
    cuts.push_back(pieces(name, hidden, in, count));
    example::print(name + ", linear pieces", static_cast<double>(count));
  }
  decisions.insert(decisions.end(), cuts.begin(), cuts.end());
  return decisions;
}

void draw(const path& file, const std::vector<report::panel>& panels, std::size_t columns) {
  report::write_figure(file, panels, {.columns = columns, .width = 470, .height = 400});
  example::print_picture(file);
}

void study(const path& output) {
  draw(output / "xor_networks.svg", three_networks(), 2);
  threshold_units();
  std::vector<report::panel> hidden = hidden_layer();
  hidden.push_back(random_starts());
  draw(output / "xor_hidden_space.svg", hidden, 2);
  draw(output / "xor_regions.svg", regions(), 3);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "What networks can make of exclusive or.", study);
}
