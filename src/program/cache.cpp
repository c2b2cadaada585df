// value(), commit() and values of Jacobians: compile on the spot, and find the program again when
// the same structure is recorded anew. The key holds everything that passes look at, compared in
// full: operations, topology, types, attributes, parameters, effects, the number of threads, and of
// each literal whether it is 0, 1 or -1 and which other literals equal it. Its value is bound at
// each run, so are constants.
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <unordered_map>

#include "base/for_dtype.hpp"
#include "cotape/compiled.hpp"
#include "cotape/ops.hpp"
#include "cotape/primitive.hpp"
#include "cotape/threads.hpp"
#include "tape/rewinding.hpp"

namespace cotape {

namespace {

struct structure {
  std::vector<std::uint64_t> key;
  std::vector<std::uint32_t> nodes;  // the needed nodes, ascending
  std::vector<variable> inputs;      // the needed inputs, ascending
};

class key_writer {
 public:
  key_writer(tape& t, structure& out) : t_(t), out_(out) {}

  // The key of a program without outputs that carries out the tape's effects.
  void run_effects() {
    std::vector<std::uint32_t> roots;
    for (const effect& e : t_.effects()) {
      roots.push_back(e.value);
      if (e.parameter != no_node) {
        out_.key.push_back(
            reinterpret_cast<std::uint64_t>(t_.parameter_at(e.parameter).identity()));
        continue;
      }
      const std::string& message = t_.message_at(e.previous);
      out_.key.push_back(message.size());
      out_.key.insert(out_.key.end(), message.begin(), message.end());
    }
    out_.key.push_back(no_node);
    run(roots);
  }

  void run(const std::vector<std::uint32_t>& roots) {
    const std::vector<std::uint32_t> number_of = t_.needed_by(roots);
    for (std::uint32_t i = 0; i < number_of.size(); ++i) {
      if (number_of[i] == no_node) continue;
      out_.nodes.push_back(i);
      write(i, number_of);
    }
    for (std::uint32_t r : roots) out_.key.push_back(number_of[r]);
    out_.key.push_back(static_cast<std::uint64_t>(num_threads()));
  }

 private:
  void write(std::uint32_t i, const std::vector<std::uint32_t>& number_of) {
    const node& n = t_.nodes()[i];
    auto& key = out_.key;
    key.push_back(reinterpret_cast<std::uint64_t>(n.op));
    const value_type& type = t_.type_of(i);
    const auto operands = t_.value_operands_of(i);
    key.push_back((operands.size() << 16) + (static_cast<std::uint64_t>(type.dtype) << 8) +
                  type.shape.rank());
    for (std::int64_t s : type.shape) key.push_back(static_cast<std::uint64_t>(s));
    for (std::uint32_t k : operands) key.push_back(number_of[k]);
    if (n.op->how == form::input) {
      out_.inputs.push_back(t_.at(i));
    } else if (n.op->how == form::literal) {
      write_literal(t_.attributes_of(i)[0], type.dtype);
    } else if (n.op->how == form::read) {
      const auto number = static_cast<std::size_t>(t_.attributes_of(i)[0]);
      key.push_back(reinterpret_cast<std::uint64_t>(t_.parameter_at(number).identity()));
    } else if (n.op->how != form::constant && n.op->how != form::view) {  // the type says a view
      const auto words = t_.attributes_of(i);
      key.push_back(words.size());
      for (std::int64_t w : words) key.push_back(static_cast<std::uint64_t>(w));
    }
  }

  void write_literal(std::int64_t word, cotape::dtype d) {
    const double number = d != int64 ? std::bit_cast<double>(word) : 2;
    out_.key.push_back(number == 1 ? 1 : number == 0 ? 2 : number == -1 ? 3 : 0);
    out_.key.push_back(literals_.try_emplace(word, literals_.size()).first->second);
  }

