// Compiling a program pass by pass, binding its inputs, running it, committing its effects.
#include "cotape/program.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <functional>
#include <unordered_map>
#include <unordered_set>

#include "program/body.hpp"
#include "program/costs.hpp"
#include "program/emit.hpp"
#include "program/gemm.hpp"
#include "program/kinks.hpp"
#include "program/placement.hpp"
#include "program/schedule.hpp"
#include "tape/rewinding.hpp"

namespace cotape {

namespace {

template <class To, class From> void convert(const void* from, void* to, std::size_t n) {
  const auto* x = static_cast<const From*>(from);
  std::transform(x, x + n, static_cast<To*>(to), [](From e) { return static_cast<To>(e); });
}

std::string name_of_input(const tape& t, std::uint32_t node, std::size_t position) {
  const std::string* label = t.label_of(node);
  return label != nullptr ? fmt::format("'{}'", *label) : fmt::format("{}", position);
}

// Where each input of the program is bound; throws if the graph needs an input that is not listed.
void list_inputs(const graph& g, const placement& p, const std::vector<variable>& inputs,
                 program::body& out) {
  std::unordered_map<std::uint32_t, std::uint32_t> value_of;  // tape node -> value
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    if (g.how(v) == form::input) value_of[g.values[v].node] = v;
  }
  std::unordered_set<std::uint32_t> listed;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::uint32_t node = inputs[i].index();
    if (!listed.insert(node).second) {
      throw value_error(fmt::format("program: input {} is listed twice{}",
                                    name_of_input(g.on, node, i), made("", inputs[i])));
    }
    if (g.on.nodes()[node].op->how != form::input) {
      throw value_error(
          fmt::format("program: input {} was not made by tape.input{}", i, made("", inputs[i])));
    }
    out.types.push_back(inputs[i].type());
    out.inputs.push_back({inputs[i].type(), name_of_input(g.on, node, i)});
    out.external_of.push_back(no_node);
    const auto it = value_of.find(node);
    if (it == value_of.end()) continue;
    out.external_of[i] = static_cast<std::uint32_t>(p.of[it->second].at);
    value_of.erase(it);
  }
  if (!value_of.empty()) {
    const std::uint32_t node = g.values[value_of.begin()->second].node;
    throw value_error(fmt::format("program: input {} is needed but not bound{}",
                                  name_of_input(g.on, node, node), made("", g.on.at(node))));
  }
  out.externals.assign(p.externals.size(), nullptr);
  out.staged.resize(inputs.size());
}

}  // namespace

program::program(tape& t, const std::vector<variable>& inputs, const std::vector<variable>& outputs,
                 const compile_options& options)
    : program(t, inputs, outputs, options, std::make_shared<workspace>("")) {
  body_->move_to(body_->space->settle());  // so that no run touches an allocator
}

program::program(tape& t, const std::vector<variable>& inputs, const std::vector<variable>& outputs,
                 const compile_options& options, std::shared_ptr<workspace> memory)
    : body_(new body) {
  body_->space = std::move(memory);
  for (const auto* list : {&inputs, &outputs}) {
    for (const variable& v : *list) {
      if (&v.owner() == &t) continue;
      throw tape_error("program: a variable lives on another tape" + made("", v));
    }
  }
  std::optional<rewinding> masks;
  std::vector<variable> wanted = outputs;
  if (options.watch_kinks) {
    masks.emplace(t);
    body_->kinks = watch_kinks(t, wanted, options);
  }
  graph g = needed_part(t, wanted, options);
  own_sources(g);
  prune(g);
  if (code::verifies) verify(g);
  if (options.fuse) take_into_products(g);
  read_slices_in_place(g);
  mark_constants(g, options.rebind);
  if (code::verifies) verify(g);
  schedule s = make_schedule(g, options.fuse);
  if (options.fuse) pair_up(g, s);
  const placement p = make_placement(g, s, options.rebind);
  emit(g, s, p, *body_);
  body_->costs = costs(g, s, p);
  list_inputs(g, p, inputs, *body_);
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    if (options.rebind || g.how(v) != form::constant) continue;
    const auto number = static_cast<std::size_t>(g.attributes(v)[0]);
    body_->tensors.push_back(t.shared_tensor(number));
    body_->memory.own += body_->tensors.back()->type().bytes();
  }
  for (std::size_t e = 0; e < p.externals.size(); ++e) {
    if (g.how(p.externals[e]) != form::constant) continue;
    body_->rebound.push_back({g.values[p.externals[e]].node, static_cast<std::uint32_t>(e)});
  }
  rebind(t, {}, {});
  workspace& w = *body_->space;
  w.largest = std::max(w.largest, body_->memory.arena);
}

program::program(program&&) noexcept = default;
program& program::operator=(program&&) noexcept = default;
program::~program() = default;

bool program::body::store_literal(const stored_literal& l, std::int64_t word) {
  const auto bytes = l.dtype == int64 ? std::bit_cast<std::array<std::byte, 8>>(word)
                                      : kernels::bits_of(std::bit_cast<double>(word), l.dtype);
  const bool changed = std::memcmp(l.to, bytes.data(), size_of(l.dtype)) != 0;
  std::memcpy(l.to, bytes.data(), size_of(l.dtype));
  return changed;
}

