// Layers: compositions of operations with parameters of their own.
#include "cotape/layers.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cotape/activations.hpp"
#include "cotape/ops.hpp"
#include "cotape/xtensor.hpp"
#include "nn/fields.hpp"
#include "nn/layer_parts.hpp"

namespace cotape {

namespace {

struct named_activation {
  const char* name;
  variable (*apply)(operand);
};

constexpr std::array activations{
    named_activation{"identity", identity},
    named_activation{"", identity},
    named_activation{"linear", identity},
    named_activation{"heaviside", [](operand x) { return heaviside(x); }},
    named_activation{"sign", sign},
    named_activation{"sigmoid", sigmoid},
    named_activation{"tanh", tanh},
    named_activation{"relu", relu},
    named_activation{"leaky_relu", [](operand x) { return leaky_relu(x); }},
    named_activation{"relu6", relu6},
    named_activation{"elu", [](operand x) { return elu(x); }},
    named_activation{"selu", selu},
    named_activation{"celu", [](operand x) { return celu(x); }},
    named_activation{"maxout", [](operand x) { return maxout(x); }},
    named_activation{"softplus", softplus},
    named_activation{"silu", silu},
    named_activation{"gelu", gelu},
    named_activation{"gelu_tanh", gelu_tanh},
    named_activation{"mish", mish},
    named_activation{"log_sigmoid", log_sigmoid},
    named_activation{"softsign", softsign},
    named_activation{"hard_sigmoid", hard_sigmoid},
    named_activation{"hard_silu", hard_silu},
    named_activation{"hard_tanh", hard_tanh},
    named_activation{"exponential", exponential},
    named_activation{"glu", [](operand x) { return glu(x); }},
    named_activation{"softmax", [](operand x) { return softmax(x); }},
    named_activation{"log_softmax", [](operand x) { return log_softmax(x); }},
    named_activation{"argmax", [](operand x) { return argmax(x); }},
};

}  // namespace

variable activate(const std::string& name, operand x) {
  std::string known;
  for (const named_activation& a : activations) {
    if (name == a.name) return a.apply(x);
    if (*a.name != 0) known += fmt::format("{}{}", known.empty() ? "" : ", ", a.name);
  }
  throw value_error(fmt::format("activate: no activation '{}'; there are: {}", name, known));
}

namespace {

using detail::add_weight, detail::demand_one, detail::made_of, detail::told, detail::weight_dtype;

std::int64_t last_size(const shape& s) { return s[s.rank() - 1]; }

class dense_layer : public layer_body {
 public:
  dense_layer(std::int64_t units, dense_options options)
      : units_(units), options_(std::move(options)) {
    if (units <= 0) throw value_error(fmt::format("dense: {} units", units));
    if (!options_.weights || !options_.bias_initializer) {
      throw value_error("dense: the initializer is empty");
    }
    rules = {{options_.weights_regularizer, options_.weights_constraint},
             {options_.bias_regularizer, options_.bias_constraint}};
    activity = options_.activity_regularizer;
  }
  const char* kind() const override { return "dense"; }
  variable record(std::span<const variable> inputs, mode, generator& random) override {
    demand_one("dense", inputs);
    const variable& x = inputs[0];
    if (x.shape().rank() < 2) {
      throw shape_error(fmt::format("dense: the input {} has no batch axis", x.shape().text()));
    }
    if (parameters.empty()) make_parameters(last_size(x.shape()), weight_dtype(x), random);
    const variable z = matmul(x, parameters[0]);
    return activate(options_.activation, options_.bias ? z + parameters[1] : z);
  }
  std::optional<named_texts> description() const override {
    detail::option_writer to;
    to("units", units_);
    to.all_of(options_);
    return to.texts;
  }

 private:
  void make_parameters(std::int64_t inputs, dtype d, generator& random) {
    add_weight(*this, "weight", options_.weights, {inputs, units_}, d, random);
    if (options_.bias) add_weight(*this, "bias", options_.bias_initializer, {units_}, d, random);
  }

