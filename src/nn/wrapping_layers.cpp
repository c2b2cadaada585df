// Layers around other layers, whose weights they own.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "cotape/ops.hpp"
#include "cotape/sequence_layers.hpp"
#include "nn/fields.hpp"
#include "nn/kinds.hpp"
#include "nn/layer_parts.hpp"
#include "nn/recurrent.hpp"

namespace cotape {

namespace {

using inputs = std::span<const masked>;

// One that records layers within it, under its own name, and has their parameters and rules.
class wrapping : public detail::masked_layer {
 public:
  masked record_masked(inputs list, mode m, generator& random) override {
    const bool bare = parameters.empty();
    for (part& p : parts_) prepare(p, bare);
    const auto end = [](std::vector<part>* of) {
      for (part& p : *of) p.body->kept_values = nullptr;
    };
    const std::unique_ptr<std::vector<part>, decltype(end)> guard(&parts_, end);
    const masked result = record_parts(list, m, random);
    if (bare) collect();
    return result;
  }
  /// Its own options and those of the layer that it was made with.
  std::optional<named_texts> description() const override {
    const layer_body& of = *parts_[0].body;
    const std::optional<named_texts> inner = of.description();
    if (!inner || !detail::layer_of_kind(of.kind(), *inner)) return {};
    named_texts result = options();
    result.emplace_back(detail::inner_kind, of.kind());
    for (const auto& [option, text] : *inner) {
      result.emplace_back(detail::inner_option + option, text);
    }
    if (of.frozen_itself()) result.emplace_back(detail::inner_trainable, detail::text_of(false));
    return result;
  }
  std::vector<layer_body*> inner() const override {
    std::vector<layer_body*> result;
    for (const part& p : parts_) result.push_back(p.body.get());
    return result;
  }

 protected:
  void add(std::string suffix, std::shared_ptr<layer_body> body) {
    if (!body->parameters.empty() || body->within) {
      throw value_error(fmt::format("{}: the layer '{}' {} already: give it a new one", kind(),
                                    body->within ? body->kind() : body->name,
                                    body->within ? "is within another" : "has its weights"));
    }
    const auto* recurrent = dynamic_cast<const detail::recurrent_layer*>(body.get());
    if (recurrent != nullptr && recurrent->is_stateful()) {
      throw value_error(fmt::format("{}: the layer in it is stateful", kind()));
    }
    body->within = true;
    parts_.push_back({std::move(suffix), std::move(body)});
  }
  layer_body& part_at(std::size_t i) const { return *parts_[i].body; }
  virtual masked record_parts(inputs list, mode m, generator& random) = 0;
  virtual named_texts options() const { return {}; }

 private:
  struct part {
    std::string suffix;  // of the name
    std::shared_ptr<layer_body> body;
  };
  void prepare(part& p, bool bare) {
    layer_body& of = *p.body;
    of.name = name + p.suffix;
    of.kept_values = kept_values;
    if (bare) of.forget_parameters();
    of.follow(*this);
  }
  void collect() {
    for (const part& p : parts_) {
      if (!p.body->trainable()) p.body->set_trainable(false);  // also those made just now
      parameters.insert(parameters.end(), p.body->parameters.begin(), p.body->parameters.end());
      std::vector<weight_rules> of_part = p.body->rules;
      of_part.resize(p.body->parameters.size());
      rules.resize(parameters.size() - of_part.size());
      rules.insert(rules.end(), of_part.begin(), of_part.end());
    }
  }

  std::vector<part> parts_;
};

struct merge {
  const char* name;
  variable (*of)(const variable& forward, const variable& backward);
};
constexpr std::array merges{
    merge{"concat",
          [](const variable& a, const variable& b) {
            return concatenate(std::vector<operand>{a, b}, -1);
          }},
    merge{"sum", [](const variable& a, const variable& b) { return a + b; }},
    merge{"mul", [](const variable& a, const variable& b) { return a * b; }},
    merge{"ave", [](const variable& a, const variable& b) { return 0.5 * (a + b); }}};

class bidirectional_layer : public wrapping {
 public:
  bidirectional_layer(const layer& forward, const std::string& how) {
    const auto known =
        std::find_if(merges.begin(), merges.end(), [&](const merge& m) { return how == m.name; });
    if (known == merges.end()) {
      throw value_error(
          fmt::format("bidirectional: no merge '{}'; there are: concat, sum, mul, ave", how));
    }
    merge_ = &*known;
    const auto* of = dynamic_cast<detail::recurrent_layer*>(&forward.body());
    if (of == nullptr) {
      throw value_error(
          fmt::format("bidirectional: a '{}' is no recurrent layer (simple_rnn, "
                      "lstm, gru)",
                      forward.body().kind()));
    }
    returns_sequences_ = of->returns_sequences();
    states_ = of->states();
    add("/forward", forward.shared_body());
    add("/backward", of->backwards());
    activity = of->activity;
  }
  const char* kind() const override { return "bidirectional"; }
  std::size_t states() const override { return 2 * states_; }

 protected:
  masked record_parts(inputs list, mode m, generator& random) override {
    if (list.size() != 1 && list.size() != 1 + 2 * states_) {
      throw value_error(
          fmt::format("bidirectional: {} inputs, it takes x, or x and {} first states", list.size(),
                      2 * states_));
    }
    const auto direction = [&](std::size_t i) {
      std::vector<masked> own{list[0]};
      const auto first = list.subspan(1);
      if (!first.empty()) {
        const auto begin = first.begin() + static_cast<std::ptrdiff_t>(i * states_);
        own.insert(own.end(), begin, begin + static_cast<std::ptrdiff_t>(states_));
      }
      return part_at(i).record_masked(own, m, random);
    };
    masked result = direction(0);
    const masked backward = direction(1);
    result.states.insert(result.states.end(), backward.states.begin(), backward.states.end());
    result.value = merge_->of(result.value, returns_sequences_
                                                ? slice(backward.value, {all, range({}, {}, -1)})
                                                : backward.value);
    return result;
  }
  named_texts options() const override { return detail::told("merge", std::string(merge_->name)); }

 private:
  const merge* merge_;
  bool returns_sequences_;
  std::size_t states_;  // of each direction
};

class time_distributed_layer : public wrapping {
 public:
  explicit time_distributed_layer(const layer& of) {
    add("", of.shared_body());
    activity = of.body().activity;
  }
  const char* kind() const override { return "time_distributed"; }

 protected:
  masked record_parts(inputs list, mode m, generator& random) override {
    detail::demand_one("time_distributed", list.size());
    const variable& x = list[0].value;
    const shape& s = x.shape();
    if (s.rank() < 3) {
      throw shape_error(
          fmt::format("time_distributed: the input {} is not (batch, steps, a...)", s.text()));
    }
    std::vector<std::int64_t> sizes(s.begin() + 1, s.end());
    sizes[0] *= s[0];
    const masked joined{reshape(x, shape(sizes))};
    const variable y = part_at(0).record_masked(std::span(&joined, 1), m, random).value;
    std::vector<std::int64_t> result{s[0], s[1]};
    result.insert(result.end(), y.shape().begin() + 1, y.shape().end());
    return {reshape(y, shape(result)), list[0].mask};
  }
};

}  // namespace

layer bidirectional(const layer& forward, const std::string& merge) {
  return layer(std::make_shared<bidirectional_layer>(forward, merge));
}

layer time_distributed(const layer& of) {
  return layer(std::make_shared<time_distributed_layer>(of));
}

}  // namespace cotape
