// blas_memory_child MIB THREADS: computes a product of matrices on so many threads, with so many
// MiB of address space more than it has taken before. Prints "right", "wrong" or the error; ends by
// an alarm if it hangs.
#include <sys/resource.h>
#include <unistd.h>

#include <cotape/cotape.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>

int main(int, char** arguments) {
  using namespace cotape;
  alarm(60);
  set_num_threads(std::atoi(arguments[2]));
  const xt::xarray<float> a = xt::ones<float>({512, 512}), wide = xt::ones<float>({4'000'000});
  auto loop = compile([](variable v) { return sum(exp(v)); });
  if (num_threads() > 1) loop(wide);  // starts the threads
  rlim_t pages = 0;
  std::ifstream("/proc/self/statm") >> pages;
  const rlim_t most = pages * static_cast<rlim_t>(sysconf(_SC_PAGESIZE)) +
                      (static_cast<rlim_t>(std::atoi(arguments[1])) << 20);
  const rlimit limit{most, most};
  setrlimit(RLIMIT_AS, &limit);
  try {
    auto product = compile([](variable v) { return matmul(v, v); });
    for (int i = 0; i < 50; ++i) product(a);  // threads that meet now and then
    const xt::xarray<float> b = product(a);
    std::cout << (xt::all(xt::equal(b, 512.f)) ? "right" : "wrong");
  } catch (const error& e) {
    std::cout << e.what();
  }
}