  std::int64_t units_;
  dense_options options_;
};

class dropout_layer : public layer_body {
 public:
  explicit dropout_layer(double rate) : rate_(rate) { detail::demand_rate("dropout:", rate); }
  const char* kind() const override { return "dropout"; }
  variable record(std::span<const variable> inputs, mode m, generator& random) override {
    demand_one("dropout", inputs);
    const variable& x = inputs[0];
    if (m == mode::predicting || rate_ == 0) return x;
    return detail::dropped(x, rate_, random);
  }
  std::optional<named_texts> description() const override { return told("rate", rate_); }

 private:
  double rate_;
};

using function = std::function<variable(std::span<const variable>)>;

class function_layer : public layer_body {
 public:
  function_layer(const char* kind, function f, std::optional<named_texts> options)
      : kind_(kind), f_(std::move(f)), options_(std::move(options)) {}
  const char* kind() const override { return kind_; }
  variable record(std::span<const variable> inputs, mode, generator&) override {
    return f_(inputs);
  }
  std::optional<named_texts> description() const override { return options_; }

 private:
  const char* kind_;
  function f_;
  std::optional<named_texts> options_;
};

class lambda_in_context : public layer_body {
 public:
  using function = std::function<variable(std::span<const variable>, const layer_context&)>;
  explicit lambda_in_context(function f) : f_(std::move(f)) {}
  const char* kind() const override { return "lambda"; }
  variable record(std::span<const variable> inputs, mode m, generator& random) override {
    return f_(inputs, {m == mode::training, random});
  }

