// Single steps, for loops of the user's own; what they share with fit's.
#include <fmt/format.h>
#include <fmt/ostream.h>

#include "train/before_fit.hpp"
#include "train/model_body.hpp"

namespace cotape {

namespace {

std::vector<bool> trainable_in(const detail::network& net) {
  std::vector<bool> result;
  for (const parameter& p : net.parameters()) result.push_back(p.trainable());
  for (const layer_body* l : net.all_layers()) result.push_back(l->trainable());
  return result;
}

}  // namespace

std::optional<non_finite> model::body::find_non_finite(std::span<const array_view> batch) {
  tape t;
  std::vector<variable> x;
  std::vector<binding> bound;
  for (const array_view& v : batch) {
    x.push_back(t.input(v.dtype(), v.shape(), x.size() < net.inputs() ? "x" : "y"));
    bound.emplace_back(x.back(), v);
  }
  return cotape::find_non_finite(record_step(x, mode::training, step_kind::look)[0], bound);
}

void model::body::demand_own_optimizer(const std::vector<parameter>& served) const {
  for (const parameter& p : served) {
    if (stepped.contains(p.number())) continue;
    throw value_error(
        fmt::format("{}: the optimizer holds state of '{}', which is no parameter of this "
                    "training: give each model an optimizer of its own",
                    at_work, p.name()));
  }
}

logs model::body::train_on_batch(const detail::dataset& batch) {
  const std::vector<array_view> views = batch.all();
  std::vector<bool> trainable = trainable_in(net);
  if (trained_by_single_steps != trainable) programs.forget_programs();
  trained_by_single_steps = std::move(trainable);
  const auto run = [&] {
    try {
      const results figures_of_batch = single_step.run(views);
      ++steps;
      detail::figures_so_far sums;
      sums.add(figures_of_batch, batch.rows, net.names_of_terms().size(), metrics);
      return figures(sums);
    } catch (const requirement_error& e) {
      if (e.requirement != not_finite) throw;
      const auto found = find_non_finite(views);
      throw value_error(fmt::format("train_on_batch: the loss is not finite{}{}", found ? ": " : "",
                                    found ? fmt::format("{}", fmt::streamed(*found)) : ""));
    }
  };
  if (single_step.is_compiled_for(views)) return run();
  detail::trainable_then trainable_before(net.all_layers());
  detail::before_fit before(*this, trainable_before);
  stop_at_non_finite = true;
  try {
    single_step.compile_for(views);
    demand_own_optimizer(before.served());
    return run();
  } catch (...) {
    before.put_back();
    throw;
  }
}

logs model::train_on_batch(const arrays& x, const arrays& y) {
  const action of(*this, "train_on_batch", access::change);
  of->demand_compiled("train_on_batch");
  return of->train_on_batch(
      detail::examples_for("train_on_batch", of->net, of->losses, x.views(), y.views()));
}

}  // namespace cotape
