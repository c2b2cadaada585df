// Products where the address space is short for OpenBLAS, which would wait for it for ever: in a
// process of their own.
#include <gtest/gtest.h>
#include <stdio.h>

#include <string>

namespace {

// What the child prints.
std::string product_within(int mebibytes, int threads, int of_openblas = 1) {
  const std::string command = "OPENBLAS_NUM_THREADS=" + std::to_string(of_openblas) + " " +
                              COTAPE_BLAS_MEMORY_CHILD " " + std::to_string(mebibytes) + " " +
                              std::to_string(threads);
  FILE* out = popen(command.c_str(), "r");
  std::string text(1000, ' ');
  text.resize(fread(text.data(), 1, text.size(), out));
  EXPECT_EQ(pclose(out), 0) << "it hung or crashed";
  return text;
}

const char* const refused =
    "matmul: OpenBLAS needs 128 MiB of address space for each thread that computes products, twice "
    "that for each worker of its own, and less is left: raise the limit (ulimit -v), or set "
    "OPENBLAS_NUM_THREADS=1 in the environment: then it has no workers";

TEST(BlasMemory, TooLittleIsRefused) { EXPECT_EQ(product_within(100, 1), refused); }

// A worker of OpenBLAS's own takes its buffer at any time.
TEST(BlasMemory, OfWorkersIsReckonedWith) {
  for (int i = 0; i < 10; ++i) {
    EXPECT_EQ(product_within(140, 1, 2), refused);
    EXPECT_EQ(product_within(450, 1, 2), "right");
  }
}

TEST(BlasMemory, ForOneProductIsEnoughForOneThread) { EXPECT_EQ(product_within(200, 1), "right"); }

TEST(BlasMemory, ForOneProductIsEnoughForSeveralThreads) {
  EXPECT_EQ(product_within(200, 2), "right");
}

}  // namespace