 private:
  function f_;
};

variable flattened(const variable& x) {
  const shape& s = x.shape();
  if (s.rank() == 0) throw shape_error("flatten: the input () has no batch axis");
  std::int64_t features = 1;
  for (std::size_t i = 1; i < s.rank(); ++i) features *= s[i];
  return reshape(x, {s[0], features});
}

}  // namespace

dtype detail::weight_dtype(const variable& x) {
  if (x.dtype() == int64) return float32;
  return x.owner().promoted(float32) == float64 ? float32 : x.dtype();
}

void detail::demand_one(const char* kind, std::size_t inputs) {
  if (inputs == 1) return;
  throw value_error(fmt::format("{}: {} inputs, it takes one", kind, inputs));
}

double detail::demand_rate(const std::string& of, double rate) {
  if (rate >= 0 && rate < 1) return rate;
  throw value_error(fmt::format("{} {} not in [0, 1)", of, rate));
}

variable detail::kept(const variable& x, const shape& s, double rate, generator& random) {
  return random.uniform(x.owner(), s, 0, 1, x.dtype()) >= rate;
}

variable detail::dropped(const variable& x, double rate, generator& random) {
  return x * kept(x, x.shape(), rate, random) / (1 - rate);
}

value_type detail::type_after(const std::string& activation) {
  tape t;
  return activate(activation, t.constant(tensor({float32, {1, 2}}))).type();
}

variable detail::masked_layer::record(std::span<const variable> inputs, mode m, generator& random) {
  std::vector<masked> list;
  for (const variable& x : inputs) list.push_back({x});
  return record_masked(list, m, random).value;
}

std::shared_ptr<layer_body> detail::made_of(const char* kind, std::function<variable(variable)> f,
                                            std::optional<named_texts> options) {
  const auto of_one = [=](std::span<const variable> inputs) {
    demand_one(kind, inputs);
    return f(inputs[0]);
  };
  return joining(kind, of_one, std::move(options));
}

std::shared_ptr<layer_body> detail::joining(const char* kind, function f,
                                            std::optional<named_texts> options) {
  return std::make_shared<function_layer>(kind, std::move(f), std::move(options));
}

void detail::add_weight(layer_body& to, const std::string& what, const initializer& first,
                        const shape& s, dtype d, generator& random, bool trainable) {
  const std::string name = fmt::format("{}/{}", to.name, what);
  if (to.kept_values) {
    to.parameters.emplace_back(name, to.kept_values(name, {d, s}), trainable);
    return;
  }
  tensor value = first(random, s);
  if (value.shape() != s) {
    throw shape_error(fmt::format("{}: the initializer gives {} for '{}', which is {}", to.kind(),
                                  value.shape().text(), what, s.text()));
  }
  if (value.dtype() != d) value = tensor(value, d);
  to.parameters.emplace_back(name, value, trainable);
}

void layer_body::set_trainable(bool trainable) {
  freezing_.trainable = trainable;
  if (trainable) {
    for (const parameter& p : freezing_.frozen) p.set_trainable(true);
    freezing_.frozen.clear();
    return;
  }
  for (const parameter& p : parameters) {
    if (!p.trainable()) continue;
    freezing_.frozen.push_back(p);
    p.set_trainable(false);
  }
}

void layer_body::follow(const layer_body& outer) {
  if (outer.trainable() ? !freezing_.follows : !freezing_.trainable) return;
  set_trainable(outer.trainable());
  freezing_.follows = !outer.trainable();
}

void layer_body::forget_parameters() {
  parameters.clear();
  freezing_.frozen.clear();
}

layer::layer(std::shared_ptr<layer_body> body) : body_(std::move(body)) {
  if (!body_) throw value_error("layer: there is no body");
}

layer layer::named(std::string name) const {
  if (!body_->parameters.empty()) {
    throw value_error(
        fmt::format("layer: '{}' has its parameters' names already: name it '{}' "
                    "before it is first used",
                    body_->name, name));
  }
  body_->name = std::move(name);
  return *this;
}

symbol layer::operator()(const symbol& x, const char* file, int line) const {
  return (*this)(std::vector{x}, file, line);
}

symbol layer::operator()(const std::vector<symbol>& x, const char* file, int line) const {
  if (x.empty()) throw value_error(fmt::format("{}: no inputs", body_->kind()));
  return symbol({{*this}, x, {file, line}});
}

variable layer::record(variable x, generator& random, mode m) const {
  if (body_->name.empty()) body_->name = body_->kind();
  const masked input{x};
  return detail::record(*body_, std::span(&input, 1), m, random).value;
}

masked layer_body::record_masked(std::span<const masked> inputs, mode m, generator& random) {
  std::vector<variable> values;
  for (const masked& x : inputs) values.push_back(x.value);
  masked result{record(values, m, random)};
  const auto first =
      std::find_if(inputs.begin(), inputs.end(), [](const masked& x) { return !x.mask.empty(); });
  if (first == inputs.end()) return result;
  const shape &of = result.value.shape(), &steps = first->mask.shape();
  const bool keeps = keeps_steps && of.rank() > 2 && of[0] == steps[0] && of[1] == steps[1];
  if (keeps) result.mask = first->mask;
  return result;
}

// What is trained of weights that are made here, the layer knows already.
masked detail::record(layer_body& of, std::span<const masked> inputs, mode m, generator& random) {
  if (of.within) {
    throw value_error(fmt::format(
        "{}: the layer is within another already: use that one, or a new layer", of.kind()));
  }
  const bool bare = of.parameters.empty();
  const masked result = of.record_masked(inputs, m, random);
  if (bare && !of.trainable()) of.set_trainable(false);
  return result;
}

symbol input(const shape& row, dtype d, std::string name, const char* file, int line) {
  return symbol({{}, {}, {file, line}, {d, row}, std::move(name)});
}

dense::dense(std::int64_t units, dense_options options)
    : layer(std::make_shared<dense_layer>(units, std::move(options))) {}

activation::activation(std::string name)
    : layer(made_of(
          "activation", [=](variable x) { return activate(name, x); }, told("name", name))) {
  detail::type_after(name);  // throws for an unknown one
}

flatten::flatten() : layer(made_of("flatten", flattened)) {}

dropout::dropout(double rate) : layer(std::make_shared<dropout_layer>(rate)) {}

namespace {

template <class F> F not_empty(F f) {
  if (!f) throw value_error("lambda: the function is empty");
  return f;
}

}  // namespace

lambda::lambda(std::function<variable(variable)> f)
    : layer(made_of("lambda", not_empty(std::move(f)), {})) {}

lambda::lambda(std::function<variable(std::span<const variable>)> f)
    : layer(detail::joining("lambda", not_empty(std::move(f)), {})) {}

lambda::lambda(std::function<variable(variable, const layer_context&)> f)
    : lambda(
          [f = not_empty(std::move(f))](std::span<const variable> inputs, const layer_context& c) {
            demand_one("lambda", inputs);
            return f(inputs[0], c);
          }) {}

lambda::lambda(std::function<variable(std::span<const variable>, const layer_context&)> f)
    : layer(std::make_shared<lambda_in_context>(not_empty(std::move(f)))) {}

}  // namespace cotape
