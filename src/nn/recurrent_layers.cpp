// Recurrent layers: what one step makes of the last one's state, unrolled over the steps. The
// inputs of all steps are one product, the gates of a step another.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cotape/ops.hpp"
#include "cotape/sequence_layers.hpp"
#include "cotape/xtensor.hpp"
#include "nn/fields.hpp"
#include "nn/layer_parts.hpp"
#include "nn/recurrent.hpp"

namespace cotape {

namespace {

using detail::add_weight, detail::demand_rate, detail::recurrent_layer, detail::weight_dtype;
using state = std::vector<variable>;                        // the first is h, the layer's output
constexpr std::int64_t most_units = std::int64_t{1} << 40;  // so that no size overflows
constexpr std::array names_of_states{"state_h", "state_c"};

// What a step is made with: x W + b of this step, U, and b' of a gru.
struct step_inputs {
  const recurrent_options& how;
  std::int64_t units;
  variable fed, weights, bias;

  variable act(const variable& x) const { return activate(how.activation, x); }
  variable gate(const variable& z, std::int64_t k) const {
    return activate(how.recurrent_activation, columns(z, k, k + 1));
  }
  /// Those of some gates.
  variable columns(const variable& z, std::int64_t first, std::int64_t end) const {
    return slice(z, {all, range(first * units, end * units)});
  }
};

// `seen` is h as the product sees it: some of it may be dropped.
using step_function = state (*)(const step_inputs&, const state&, const variable& seen);

state simple_step(const step_inputs& s, const state&, const variable& seen) {
  return {s.act(s.fed + matmul(seen, s.weights))};
}

state lstm_step(const step_inputs& s, const state& last, const variable& seen) {
  const variable z = s.fed + matmul(seen, s.weights);
  const variable c = s.gate(z, 1) * last[1] + s.gate(z, 0) * s.act(s.columns(z, 2, 3));
  return {s.gate(z, 3) * s.act(c), c};
}

state mixed(const variable& z, const variable& h, const variable& next) {
  return {z * h + (1 - z) * next};
}

state gru_step(const step_inputs& s, const state& last, const variable& seen) {
  variable of_h = matmul(seen, s.weights);
  if (!s.bias.empty()) of_h = of_h + s.bias;
  const variable both = s.columns(s.fed, 0, 2) + s.columns(of_h, 0, 2);
  const variable next = s.act(s.columns(s.fed, 2, 3) + s.gate(both, 1) * s.columns(of_h, 2, 3));
  return mixed(s.gate(both, 0), last[0], next);
}

state gru_step_reset_before(const step_inputs& s, const state& last, const variable& seen) {
  const variable both = s.columns(s.fed, 0, 2) + matmul(seen, s.columns(s.weights, 0, 2));
  const variable next =
      s.act(s.columns(s.fed, 2, 3) + matmul(s.gate(both, 1) * seen, s.columns(s.weights, 2, 3)));
  return mixed(s.gate(both, 0), last[0], next);
}

struct cell {
  const char* kind;
  std::int64_t gates;
  std::size_t states;
  step_function step;
};
constexpr cell simple_cell{"simple_rnn", 1, 1, simple_step}, lstm_cell{"lstm", 4, 2, lstm_step},
    gru_cell{"gru", 3, 1, gru_step}, gru_reset_before{"gru", 3, 1, gru_step_reset_before};

// Throws value_error for an unknown activation, and one that makes other sizes or integers.
void demand_each_for_itself(const char* kind, const std::string& name) {
  if (detail::type_after(name) == value_type{float32, {1, 2}}) return;
  throw value_error(fmt::format("{}: '{}' does not act on each element", kind, name));
}

class unrolled : public recurrent_layer {
 public:
  unrolled(const cell& of, std::int64_t units, recurrent_options options)
      : cell_(of), units_(units), options_(std::move(options)) {
    const recurrent_options& o = options_;
    if (units < 1 || units > most_units) {
      throw value_error(fmt::format("{}: {} units", kind(), units));
    }
    if (!o.weights || !o.recurrent_weights || !o.bias_initializer) {
      throw value_error(fmt::format("{}: the initializer is empty", kind()));
    }
    if (o.stateful < 0) throw value_error(fmt::format("{}: {} rows", kind(), o.stateful));
    demand_rate(kind() + std::string(": dropout"), o.dropout);
    demand_rate(kind() + std::string(": recurrent_dropout"), o.recurrent_dropout);
    for (const std::string& act : {o.activation, o.recurrent_activation}) {
      demand_each_for_itself(kind(), act);
    }
    rules = {{o.weights_regularizer, o.weights_constraint},
             {o.recurrent_regularizer, o.recurrent_constraint},
             {o.bias_regularizer, o.bias_constraint}};
    activity = o.activity_regularizer;
  }
  const char* kind() const override { return cell_.kind; }
  masked record_masked(std::span<const masked> inputs, mode m, generator& random) override;
  std::optional<named_texts> description() const override {
    detail::option_writer to;
    to("units", units_);
    to.all_of(options_);
    return to.texts;
  }
  std::shared_ptr<layer_body> backwards() const override {
    recurrent_options o = options_;
    o.go_backwards = !o.go_backwards;
    return std::make_shared<unrolled>(cell_, units_, std::move(o));
  }
  bool returns_sequences() const override { return options_.return_sequences; }
  bool is_stateful() const override { return options_.stateful != 0; }
  std::size_t states() const override { return cell_.states; }
  std::vector<parameter> carried() const override {
    if (!is_stateful() || parameters.empty()) return {};
    return {parameters.end() - static_cast<std::ptrdiff_t>(cell_.states), parameters.end()};
  }

