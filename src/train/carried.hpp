// What layers carry from batch to batch (layer_body::carried): 0 when a pass over data begins.
#pragma once

#include <utility>
#include <vector>

#include "cotape/model.hpp"
#include "nn/network.hpp"

namespace cotape::detail {

void begin_pass(const network& of);

/// A pass that does not train: at its end all is as it was.
class pass {
 public:
  explicit pass(const network& of);
  ~pass();
  pass(const pass&) = delete;
  pass& operator=(const pass&) = delete;

 private:
  std::vector<std::pair<parameter, tensor>> before_;
};

/// Rows at once in such a pass: at most as many as what is carried has.
std::int64_t rows_at_once(const network& of, std::int64_t asked);
/// Of what the network's layers have assigned nothing stays but what they carry.
void only_carry(tape& t, const network& of);
/// Throws value_error if something is carried, and the rows do not come in their order.
void demand_order(const network& of, const fit_options& options);

}  // namespace cotape::detail
