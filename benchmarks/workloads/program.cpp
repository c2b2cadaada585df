// The engine under test: a case recorded once, compiled, and run with its inputs bound at each
// step.
#include <chrono>
#include <memory>

#include "workload.hpp"

namespace bench {
namespace {

using cotape::array_view;

void append(std::vector<double>& all, array_view v) {
  const auto n = static_cast<std::size_t>(v.shape().elements());
  const auto add = [&](const auto* data) { all.insert(all.end(), data, data + n); };
  if (v.dtype() == cotape::float32) add(v.data_as<float>());
  else if (v.dtype() == cotape::float64) add(v.data_as<double>());
  else add(v.data_as<std::int64_t>());
}

cotape::program compile(cotape::tape& t, const problem& p, recording record, bool fuse) {
  std::vector<variable> inputs;
  for (const tensor& in : p.in) inputs.push_back(t.input(in.dtype(), in.shape()));
  return {t, inputs, record(p.sizes, inputs), {.fuse = fuse}};
}

class recorded : public stepper {
 public:
  recorded(const problem& p, cotape::program code) : p_(p), code_(std::move(code)) {
    for (const tensor& in : p_.in) views_.push_back(in);
  }

  void run(std::size_t steps) override {
    cotape::set_num_threads(static_cast<int>(p_.threads));
    for (std::size_t i = 0; i < steps; ++i) code_.run(views_);
  }
  std::vector<double> values() override {
    std::vector<double> all;
    for (std::size_t i = 0; i < code_.outputs(); ++i) append(all, code_.output(i).view());
    return all;
  }

 private:
  problem p_;
  cotape::program code_;
  std::vector<array_view> views_;
};

}  // namespace

prepared make_program(const problem& p, recording record) {
  cotape::set_num_threads(static_cast<int>(p.threads));
  const auto start = std::chrono::steady_clock::now();
  cotape::tape t;
  cotape::program code = compile(t, p, record, true);
  const std::chrono::duration<double, std::milli> taken = std::chrono::steady_clock::now() - start;
  const std::size_t arena = code.memory().arena;
  return {std::make_unique<recorded>(p, std::move(code)), taken.count(), arena, {}};
}

outputs in_double(const problem& p, recording record) {
  cotape::tape t(cotape::precision::float64);
  cotape::program code = compile(t, p, record, false);
  std::vector<tensor> in;
  std::vector<array_view> views;
  for (const tensor& x : p.in) in.emplace_back(x, t.promoted(x.dtype()));
  for (const tensor& x : in) views.push_back(x);
  code.run(views);
  outputs wanted(code.outputs());
  for (std::size_t i = 0; i < wanted.size(); ++i) append(wanted[i], code.output(i).view());
  return wanted;
}

outputs expected_of(const problem& p) {
  if (p.what->expected != nullptr) return p.what->expected(p);
  return in_double(p, p.what->reference != nullptr ? p.what->reference : p.what->record);
}

}  // namespace bench
