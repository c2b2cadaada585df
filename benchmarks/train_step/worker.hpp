// Runs an engine in a process of its own, which is stopped while it is not its turn: a peer's
// spinning threads, its allocator settings and its BLAS then touch nobody else.
#pragma once

#include <memory>

#include "engine.hpp"

namespace bench {

/// A stepper in a new process of this program, started with another environment where the engine
/// asks for it. Null where the engine cannot do the case; throws std::runtime_error if it dies.
std::unique_ptr<stepper> make_remote(const engine& e, const spec& s, std::size_t threads);

/// What that process does: obeys what comes in from `socket` until the other end closes it.
void serve(int socket, const engine& e, const spec& s, std::size_t threads);

}  // namespace bench
