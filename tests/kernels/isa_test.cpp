// The choice of instruction set.
#include <cstdlib>

#include "expect_error.hpp"
#include "kernels/buffers.hpp"

namespace cotape::kernels::testing {
namespace {

TEST(InstructionSets, TheBestOneRunsAndNoneThatRunsIsBetter) {
  EXPECT_TRUE(runs(best_isa()));
  EXPECT_TRUE(runs(isa::baseline));
  for (isa i : usable_sets()) EXPECT_LE(i, best_isa());
}

TEST(InstructionSets, HaveNames) {
  EXPECT_STREQ(name_of(isa::baseline), "baseline");
  EXPECT_STREQ(name_of(isa::avx2), "avx2");
  EXPECT_STREQ(name_of(isa::avx512), "avx512");
}

TEST(InstructionSets, AreChosenByName) {
  for (isa i : {isa::baseline, isa::avx2, isa::avx512}) {
    EXPECT_EQ(isa_named(name_of(i), isa::avx512), i);
  }
  const std::string start = "COTAPE_ISA: this processor runs no kernels called ";
  const auto message = [](const char* name, isa best) {
    return tests::message_of([&] { isa_named(name, best); });
  };
  EXPECT_EQ(message("avx512", isa::avx2),
            start + "\"avx512\": name one of baseline, avx2, or unset it");
  EXPECT_EQ(message("SSE2", isa::avx512),
            start + "\"SSE2\": name one of baseline, avx2, avx512, or unset it");
}

// ctest runs ops_test with each name.
TEST(InstructionSets, AreChosenByTheEnvironment) {
  const char* name = std::getenv("COTAPE_ISA");
  const bool named = name != nullptr && *name != '\0';
  EXPECT_EQ(chosen_isa(), named ? isa_named(name, best_isa()) : best_isa());
}

}  // namespace
}  // namespace cotape::kernels::testing
