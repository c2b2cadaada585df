// What a model does beside fit: compile, evaluate, predict.
#include "cotape/model.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "cotape/data.hpp"
#include "nn/kinds.hpp"
#include "train/feed.hpp"
#include "train/rows.hpp"

namespace cotape {

namespace detail {

program& traced::compile_for(std::span<const array_view> values) {
  program* known = programs_.find(values, number_);
  return known != nullptr ? *known : programs_.make(values, f_, number_);
}

results traced::run(std::span<const array_view> values) {
  program& code = compile_for(values);
  code.run(values);
  return code.all_outputs();
}

void figures_so_far::clear() { std::fill(totals_.begin(), totals_.end(), 0.0); }

void figures_so_far::add(const results& batch, std::int64_t rows, std::size_t terms,
                         const std::vector<metric>& metrics) {
  const std::size_t means = 1 + terms;
  if (totals_.empty()) {
    std::size_t n = 1 + means;
    for (std::size_t i = means; i < batch.size(); ++i) {
      n += static_cast<std::size_t>(batch[i].view().shape().elements());
    }
    totals_.resize(n);
  }
  const double before = totals_[0], now = static_cast<double>(rows);
  totals_[0] += now;
  for (std::size_t i = 0; i < means; ++i) totals_[1 + i] += batch[i].number() * now;
  std::span<double> rest = std::span(totals_).subspan(1 + means);
  for (std::size_t i = means; i < batch.size(); ++i) {
    const array_view sums = batch[i].view();
    const auto n = static_cast<std::size_t>(sums.shape().elements());
    metrics[(i - means) % metrics.size()].merge(rest.first(n), before, {sums.data_as<double>(), n},
                                                now);
    rest = rest.subspan(n);
  }
}

}  // namespace detail

namespace {

// Rows of a set, where they are.
void rows_from(const std::vector<array_view>& arrays, std::int64_t at, std::int64_t size,
               std::vector<array_view>& batch) {
  batch.clear();
  for (const array_view& v : arrays) {
    batch.push_back(rows_of(v, at, std::min(at + size, v.shape()[0])));
  }
}

void demand_size(const char* who, std::int64_t batch_size) {
  if (batch_size < 1) throw value_error(fmt::format("{}: a batch of {} rows", who, batch_size));
}

std::shared_ptr<optimizer> optimizer_named(const std::string& name) {
  if (auto result = detail::optimizer_of_kind(name)) return result;
  throw value_error(fmt::format("optimizer: no optimizer '{}'; there are: {}", name,
                                detail::kinds_of_optimizers()));
}

}  // namespace

void model::body::demand_compiled(const char* who) const {
  if (losses.empty()) {
    throw value_error(
        fmt::format("{}: the model is not compiled: call compile(loss, optimizer) "
                    "first",
                    who));
  }
}

model::action::action(const model& of, const char* name, access a) : body_(of.body_) {
  if (!body_) {
    throw value_error(
        fmt::format("{}: the model was moved from: use the one that it was moved to", name));
  }
  outer_ = body_->at_work;
  if (a == access::change && outer_ != nullptr) {
    throw value_error(
        fmt::format("{}: the model is at work: wait until its {} is done", name, outer_));
  }
  if (outer_ == nullptr) body_->at_work = name;
}

model::action::~action() {
  body_->at_work = outer_;
  if (outer_ != nullptr) return;
  if (std::uncaught_exceptions() > thrown_) body_->unbuild();
  else body_->settle();
}

void model::body::settle() {
  net.settle();
  programs.settle();
}

void model::body::unbuild() {
  bool changed = false;
  net.unbuild([&](const parameter& p) {
    changed = true;
    if (how) how->forget(p);
  });
  if (changed) programs.forget_programs();
  programs.unsettle();
}

std::vector<std::string> model::body::names_of_figures(const std::vector<metric>& by,
                                                       const std::string& prefix) const {
  std::vector<std::string> names{prefix + "loss"};
  for (const std::string& term : net.names_of_terms()) names.push_back(prefix + term);
  const std::size_t outputs = std::max<std::size_t>(net.outputs(), 1);  // none: no layer as yet
  for (std::size_t i = 0; i < outputs * by.size(); ++i) {
    const std::string of = outputs == 1 ? "" : net.name_of_output(i / by.size()) + "_";
    names.push_back(prefix + of + by[i % by.size()].name());
  }
  return names;
}

void model::body::demand_names(const std::vector<metric>& of, const char* who) const {
  std::set<std::string> taken;
  for (const char* prefix : {"", validation_prefix}) {
    for (const std::string& name : names_of_figures(of, prefix)) {
      if (taken.insert(name).second) continue;
      throw value_error(
          fmt::format("{}: two figures of an epoch would be named '{}' (those of validation begin "
                      "with '{}'): give each a name of its own",
                      who, name, validation_prefix));
    }
  }
}

logs model::body::figures(const detail::figures_so_far& sums, const std::string& prefix) const {
  const std::vector<double>& totals = sums.totals();
  const double rows = totals[0];
  const std::vector<std::string> names = names_of_figures(metrics, prefix);
  const std::size_t means = names.size() - metric_sizes.size();  // the loss and terms of it
  logs result;
  for (std::size_t i = 0; i < means; ++i) result.add(names[i], totals[1 + i] / rows);
  std::size_t at = 1 + means;
  for (std::size_t i = 0; i < metric_sizes.size(); ++i) {
    const std::span<const double> own(totals.data() + at, metric_sizes[i]);
    result.add(names[means + i], metrics[i % metrics.size()].value(own, rows));
    at += metric_sizes[i];
  }
  return result;
}

logs model::body::evaluate(detail::traced& by, detail::feed& set, const std::string& prefix) {
  detail::figures_so_far sums;
  const std::size_t terms = net.names_of_terms().size();
  const detail::pass from_zero(net);
  for (set.start(0, 0); set.next();) {
    const results of_batch = by.run(set.batch());
    sums.add(of_batch, set.batch()[0].shape()[0], terms, metrics);
  }
  return figures(sums, prefix);
}

optimizer_argument::optimizer_argument(const char* name)
    : given<optimizer>(optimizer_named(name == nullptr ? "" : name)) {}

model::model(std::shared_ptr<body> b) : body_(std::move(b)) {}

model::model(std::int64_t seed) : body_(std::make_shared<body>(seed)) {}

model::model(const symbols& inputs, const symbols& outputs, std::int64_t seed)
    : body_(std::make_shared<body>(inputs, outputs, seed)) {}

// Called where a model gives its body away: a fit that is under way then ends.
void model::leave() const {
  if (body_) body_->left = true;
}

model::model(model&& other) noexcept : body_((other.leave(), std::move(other.body_))) {}

model& model::operator=(model&& other) noexcept {
  leave();
  other.leave();
  body_ = std::move(other.body_);
  return *this;
}

model::~model() { leave(); }

variable model::operator()(operand x, mode m) {
  const action of(*this, "call", access::look);
  const variable& v = x.as_variable();
  const tape::scope here(v.owner(), x.where());
  const std::vector<variable> outputs = of->net.record(std::span(&v, 1), m);
  if (outputs.size() == 1) return outputs[0];
  throw value_error(
      fmt::format("model: it has {} outputs: call it with a list of variables", outputs.size()));
}

std::vector<variable> model::operator()(const std::vector<variable>& x, mode m) {
  return action(*this, "call", access::look)->net.record(x, m);
}

std::vector<parameter> model::parameters() const {
  const action of(*this, "parameters", access::look);
  of->net.build_if_possible();
  return of->net.parameters();
}

generator& model::random() { return action(*this, "random", access::look)->net.random; }

std::string model::summary() const {
  const action of(*this, "summary", access::look);
  of->net.demand_built();
  return of->net.summary();
}

void model::append(const cotape::layer& l, place where) {
  const action of(*this, "add", access::change);
  of->net.append(l, where);
  of->programs.forget_all();
}

void model::prepend(const symbol& input) {
  const action of(*this, "add", access::change);
  const symbol::source& s = input.of();
  if (!s.made_by.empty()) throw value_error("sequential: add takes layers and input(), no symbol");
  of->net.set_input(s.row, s.name, s.where);
}

void model::compile(const loss_function& loss, const optimizer_argument& how,
                    std::vector<metric> metrics) {
  compile(std::vector{loss}, how, std::move(metrics));
}

void model::compile(std::vector<loss_function> losses, const optimizer_argument& how,
                    std::vector<metric> metrics) {
  const action of(*this, "compile", access::change);
  const std::size_t outputs = of->net.outputs();
  if (losses.size() != 1 && losses.size() != outputs) {
    throw value_error(fmt::format("compile: {} losses for {} outputs", losses.size(), outputs));
  }
  if (!how.object()) throw value_error("compile: the optimizer is a null pointer");
  of->demand_names(metrics, "compile");
  of->losses = std::move(losses);
  of->how = how.object();
  of->metrics = std::move(metrics);
  of->warned = false;
  of->programs.forget_all();
}

logs model::evaluate(const arrays& x, const arrays& y, std::int64_t batch_size) {
  const action of(*this, "evaluate", access::look);
  of->demand_compiled("evaluate");
  demand_size("evaluate", batch_size);
  detail::dataset rows =
      detail::examples_for("evaluate", of->net, of->losses, x.views(), y.views());
  detail::array_feed set(std::move(rows), detail::rows_at_once(of->net, batch_size));
  return of->evaluate(of->evaluation, set);
}

logs model::evaluate(const batch_source& source) {
  const action of(*this, "evaluate", access::look);
  of->demand_compiled("evaluate");
  detail::source_feed set("evaluate", source, *of, detail::source_feed::epochs::none);
  return of->evaluate(of->evaluation, set);
}

gradient_check model::check_gradient(const arrays& x, const arrays& y,
                                     const gradient_check_options& options) {
  const action of(*this, "check_gradient", access::look);
  of->demand_compiled("check_gradient");
  const auto batch =
      detail::examples_for("check_gradient", of->net, of->losses, x.views(), y.views());
  return of->check_gradient(batch.all(), options);
}

std::vector<tensor> model::predict_all(const arrays& x, std::int64_t batch_size) {
  const action of(*this, "predict", access::look);
  demand_size("predict", batch_size);
  const detail::dataset set = detail::inputs_for("predict", of->net, x.views(), true);
  batch_size = detail::rows_at_once(of->net, batch_size);
  const detail::pass from_zero(of->net);
  std::vector<tensor> result;
  std::vector<array_view> batch;
  for (std::int64_t at = 0; at < set.rows; at += batch_size) {
    rows_from(set.inputs, at, batch_size, batch);
    const results outputs = of->prediction.run(batch);
    for (std::size_t i = 0; i < outputs.size(); ++i) {
      const array_view v = outputs[i].view();
      if (at == 0) result.emplace_back(detail::with_rows(v.type(), set.rows));
      auto* to = static_cast<std::byte*>(result[i].data());
      const std::size_t row = detail::bytes_of_row(v.type());
      std::memcpy(to + static_cast<std::size_t>(at) * row, v.data(), v.type().bytes());
    }
  }
  return result;
}

tensor model::predict(const arrays& x, std::int64_t batch_size) {
  std::vector<tensor> outputs = predict_all(x, batch_size);
  if (outputs.size() == 1) return std::move(outputs[0]);
  throw value_error(
      fmt::format("predict: the model has {} outputs: call predict_all", outputs.size()));
}

sequential::sequential(std::initializer_list<part> parts, std::int64_t seed) : model(seed) {
  for (const part& p : parts) {
    if (const auto* l = std::get_if<cotape::layer>(&p.what_)) append(*l, p.where_);
    else if (const auto* input = std::get_if<symbol>(&p.what_)) prepend(*input);
    else append(*std::get<const model*>(p.what_));
  }
  try_out();
}

sequential& sequential::add(const cotape::layer& l, const char* file, int line) {
  append(l, {file, line});
  return *this;
}

sequential& sequential::set_name(std::string name) & {
  model::set_name(std::move(name));
  return *this;
}

sequential&& sequential::set_name(std::string name) && { return std::move(set_name(name)); }

sequential& sequential::add(const model& inner) {
  append(inner);
  return *this;
}

sequential& sequential::add(const symbol& input) {
  prepend(input);
  return *this;
}

}  // namespace cotape
