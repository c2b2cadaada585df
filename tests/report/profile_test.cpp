// Profiles: what is counted, what a profile leaves behind, and when it warns.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <numeric>
#include <sstream>

#include "report/machine.hpp"

namespace {

using namespace cotape;
using namespace cotape::report;
using kernels::isa;

const profile_row& row_with(const profile_table& t, const std::string& text) {
  for (const profile_row& r : t.rows) {
    if (r.part.what.find(text) != std::string::npos) return r;
  }
  throw std::runtime_error("no row with " + text);
}

double sum_of_shares(const profile_table& t) {
  return std::accumulate(t.rows.begin(), t.rows.end(), 0.0,
                         [](double sum, const profile_row& r) { return sum + r.share; });
}

// A network with one hidden layer; a step of gradient descent on it.
struct network {
  explicit network(const tensor& first, const tensor& second) : w("w", first), v("v", second) {}
  variable loss(variable x) { return mean(square(matmul(tanh(matmul(x, w)), v))); }
  variable step(variable x) {
    const variable l = loss(x);
    optimizer.minimize(l);
    return l;
  }
  parameter w, v;
  sgd optimizer{{.rate = 0.01}};
};

class Profile : public testing::Test {
 protected:
  generator random_{1};
  tensor x_ = random_.uniform({64, 96}), w_ = random_.uniform({96, 32}),
         v_ = random_.uniform({32, 16}), b_ = random_.uniform({96});
};

TEST_F(Profile, CountsProductsAndBytes) {
  tape t;
  const variable x = t.input(float32, {64, 96}), w = t.input(float32, {96, 32});
  program code(t, {x, w}, {matmul(x, w)});
  const profile_table table = profile(code, x_, w_);
  const profile_row& row = row_with(table, "matmul");
  EXPECT_EQ(row.part.flops, 2.0 * 64 * 32 * 96);
  EXPECT_EQ(row.part.bytes, 4.0 * (64 * 96 + 96 * 32 + 64 * 32));
  EXPECT_EQ(row.part.steps, 1u);
  EXPECT_GT(row.seconds, 0);
  EXPECT_GT(row.share_of_peak, 0);
  EXPECT_DOUBLE_EQ(row.flops_per_second(), row.part.flops / row.seconds);
  EXPECT_EQ(table.flops, row.part.flops);
}

TEST_F(Profile, CountsEachElementOfALoopAndNoTemporary) {
  tape t;
  const variable x = t.input(float32, {64, 96}), b = t.input(float32, {96});
  program code(t, {x, b}, {sum(exp(x + b) * x)});
  const profile_row row = row_with(profile(code, x_, b_), "loop over 6144");
  EXPECT_EQ(row.part.flops, 4.0 * 64 * 96);  // add, exp, multiply, sum
  EXPECT_EQ(row.part.bytes, 4.0 * (64 * 96 + 96 + 1));
}

TEST_F(Profile, HasSharesThatAddUp) {
  network n(w_, v_);
  auto step = compile([&](variable x) { return n.step(x); });
  step(x_);
  const profile_table table = profile(step.last(), x_);
  EXPECT_NEAR(sum_of_shares(table), 1, 1e-9);
  EXPECT_NEAR(table.forward + table.reverse + table.after + table.mixed, table.seconds, 1e-12);
  EXPECT_GT(table.whole_runs, 0);
}

TEST_F(Profile, ListsTheStepsOfTheProgram) {
  network n(w_, v_);
  auto step = compile([&](variable x) { return n.step(x); });
  step(x_);
  std::size_t steps = 0;
  for (const program_part& p : step.last().parts()) steps += p.steps;
  EXPECT_EQ(steps, step.last().steps());
}

TEST_F(Profile, LeavesParametersAsSoManyRunsDo) {
  network profiled(w_, v_), run(w_, v_);
  auto step = compile([&](variable x) { return profiled.step(x); });
  auto same_step = compile([&](variable x) { return run.step(x); });
  step(x_);
  profile(step.last(), {{array_view(x_)}}, {.runs = 4});
  for (int i = 0; i < 5; ++i) same_step(x_);
  EXPECT_TRUE(same_bits(profiled.w.view(), run.w.view()));
  EXPECT_TRUE(same_bits(profiled.v.view(), run.v.view()));
}

TEST_F(Profile, LeavesParametersAsTheyWereWhenARunThrows) {
  tape t;
  const variable x = t.input(float32, {2});
  const parameter p("p", xt::xarray<float>{1, 2});
  t.assign(p, t.read(p) + x);
  t.require(less(x, 5), "too large");
  program code(t, {x}, {});
  EXPECT_THROW(profile(code, xt::xarray<float>{7, 7}), value_error);
  EXPECT_EQ(p.value<float>()(0), 1);
}

TEST_F(Profile, TellsTheSweepFromTheRest) {
  network n(w_, v_);
  auto step = compile([&](variable x) { return n.step(x); });
  step(x_);
  // Products: two forward, three of the sweep, two of which take the updates along.
  int forward = 0, reverse = 0;
  for (const program_part& p : step.last().parts()) {
    if (p.what.find("matmul") == std::string::npos) continue;
    forward += p.in == recorded::forward;
    reverse += p.in == recorded::reverse;
  }
  EXPECT_EQ(forward, 2);
  EXPECT_EQ(reverse, 3);
}

TEST_F(Profile, LeavesOutTheRatioWhereThereIsNoSweep) {
  network n(w_, v_);
  auto predict = compile([&](variable x) { return n.loss(x); });
  predict(x_);
  const profile_table table = profile(predict.last(), x_);
  EXPECT_FALSE(table.reverse_to_forward);
  EXPECT_EQ(table.reverse + table.after + table.mixed, row_with(table, "write").seconds);
}

// Each product has two of its size in the sweep.
TEST_F(Profile, TakesTwoTimesTheForwardPassForProducts) {
  const tensor x = random_.uniform({128, 256}), w = random_.uniform({256, 256});
  auto step = compile([&](variable a, variable b, variable c) {
    const variable l = sum(matmul(matmul(a, b), c));
    const auto g = gradient(l, {a, b, c});
    return std::vector<variable>{l, g[0], g[1], g[2]};
  });
  step(x, w, w);
  const profile_table table = profile(step.last(), x, w, w);
  ASSERT_TRUE(table.reverse_to_forward);
  EXPECT_LE(table.reverse_to_forward->least, table.reverse_to_forward->most);
  EXPECT_GT(table.reverse_to_forward->most, 1);
  EXPECT_LT(table.reverse_to_forward->least, 4);
}

TEST_F(Profile, PrintsATable) {
  network n(w_, v_);
  auto step = compile([&](variable x) { return n.step(x); });
  step(x_);
  profile_table table = profile(step.last(), x_);
  table.warning = "BLAS is slow";
  std::ostringstream text;
  text << table;
  for (const auto* part : {"GFLOP/s", "matmul", "bind inputs", "in all, medians of 21 runs",
                           "reverse / forward", "warning: BLAS is slow\n"}) {
    EXPECT_NE(text.str().find(part), std::string::npos) << part << " is not in\n" << text.str();
  }
}

TEST_F(Profile, PrintsEqualItemsAsOneLineWithTheirNumberAndSums) {
  const auto row = [](const char* what, double flops, std::size_t steps, double seconds) {
    profile_row r{};
    r.seconds = seconds;
    r.share = seconds / 10;
    r.share_of_peak = seconds / 8;
    r.part.what = what;
    r.part.flops = flops;
    r.part.bytes = 2 * flops;
    r.part.steps = steps;
    return r;
  };
  profile_table table;
  table.rows = {row("loop", 1e6, 1, 1), row("matmul", 8e6, 1, 2), row("loop", 3e6, 2, 4),
                row("loop", 0, 0, 0)};
  std::ostringstream text;
  text << table;
  const std::string grouped =
      "  50.0 5000000.000           4           8      0.0     0.0     42     3  3 times: loop\n"
      "  20.0 2000000.000           8          16      0.0     0.0     25     1  matmul\n"
      " 100.0 ";
  EXPECT_NE(text.str().find("steps\n" + grouped), std::string::npos) << text.str();
  EXPECT_NE(text.str().find("     4  in all"), std::string::npos) << text.str();
}

TEST_F(Profile, RefusesNoRunsAndWrongInputs) {
  tape t;
  const variable x = t.input(float32, {64, 96});
  program code(t, {x}, {exp(x)});
  EXPECT_THROW(profile(code, {{array_view(x_)}}, {.runs = 0}), value_error);
  EXPECT_THROW(profile(code, w_), shape_error);
  std::vector<double> seconds(1);
  const array_view view(x_);
  EXPECT_THROW(code.run({&view, 1}, seconds), value_error);
}

TEST(BlasWarning, IsEmptyWhereBlasDoesItsBest) {
  EXPECT_EQ(blas_warning("SkylakeX", isa::avx512, false, nullptr), "");
  EXPECT_EQ(blas_warning("Cooperlake", isa::avx512, false, nullptr), "");
  EXPECT_EQ(blas_warning("SkylakeX", isa::avx512, true, nullptr), "");
  EXPECT_EQ(blas_warning("Haswell", isa::avx2, false, "Haswell"), "");
  EXPECT_EQ(blas_warning("Zen", isa::avx2, true, nullptr), "");
  EXPECT_EQ(blas_warning("Prescott", isa::baseline, false, nullptr), "");
}

TEST(BlasWarning, NamesTheKernelsAndWhatForcedThem) {
  EXPECT_EQ(blas_warning("Haswell", isa::avx512, false, "Haswell"),
            "BLAS runs its kernels for Haswell, this processor has avx512: "
            "OPENBLAS_CORETYPE=Haswell is set, unset it");
  EXPECT_EQ(blas_warning("Haswell", isa::avx2, true, "Haswell"),
            "BLAS runs its kernels for Haswell, not those for this processor: "
            "OPENBLAS_CORETYPE=Haswell is set, unset it");
  EXPECT_EQ(blas_warning("Sandybridge", isa::avx2, false, nullptr),
            "BLAS runs its kernels for Sandybridge, this processor has avx2: "
            "a newer BLAS may know it");
}

TEST_F(Profile, SaysThatTheRatioCannotBeTold) {
  profile_table table;
  table.mixed = 1;
  std::ostringstream text;
  text << table;
  EXPECT_NE(text.str().find("reverse / forward: cannot be told"), std::string::npos);
}

TEST(MachinePeak, IsThatOfTheSmallestCopyThatHoldsTheBytes) {
  const machine_peak peak{1, 2, {{1000, 30}, {2000, 20}, {4000, 10}}};
  EXPECT_EQ(peak.copy(10), 30);
  EXPECT_EQ(peak.copy(1000), 30);
  EXPECT_EQ(peak.copy(1001), 20);
  EXPECT_EQ(peak.copy(1e9), 10);
  EXPECT_EQ(peak.flops(float64), 2);
}

}  // namespace
