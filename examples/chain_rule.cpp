// The chain rule as circuits: each picture shows values above the lines, from left to right, and
// below them adjoints - the derivative of the result with respect to that value - which the reverse
// sweep finds from right to left.
#include <cotape/cotape.hpp>

#include "example.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

// A number with a name on a tape.
variable number(tape& t, const std::string& name, double value) {
  return t.constant(value).named(name);
}

// Prints a circuit's result and its derivatives with respect to the named values; draws it.
void show(const path& folder, const std::string& name, const std::string& title, variable result,
          const std::vector<variable>& inputs) {
  example::print(name + " result", result.value<double>()());
  const auto derivatives = gradient(result, inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string* label = result.owner().label_of(inputs[i].index());
    example::print(name + " d/d" + *label, derivatives[i].value<double>()());
  }
  const path file = folder / ("chain_rule_" + name + ".svg");
  report::write_circuit(file, result, {}, {.title = title});
  example::print_picture(file);
}

// --- Gates that add, multiply and branch ---------------------------------------------------------

void shopping(const path& folder) {
  tape t;
  const variable price = number(t, "apple", 100), count = number(t, "apples", 2);
  const variable tax = number(t, "tax", 1.1);
  show(folder, "apples", "2 apples at 100, with tax", price * count * tax, {price, count, tax});
  const variable price2 = number(t, "orange", 150), count2 = number(t, "oranges", 3);
  show(folder, "apples_and_oranges", "2 apples at 100 and 3 oranges at 150, with tax",
       (price * count + price2 * count2) * tax, {price, count, price2, count2, tax});
}

void sums_and_products(const path& folder) {
  tape t;
  const variable x = number(t, "x", -2), y = number(t, "y", 5), z = number(t, "z", -4);
  show(folder, "sum_times_factor", "(x + y) z", (x + y) * z, {x, y, z});
  const variable sum = (x + y).named("t");
  show(folder, "square_of_a_sum", "t = x + y, u = t^2", square(sum), {sum, x, y});
  show(folder, "shared_factor", "xy + yz: y collects two adjoints", x * y + y * z, {x, y, z});
  const variable a = number(t, "a", 2), b = number(t, "b", 3);
  show(folder, "product_and_sum", "xy with x = ab, y = a + b", (a * b) * (a + b), {a, b});
}

void max_gate(const path& folder) {
  tape t;
  const variable x1 = number(t, "x1", 1), w1 = number(t, "w1", -2);
  const variable x2 = number(t, "x2", 3), w2 = number(t, "w2", -1);
  show(folder, "max_gate", "sigmoid(w1 x1 + max(x2, w2)): the larger input takes the adjoint",
       sigmoid(w1 * x1 + maximum(x2, w2)), {x1, w1, x2, w2});
}

// --- Neurons -------------------------------------------------------------------------------------

void neuron(const path& folder) {
  tape t;
  const variable w0 = number(t, "w0", 2), x0 = number(t, "x0", -1);
  const variable w1 = number(t, "w1", -3), x1 = number(t, "x1", -2), w2 = number(t, "w2", -3);
  const variable z = w0 * x0 + w1 * x1 + w2;
  const std::vector inputs{w0, w1, w2, x0, x1};
  show(folder, "neuron_of_primitives", "1 / (1 + exp(-(w0 x0 + w1 x1 + w2)))",
       reciprocal(1 + exp(z * -1)), inputs);
  show(folder, "neuron", "sigmoid(w0 x0 + w1 x1 + w2): the same in one gate", sigmoid(z), inputs);
}

void two_weights(const path& folder) {
  tape t;
  const variable x = number(t, "x", 1), w1 = number(t, "w1", .5), w2 = number(t, "w2", 2);
  const variable y = w2 * sigmoid(x * w1);
  show(folder, "two_weights", "y = w2 sigmoid(x w1)", y, {w1, w2});
  show(folder, "two_weights_loss", "(y - 1)^2 with y = w2 sigmoid(x w1)", square(y - 1), {w1, w2});
}

void five_reciprocals(const path& folder) {
  tape t;
  const variable x1 = number(t, "x1", 1.7), x2 = number(t, "x2", 3.5);
  const double first[] = {.1, .5, .3, 2.1, -.2}, second[] = {1.1, 0, .4, -.1, 1.3};
  std::vector<variable> w1, w2, v;
  for (std::size_t j = 0; j < 5; ++j) {
    const std::string place = std::to_string(j + 1);
    w1.push_back(number(t, "w1_" + place, first[j]));
    w2.push_back(number(t, "w2_" + place, second[j]));
    v.push_back((1 / (w1[j] * x1 + w2[j] * x2)).named("v" + place));
  }
  const variable f = (v[0] * v[1] + v[2] / v[3] - v[4]).named("F");
  std::vector<variable> inputs{x1, x2};
  inputs.insert(inputs.end(), w1.begin(), w1.end());
  inputs.insert(inputs.end(), w2.begin(), w2.end());
  show(folder, "five_reciprocals",
       "v_j = 1 / (w1_j x1 + w2_j x2), F = v1 v2 + v3 / v4 - v5, L = (sigmoid(F) - 2)^2",
       square(sigmoid(f) - 2), inputs);
}

// --- Arrays: the same rules, whole matrices at once ----------------------------------------------

void matrix_times_vector(const path& folder) {
  tape t;
  const variable w = t.constant(xt::xarray<double>{{2, 3, 1}, {-1, 2, 3}}).named("W");
  const variable x = t.constant(xt::xarray<double>{5, -2, 3}).named("x");
  const variable y = matmul(w, x).named("y");
  const xt::xarray<double> values = y.value<double>();
  example::print("matrix_times_vector y1", values(0));
  example::print("matrix_times_vector y2", values(1));
  const path file = folder / "chain_rule_matrix_times_vector.svg";
  report::write_circuit(file, sum(square(y)), {}, {.title = "the sum of the squares of y = W x"});
  example::print_picture(file);
}

}  // namespace

int main(int argc, char** argv) {
  return example::run(argc, argv, "Draws circuits with their values and adjoints.",
                      [](const path& output) {
                        shopping(output);
                        sums_and_products(output);
                        max_gate(output);
                        neuron(output);
                        two_weights(output);
                        five_reciprocals(output);
                        matrix_times_vector(output);
                      });
}