  tape& t_;
  structure& out_;
  std::unordered_map<std::int64_t, std::size_t> literals_;
};

using cache = detail::program_cache;

program& find_or_compile(tape& t, const std::vector<variable>& outputs, structure&& s) {
  if (t.attachment == nullptr) t.attachment = std::make_shared<cache>();
  auto& known = *static_cast<cache*>(t.attachment.get());
  if (auto* found = known.find(s.key)) {
    found->code.rebind(t, s.nodes, found->nodes);
    return found->code;
  }
  return known.add(std::move(s.key), std::move(s.nodes), t, s.inputs, outputs,
                   {.effects = outputs.empty(), .rebind = true});
}

std::vector<array_view> ordered(const std::vector<variable>& inputs,
                                std::span<const binding> given) {
  const auto find = [&](const variable& x) {
    return std::find_if(given.begin(), given.end(), [&](const binding& b) {
      return &b.input().owner() == &x.owner() && b.input().index() == x.index();
    });
  };
  const auto fail = [](const variable& x, const char* what) {
    const std::string* label = x.owner().label_of(x.index());
    throw value_error(fmt::format("value: input {} is {} [made at {}]",
                                  label != nullptr ? *label : std::to_string(x.index()), what,
                                  x.owner().place_of(x.index()).text()));
  };
  for (const binding& b : given) {
    const variable x = b.input();
    const primitive& made_by = *x.owner().nodes()[x.index()].op;
    if (made_by.how != form::input) {
      throw value_error(fmt::format(
          "value: the result of {} is bound, only what tape.input made can be", made_by.name));
    }
    if (&*find(x) != &b) fail(x, "bound twice");
  }
  std::vector<array_view> values;
  for (const variable& x : inputs) {
    const auto it = find(x);
    if (it == given.end()) fail(x, "needed but not bound");
    values.push_back(it->value());
  }
  return values;
}

struct ready {
  program& code;
  std::vector<array_view> values;
};

ready prepared(variable v, std::span<const binding> inputs) {
  structure s;
  key_writer(v.owner(), s).run({v.index()});
  std::vector<array_view> values = ordered(s.inputs, inputs);
  return {find_or_compile(v.owner(), {v}, std::move(s)), std::move(values)};
}

void set_element(tensor& t, std::size_t i, int number) {
  for_dtype(t.dtype(), [&]<class T>() { t.data_as<T>()[i] = static_cast<T>(number); });
}

}  // namespace

tensor evaluate(variable v, std::span<const binding> inputs) {
  const ready r = prepared(v, inputs);
  r.code.run(r.values);
  return tensor(r.code.output(0).view());
}

tensor evaluate_jacobian(variable y, variable x, std::span<const binding> inputs) {
  tape& t = y.owner();
  const rewinding afterwards(t);
  const auto rows = static_cast<std::size_t>(y.shape().elements()),
             columns = static_cast<std::size_t>(x.shape().elements());
  const bool by_rows = rows <= columns;
  const variable of = by_rows ? y : x, unit = t.input(of.dtype(), of.shape());
  const variable product = cast(by_rows ? vjp(y, {x}, unit)[0] : jvp(y, {x}, {unit}), x.dtype());
  tensor seed(unit.type()), result({product.dtype(), joined(y.shape(), x.shape())});
  std::vector<binding> bound;
  bound.emplace_back(unit, seed);
  for (const binding& b : inputs) bound.emplace_back(b.input(), b.value());
  const ready r = prepared(product, bound);
  const std::size_t size = size_of(product.dtype());
  for (std::size_t i = 0; i < std::min(rows, columns); ++i) {
    set_element(seed, i, 1);
    r.code.run(r.values);
    set_element(seed, i, 0);
    const auto* from = static_cast<const std::byte*>(r.code.output(0).view().data());
    auto* to = static_cast<std::byte*>(result.data());
    if (by_rows) std::memcpy(to + i * columns * size, from, columns * size);
    for (std::size_t k = 0; !by_rows && k < rows; ++k) {
      std::memcpy(to + (k * columns + i) * size, from + k * size, size);
    }
  }
  return result;
}

tensor evaluate_hessian(variable y, variable x, std::span<const binding> inputs) {
  const rewinding afterwards(y.owner());
  return evaluate_jacobian(gradient(y, x), x, inputs);
}

std::size_t cached_programs(const tape& t) {
  return t.attachment == nullptr ? 0 : static_cast<const cache*>(t.attachment.get())->size();
}

void tape::commit(std::initializer_list<binding> inputs) {
  if (now_.holder != nullptr) {
    throw tape_error(fmt::format("commit: {} is at work on the tape: leave it out", now_.holder));
  }
  structure s;
  key_writer(*this, s).run_effects();
  const std::vector<array_view> values = ordered(s.inputs, {inputs.begin(), inputs.size()});
  if (effects_.empty()) return;
  find_or_compile(*this, {}, std::move(s)).run(values);
  forget_effects();
}

}  // namespace cotape
