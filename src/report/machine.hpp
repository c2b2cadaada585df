// What the machine does at best, and whether BLAS makes use of it.
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "kernels/kernels.hpp"

namespace cotape::report {

struct machine_peak {
  double float32_flops = 0, float64_flops = 0;     // FLOP/s of a GEMM
  std::vector<std::pair<double, double>> copying;  // bytes moved by a copy, bytes/s

  double flops(dtype d) const { return d == float64 ? float64_flops : float32_flops; }
  /// Of the smallest measured copy of at least so many bytes, else of the largest.
  double copy(double bytes) const;
};

/// Measures it, in 0.2 s.
machine_peak measure_peak();

/// What to tell the user if BLAS runs a set of kernels that is less than the processor allows, or
/// than BLAS would choose: forced is the value of OPENBLAS_CORETYPE or null.
std::string blas_warning(std::string_view kernels, kernels::isa processor, bool amd,
                         const char* forced);

}  // namespace cotape::report