 private:
  bool two_biases() const { return cell_.step == gru_step; }
  void make_parameters(std::int64_t features, dtype d, generator& random);
  state first_state(std::span<const masked> inputs) const;
  state carried_state(const variable& x, const shape& wanted) const;
  void carry(const state& last) const;

  const cell& cell_;
  std::int64_t units_;
  recurrent_options options_;
};

void unrolled::make_parameters(std::int64_t features, dtype d, generator& random) {
  const std::int64_t n = cell_.gates * units_;
  add_weight(*this, "weight", options_.weights, {features, n}, d, random);
  add_weight(*this, "recurrent_weight", options_.recurrent_weights, {units_, n}, d, random);
  if (options_.bias) {
    initializer first = options_.bias_initializer;
    if (cell_.step == lstm_step && options_.unit_forget_bias) {
      first = [this](generator& g, const shape& s) {
        tensor b(options_.bias_initializer(g, s), float64);
        std::fill_n(b.data_as<double>() + units_, units_, 1.0);
        return b;
      };
    }
    add_weight(*this, "bias", first, two_biases() ? shape{2, n} : shape{n}, d, random);
  }
  for (std::size_t i = 0; is_stateful() && i < cell_.states; ++i) {
    add_weight(*this, names_of_states[i], zeros, {options_.stateful, units_}, d, random, false);
  }
}

// Rows that the batch does not have keep their states.
state unrolled::carried_state(const variable& x, const shape& wanted) const {
  if (wanted[0] > options_.stateful) {
    throw shape_error(fmt::format("{}: {} rows in a batch, it has states for {} (stateful)", kind(),
                                  wanted[0], options_.stateful));
  }
  state result;
  for (const parameter& p : carried()) {
    result.push_back(slice(x.owner().read(p), {range(0, wanted[0])}));
  }
  return result;
}

void unrolled::carry(const state& last) const {
  const std::int64_t rows = last[0].shape()[0];
  for (std::size_t i = 0; const parameter& p : carried()) {
    tape& t = last[i].owner();
    const variable others = slice(t.read(p), {range(rows, {})});
    t.assign(p, concatenate(std::vector<operand>{last[i++], others}, 0));
  }
}

state unrolled::first_state(std::span<const masked> inputs) const {
  const variable& x = inputs[0].value;
  const shape wanted{x.shape()[0], units_};
  if (inputs.size() != 1 && is_stateful()) {
    throw value_error(fmt::format("{}: a first state is given, but it is stateful", kind()));
  }
  if (is_stateful()) return carried_state(x, wanted);
  if (inputs.size() == 1) {
    const variable none =
        broadcast_to(x.owner().literal(0, x.dtype(), {__FILE__, __LINE__}), wanted);
    return state(cell_.states, none);
  }
  if (inputs.size() != 1 + cell_.states) {
    throw value_error(fmt::format("{}: {} inputs, it takes x, or x and {}", kind(), inputs.size(),
                                  cell_.states == 1 ? "h" : "h and c"));
  }
  state result;
  for (const masked& s : inputs.subspan(1)) {
    result.push_back(s.value);
    if (s.value.shape() == wanted) continue;
    throw shape_error(fmt::format("{}: the first state is {}, not {} (batch, units)", kind(),
                                  s.value.shape().text(), wanted.text()));
  }
  return result;
}

masked unrolled::record_masked(std::span<const masked> inputs, mode m, generator& random) {
  if (inputs.empty()) throw value_error(fmt::format("{}: no inputs", kind()));
  const shape& s = inputs[0].value.shape();
  if (s.rank() != 3 || s[1] == 0) {
    throw shape_error(fmt::format("{}: the input {} is not (batch, steps, features){}", kind(),
                                  s.text(), s.rank() == 3 ? " with a step" : ""));
  }
  const variable x = transpose(inputs[0].value, {1, 0, 2});
  if (parameters.empty()) make_parameters(s[2], weight_dtype(x), random);
  state now = first_state(inputs);
  tape& t = x.owner();
  step_inputs step{options_, units_, {}, t.read(parameters[1]), {}};
  const bool drops = m == mode::training;
  // One number a row and feature, for all steps.
  const auto kept = [&random](const variable& like, double rate) {
    return detail::kept(like, like.shape(), rate, random) / (1 - rate);
  };
  variable fed = x, dropped;
  if (drops && options_.dropout != 0) fed = fed * kept(slice(x, {0}), options_.dropout);
  if (drops && options_.recurrent_dropout != 0) {
    dropped = kept(now[0], options_.recurrent_dropout);
  }
  fed = matmul(fed, parameters[0]);
  if (options_.bias) {
    const variable b = t.read(parameters[2]);
    fed = fed + (two_biases() ? slice(b, {0}) : b);
    if (two_biases()) step.bias = slice(b, {1});
  }
  std::vector<operand> outputs;
  // Where only types are asked for one step tells them: a file may ask for a million.
  const std::int64_t steps = kept_values ? 1 : s[1];
  for (std::int64_t k = 0; k < steps; ++k) {
    const std::int64_t at = options_.go_backwards ? s[1] - 1 - k : k;
    step.fed = slice(fed, {at});
    state next = cell_.step(step, now, dropped.empty() ? now[0] : now[0] * dropped);
    if (const variable& mask = inputs[0].mask; !mask.empty()) {
      const variable counts = expand_dims(cast(slice(mask, {all, at}), x.dtype()), 1);
      for (std::size_t i = 0; i < next.size(); ++i) next[i] = select(counts, next[i], now[i]);
    }
    now = std::move(next);
    if (options_.return_sequences) outputs.emplace_back(now[0]);
  }
  if (is_stateful()) carry(now);
  if (!options_.return_sequences) return {now[0], {}, now};
  variable mask = inputs[0].mask;
  if (options_.go_backwards && !mask.empty()) mask = slice(mask, {all, range({}, {}, -1)});
  variable y = stack(outputs, 1);
  if (steps != s[1]) y = broadcast_to(y, {s[0], s[1], units_});
  return {y, mask, std::move(now)};
}

class last_state : public detail::masked_layer {
 public:
  explicit last_state(std::int64_t which) : which_(which) {}
  const char* kind() const override { return "last_state"; }
  masked record_masked(std::span<const masked> inputs, mode, generator&) override {
    detail::demand_one(kind(), inputs.size());
    const auto at = static_cast<std::size_t>(which_);
    if (which_ < 0 || at >= inputs[0].states.size()) {
      throw value_error(fmt::format("last_state: state {} of a value that has {}", which_,
                                    inputs[0].states.size()));
    }
    return {inputs[0].states[at]};
  }
  std::optional<named_texts> description() const override { return detail::told("which", which_); }

