// The engines of workloads.
#pragma once

#include "workload.hpp"

namespace bench {

struct engine {
  const char* name;
  prepared (*make)(const problem& p);
  bool peer = false;  // runs in a process of its own, see worker.hpp
};

/// The engines built into this program, those that others are compared with first.
const std::vector<engine>& all_engines();

/// libtorch, in the file named after it.
prepared make_torch(const problem& p);

}  // namespace bench
