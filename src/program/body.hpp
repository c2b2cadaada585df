// A program as it runs: its steps, its buffers, and what is bound before and committed after them.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "code/listing.hpp"
#include "cotape/program.hpp"
#include "primitives/lowering.hpp"
#include "tensor/workspace.hpp"

namespace cotape {

struct program::body : code::listing {
  std::size_t holders = 0;  // see detail::counted
  struct bound_input {
    value_type type;
    std::string name;
  };
  struct stored_literal {
    std::uint32_t node;  // on the tape
    void* to;
    cotape::dtype dtype;
  };
  struct promotion {  // a parameter read as float64
    const void* from;
    void* to;
    std::size_t elements;
  };
  struct commit {
    std::uint32_t parameter;  // in `parameters`
    const void* from;
    cotape::dtype dtype;
  };
  // What the steps of an item are, for explain() and parts().
  struct note {
    std::uint32_t first, count;  // steps
    std::string what;
  };

  std::vector<bound_input> inputs;              // as run() takes them
  std::vector<std::uint32_t> external_of;       // by input: number of its address, or no_node
  std::vector<std::unique_ptr<tensor>> staged;  // copies of inputs that cannot stay where they are
  std::vector<std::pair<const std::byte*, std::size_t>> written;  // memory that steps write
  std::vector<std::pair<std::uint32_t, std::uint32_t>> rebound;   // constant's node, its number
  std::vector<stored_literal> literals;
  std::vector<promotion> promotions;
  std::vector<commit> commits;
  std::vector<array_view> outputs;  // then the masks of kinks
  std::optional<std::vector<kink_mask>> kinks;
  std::vector<parameter> parameters;                   // kept alive
  std::vector<std::shared_ptr<const tensor>> tensors;  // kept alive
  std::vector<note> notes;
  std::vector<program_part> costs;  // by note
  program_memory memory;
  std::shared_ptr<workspace> space;
  std::uint64_t run = 0;          // the last one that ended
  std::vector<value_type> types;  // of the inputs

  ~body() { space->forget(types); }
  void check(std::span<const array_view> values) const;
  // The value lies in the workspace (an earlier output) or in a parameter that is updated in place.
  bool writes_to(const array_view& v) const;
  void move_to(std::byte* to);  // gives all addresses in the workspace anew
  void bind(std::span<const array_view> values);
  workspace::run start(std::span<const array_view> values);  // everything before the first step
  void finish();                                             // everything after the last
  // True if the literal was another number before.
  static bool store_literal(const stored_literal& l, std::int64_t word);
};

// Throws for a program that was moved from.
inline program::body& body_of(const detail::counted<program::body>& b) {
  return b.demand("program: it was moved, use what it was moved to");
}

}  // namespace cotape
