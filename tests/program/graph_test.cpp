// The inside of the compiler: what a legal graph is, and the arena's allocation.
#include "program/graph.hpp"

#include <ctime>
#include <map>
#include <random>

#include "expect_error.hpp"
#include "many.hpp"
#include "program/gemm.hpp"
#include "program/placement.hpp"
#include "program/schedule.hpp"

namespace cotape {
namespace {

using tests::expect_error;

std::uint32_t first(const graph& g, std::string_view name) {
  for (std::uint32_t v = 0; v < g.values.size(); ++v) {
    if (name == g.values[v].op->name) return v;
  }
  return no_node;
}

TEST(Verify, AcceptsALegalGraph) {
  tape t;
  const variable x = t.input(float32, {4});
  graph g = needed_part(t, {sin(x) + x}, {});
  prune(g);
  EXPECT_NO_THROW(verify(g));
}

TEST(Verify, FindsWhatIsIllegal) {
  tape t;
  const variable x = t.input(float32, {4, 4}), c = t.constant(xt::ones<float>({4, 4}));
  const parameter p("p", xt::zeros<float>({4, 4}));
  t.assign(p, t.read(p) * 2);
  graph g = needed_part(t, {reshape(x + sin(x), {16}), matmul(x, x) + cos(x), sin(c)}, {});
  prune(g);
  take_into_products(g);
  prune(g);
  mark_constants(g, false);
  EXPECT_NO_THROW(verify(g));
  const auto broken = [&](const char* text, auto&& harm) {
    graph copy = g;
    harm(copy);
    expect_error<std::logic_error>([&] { verify(copy); }, text);
  };
  broken("graph: an input follows its user",
         [&](graph& h) { h.values[first(h, "add")].in[0] = first(h, "add"); });
  broken("graph: a view of another size", [&](graph& h) {
    h.values[first(h, "reshape")].type = h.values[first(h, "literal")].type;
  });
  broken("graph: a value and what it goes into differ in type", [&](graph& h) {
    ASSERT_TRUE(h.values[first(h, "matmul")].into);
    h.values[first(h, "cos")].type = h.values[first(h, "reshape")].type;
  });
  broken("graph: a constant depends on a value that is none",
         [&](graph& h) { h.values[first(h, "cos")].constant = true; });
  broken("graph: an update of another shape",
         [&](graph& h) { h.updates[0].value = first(h, "reshape"); });
}

TEST(Passes, ConstantsAreMarkedWhereAllOperandsAre) {
  tape t;
  const variable x = t.input(float32, {4}), c = t.constant(xt::ones<float>({4}));
  for (const bool rebind : {false, true}) {
    graph g = needed_part(t, {sin(c) + cos(x), exp(t.literal(2, float32, {}))}, {});
    prune(g);
    mark_constants(g, rebind);
    EXPECT_EQ(g.values[first(g, "sin")].constant, !rebind);
    EXPECT_EQ(g.values[first(g, "constant")].constant, !rebind);
    EXPECT_FALSE(g.values[first(g, "cos")].constant);
    EXPECT_FALSE(g.values[first(g, "add")].constant);
    EXPECT_TRUE(g.values[first(g, "exp")].constant);
  }
}

TEST(Passes, WalkOverAnyNumberOfOperands) {
  tape t;
  std::vector<variable> x, y;
  for (int n = 0; n < 6; ++n) x.push_back(t.input(float64, {4}));
  for (int n = 0; n < 6; ++n) y.push_back(sin(x[std::size_t(5 - n)]));
  const variable a = tests::many(y), same = tests::many(y);
  const variable five = tests::many({y.begin(), y.end() - 1});
  y[5] = y[4] * 1;
  const variable other = tests::many(y);
  tests::many(x);  // which nothing needs
  graph g = needed_part(t, {a, same, five, other}, {});
  prune(g);
  verify(g);
  ASSERT_EQ(first(g, "many"), 12u);
  EXPECT_EQ(tests::listed(g.operands(12)), (std::vector<std::uint32_t>{6, 7, 8, 9, 10, 11}));
  EXPECT_EQ(g.outputs[0], 12u);
  EXPECT_EQ(g.outputs[1], 12u);
  EXPECT_EQ(tests::listed(g.operands(g.outputs[2])), (std::vector<std::uint32_t>{6, 7, 8, 9, 10}));
  // y[4] * 1 is y[4] itself.
  EXPECT_EQ(tests::listed(g.operands(g.outputs[3])),
            (std::vector<std::uint32_t>{6, 7, 8, 9, 10, 10}));
  g.outputs = {g.outputs[3]};
  prune(g);
  mark_constants(g, false);
  verify(g);
  ASSERT_EQ(g.values.size(), 11u);  // five inputs, five sines
  EXPECT_EQ(tests::listed(g.operands(10)), (std::vector<std::uint32_t>{5, 6, 7, 8, 9, 9}));
  const schedule s = make_schedule(g, true);
  EXPECT_EQ(s.uses.of(9).size() + s.uses.kept(9), 2u);
  EXPECT_EQ(s.item_of[10], s.item_of[5] + 1);
  const placement p = make_placement(g, s, false);
  for (std::uint32_t v = 5; v < 10; ++v) EXPECT_EQ(p.of[v].where, region::arena);
}

// Its node is the number of its message, which is no node of the tape.
TEST(Passes, ARequirementHasNoAttributes) {
  tape t;
  const variable number = t.constant(xt::xarray<double>{2}), x = t.input(float64, {1});
  t.require(x, "x is not 0");
  const graph g = needed_part(t, {x * number}, {});
  ASSERT_EQ(g.requirements.size(), 1u);
  EXPECT_TRUE(g.attributes(g.requirements[0]).empty());
}

// Blocks that come and go at random: those that are alive at once never overlap, and what is free
// is used again, in few blocks, which are packed, as in many.
class ArenaPlan : public testing::TestWithParam<int> {};

TEST_P(ArenaPlan, LivingBlocksNeverOverlapAndFreeOnesAreUsedAgain) {
  std::mt19937 engine(1);
  arena_plan plan;
  struct life {
    std::uint64_t bytes;
    int first, last;
  };
  std::vector<life> lives;
  std::vector<arena_plan::block> alive;
  std::uint64_t bytes = 0, most = 0;
  for (int i = 0; i < GetParam(); ++i) {
    if (engine() % 2 == 0 || alive.empty()) {
      const std::uint64_t size = 64 * (1 + engine() % 20);
      alive.push_back(plan.allocate(size));
      ASSERT_EQ(alive.back(), lives.size());
      lives.push_back({size, i, GetParam()});
      most = std::max(most, bytes += size);
    } else {
      const std::size_t k = engine() % alive.size();
      plan.release(alive[k]);
      lives[alive[k]].last = i;
      bytes -= lives[alive[k]].bytes;
      alive.erase(alive.begin() + static_cast<std::ptrdiff_t>(k));
    }
  }
  const std::vector<std::uint64_t> at = plan.offsets();
  for (std::size_t a = 0; a < lives.size(); ++a) {
    ASSERT_LE(at[a] + lives[a].bytes, plan.size());
    for (std::size_t b = a + 1; b < lives.size() && lives[b].first < lives[a].last; ++b) {
      ASSERT_TRUE(at[a] + lives[a].bytes <= at[b] || at[b] + lives[b].bytes <= at[a]);
    }
  }
  EXPECT_EQ(plan.most_alive(), most);
  EXPECT_LT(plan.size(), lives.size() < 10000 ? most + most / 8 : 2 * most);
}

INSTANTIATE_TEST_SUITE_P(Blocks, ArenaPlan, testing::Values(1000, 4000, 80000));

// What lives long and was allocated between short lives leaves holes for nobody; with all lives in
// view it stands beside them.
TEST(ArenaPlans, PackWhereHolesRemain) {
  arena_plan plan;
  for (int i = 0; i < 10; ++i) {
    const arena_plan::block dies = plan.allocate(640);
    plan.allocate(64);
    plan.release(dies);
    plan.release(plan.allocate(704));
  }
  const std::vector<std::uint64_t> at = plan.offsets();
  EXPECT_EQ(plan.size(), plan.most_alive());
}

// Also where many free blocks have one size: the cost of a block may not grow with their number.
TEST(ArenaPlans, TakeLinearTime) {
  const std::clock_t start = std::clock();
  arena_plan plan;
  std::vector<arena_plan::block> blocks;
  for (int i = 0; i < 200000; ++i) blocks.push_back(plan.allocate(64));
  for (std::size_t i = 0; i < blocks.size(); i += 2) plan.release(blocks[i]);
  // Joining a block with its neighbours looks for each of them among 100,000 of their size.
  for (std::size_t i = blocks.size() - 1; i > 2; i -= 2) plan.release(blocks[i]);
  plan.offsets();
  EXPECT_EQ(plan.size(), 200000u * 64);
  EXPECT_LT(static_cast<double>(std::clock() - start) / CLOCKS_PER_SEC, 3);  // is 0.1; was 60
}

}  // namespace
}  // namespace cotape
