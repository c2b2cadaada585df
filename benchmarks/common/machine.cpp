#include "machine.hpp"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "blas.hpp"

namespace bench {
namespace {

std::string cpu_name() {
  std::ifstream info("/proc/cpuinfo");
  for (std::string line; std::getline(info, line);) {
    const std::size_t colon = line.find(": ");
    if (line.starts_with("model name") && colon != std::string::npos) {
      return line.substr(colon + 2);
    }
  }
  return "unknown CPU";
}

}  // namespace

std::string machine() {
  return fmt::format("{}, {} cores; OpenBLAS kernel {}", cpu_name(),
                     std::thread::hardware_concurrency(), blas_kernel());
}

void unset_core_type(char** argv) {
  if (std::getenv("OPENBLAS_CORETYPE") == nullptr) return;
  unsetenv("OPENBLAS_CORETYPE");
  execv("/proc/self/exe", argv);
  throw std::runtime_error("cannot start again without OPENBLAS_CORETYPE");
}

}  // namespace bench