 private:
  std::int64_t which_;
};

layer made(const cell& of, std::int64_t units, recurrent_options&& options) {
  return layer(std::make_shared<unrolled>(of, units, std::move(options)));
}

}  // namespace

layer detail::last_state_layer(std::int64_t which) {
  return layer(std::make_shared<last_state>(which));
}

std::vector<symbol> last_states(const symbol& y, const char* file, int line) {
  const std::vector<layer>& by = y.of().made_by;
  const auto* of = by.empty() ? nullptr : dynamic_cast<detail::masked_layer*>(&by[0].body());
  if (of == nullptr || of->states() == 0) {
    throw value_error(fmt::format(
        "last_states: the symbol is {}, not the output of a recurrent layer (simple_rnn, lstm, "
        "gru, bidirectional)",
        by.empty() ? "an input" : fmt::format("that of a '{}'", by[0].body().kind())));
  }
  std::vector<symbol> result;
  for (std::size_t i = 0; i < of->states(); ++i) {
    result.push_back(detail::last_state_layer(static_cast<std::int64_t>(i))(y, file, line));
  }
  return result;
}

simple_rnn::simple_rnn(std::int64_t units, recurrent_options options)
    : layer(made(simple_cell, units, std::move(options))) {}

lstm::lstm(std::int64_t units, recurrent_options options)
    : layer(made(lstm_cell, units, std::move(options))) {}

gru::gru(std::int64_t units, recurrent_options options)
    : layer(made(options.reset_after ? gru_cell : gru_reset_before, units, std::move(options))) {}

}  // namespace cotape
