// The programs of one function, or of one tape, run in one arena: bounded memory, and results that
// know when another run has replaced them.
#include <fmt/format.h>

#include <limits>
#include <memory>
#include <optional>

#include "cotape/primitive.hpp"
#include "draw.hpp"
#include "expect_error.hpp"

namespace cotape {
namespace {

using tests::expect_error;
using array = xt::xarray<float>;

array filled(std::vector<std::size_t> sizes, float value) { return array(std::move(sizes), value); }

// --- Memory -------------------------------------------------------------------------------------

TEST(SharedArena, AThousandBatchSizesTakeTheMemoryOfTheLargest) {
  const auto weight = [](std::size_t rows, std::size_t columns) {
    return parameter("w", filled({rows, columns}, 0.01F));
  };
  const parameter w1 = weight(100, 128), w2 = weight(128, 128), w3 = weight(128, 10);
  auto step = compile([&](variable x, variable y) {
    tape& t = x.owner();
    const variable out = matmul(relu(matmul(relu(matmul(x, w1)), w2)), w3);
    const variable loss = mean(square(out - y));
    for (const parameter& w : {w1, w2, w3})
      t.assign(w, t.read(w) - 0.01 * gradient(loss, t.read(w)));
    return loss;
  });
  const array x = filled({1000, 100}, 0.1F), y = filled({1000, 10}, 0);
  const auto run = [&](std::size_t n) {
    const auto rows = static_cast<std::int64_t>(n);
    step(array_view({float32, {rows, 100}}, x.data()), array_view({float32, {rows, 10}}, y.data()));
  };
  run(1000);
  const std::size_t largest = step.bytes(), arena = step.last().memory().arena;
  EXPECT_GE(largest, arena);
  for (std::size_t n = 1; n < 1000; ++n) run(n);
  EXPECT_LE(step.trace_count(), 64u);
  EXPECT_LT(step.bytes(), largest + 4'000'000);
}

TEST(SharedArena, IsAsLargeAsTheLargestNeeds) {
  auto f = compile([](variable x) { return sum(sin(x) * cumsum(x)); });
  f(filled({1000}, 1));
  const std::size_t one = f.bytes(), arena = f.last().memory().arena;
  f(filled({100}, 1));
  f(filled({10}, 1));
  EXPECT_LT(f.bytes(), one + arena / 2);
  f(filled({100000}, 1));
  EXPECT_GE(f.bytes(), f.last().memory().arena);
  EXPECT_LT(f.bytes(), f.last().memory().arena + one + arena);
}

TEST(SharedArena, TheLeastRecentlyUsedProgramGoes) {
  int traced = 0;
  auto f = compile([&](variable x) {
    ++traced;
    return x + 1;
  });
  for (std::size_t n = 1; n <= 64; ++n) f(filled({n}, 1));
  f(filled({1}, 1));
  EXPECT_EQ(traced, 64);
  f(filled({65}, 1));
  EXPECT_EQ(f.trace_count(), 64u);
  f(filled({1}, 1));
  EXPECT_EQ(traced, 65);
  f(filled({2}, 1));
  EXPECT_EQ(traced, 66);
}

TEST(SharedArena, ProgramsWithLargeConstantsGoEarlier) {
  auto f = compile([](variable x) {
    return sum(x) + x.owner().constant(tensor(value_type{float32, {16 << 20}}));  // 64 MiB
  });
  for (std::size_t n = 1; n <= 8; ++n) {
    f(filled({n}, 1));
    EXPECT_LE(f.bytes(), std::size_t{600} << 20);
  }
  EXPECT_LT(f.trace_count(), 8u);
  EXPECT_GE(f.trace_count(), 1u);
}

TEST(SharedArena, LeftoversOfOtherProgramsMoveNoBit) {
  const auto record = [](variable x) {
    const variable y = exp(x) * tanh(x) / (1 + abs(x)) + log(2 + square(x)), s = softmax(y);
    return std::vector<variable>{sum(y, {0}), max(y), cumsum(s), norm(y),
                                 gradient(sum(square(s)) + norm(y), x)};
  };
  const auto numbers = [](std::size_t n) {
    array x(std::vector<std::size_t>{n});
    for (std::size_t i = 0; i < n; ++i) x(i) = std::sin(static_cast<float>(i));
    return x;
  };
  auto shared = compile(record);
  for (const float left :
       {0.0F, std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity(),
        std::numeric_limits<float>::denorm_min(), -1e30F}) {
    for (std::size_t n : {1, 3, 15, 16, 17, 100, 127, 129, 1000, 1025}) {
      shared(filled({5000}, left));
      std::vector<tensor> found;
      for (const result& r : shared(numbers(n))) found.emplace_back(r.view());
      auto alone = compile(record);
      std::size_t i = 0;
      for (const result& r : alone(numbers(n))) {
        EXPECT_TRUE(same_bits(r.view(), found.at(i))) << n << " numbers, output " << i;
        ++i;
      }
    }
  }
}

// The same for each operation of the table and its gradient.
TEST(SharedArena, LeftoversMoveNoBitOfAnyOperation) {
  using outputs = std::vector<variable>;
  const auto poison = [](std::span<const variable> x) { return outputs{x[0] * 1, x[0] + 1}; };
  for (const tests::op_case& c : tests::op_cases()) {
    const auto record = [&](std::span<const variable> x) {
      outputs asked, all{c.apply({x.begin(), x.end()})};
      for (const variable& v : x) {
        if (v.dtype() != int64) asked.push_back(v);
      }
      const bool smooth = c.derivative == tests::slope::smooth && !asked.empty();
      if (smooth) all = vjp(all[0], asked, x[0].owner().constant(tensor(all[0].type())) + 0.5);
      return all;
    };
    tests::engine random(1);
    const tests::arrays given = tests::draw(c, random);
    std::vector<tensor> values;
    for (std::size_t i = 0; i < given.size(); ++i) {
      values.push_back(tests::to_tensor(given[i], c.inputs[i].from.in(float32)));
    }
    const std::vector<array_view> views(values.begin(), values.end());
    detail::program_cache shared, alone;
    for (const float left : {std::numeric_limits<float>::quiet_NaN(),
                             std::numeric_limits<float>::denorm_min(), -1e30F}) {
      const array leftover = filled({100000}, left);
      const std::vector<array_view> all{array_view({float32, {100000}}, leftover.data())};
      const auto run = [&](detail::program_cache& in, std::span<const array_view> x, const auto& f,
                           std::uint64_t number) -> program& {
        program* known = in.find(x, number);
        program& code = known != nullptr ? *known : in.make(x, f, number);
        code.run(x);
        return code;
      };
      run(shared, all, poison, 0);
      const program &found = run(shared, views, record, 1), &wanted = run(alone, views, record, 1);
      for (std::size_t i = 0; i < wanted.outputs(); ++i) {
        EXPECT_TRUE(same_bits(found.output(i).view(), wanted.output(i).view())) << c.text();
      }
    }
  }
}

// The arena grows, and with it moves, while the argument still lies in the old one.
TEST(SharedArena, AnArgumentMayBeAnEarlierResult) {
  auto f = compile([](variable x) { return concatenate({x * 2, x + 1}); });
  array wanted{1, 2, 3};
  array_view now({float32, {3}}, wanted.data());
  for (int i = 0; i < 12; ++i) {
    now = f(now).view();
    wanted = xt::concatenate(xt::xtuple(array(wanted * 2.0F), array(wanted + 1.0F)));
    ASSERT_EQ(to_xarray<float>(now), wanted) << i;
  }
  for (int i = 0; i < 3; ++i) {  // back and forth
    const array x = f(array{float(i), 2});
    EXPECT_EQ(x, (array{2.0F * float(i), 4, float(i) + 1, 3}));
    EXPECT_EQ(f(wanted).value<float>()(0), 2 * wanted(0));
  }
}

TEST(SharedArena, ConstantsOfTheProgramsStayApart) {
  auto f = compile([](variable x) {
    const float n = static_cast<float>(x.shape()[0]);
    const variable c = x.owner().constant(filled({static_cast<std::size_t>(n)}, n));
    return x * cumsum(c * n) + sin(c);
  });
  for (int k = 0; k < 3; ++k) {
    for (std::size_t n : {2, 300, 5}) {
      const auto m = static_cast<float>(n);
      EXPECT_NEAR(f(filled({n}, 1)).value<float>()(n - 1), m * m * m + std::sin(m),
                  1e-6 * m * m * m);
    }
  }
}

TEST(SharedArena, BelongsToValuesToo) {
  tape t;
  for (int k = 0; k < 3; ++k) {
    for (std::int64_t n : {3, 2000, 50}) {
      const tape_mark start = t.mark();
      const variable x = t.constant(filled({static_cast<std::size_t>(n)}, 0.5F + float(k)));
      const double wanted = double(n) * std::tanh(0.5 + k) * 1.5;
      EXPECT_NEAR(sum(tanh(x) * 1.5).value<float>()(), wanted, 1e-5 * wanted);
      t.rewind(start);
    }
  }
  EXPECT_EQ(cached_programs(t), 3u);
}

// --- Results ------------------------------------------------------------------------------------

TEST(Result, OfARunThatWasReplacedNamesTheCall) {
  const int line = __LINE__ + 1;
  auto f = compile([](variable x) { return x * 2; });
  const auto r1 = f(array{1, 2});
  EXPECT_EQ(r1.value<float>(), (array{2, 4}));
  const auto r2 = f(array{3, 4});
  expect_error<value_error>(
      [&] { r1.view(); },
      fmt::format("result: this value is of call 1, and call 2 of the function compiled at "
                  "shared_arena_test.cpp:{}, with float32 (2,), replaced it: copy what is to last "
                  "(value<T>(), copy_to)",
                  line));
  EXPECT_EQ(r2.value<float>(), (array{6, 8}));
  f(array{1, 2, 3});  // another trace, in the same arena
  expect_error<value_error>([&] { r2.value<float>(); }, "call 3 of the function compiled at");
  expect_error<value_error>([&] { r2.number(); }, ", with float32 (3,), replaced");
  array into = filled({2}, 0);
  expect_error<value_error>([&] { r2.copy_to(into); }, "this value is of call 2, and call 3");
  std::ostringstream out;
  expect_error<value_error>([&] { out << r2; }, "this value is of call 2, and call 3");
  expect_error<value_error>([&] { [[maybe_unused]] const float number = r2; }, "replaced");
}

TEST(Result, OfAListKnowsItsRun) {
  auto f = compile([](variable x) { return std::vector<variable>{x + 1, sum(x)}; });
  const auto& first = f(array{1, 2});
  EXPECT_EQ(first.size(), 2u);
  EXPECT_EQ(first[1].number(), 3);
  const std::vector<result> kept = first;
  const auto second = f(array{3, 4});
  EXPECT_EQ(second.at(1).number(), 7);
  expect_error<value_error>([&] { first[1]; }, "this value is of call 1, and call 2");
  expect_error<value_error>([&] { *first.begin(); }, "this value is of call 1, and call 2");
  expect_error<value_error>([&] { kept[1].number(); }, "this value is of call 1, and call 2");
  expect_error<value_error>([&] { second[2]; }, "results: there is no result 2, only 2");
}

TEST(Result, OutlivesTheFunctionAsAnError) {
  std::optional<result> r;
  const int line = __LINE__ + 2;
  {
    auto f = compile([](variable x) { return x * 2; });
    r = f(array{1, 2});
    EXPECT_EQ(r->value<float>()(1), 4);
  }
  expect_error<value_error>(
      [&] { r->view(); },
      fmt::format("result: this value is of call 1, and the function compiled at "
                  "shared_arena_test.cpp:{} was moved or destroyed: copy what",
                  line));
  {
    auto f = compile([](variable x) { return x * 2; });
    r = f(array{1, 2});
    auto g = std::move(f);
    expect_error<value_error>(
        [&] { r->view(); },
        fmt::format("shared_arena_test.cpp:{} was moved or destroyed", __LINE__ - 5));
    EXPECT_EQ(g(array{4}).number(), 8);
    expect_error<value_error>([&] { f(array{4}); },  // NOLINT
                              "compiled: the function was moved, call what it was moved to");
  }
}

TEST(Result, OfAFunctionThatIsAssignedThrows) {
  const auto make = [](double factor) {
    return compile([=](variable x) { return std::vector{x * factor, x + factor}; });
  };
  const std::string wanted =
      "and the function compiled at shared_arena_test.cpp:" + std::to_string(__LINE__ - 3) +
      " was moved or destroyed: copy what";
  auto f = make(2), g = make(3);
  const results of_f = f(array{1, 2}), of_g = g(array{1, 2});
  const result first = of_g[0];
  f = std::move(g);
  expect_error<value_error>([&] { of_f[0]; }, wanted);  // its programs are gone
  expect_error<value_error>([&] { of_g[0]; }, wanted);  // theirs belong to f now
  expect_error<value_error>([&] { first.number(); }, wanted);
  EXPECT_EQ(f(array{5})[0].number(), 15);
  const std::string moved = "compiled: the function was moved, call what it was moved to";
  expect_error<value_error>([&] { g(array{5}); }, moved);      // NOLINT
  expect_error<value_error>([&] { g.last(); }, moved);         // NOLINT
  expect_error<value_error>([&] { g.trace_count(); }, moved);  // NOLINT
  expect_error<value_error>([&] { g.bytes(); }, moved);        // NOLINT
  g = make(7);
  EXPECT_EQ(g(array{5})[1].number(), 12);
}

TEST(Result, OfAnEvictedProgramThrows) {
  auto f = compile([](variable x) { return x * 2; });
  const result r = f(array{1});
  for (std::size_t n = 2; n <= 70; ++n) f(filled({n}, 1));
  expect_error<value_error>([&] { r.number(); }, "call 70 of the function compiled at");
}

TEST(Result, OfAProgramKnowsItsRun) {
  tape t;
  const variable x = t.input(float32, {2}, "x");
  t.require(x < 100, "too large");
  std::optional<program> code(std::in_place, t, std::vector{x}, std::vector{x * 2});
  expect_error<value_error>([&] { code->output(0).view(); }, "result: the program has not run yet");
  const auto run = [&](const array& v) {
    code->run(std::vector{array_view({float32, {2}}, v.data())});
  };
  run({1, 2});
  const result first = code->output(0);
  EXPECT_EQ(first.value<float>()(1), 4);
  run({3, 4});
  expect_error<value_error>([&] { first.view(); },
                            "result: this value is of run 1, and run 2 of the program, with "
                            "float32 (2,), replaced it: copy");
  EXPECT_EQ(code->output(0).value<float>()(1), 8);
  EXPECT_THROW(run({3, 400}), value_error);
  expect_error<value_error>([&] { code->output(0).view(); }, "run 3 of the program");
  run({3, 4});
  const result last = code->output(0);
  const program moved = std::move(*code);
  EXPECT_EQ(last.value<float>()(1), 8);
  code.reset();
  EXPECT_EQ(last.value<float>()(1), 8);
  code.emplace(t, std::vector{x}, std::vector{x * 2});
  run({3, 4});
  const result gone = code->output(0);
  code.reset();
  expect_error<value_error>(
      [&] { gone.view(); },
      "result: this value is of run 1, and the program was moved or destroyed: copy");
}

TEST(Result, OfATemporaryGivesItsShape) {
  auto f = compile([](variable x) { return x * 2; });
  const shape& s = f(array{1, 2, 3}).view().shape();
  const value_type& type = f(array{1, 2, 3}).view().type();
  f(filled({1000}, 2));
  EXPECT_EQ(s, shape{3});
  EXPECT_EQ(type.text(), "float32 (3,)");
  std::int64_t total = 0;
  for (std::int64_t n : f(filled({2, 3}, 1)).view().shape()) total += n;
  EXPECT_EQ(total, 5);
  const shape& of_tensor = tensor(value_type{float32, {4}}).shape();
  EXPECT_EQ(of_tensor, shape{4});
}

// --- A run within a run -------------------------------------------------------------------------

std::function<void()> meanwhile;

struct calls_back {
  static constexpr auto name = "calls_back";
  template <class T> static T kernel(T x) {
    meanwhile();
    return x;
  }
  static variable derivative(variable, variable, variable dy) { return dy; }
};

TEST(Run, WithinARunIsRefused) {
  auto f = compile([](variable x) { return apply<calls_back>(x); });
  auto g = compile([](variable x) { return x * 2; });
  const std::string wanted = "run: this program, or one that shares its memory, is running";
  meanwhile = [&] { f(array{1}); };  // itself
  expect_error<value_error>([&] { f(array{1}); }, wanted);
  meanwhile = [&] { f(array{1, 2}); };  // another trace, not made yet
  expect_error<value_error>([&] { f(array{1}); }, wanted);
  EXPECT_EQ(f.trace_count(), 1u);
  float other = 0;
  meanwhile = [&] { other = g(array{3}); };  // another function may run
  EXPECT_EQ(f(array{1}).number(), 1);
  EXPECT_EQ(other, 6);
  meanwhile = [] { throw std::runtime_error("mine"); };
  expect_error<std::runtime_error>([&] { f(array{1}); }, "mine");
  meanwhile = [] {};
  EXPECT_EQ(f(array{5}).number(), 5);  // as before
  tape t;
  const parameter p("p", array{1});
  t.assign(p, apply<calls_back>(t.read(p)) + 1);
  meanwhile = [&] { t.read(p).value<float>(); };
  expect_error<value_error>([&] { t.commit(); }, wanted);
  EXPECT_EQ(p.value<float>()(0), 1);
  meanwhile = nullptr;
}

// What a kernel, or the function while it is traced, does with the function that it works for.
using function = compiled<std::function<variable(variable)>>;

function calling_back(float factor) {
  return compile(std::function<variable(variable)>(
      [values = array{factor}](variable x) { return apply<calls_back>(x) * values(0); }));
}

TEST(Run, MayDestroyAssignOrMoveItsFunction) {
  const std::string gone = "was moved or destroyed: copy what is to last";
  std::optional<function> f = calling_back(2);
  const array ones = filled({1000}, 1);
  // Before and after there are runs of it.
  for (const bool called : {false, true}) {
    meanwhile = [] {};
    if (called) (*f)(ones);
    meanwhile = [&] { f.reset(); };
    expect_error<value_error>([&] { (*f)(ones).view(); }, gone);
    EXPECT_FALSE(f);
    meanwhile = [] {};
    f = calling_back(2);
    meanwhile = [&] { *f = calling_back(3); };
    expect_error<value_error>([&] { (*f)(ones).view(); }, gone);
    meanwhile = [] {};
    EXPECT_EQ((*f)(ones).value<float>()(999), 3);
    std::optional<function> g;
    meanwhile = [&] {
      if (f) g = std::move(f), f.reset();
    };
    expect_error<value_error>([&] { (*f)(ones).view(); }, gone);
    EXPECT_EQ((*g)(ones).value<float>()(999), 3);
    meanwhile = [] {};
    f = calling_back(2);
  }
  meanwhile = nullptr;
}

TEST(Run, MayDestroyOrAssignItsProgram) {
  tape t;
  const variable x = t.input(float32, {1000}, "x");
  const array ones = filled({1000}, 1);
  const std::vector<array_view> at{array_view({float32, {1000}}, ones.data())};
  const auto make = [&](float factor) { return program(t, {x}, {apply<calls_back>(x) * factor}); };
  std::optional<program> code = make(2);
  meanwhile = [&] { code.reset(); };
  code->run(at);
  EXPECT_FALSE(code);
  code = make(2);
  std::vector<double> seconds(code->parts().size());
  code->run(at, seconds);
  EXPECT_FALSE(code);
  code = make(2);
  meanwhile = [&] { *code = make(3); };
  code->run(at);
  meanwhile = [] {};
  code->run(at);
  EXPECT_EQ(code->output(0).value<float>()(999), 3);
  meanwhile = nullptr;
}

TEST(Trace, MayDestroyAssignOrMoveItsFunction) {
  std::optional<function> f, g;
  std::function<void()> then;
  const auto make = [&](float factor) {
    return compile(std::function<variable(variable)>([&, values = array{factor}](variable x) {
      if (then) std::exchange(then, nullptr)();
      return x * values(0);
    }));
  };
  const std::string gone = "was moved or destroyed: copy what is to last";
  f = make(2);
  then = [&] { f.reset(); };
  expect_error<value_error>([&] { (*f)(array{1}).view(); }, gone);
  EXPECT_FALSE(f);
  f = make(2);
  then = [&] { *f = make(3); };
  expect_error<value_error>([&] { (*f)(array{1}).view(); }, gone);
  EXPECT_EQ((*f)(array{1}).number(), 3);
  then = [&] { g.emplace(std::move(*f)); };
  EXPECT_EQ((*f)(array{1, 1}).value<float>()(1), 3);
  EXPECT_EQ(g->trace_count(), 2u);
}

}  // namespace
}  // namespace cotape
