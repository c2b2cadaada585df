// Runs an engine in a process of its own, which is stopped while it is not its turn: a peer's
// spinning threads, its allocator settings and its BLAS then touch nobody else.
#pragma once

#include <memory>
#include <string>

#include "stepper.hpp"

namespace bench {

/// What runs in a process of its own: its name for errors, the arguments with which this program
/// makes it there, and the number of threads.
struct remote_engine {
  std::string name;
  std::vector<std::string> arguments;
  std::size_t threads = 1;
};

/// A stepper in a new process of this program, which gets `--threads N --serve SOCKET` beside the
/// arguments, started with another environment where peers need it. Null where the engine cannot do
/// the case; throws std::runtime_error if it dies.
std::unique_ptr<stepper> make_remote(const remote_engine& e);

/// What that process does: obeys what comes in from `socket` until the other end closes it. `s` is
/// null where the engine cannot do the case.
void serve(int socket, stepper* s);

}  // namespace bench
