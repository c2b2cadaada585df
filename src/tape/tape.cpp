// Recording: appending nodes, interning their types and places, marks and rewinds.
#include "cotape/tape.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <map>
#include <mutex>
#include <unordered_map>

#include "base/hash.hpp"
#include "base/telling.hpp"
#include "cotape/ops.hpp"
#include "cotape/xtensor.hpp"
#include "tape/few.hpp"
#include "tape/sources.hpp"

namespace cotape {

namespace sources {

const primitive input{"input", form::input, 0, nullptr};
const primitive constant{"constant", form::constant, 0, nullptr};
const primitive literal{"literal", form::literal, 0, nullptr};
const primitive read{"read", form::read, 0, nullptr};

}  // namespace sources

namespace {

// The slots without a tape: what tapes of all threads share. Static tapes may die after anything
// else, so nothing here needs to be destroyed.
constinit struct {
  std::mutex mutex;
  detail::tape_slot* free = nullptr;
} slots;

// The place of a key's entry in a list, which takes the entry if the key is new. The list grows
// first: where the index then finds no memory, it holds no number without an entry.
template <class Index, class List>
std::uint32_t number_of(const typename Index::key_type& key, const typename List::value_type& entry,
                        Index& index, List& list) {
  if (const auto known = index.find(key); known != index.end()) return known->second;
  list.push_back(entry);
  return index.emplace(key, static_cast<std::uint32_t>(list.size() - 1)).first->second;
}

// What is wrong with a primitive, or with so many operands for it; null if nothing is.
const char* misuse_of(const primitive& op, std::size_t operands) {
  if (op.infer == nullptr) return "{}: the primitive has no `infer`";
  if (op.lower == nullptr && op.how != form::view) return "{}: the primitive has no `lower`";
  if (op.how == form::elementwise && op.arity > 3)
    return "{}: form::elementwise takes 1 to 3 operands";
  return op.arity == any_number || op.arity == operands ? nullptr
                                                        : "{}: it takes {} operands, not {}";
}

// What a loop relies on, whatever a shape rule of one's own says.
void demand_elements(const signature& s, const value_type& result) {
  shape joint;
  for (const value_type* t : s.inputs) {
    const bool covers = broadcast(t->shape, result.shape, joint) && joint == result.shape;
    if (covers && t->dtype == result.dtype) continue;
    throw dtype_error(fmt::format(
        "{}: form::elementwise takes operands of the result's dtype that broadcast to its shape, "
        "not {} for {}: cast or reshape it",
        s.op, t->text(), result.text()));
  }
}

template <class T> std::size_t held(const std::vector<T>& v) { return v.capacity() * sizeof(T); }

}  // namespace

struct tape::indexes {
  std::unordered_map<value_type, std::uint32_t, hash> types;
  std::unordered_map<place, std::uint32_t, hash> places;
  std::unordered_map<const void*, std::uint32_t> parameters;
  std::map<std::uint32_t, std::string> labels;
};

const value_type& variable::type() const { return owner().type_of(index_); }

void variable::check() const {
  if (empty()) throw tape_error("variable: it is empty, no operation has made it");
  if (serial_ < slot_->first.load(std::memory_order_relaxed)) {
    throw tape_error(
        "variable: the tape that it was recorded on is gone (a traced function's goes when the "
        "trace ends): make the value an output, or record it on a tape that lives");
  }
  if (index_ >= slot_->owner->kept_since(serial_)) {
    throw tape_error(
        fmt::format("variable: the tape was rewound past node {}, record the value again", index_));
  }
}

variable variable::named(std::string label) const {
  owner().label(index_, std::move(label));
  return *this;
}

tape::tape(precision p) : precision_(p), indexes_(std::make_unique<indexes>()) {
  const std::lock_guard lock(slots.mutex);
  slot_ = slots.free ? std::exchange(slots.free, slots.free->next) : new detail::tape_slot;
  slot_->owner = this;
}

tape::~tape() {
  const std::lock_guard lock(slots.mutex);
  slot_->first = ++slot_->serial;
  // Far up, where its numbers would come to an end, the slot is left alone.
  if (slot_->serial < 0x80000000) slot_->next = std::exchange(slots.free, slot_);
}

std::uint32_t tape::kept_since(std::uint32_t serial) const {
  const auto later = std::upper_bound(rewinds_.begin(), rewinds_.end(), serial,
                                      [](std::uint32_t s, const auto& r) { return s < r.first; });
  return later == rewinds_.end() ? no_node : later->second;
}

std::uint32_t tape::intern(const value_type& type) {
  return number_of(type, type, indexes_->types, types_);
}

std::uint32_t tape::intern(const place& where) {
  std::uint32_t& known = recent_[hash()(where) % recent_.size()];
  if (known < places_.size() && places_[known] == where) return known;
  return known = number_of(where, where, indexes_->places, places_);
}

std::uint32_t tape::known(const parameter& p) {
  return number_of(p.identity(), {p, no_node, no_node}, indexes_->parameters, parameters_);
}

variable tape::append(const primitive& op, std::span<const variable> inputs, std::uint32_t type,
                      std::span<const std::int64_t> attributes, const place& where) {
  if (nodes_.size() >= no_node) throw tape_error("tape: more than 2^32 - 1 nodes");
  node n{&op, {no_node, no_node, no_node}, type, no_node, 0};
  if (inputs.size() > std::size(n.in)) {
    n.in[0] = static_cast<std::uint32_t>(lists_.size());
    n.in[2] = static_cast<std::uint32_t>(inputs.size());
    for (const variable& v : inputs) lists_.push_back(v.index_);
  } else {
    for (std::size_t i = 0; i < inputs.size(); ++i) n.in[i] = inputs[i].index_;
  }
  if (!attributes.empty()) {
    n.attributes = static_cast<std::uint32_t>(words_.size());
    words_.push_back(static_cast<std::int64_t>(attributes.size()));
    words_.insert(words_.end(), attributes.begin(), attributes.end());
  }
  n.place = now_.scope != no_node ? now_.scope : intern(where);
  nodes_.push_back(n);
  return at(static_cast<std::uint32_t>(nodes_.size() - 1));
}

variable tape::record(const primitive& op, std::span<const variable> inputs,
                      std::span<const std::int64_t> attributes, const place& where) {
  const bool ours = op.infer == &infer_elementwise || op.infer == &infer_floating;
  bool alike = ours;
  for (const variable& v : inputs) {
    if (&v.owner() != this) {
      throw tape_error(std::string(operation(op.name)) + ": its operands live on different tapes" +
                       origin(inputs, where));
    }
    alike = alike && nodes_[v.index_].type == nodes_[inputs[0].index_].type;
  }
  if (const char* wrong = misuse_of(op, inputs.size())) {
    throw value_error(fmt::format(fmt::runtime(wrong), op.name, op.arity, inputs.size()) +
                      origin(inputs, where));
  }
  if (alike && !inputs.empty() && inputs[0].dtype() != int64 && op.attributes_text == nullptr) {
    return append(op, inputs, nodes_[inputs[0].index_].type, attributes, where);
  }
  few<const value_type*> types(inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) types[i] = &type_of(inputs[i].index_);
  const signature s{operation(op.name), types.all(), attributes};
  return telling(
      [&] {
        if (op.attributes_text != nullptr) op.attributes_text(s);
        const value_type type = sized(s.op, s.inputs, [&] { return op.infer(s); });
        if (op.how == form::elementwise && !ours) demand_elements(s, type);
        return append(op, inputs, intern(type), attributes, where);
      },
      [&] { return origin(inputs, where); });
}

std::string tape::origin(std::span<const variable> operands, place where) const {
  std::string text = fmt::format(" [at {}", current(where).text());
  for (std::size_t i = 0; i < operands.size(); ++i) {
    text += fmt::format("{} {}", i == 0 ? "; operands made at" : ",",
                        operands[i].owner().place_of(operands[i].index()).text());
  }
  return text + "]";
}

std::string made(const char* what, const variable& v) {
  return fmt::format(" [{}made at {}]", what, v.owner().place_of(v.index()).text());
}

variable tape::literal(double number, cotape::dtype d, const place& where) {
  std::int64_t bits = std::bit_cast<std::int64_t>(d == float32 ? double(float(number)) : number);
  if (d == int64) {
    if (std::trunc(number) != number || std::abs(number) >= 0x1p53) {
      throw value_error(
          fmt::format("{} is no int64 below 2^53, use tape.constant{}", number, origin({}, where)));
    }
    bits = static_cast<std::int64_t>(number);
  }
  return append(sources::literal, {}, intern(value_type{d, {}}), {&bits, 1}, where);
}

variable tape::resolve(const operand& x, cotape::dtype d) {
  if (x.is_number()) return literal(x.number(), d, x.where());
  if (const parameter* p = x.as_parameter()) return read(*p, x.where().file, x.where().line);
  return x.as_variable();
}

variable tape::input(cotape::dtype d, const shape& s, std::string name, const char* file,
                     int line) {
  const variable v = append(sources::input, {}, intern({promoted(d), s}), {}, {file, line});
  if (!name.empty()) label(v.index(), std::move(name));
  return v;
}

variable tape::constant(const array_argument& value, const char* file, int line) {
  const array_view view = value.view();
  tensors_.push_back(std::make_shared<tensor>(view, promoted(view.dtype())));
  const auto number = static_cast<std::int64_t>(tensors_.size() - 1);
  const auto type = intern(tensors_.back()->type());
  return append(sources::constant, {}, type, {&number, 1}, {file, line});
}

variable tape::read(const parameter& p, const char* file, int line) {
  const std::uint32_t number = known(p);
  if (parameters_[number].current == no_node) {
    const auto attribute = static_cast<std::int64_t>(number);
    const variable v = append(sources::read, {}, intern({promoted(p.dtype()), p.shape()}),
                              {&attribute, 1}, {file, line});
    parameters_[number].read = parameters_[number].current = v.index();
  }
  return at(parameters_[number].current);
}

void tape::assign(const parameter& p, operand value) {
  const variable v = resolve(value, promoted(p.dtype()));
  if (&v.owner() != this) throw tape_error("assign: the value lives on another tape");
  if (v.shape() != p.shape()) {
    throw shape_error(
        fmt::format("assign: parameter '{}' of shape {} cannot take a value of shape {} [at {}]",
                    p.name(), p.shape().text(), v.shape().text(), value.where().text()));
  }
  if (v.dtype() != promoted(p.dtype())) {
    throw dtype_error(fmt::format("assign: parameter '{}' is {}, the value is {} [at {}]", p.name(),
                                  name_of(p.dtype()), name_of(v.dtype()), value.where().text()));
  }
  const std::uint32_t number = known(p);
  effects_.push_back({number, v.index(), parameters_[number].current});
  parameters_[number].current = v.index();
}

void tape::require(operand condition, const std::string& message) {
  const variable v = resolve(condition, float32);
  if (&v.owner() != this) throw tape_error("require: the condition lives on another tape");
  messages_.push_back(message);
  effects_.push_back({no_node, v.index(), static_cast<std::uint32_t>(messages_.size() - 1)});
}

std::int64_t tape::keep(std::shared_ptr<const custom_rule> rule) {
  customs_.push_back(std::move(rule));
  return static_cast<std::int64_t>(customs_.size()) - 1;
}

tape_mark tape::mark() {
  rewinds_.emplace_back();  // makes room for the rewind, which takes no memory then
  rewinds_.pop_back();
  const auto count = [](const auto& v) { return static_cast<std::uint32_t>(v.size()); };
  return {count(nodes_),   count(words_),    count(lists_), count(tensors_), count(effects_),
          count(customs_), count(messages_), slot_->serial, commits_,        slot_};
}

void tape::rewind(const tape_mark& to) {
  if (to.of != slot_ || to.serial < slot_->first) {
    throw tape_error("rewind: the mark was taken on another tape");
  }
  if (to.nodes > kept_since(to.serial)) {
    throw tape_error("rewind: the tape was rewound past the mark, take a new one");
  }
  if (to.nodes < now_.held) {
    throw tape_error(fmt::format("rewind: {} needs what was recorded after the mark", now_.holder));
  }
  while (effects_.size() > (to.commits == commits_ ? to.effects : 0)) {
    const effect& e = effects_.back();
    if (e.parameter != no_node) parameters_[e.parameter].current = e.previous;
    effects_.pop_back();
  }
  for (known_parameter& p : parameters_) {
    if (p.read != no_node && p.read >= to.nodes) p.read = no_node;
    if (p.current != no_node && p.current >= to.nodes) p.current = p.read;
  }
  nodes_.resize(to.nodes);
  while (!sweeps.empty() && sweeps.back().first >= to.nodes) sweeps.pop_back();
  if (!sweeps.empty()) sweeps.back().last = std::min(sweeps.back().last, to.nodes);
  words_.resize(to.words);
  lists_.resize(to.lists);
  tensors_.resize(to.tensors);
  customs_.resize(to.customs);
  messages_.resize(std::min<std::size_t>(messages_.size(), to.messages));
  indexes_->labels.erase(indexes_->labels.lower_bound(to.nodes), indexes_->labels.end());
  ++slot_->serial;
  while (!rewinds_.empty() && rewinds_.back().second >= to.nodes) rewinds_.pop_back();
  rewinds_.emplace_back(slot_->serial, to.nodes);
}

std::vector<std::pair<parameter, std::uint32_t>> tape::current_parameters() const {
  std::vector<std::pair<parameter, std::uint32_t>> result;
  for (const known_parameter& p : parameters_) {
    if (p.current != no_node) result.emplace_back(p.handle, p.current);
  }
  return result;
}

std::vector<parameter*> tape::parameters_since(std::uint64_t number) {
  std::vector<parameter*> result;
  for (known_parameter& p : parameters_) {
    if (p.handle.number() >= number) result.push_back(&p.handle);
  }
  return result;
}

void tape::forget_effects() {
  ++commits_;
  effects_.clear();
  for (known_parameter& p : parameters_) p.current = p.read;
}

std::size_t tape::bytes() const {
  std::size_t total = held(nodes_) + held(words_) + held(lists_) +
                      types_.size() * sizeof(value_type) + held(places_) + held(parameters_) +
                      held(effects_) + held(rewinds_);
  for (const auto& t : tensors_) total += t->type().bytes();
  return total;
}

std::span<const std::int64_t> tape::attributes_of(std::uint32_t index) const {
  const std::uint32_t first = nodes_[index].attributes;
  if (first == no_node) return {};
  return {words_.data() + first + 1, static_cast<std::size_t>(words_[first])};
}

std::span<const std::uint32_t> tape::value_operands_of(std::uint32_t index) const {
  return nodes_[index].op->how == form::view ? operands_of(index).first(1) : operands_of(index);
}

std::span<const std::uint32_t> tape::rule_operands_of(std::uint32_t index) const {
  const auto list = operands_of(index);
  return nodes_[index].op->how == form::view && list.size() > 1 ? list.subspan(1) : list;
}

const std::string* tape::label_of(std::uint32_t index) const {
  const auto it = indexes_->labels.find(index);
  return it == indexes_->labels.end() ? nullptr : &it->second;
}

void tape::label(std::uint32_t index, std::string text) {
  indexes_->labels.insert_or_assign(index, std::move(text));
}

tape::scope::scope(tape& t, place where, const char* name) : tape_(t), outer_(t.now_) {
  if (t.operation(nullptr) != nullptr) return;
  where = t.current(where);
  where.operation = name;
  t.now_.scope = t.intern(where);
}

std::vector<std::uint32_t> tape::needed_by(std::span<const std::uint32_t> roots) const {
  std::uint32_t last = 0, next = 0;
  for (std::uint32_t r : roots) last = std::max(last, r + 1);
  std::vector<std::uint32_t> number(last, no_node);
  for (std::uint32_t r : roots) number[r] = 0;
  for (std::uint32_t i = last; i-- > 0;) {
    if (number[i] == no_node) continue;
    for (std::uint32_t k : value_operands_of(i)) number[k] = 0;
  }
  for (std::uint32_t& n : number) {
    if (n != no_node) n = next++;
  }
  return number;
}

}  // namespace cotape
