// Products in a program: alpha a b + addend. Passes and steps know a product's operands by name.
// They are read where they stand within other values: slices, transposes, reshapes and broadcasts
// of a batch need no copies where BLAS can read what they show.
#pragma once

#include "program/graph.hpp"

namespace cotape {

inline bool is_gemm(const graph& g, std::uint32_t v) { return g.how(v) == form::product; }
inline const kernels::gemm_maps& gemm_of(const graph& g, std::uint32_t v) {
  return g.products[g.values[v].number];
}

// The operands of a product; alpha is no_node if there is none. What it is added to is what it
// goes into.
struct gemm_operands {
  std::uint32_t a, b, alpha;
};
inline gemm_operands gemm_operands_of(const graph& g, std::uint32_t v) {
  const graph::value& x = g.values[v];
  return {x.in[0], x.in[1], gemm_of(g, v).scale ? x.in[2] : no_node};
}

// Takes scale factors, addends, and what moves the elements of operands or results into products.
void take_into_products(graph& g);

}  // namespace cotape
