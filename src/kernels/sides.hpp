// Descriptions that a program's kernels read, of any types: they live as long as the program.
#pragma once

#include <memory>
#include <vector>

namespace cotape {

class side_store {
 public:
  template <class T> T* keep(T description) {
    auto owned = std::make_shared<T>(std::move(description));
    kept_.push_back(owned);
    return owned.get();
  }

 private:
  std::vector<std::shared_ptr<const void>> kept_;
};

}  // namespace cotape
