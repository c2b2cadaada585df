// The hand-written engine: plain loops and cblas, one function a case. Its files are compiled
// twice, as `hand` with the switches of -ffast-math that change no root or division, and as
// `hand_fast` with -ffast-math; HAND is the namespace.
#pragma once

#include <deque>

#include "workload.hpp"

namespace bench {

/// Inputs, outputs and scratch space of one case.
class hand_buffers {
 public:
  explicit hand_buffers(const problem& p) : p_(p) {}

  std::size_t operator[](const std::string& size) const { return p_.sizes[size]; }
  std::size_t threads() const { return p_.threads; }
  template <class T> const T* in(std::size_t i) const { return p_.in.at(i).data_as<T>(); }
  /// The next output.
  template <class T> T* out(std::size_t n) {
    scratch<T>(n);
    outputs_.push_back(&memory_.back());
    return memory_.back().data_as<T>();
  }
  template <class T> T* scratch(std::size_t n) {
    memory_.emplace_back(cotape::value_type{cotape::dtype_of<T>::value,
                                            cotape::shape{static_cast<std::int64_t>(n)}});
    return memory_.back().data_as<T>();
  }
  const std::vector<const tensor*>& outputs() const { return outputs_; }

 private:
  const problem& p_;
  std::deque<tensor> memory_;
  std::vector<const tensor*> outputs_;
};

/// What makes a case ready gives one step of it.
using hand_maker = std::function<void()> (*)(hand_buffers&);
using hand_table = std::vector<std::pair<const char*, hand_maker>>;

namespace hand {
hand_table all();
/// Of some cases the products alone, by BLAS, of operands that stay in the cache: they have no
/// outputs.
hand_table bare_products();
}  // namespace hand
namespace hand_fast {
hand_table all();
}

// The families of one build.
#ifdef HAND
namespace HAND {
hand_table rows();
hand_table slices();
hand_table lstms();
hand_table attentions();
hand_table bundle();
hand_table products();
hand_table convolutions();
hand_table lenets();
hand_table graphs();
hand_table scalars();
}  // namespace HAND
#endif

}  // namespace bench
