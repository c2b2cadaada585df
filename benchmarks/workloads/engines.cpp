// Makes a case ready by each engine; torch is there if it was found when this was built.
#include "engines.hpp"

#include <string_view>

#include "blas.hpp"
#include "hand.hpp"

namespace bench {
namespace {

class by_hand : public stepper {
 public:
  by_hand(const problem& p, hand_maker make) : p_(p), buffers_(p_), step_(make(buffers_)) {}

  void run(std::size_t steps) override {
    for (std::size_t i = 0; i < steps; ++i) step_();
  }
  std::vector<double> values() override {
    std::vector<double> all;
    const auto add = [&](const auto* data, std::int64_t n) {
      all.insert(all.end(), data, data + n);
    };
    for (const tensor* t : buffers_.outputs()) {
      const std::int64_t n = t->shape().elements();
      if (t->dtype() == cotape::float32) add(t->data_as<float>(), n);
      else add(t->data_as<double>(), n);
    }
    return all;
  }

 private:
  problem p_;
  hand_buffers buffers_;
  std::function<void()> step_;
};

prepared make_hand(const problem& p, const hand_table& table) {
  set_blas_threads(1);
  for (const auto& [name, make] : table) {
    if (name == p.what->name) return {.runs = std::make_unique<by_hand>(p, make)};
  }
  return {};
}
prepared make_plain(const problem& p) { return make_hand(p, hand::all()); }
prepared make_products(const problem& p) {
  prepared made = make_hand(p, hand::bare_products());
  made.expected = outputs{};
  return made;
}
prepared make_fast(const problem& p) { return make_hand(p, hand_fast::all()); }

prepared make_cotape(const problem& p) {
  return p.what->make != nullptr ? p.what->make(p) : make_program(p, p.what->record);
}

// The same with one thread, beside more.
prepared make_one_thread(const problem& p) {
  if (p.threads == 1) return {};
  problem one = p;
  one.threads = 1;
  return make_cotape(one);
}

prepared make_reference(const problem& p) {
  if (p.what->make_reference != nullptr) return p.what->make_reference(p);
  if (p.what->reference != nullptr) return make_program(p, p.what->reference);
  return {};
}

}  // namespace

const std::vector<engine>& all_engines() {
  static const std::vector<engine> engines{
      {.name = "hand", .make = &make_plain},
      {.name = "hand_fast", .make = &make_fast},
      {.name = "products", .make = &make_products},
      {.name = "reference", .make = &make_reference},
      {.name = "cotape", .make = &make_cotape},
      {.name = "cotape_one", .make = &make_one_thread},
#ifdef BENCH_TORCH
      {.name = "torch", .make = &make_torch, .peer = true},
#endif
  };
  return engines;
}

}  // namespace bench
