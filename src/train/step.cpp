// What a model's steps do, recorded: predictions, loss, metrics, update.
#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "cotape/derivatives.hpp"
#include "cotape/ops.hpp"
#include "nn/trainable.hpp"
#include "train/model_body.hpp"
#include "train/named_loss.hpp"
#include "train/targets.hpp"

namespace cotape {

namespace {

std::span<const variable> first(std::span<const variable> x, std::size_t n) { return x.first(n); }

variable plus(variable loss, const std::vector<variable>& terms) {
  for (const variable& x : terms) loss = loss + cast(x, loss.dtype());
  return loss;
}

// The target as a loss or a metric takes it; labels are as they are.
variable as_taken(targets how, const variable& target, const variable& prediction) {
  if (how == targets::as_given || target.dtype() == int64) return target;
  return detail::fitted(target, prediction);
}

}  // namespace

variable model::body::record_loss(std::span<const variable> predictions,
                                  std::span<const variable> targets) {
  variable total;
  std::vector<const detail::named_loss*> known;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    const loss_function& loss = loss_of(i);
    const variable& p = predictions[i];
    known.push_back(loss.known());
    if (known[i] != nullptr && known[i]->prediction == detail::numbers::above_minus_one) {
      p.owner().require(p > -1, "mean_squared_logarithmic_error: a prediction is not above -1");
    }
    const variable target = as_taken(loss.taken(), targets[i], p);
    const auto first = static_cast<std::uint32_t>(p.owner().size());
    const variable one = loss(p, target);
    if (known[i] == nullptr) known[i] = detail::crossentropy_since(first, p, target);
    if (one.shape().elements() != 1) {
      throw shape_error(
          fmt::format("loss: it has shape {}, not one number: take its mean", one.shape().text()));
    }
    total = i == 0 ? one : total + one;
  }
  recorded_losses = std::move(known);
  return total;
}

std::vector<variable> model::body::record_metrics(std::span<const variable> predictions,
                                                  std::span<const variable> targets) const {
  std::vector<variable> sums;
  for (std::size_t i = 0; i < predictions.size(); ++i) {
    for (const metric& one : metrics) {
      const variable target = as_taken(one.taken(), targets[i], predictions[i]);
      sums.push_back(one.sums(predictions[i], target));
    }
  }
  return sums;
}

std::vector<variable> model::body::record_step(std::span<const variable> x, mode m,
                                               step_kind kind) {
  const bool train = kind != step_kind::look;
  tape& t = x[0].owner();
  const auto recorded = [&](const char* part, bool last = false) {
    if (when_recorded) when_recorded(t, part, last);
  };
  detail::loss_terms terms;
  const std::vector<variable> predictions = net.record(first(x, net.inputs()), m, &terms);
  programs.end_part();
  if (!train) detail::only_carry(t, net);
  recorded("model");
  const auto targets = x.subspan(net.inputs());
  const variable trains = plus(record_loss(predictions, targets), terms.of_values);
  const variable loss = plus(trains, terms.of_weights);
  recorded("loss");
  if (train) examine(predictions);
  std::vector<variable> result{loss};
  result.insert(result.end(), terms.named.begin(), terms.named.end());
  std::vector<std::size_t> sizes;
  for (const variable& sums : record_metrics(predictions, targets)) {
    result.push_back(sums);
    sizes.push_back(static_cast<std::size_t>(sums.shape().elements()));
  }
  recorded("metrics", !train);
  if (train) {
    std::string who = fmt::format("{}, {}", at_work, net.outputs() == 1 ? "output" : "outputs");
    for (std::size_t i = 0; i < net.outputs(); ++i) {
      who += fmt::format("{} '{}'", i == 0 ? "" : ",", net.name_of_output(i));
    }
    if (!terms.of_weights.empty()) detail::trainable_inputs(trains, who);  // decay is no training
    const std::vector<parameter> trained = detail::trainable_inputs(loss, who);
    if (kind == step_kind::accumulate) {
      record_sums_of_gradients(loss * static_cast<double>(x[0].shape()[0]), trained);
    } else {
      how->minimize(loss, trained);
      net.bound(t, trained);
    }
    recorded("update", true);
    if (stop_at_non_finite) {
      t.require(abs(loss) < std::numeric_limits<double>::infinity(), std::string(not_finite));
    }
    for (const auto& [p, node] : t.current_parameters()) stepped.insert(p.number());
  }
  metric_sizes = std::move(sizes);
  return result;
}

void model::body::record_sums_of_gradients(const variable& loss,
                                           const std::vector<parameter>& trained) {
  tape& t = loss.owner();
  std::vector<variable> weights;
  for (const parameter& p : trained) weights.push_back(t.read(p));
  const std::vector<variable> gradients = gradient(loss, weights);
  for (std::size_t i = 0; i < trained.size(); ++i) {
    const parameter& p = trained[i];
    auto known = std::find_if(sums_of_gradients.begin(), sums_of_gradients.end(),
                              [&](const auto& s) { return s.first == p; });
    if (known == sums_of_gradients.end()) {
      const parameter sum(p.name() + "/gradient", tensor(p.type()), false);
      known = sums_of_gradients.insert(known, {p, sum});
    }
    t.assign(known->second, t.read(known->second) + gradients[i]);
  }
}

std::vector<variable> model::body::record_accumulated_update(const variable& scale) {
  tape& t = scale.owner();
  std::vector<parameter> trained;
  std::vector<variable> gradients;
  for (const auto& [p, sum] : sums_of_gradients) {
    const variable total = t.read(sum);
    trained.push_back(p);
    gradients.push_back(total * (p.dtype() == float64 ? scale : cast(scale, p.dtype())));
    t.assign(sum, t.constant(tensor(p.type())));
  }
  how->apply(trained, gradients);
  net.bound(t, trained);
  if (when_recorded) when_recorded(t, "update", true);
  return {scale};
}

gradient_check model::body::check_gradient(std::span<const array_view> batch,
                                           const gradient_check_options& options) {
  const auto loss = [&](tape& t) {
    std::vector<variable> x;
    for (const array_view& v : batch) x.push_back(t.constant(v));
    detail::loss_terms terms;
    const auto predictions = net.record(first(x, net.inputs()), mode::training, &terms);
    const variable of_outputs = record_loss(predictions, std::span(x).subspan(net.inputs()));
    return plus(plus(of_outputs, terms.of_values), terms.of_weights);
  };
  return cotape::check_gradient(loss, {}, options);
}

}  // namespace cotape
