// Makes the steps of a program, and gives out the memory that steps need beside values.
#pragma once

#include <map>
#include <tuple>

#include "code/listing.hpp"
#include "code/loop.hpp"
#include "tensor/tile_pool.hpp"

namespace cotape::code {

class emitter {
 public:
  // `taken`: bytes of the buffer of constants.
  emitter(listing& out, std::uint64_t taken) : constants_(taken), out_(out) {}

  // An item begins: its steps run once, when constants are bound, or at each run. It may use all of
  // the scratch buffer.
  void begin(bool constant);
  void add(const kernels::step& s) { steps().push_back(s); }
  // As steps over tiles, or as a run over numbers. The loop may become a nest.
  void add(loop& l);
  std::vector<kernels::step>& steps() { return constant_ ? out_.constant_steps : out_.steps; }
  tile_pool& pool() { return constant_ ? folding_ : scratch_; }
  location in_scratch(std::uint64_t offset) const {
    return {constant_ ? region::folding : region::scratch, offset};
  }
  // Memory for one step.
  void* scratch_for(std::uint64_t bytes) {
    return region_word(in_scratch(pool().take_fresh(padded(bytes))));
  }
  // All steps are made: allocates what they need beside the arena of so many bytes.
  void finish(std::uint64_t arena);
  // Where a tile full of the constant number stands, made once and for all.
  location constant_splat(location number, std::uint64_t bytes, const kernels::step& fill);

 private:
  std::uint64_t constants_;  // bytes
  tile_pool scratch_, folding_;
  listing& out_;
  bool constant_ = false;
  std::map<std::tuple<region, std::uint64_t, std::uint64_t>, location> splats_;
};

}  // namespace cotape::code
