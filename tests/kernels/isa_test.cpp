// The choice of instruction set.
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

}  // namespace
}  // namespace cotape::kernels::testing
