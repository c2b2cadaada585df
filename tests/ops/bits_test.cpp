// The same bits on AVX2 and AVX-512 and at any number of threads, each in a process of its own.
#include <gtest/gtest.h>
#include <stdio.h>

#include <string>

#include "kernels/kernels.hpp"

namespace {

using cotape::kernels::isa;

// What the child prints.
std::string bits(isa set, int threads) {
  const std::string command = "COTAPE_ISA=" + std::string(name_of(set)) +
                              " " COTAPE_BITS_CHILD " " + std::to_string(threads);
  FILE* out = popen(command.c_str(), "r");
  std::string text;
  char part[4096];
  while (const std::size_t n = fread(part, 1, sizeof part, out)) text.append(part, n);
  EXPECT_EQ(pclose(out), 0) << command;
  EXPECT_NE(text, "");
  return text;
}

TEST(Bits, AreThoseOfOneThreadOnEachInstructionSet) {
  for (isa set : {isa::baseline, isa::avx2, isa::avx512}) {
    if (!cotape::kernels::runs(set)) continue;
    const std::string one = bits(set, 1);
    for (int threads : {2, 4}) EXPECT_EQ(bits(set, threads), one) << name_of(set);
  }
}

TEST(Bits, AreTheSameOnAvx2AndAvx512ButForProducts) {
  if (!cotape::kernels::runs(isa::avx512)) GTEST_SKIP() << "this processor has no AVX-512";
  EXPECT_EQ(bits(isa::avx2, 1), bits(isa::avx512, 1));
}

}  // namespace
