// Products where the address space is short for OpenBLAS, which would wait for it for ever: in a
// process of their own.
#include <gtest/gtest.h>
#include <stdio.h>

#include <string>

namespace {

// What the child prints.
std::string product_within(int mebibytes, int threads) {
  // Threads of OpenBLAS's own would take their buffers at any time.
  const std::string command = "OPENBLAS_NUM_THREADS=1 " COTAPE_BLAS_MEMORY_CHILD " " +
                              std::to_string(mebibytes) + " " + std::to_string(threads);
  FILE* out = popen(command.c_str(), "r");
  std::string text(1000, ' ');
  text.resize(fread(text.data(), 1, text.size(), out));
  EXPECT_EQ(pclose(out), 0) << "it hung or crashed";
  return text;
}

TEST(BlasMemory, TooLittleIsRefused) {
  EXPECT_EQ(product_within(100, 1),
            "matmul: OpenBLAS needs 128 MiB of address space for each thread that computes "
            "products, and less is left: raise the limit (ulimit -v) or free memory");
}

TEST(BlasMemory, ForOneProductIsEnoughForOneThread) { EXPECT_EQ(product_within(200, 1), "right"); }

TEST(BlasMemory, ForOneProductIsEnoughForSeveralThreads) {
  EXPECT_EQ(product_within(200, 2), "right");
}

}  // namespace