void program::body::check(std::span<const array_view> values) const {
  if (values.size() != inputs.size()) {
    throw value_error(fmt::format("run: {} values for {} inputs", values.size(), inputs.size()));
  }
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const bound_input& in = inputs[i];
    const array_view& v = values[i];
    if (v.shape() != in.type.shape) {
      throw shape_error(fmt::format("run: input {} has shape {}, the value {}", in.name,
                                    in.type.shape.text(), v.shape().text()));
    }
    if (v.dtype() != in.type.dtype && !(in.type.dtype == float64 && v.dtype() == float32)) {
      throw dtype_error(fmt::format("run: input {} is {}, the value {}: convert it", in.name,
                                    cotape::name_of(in.type.dtype), cotape::name_of(v.dtype())));
    }
  }
}

bool program::body::writes_to(const array_view& v) const {
  const auto* first = static_cast<const std::byte*>(v.data());
  const std::less<> before;
  return std::any_of(written.begin(), written.end(), [&](const auto& block) {
    return before(first, block.first + block.second) &&
           before(block.first, first + v.type().bytes());
  });
}

void program::body::bind(std::span<const array_view> values) {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (external_of[i] == no_node) continue;
    const void*& from = externals[external_of[i]] = values[i].data();
    const value_type& type = inputs[i].type;
    const bool converted = values[i].dtype() != type.dtype;
    if (!converted && !writes_to(values[i])) continue;
    if (!staged[i]) {
      staged[i] = std::make_unique<tensor>(type);
      memory.own += type.bytes();
    }
    void* to = staged[i]->data();
    const auto n = static_cast<std::size_t>(type.shape.elements());
    if (converted) convert<double, float>(from, to, n);
    else if (n != 0) std::memcpy(to, from, type.bytes());
    from = to;
  }
  bind_externals();
}

workspace::run program::body::start(std::span<const array_view> values) {
  space->demand_idle();
  check(values);
  if (std::byte* now = space->settle(); now != base) move_to(now);
  workspace::run now = space->begin(types);
  bind(values);
  for (const promotion& p : promotions) convert<double, float>(p.from, p.to, p.elements);
  return now;
}

void program::body::finish() {
  for (const commit& c : commits) {
    const parameter& to = parameters[c.parameter];
    const auto n = static_cast<std::size_t>(to.shape().elements());
    if (n == 0) continue;
    if (to.dtype() == c.dtype) std::memcpy(to.data(), c.from, to.type().bytes());
    else convert<float, double>(c.from, to.data(), n);
  }
  run = space->finish();
}

void program::run(std::span<const array_view> inputs) {
  const auto alive = body_;  // whatever a kernel does with this program
  body& b = body_of(alive);
  const auto running = b.start(inputs);
  for (const kernels::step& s : b.steps) s.run(s);
  b.finish();
}

bool program::takes(std::span<const array_view> values) const {
  const body& b = body_of(body_);
  return std::equal(values.begin(), values.end(), b.types.begin(), b.types.end(),
                    [](const array_view& v, const value_type& t) { return v.type() == t; });
}

std::size_t program::outputs() const {
  const body& b = body_of(body_);
  return b.outputs.size() - (b.kinks ? b.kinks->size() : 0);
}
const std::vector<kink_mask>& program::kinks() const {
  body& b = body_of(body_);
  if (!b.kinks) {
    throw value_error(
        "kinks: the program does not watch them, compile it with .watch_kinks = true");
  }
  if (b.run == 0) throw value_error("kinks: the program has not run yet: run it first");
  detail::run_stamp{b.space->log(), b.run}.check();
  for (std::size_t i = 0; i < b.kinks->size(); ++i) (*b.kinks)[i].mask = b.outputs[outputs() + i];
  return *b.kinks;
}
result program::output(std::size_t i) const {
  if (i >= outputs()) {
    throw value_error(fmt::format("program: there is no output {}, only {}", i, outputs()));
  }
  const body& b = *body_;
  return {b.outputs[i], {b.space->log(), b.run}};
}
results program::all_outputs() const {
  const body& b = body_of(body_);
  return {std::span(b.outputs).first(outputs()), {b.space->log(), b.run}};
}
program_memory program::memory() const { return body_of(body_).memory; }
std::size_t program::steps() const { return body_of(body_).steps.size(); }

void program::rebind(tape& t, std::span<const std::uint32_t> nodes_now,
                     std::span<const std::uint32_t> nodes_then) {
  const auto now = [&](std::uint32_t then) {
    if (nodes_then.empty()) return then;
    const auto it = std::lower_bound(nodes_then.begin(), nodes_then.end(), then);
    return nodes_now[static_cast<std::size_t>(it - nodes_then.begin())];
  };
  bool changed = nodes_then.empty();
  for (const body::stored_literal& l : body_->literals) {
    changed = body_->store_literal(l, t.attributes_of(now(l.node))[0]) || changed;
  }
  if (changed) body_->fold();
  for (const auto& [node, external] : body_->rebound) {
    const auto number = static_cast<std::size_t>(t.attributes_of(now(node))[0]);
    body_->externals[external] = t.tensor_at(number).data();
  }
}

}  // namespace cotape
