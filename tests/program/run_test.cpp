// Running programs: inputs, outputs of every kind, results, traces of compiled functions.
#include <fmt/format.h>

#include <sstream>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"

namespace cotape {
namespace {

using tests::expect_error;
using array = xt::xarray<float>;

array_view view_of(const array& a) { return {{float32, detail::shape_of(a)}, a.data()}; }

TEST(Program, HasSeveralOutputs) {
  tape t;
  const variable x = t.input(float32, {2});
  program code(t, {x}, {x * 2, sum(x), x + 1});
  const array value{1, 2};
  code.run(std::vector{view_of(value)});
  ASSERT_EQ(code.outputs(), 3u);
  EXPECT_EQ(code.output(0).value<float>(), (array{2, 4}));
  EXPECT_EQ(code.output(1).number(), 3);
  EXPECT_EQ(code.output(2).value<float>(), (array{2, 3}));
}

TEST(Program, OutputsMayBeAnythingOnTheTape) {
  tape t;
  const parameter w("w", array{5, 6});
  const variable x = t.input(float32, {2}), read = t.read(w), c = t.constant(array{7, 8});
  const variable literal = t.literal(2.5, float32, {}), y = sin(x);
  const variable view = reshape(y, {2, 1}), folded = c * 2, of_input = reshape(x, {1, 2});
  const std::vector<variable> outputs{
      x, read, c,    literal, view,     folded,           of_input,
      y, y,    view, x * 1,   1 * read, stop_gradient(c), broadcast_to(x, {2, 2})};
  for (const bool fuse : {true, false}) {
    program code(t, {x}, outputs, {.fuse = fuse});
    const array zeros{0, 0}, value{1, 2};
    code.run(std::vector{view_of(zeros)});
    code.run(std::vector{view_of(value)});
    const array s{std::sin(1.0F), std::sin(2.0F)};
    const auto expect = [&](std::size_t i, const array& wanted) {
      EXPECT_TRUE(xt::allclose(code.output(i).value<float>(), wanted)) << i;
      EXPECT_EQ(code.output(i).view().type(), outputs[i].type()) << i;
    };
    expect(0, value);
    expect(1, array{5, 6});
    expect(2, array{7, 8});
    expect(3, array(2.5F));
    expect(4, xt::view(s, xt::all(), xt::newaxis()));
    expect(5, array{14, 16});
    expect(6, xt::view(value, xt::newaxis(), xt::all()));
    expect(7, s);
    expect(8, s);
    expect(9, xt::view(s, xt::all(), xt::newaxis()));
    expect(10, value);
    expect(11, array{5, 6});
    expect(12, array{7, 8});
    expect(13, array{{1, 2}, {1, 2}});
  }
}

TEST(Program, OutputsKeepTheirValuesWhenSourcesChange) {
  tape t;
  const parameter w("w", array{5, 6});
  const variable x = t.input(float32, {2});
  program code(t, {x}, {x, t.read(w), reshape(t.read(w), {2, 1})});
  array value{1, 2};
  code.run(std::vector{view_of(value)});
  value(0) = 9;
  w.set(array{0, 0});
  EXPECT_EQ(code.output(0).value<float>(), (array{1, 2}));
  EXPECT_EQ(code.output(1).value<float>(), (array{5, 6}));
  EXPECT_EQ(code.output(2).value<float>()(1, 0), 6);
}

TEST(Program, MayHaveNoOutputsOrInputs) {
  tape t;
  const variable x = t.input(float32, {2});
  program nothing(t, {x}, {});
  const array value{1, 2};
  nothing.run(std::vector{view_of(value)});
  EXPECT_EQ(nothing.outputs(), 0u);
  EXPECT_EQ(nothing.steps(), 0u);
  program constant(t, {}, {t.constant(array{1, 2}) * 2});
  constant.run({});
  EXPECT_EQ(constant.output(0).value<float>(), (array{2, 4}));
}

TEST(Program, InputsNotNeededAreCheckedAndIgnored) {
  tape t;
  const variable x = t.input(float32, {2}), unused = t.input(float32, {3});
  program code(t, {unused, x}, {x + 1});
  const array value{1, 2}, other{1, 2, 3};
  code.run(std::vector{view_of(other), view_of(value)});
  EXPECT_EQ(code.output(0).value<float>(), (array{2, 3}));
  EXPECT_THROW(code.run(std::vector{view_of(value), view_of(value)}), shape_error);
}

TEST(Program, TakesInputsInTheOrderGiven) {
  tape t;
  const variable x = t.input(float32, {2}), y = t.input(float32, {2});
  program code(t, {y, x}, {x - y});
  const array a{1, 2}, b{10, 20};
  code.run(std::vector{view_of(a), view_of(b)});
  EXPECT_EQ(code.output(0).value<float>(), (array{9, 18}));
}

TEST(Program, BindsAnewAtEachRun) {
  tape t;
  const variable x = t.input(float32, {2, 2}), y = t.input(float32, {2, 2});
  program code(t, {x, y}, {matmul(x, y), x + y});
  for (const float n : {1.0F, 2.0F, 3.0F}) {
    const array a = xt::ones<float>({2, 2}) * n, b = xt::ones<float>({2, 2});  // other addresses
    code.run(std::vector{view_of(a), view_of(b)});
    EXPECT_EQ(code.output(0).value<float>()(1, 1), 2 * n);
    EXPECT_EQ(code.output(1).value<float>()(1, 1), n + 1);
  }
}

TEST(Program, OutlivesItsTapeAndItsParameterHandles) {
  std::unique_ptr<program> code;
  {
    tape t;
    const parameter w("w", array{1, 2});
    const variable x = t.input(float32, {2}), c = t.constant(array{10, 20});
    t.assign(w, t.read(w) + x * c);
    code = std::make_unique<program>(t, std::vector{x}, std::vector{t.read(w)});
  }
  const array value{1, 1};
  for (int i = 0; i < 2; ++i) code->run(std::vector{view_of(value)});
  EXPECT_EQ(code->output(0).value<float>(), (array{21, 42}));
}

TEST(Program, IsUnchangedByWhatIsRecordedLater) {
  tape t;
  const variable x = t.input(float32, {2});
  const tape_mark m = t.mark();
  const variable y = x * t.constant(array{2, 3});
  program code(t, {x}, {y});
  t.rewind(m);
  for (int i = 0; i < 100; ++i) t.constant(array{9, 9}) + x;
  const array value{1, 1};
  code.run(std::vector{view_of(value)});
  EXPECT_EQ(code.output(0).value<float>(), (array{2, 3}));
}

TEST(Program, MovesKeepItWorking) {
  tape t;
  const variable x = t.input(float32, {2});
  program first(t, {x}, {x + 1});
  program second = std::move(first);
  first = program(t, {x}, {x + 2});
  const array value{1, 1};
  second.run(std::vector{view_of(value)});
  first.run(std::vector{view_of(value)});
  EXPECT_EQ(second.output(0).value<float>()(0), 2);
  EXPECT_EQ(first.output(0).value<float>()(0), 3);
}

// An output is a view into the program's own memory, and may be the next run's input.
TEST(Program, TakesItsOwnOutputsAsInputs) {
  for (const bool fuse : {true, false}) {
    tape t;
    const variable x = t.input(float32, {2, 2}), y = t.input(float32, {2, 2});
    program code(t, {x, y}, {y + 1, sin(x) * 0 + x, matmul(x, y)}, {.fuse = fuse});
    const array a{{1, 2}, {3, 4}}, b{{10, 20}, {30, 40}};
    code.run(std::vector{view_of(a), view_of(b)});
    for (int i = 0; i < 3; ++i) {
      const array left = code.output(0), right = code.output(1);
      code.run(std::vector{code.output(0).view(), code.output(1).view()});
      EXPECT_EQ(code.output(0).value<float>(), right + 1.0F) << i;
      EXPECT_EQ(code.output(1).value<float>(), left) << i;
      EXPECT_EQ(code.output(2).value<float>()(0, 0),
                left(0, 0) * right(0, 0) + left(0, 1) * right(1, 0));
    }
  }
}

TEST(Program, TakesAParameterThatItUpdatesAsInput) {
  const parameter p("p", array{{1, 2}, {3, 4}});
  tape t;
  const variable x = t.input(float32, {2, 2});
  t.assign(p, t.read(p) * 2);
  const variable y = matmul(t.constant(array{{1, 0}, {0, 1}}), cumsum(cumsum(t.read(p))));
  program code(t, {x}, {matmul(matmul(x, y), x) * 0 + matmul(x, x)});
  const std::vector<array_view> inputs{p.view()};
  code.run(inputs);
  EXPECT_EQ(code.output(0).value<float>(), (array{{7, 10}, {15, 22}}));  // of the old value
  EXPECT_EQ(p.value<float>(), (array{{2, 4}, {6, 8}}));
}

TEST(Program, WidensFloat32ValuesOfFloat64Inputs) {
  tape t{precision::float64};
  const variable x = t.input(float32, {2, 2}), y = t.input(float32, {2, 2});
  program code(t, {x, y}, {matmul(x, y), x + y});
  const array a{{1, 2}, {3, 4}}, b{{0.1F, 0}, {0, 0.1F}};
  for (int i = 0; i < 2; ++i) {
    code.run(std::vector{view_of(a), view_of(b)});
    EXPECT_EQ(code.output(0).value<double>()(1, 1), 4 * static_cast<double>(0.1F));
    EXPECT_EQ(code.output(1).value<double>()(0, 0), 1 + static_cast<double>(0.1F));
  }
}

TEST(Program, RunsOnEmptyValues) {
  tape t;
  const variable x = t.input(float32, {0, 3}), y = t.input(float32, {3, 2});
  program code(
      t, {x, y},
      {sin(x) + 1, sum(x), sum(x, 0), matmul(x, y), gradient(sum(x), x), matmul(transpose(x), x)});
  const array none(std::vector<std::size_t>{0, 3}), b = xt::ones<float>({3, 2});
  code.run(std::vector{view_of(none), view_of(b)});
  EXPECT_EQ(code.output(0).view().shape(), (shape{0, 3}));
  EXPECT_EQ(code.output(1).number(), 0);
  EXPECT_EQ(code.output(2).value<float>(), (array{0, 0, 0}));
  EXPECT_EQ(code.output(3).view().shape(), (shape{0, 2}));
  EXPECT_EQ(code.output(5).value<float>(), xt::zeros<float>({3, 3}));
}

TEST(Result, ConvertsToNumbersAndContainers) {
  tape t;
  const variable x = t.input(float32, {2}), n = t.constant(xt::xarray<int>{7});
  program code(t, {x}, {sum(x), x, n, sum(cast(x, float64))});
  const array value{1, 2.5};
  code.run(std::vector{view_of(value)});
  const float f = code.output(0);
  const double d = code.output(0);
  const int i = code.output(2);
  const array a = code.output(1);
  EXPECT_EQ(f, 3.5F);
  EXPECT_EQ(d, 3.5);
  EXPECT_EQ(i, 7);
  EXPECT_EQ(a, value);
  EXPECT_EQ(code.output(3).number(), 3.5);
  expect_error<shape_error>([&] { code.output(1).number(); },
                            "result: float32 (2,) is not one number");
  expect_error<dtype_error>([&] { code.output(1).value<double>(); },
                            "data_as: float64 was asked for, but the value is float32");
  expect_error<value_error>([&] { code.output(4); }, "program: there is no output 4, only 4");
}

// --- Compiled functions -------------------------------------------------------------------------

TEST(Program, PlainNumbersAdoptTheInputsDtype) {
  tape t;
  const variable x = t.input(float32, {}), y = t.input(float64, {});
  EXPECT_EQ((x * 2).value<float>({{x, 1.5}})(), 3.0F);
  EXPECT_EQ((y * 2).value<double>({{y, 3}})(), 6.0);
}

TEST(Result, CopiesIntoTheUsersBuffers) {
  auto twice = compile([](variable x) { return x * 2; });
  const array value{{1, 2}, {3, 4}};
  array into = xt::zeros<float>({2, 2});
  const float* before = into.data();
  twice(value).copy_to(into);
  EXPECT_EQ(into, (array{{2, 4}, {6, 8}}));
  EXPECT_EQ(into.data(), before);
  array flat = xt::zeros<float>({4});
  expect_error<shape_error>([&] { twice(value).copy_to(flat); },
                            "result: its shape is (2, 2), the container's (4,): resize it");
  xt::xarray<double> wide = xt::zeros<double>({2, 2});
  expect_error<dtype_error>([&] { twice(value).copy_to(wide); },
                            "result: it is float32, the container float64");
}

TEST(Compiled, TracesOnceForEachCombinationOfTypes) {
  int traced = 0;
  auto f = compile([&](variable x, variable y) {
    ++traced;
    return x * 2 + y;
  });
  EXPECT_EQ(f(array{1, 2}, array{3, 4}).value<float>(), (array{5, 8}));
  EXPECT_EQ(f(array{2, 2}, array{3, 4}).value<float>(), (array{7, 8}));
  EXPECT_EQ(traced, 1);
  EXPECT_EQ(f(array{1, 2, 3}, array{1, 1, 1}).value<float>(), (array{3, 5, 7}));
  EXPECT_EQ(f(array{1, 2}, array{3}).value<float>(), (array{5, 7}));
  const xt::xarray<double> d{1, 2};
  EXPECT_EQ(f(d, d).value<double>(), (xt::xarray<double>{3, 6}));
  EXPECT_EQ(traced, 4);
  EXPECT_EQ(f.trace_count(), 4u);
  EXPECT_EQ(f(array{1, 1}, array{1, 1}).value<float>(), (array{3, 3}));
  EXPECT_EQ(traced, 4);
}

TEST(Compiled, ReturnsAResultAListOrATuple) {
  auto one = compile([](variable x) { return x + 1; });
  auto list = compile([](variable x) { return std::vector<variable>{x + 1, sum(x)}; });
  auto tuple = compile([](variable x) { return std::tuple<variable, variable>{x + 1, sum(x)}; });
  const array x{1, 2};
  EXPECT_EQ(one(x).value<float>(), (array{2, 3}));
  const std::vector<result>& results = list(x);
  ASSERT_EQ(results.size(), 2u);
  EXPECT_EQ(results[0].value<float>(), (array{2, 3}));
  EXPECT_EQ(results[1].number(), 3);
  EXPECT_EQ(tuple(x).at(1).number(), 3);
}

TEST(Compiled, TakesExpressionsNumbersAndParameters) {
  auto f = compile([](variable x, variable y) { return x + y; });
  const array m{{1, 2}, {3, 4}};
  const parameter p("p", array{10, 20});
  EXPECT_EQ(f(xt::view(m, 0), xt::sum(m, {0})).value<float>(), (array{5, 8}));
  EXPECT_EQ(f(p, 1.5F).value<float>(), (array{11.5F, 21.5F}));
  EXPECT_EQ(f(2, 3).number(), 5);
}

TEST(Compiled, FreezesWhatCppComputed) {
  int steps = 1;
  auto f = compile([&](variable x) {
    for (int i = 0; i < steps; ++i) x = x * 2;
    return x;
  });
  EXPECT_EQ(f(array{1}).value<float>()(0), 2);
  steps = 3;
  EXPECT_EQ(f(array{1}).value<float>()(0), 2);
  EXPECT_EQ(f(array{1, 1}).value<float>()(0), 8);  // a new trace
}

// It ended in std::bad_function_call, or in a crash, at the first call.
TEST(Compiled, IsNoEmptyFunction) {
  const std::string message = "compile: the function is empty";
  expect_error<value_error>([] { compile(std::function<variable(variable)>()); }, message);
  variable (*const none)(variable) = nullptr;
  expect_error<value_error>([&] { compile(none); }, message);
}

TEST(Compiled, AFailedTraceIsForgotten) {
  bool fail = true;
  auto f = compile([&](variable x) {
    if (fail) throw std::runtime_error("mine");
    return x;
  });
  expect_error<std::runtime_error>([&] { f(array{1}); }, "mine");
  EXPECT_EQ(f.trace_count(), 0u);
  expect_error<value_error>([&] { f.last(); }, "compiled: it was not called yet");
  fail = false;
  EXPECT_EQ(f(array{1}).value<float>()(0), 1);
  EXPECT_EQ(f.last().outputs(), 1u);
}

TEST(Compiled, MayCallItselfWithOtherTypesOnly) {
  std::function<array(const array&)> again;
  bool fail = true;
  auto f = compile([&](variable x) {
    if (x.shape()[0] == 3) {
      const array inner = again(array{1, 2});
      if (fail) throw std::runtime_error("mine");
      return x * inner(1);
    }
    if (x.shape()[0] == 4) again(array{1, 2, 3, 4});
    return x + 1;
  });
  again = [&](const array& x) { return f(x).template value<float>(); };
  expect_error<std::runtime_error>([&] { f(array{1, 2, 3}); }, "mine");
  EXPECT_EQ(f.trace_count(), 1u);
  fail = false;
  EXPECT_EQ(f(array{1, 2, 3}).value<float>()(2), 9);
  EXPECT_EQ(f.last().output(0).view().shape(), shape{3});
  expect_error<value_error>(
      [&] {
        f(array{1, 2, 3, 4});
      },
      "compiled: it calls itself with the types that it is being traced for");
}

TEST(Compiled, OutputsOfATraceMustLiveOnItsTape) {
  tape other;
  const variable foreign = other.input(float32, {1});
  auto f = compile([&](variable) { return foreign; });
  expect_error<tape_error>([&] { f(array{1}); }, "program: a variable lives on another tape");
}

TEST(Compiled, UpdatesFlowFromOneTraceToAnother) {
  const parameter total("total", 0.0F);
  auto add = compile([&](variable x) {
    tape& t = x.owner();
    t.assign(total, t.read(total) + sum(x));
    return t.read(total);
  });
  EXPECT_EQ(add(array{1, 2}).number(), 3);
  EXPECT_EQ(add(array{1, 2, 3}).number(), 9);
  EXPECT_EQ(add(array{1, 2}).number(), 12);
}

// --- Errors -------------------------------------------------------------------------------------

TEST(ProgramErrors, AnInputThatIsNeededButNotListedThrows) {
  tape t;
  const std::string at = " is needed but not bound [made at run_test.cpp:";
  const int line = __LINE__ + 1;
  const variable x = t.input(float32, {2}, "x"), y = t.input(float32, {2});
  expect_error<value_error>([&] { program(t, {y}, {x + y}); },
                            "program: input 'x'" + at + std::to_string(line) + "]");
  expect_error<value_error>([&] { program(t, {x}, {x + y}); }, "program: input 1" + at);
  EXPECT_NO_THROW(program(t, {x}, {x + 1}));
  t.assign(parameter("p", array{1, 2}), y);
  expect_error<value_error>([&] { program(t, {x}, {x + 1}); }, "program: input 1" + at);
}

TEST(ProgramErrors, OnlyInputsCanBeListedAsInputs) {
  tape t;
  const variable x = t.input(float32, {2}), y = x + 1, one = t.constant(1.0F);
  const auto made = fmt::format(" [made at run_test.cpp:{}]", __LINE__ - 1);
  expect_error<value_error>(
      [&] {
        program(t, {x, y}, {y});
      },
      "program: input 1 was not made by tape.input" + made);
  expect_error<value_error>([&] { program(t, {one}, {y}); },
                            "program: input 0 was not made by tape.input" + made);
  expect_error<value_error>(
      [&] {
        program(t, {x, x}, {y});
      },
      "program: input 1 is listed twice" + made);
}

TEST(ProgramErrors, OfACompiledFunctionPointToItsArguments) {
  const int line = __LINE__ + 1;
  auto f = compile([](variable x, variable y) { return x + y; });
  const array two{1, 2}, three{1, 2, 3};
  expect_error<shape_error>(
      [&] { f(two, three); },
      fmt::format("operands made at run_test.cpp:{}, run_test.cpp:{}]", line, line));
}

TEST(ProgramErrors, VariablesOfAnotherTapeThrow) {
  tape t, other;
  const variable x = t.input(float32, {2}), y = other.input(float32, {2});
  const auto text = fmt::format(
      "program: a variable lives on another tape [made at run_test.cpp:{}]", __LINE__ - 2);
  expect_error<tape_error>([&] { program(t, {y}, {x}); }, text);
  expect_error<tape_error>([&] { program(t, {x}, {y}); }, text);
}

TEST(ProgramErrors, ValuesThatDoNotFitThrow) {
  tape t;
  const variable x = t.input(float32, {2}, "x"), i = t.input(int64, {});
  program code(t, {x, i}, {x, i});
  const array good{1, 2}, wrong{1, 2, 3};
  const xt::xarray<double> wide{1, 2};
  const xt::xarray<std::int64_t> index(std::int64_t{1});
  const array_view number({int64, {}}, index.data());
  expect_error<value_error>([&] { code.run(std::vector{view_of(good)}); },
                            "run: 1 values for 2 inputs");
  expect_error<shape_error>(
      [&] {
        code.run(std::vector{view_of(wrong), number});
      },
      "run: input 'x' has shape (2,), the value (3,)");
  const array_view narrow({float64, {2}}, wide.data());
  expect_error<dtype_error>(
      [&] {
        code.run(std::vector{narrow, number});
      },
      "run: input 'x' is float32, the value float64: convert it");
  const array one(1.0F);
  expect_error<dtype_error>(
      [&] {
        code.run(std::vector{view_of(good), view_of(one)});
      },
      "run: input 1 is int64, the value float32: convert it");
  EXPECT_NO_THROW(code.run(std::vector{view_of(good), number}));
}

TEST(Result, PrintsItsNumberOrItsType) {
  auto f = compile([](variable x) { return std::vector<variable>{sum(x), x}; });
  std::ostringstream out;
  for (const result& r : f(xt::xarray<float>{1, 1.5F})) out << r << "; ";
  EXPECT_EQ(out.str(), "2.5; float32 (2,); ");
}

}  // namespace
}  // namespace cotape
