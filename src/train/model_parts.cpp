// A model, its layers and symbols: of parts, as a part, and cut.
#include <fmt/format.h>

#include "train/model_body.hpp"

namespace cotape {

symbol model::operator()(const symbol& x, const char* file, int line) const {
  const std::vector<symbol> outputs = (*this)(std::vector{x}, file, line);
  if (outputs.size() == 1) return outputs[0];
  throw value_error(
      fmt::format("model: it has {} outputs: call it with a list of symbols", outputs.size()));
}

std::vector<symbol> model::operator()(const std::vector<symbol>& x, const char* file,
                                      int line) const {
  return action(*this, "call", access::look)->net.apply(x, {file, line});
}

model& model::set_name(std::string name) {
  const action of(*this, "set_name", access::change);
  if (!of->net.parameters().empty()) {
    throw value_error(
        fmt::format("model: its parameters have their names already: name it '{}' before it is "
                    "first used",
                    name));
  }
  of->net.name() = std::move(name);
  return *this;
}

layer model::layer(const std::string& name) const {
  const action of(*this, "layer", access::look);
  of->net.build_if_possible();
  return of->net.layer_named(name);
}

std::vector<symbol> model::inputs() const {
  const action of(*this, "inputs", access::look);
  of->net.demand_built();
  return of->net.input_symbols();
}

symbol model::output(const std::string& name) const {
  const action of(*this, "output", access::look);
  of->net.demand_built();
  return of->net.output_of(name);
}

void model::set_trainable(bool trainable) {
  const action of(*this, "set_trainable", access::look);
  for (layer_body* l : of->net.layers()) l->set_trainable(trainable);
}

void model::add_loss(const symbol& term, const std::string& name) {
  const action of(*this, "add_loss", access::change);
  of->net.add_term(term, name, [&] { of->demand_names(of->metrics, "add_loss"); });
  of->programs.forget_all();
}

void model::try_out() const {
  detail::network& net = body_->net;
  if (net.can_build()) net.try_out();
}

void model::append(const model& inner) {
  const action part(inner, "add", access::look);
  const action of(*this, "add", access::change);
  of->net.append(part->net);
  of->programs.forget_all();
}

}  // namespace cotape
