// Kernels of one's own: operands, scratch and attributes of any number; what merges; derivatives;
// what is refused, and what a kernel that throws leaves behind.
#include <array>
#include <atomic>
#include <cmath>
#include <sstream>
#include <thread>

#include "expect_error.hpp"
#include "sanitized.hpp"
#include "weave.hpp"

namespace cotape::tests {
namespace {

template <class T> xt::xarray<T> numbers(std::size_t n, std::size_t from) {
  xt::xarray<T> x = xt::zeros<T>({n});
  for (std::size_t i = 0; i < n; ++i)
    x(i) = static_cast<T>(0.25 * std::sin(static_cast<double>(3 * i + 7 * from)));
  return x;
}

template <class T>
double woven(const std::vector<xt::xarray<T>>& x, const weaving& with, std::size_t i) {
  const std::size_t n = x[0].size(), k = x.size(), at = with.turned ? n - 1 - i : i;
  double sum = 0;
  for (std::size_t j = 0; j < k; ++j) {
    sum +=
        double{x[j](at)} * double{x[(j + 1) % k]((at + static_cast<std::size_t>(with.shift)) % n)};
  }
  return with.weight * sum;
}

// Compiled, fused and not, run twice with other arrays; by value().
template <class T> void expect_woven(std::size_t operands, std::size_t n, const weaving& with) {
  constexpr dtype d = dtype_of<T>::value;
  tape t;
  std::vector<variable> inputs;
  for (std::size_t k = 0; k < operands; ++k) {
    inputs.push_back(t.input(d, {static_cast<std::int64_t>(n)}));
  }
  const variable y = weave(inputs, with);
  const double tolerance = static_cast<double>(2 * operands) * std::numeric_limits<T>::epsilon();
  for (const bool fuse : {true, false}) {
    program code(t, inputs, {exp(y), y * 2}, {.fuse = fuse});
    for (std::size_t run : {0, 1}) {
      std::vector<xt::xarray<T>> x;
      std::vector<array_view> views;
      for (std::size_t k = 0; k < operands; ++k) x.push_back(numbers<T>(n, k + 10 * run));
      for (const auto& each : x)
        views.push_back({{d, {static_cast<std::int64_t>(n)}}, each.data()});
      code.run(views);
      const auto twice = code.output(1).template value<T>();
      for (std::size_t i = 0; i < n; ++i) EXPECT_NEAR(twice(i), 2 * woven(x, with, i), tolerance);
    }
  }
}

TEST(OwnKernel, TakesAnyNumberOfOperandsWithScratch) {
  for (const std::size_t operands : {1, 3, 4, 7}) {
    for (const std::size_t n : {1, 5, 64, 129}) {
      expect_woven<double>(operands, n, {.shift = 1, .weight = 0.5});
      expect_woven<float>(operands, n, {.shift = 1, .weight = 0.5, .turned = true});
    }
  }
}

TEST(OwnKernel, GivesTheSameOnSeveralThreads) {
  const int before = num_threads();
  set_num_threads(2);
  expect_woven<double>(4, 3000, {.shift = 2});
  set_num_threads(before);
}

struct ramp {
  std::int64_t size = 0;
  float step = 1;
  constexpr void fields(auto f) {
    f("size", size);
    f("step", step);
  }
};
value_type infer_ramp(const signature& s) { return {float64, {attributes_of<ramp>(s).size}}; }
void run_ramp(const kernel_call& c) noexcept {
  const auto scratch = c.scratch<double>();
  const auto y = c.result<double>();
  for (std::size_t i = 0; i < y.size(); ++i) scratch[i] = static_cast<double>(i);
  for (std::size_t i = 0; i < y.size(); ++i) {
    y[i] = scratch[i] * static_cast<double>(attributes_of<ramp>(c).step);
  }
}
const primitive ramp_op{.name = "ramp",
                        .how = form::kernel,
                        .arity = 0,
                        .infer = infer_ramp,
                        .lower =
                            [](lowering& l) {
                              l.scratch_bytes = l.output.bytes();
                              lower_to_kernel(l, {}, run_ramp);
                            },
                        .attributes_text = fields_text<ramp>};

TEST(OwnKernel, TakesNoOperand) {
  tape t;
  const variable x = t.input(float64, {3});
  const variable y = t.record(ramp_op, {}, words_of(ramp{.size = 3, .step = 0.5F}));
  EXPECT_EQ((y * x).value<double>({{x, xt::xarray<double>{1, 2, 3}}}),
            (xt::xarray<double>{0, 1, 3}));
  EXPECT_EQ(gradient(sum(y * x), x).value<double>(), (xt::xarray<double>{0, 0.5, 1}));
  EXPECT_EQ(t.record(ramp_op, {}, words_of(ramp{})).value<double>().size(), 0U);
}

// The address of its operand.
const primitive address_op{.name = "address",
                           .how = form::kernel,
                           .arity = 1,
                           .infer =
                               [](const signature&) {
                                 return value_type{int64, {}};
                               },
                           .lower =
                               [](lowering& l) {
                                 const auto run = [](const kernel_call& c) noexcept {
                                   c.result<std::int64_t>()[0] =
                                       reinterpret_cast<std::int64_t>(c.operand<float>(0).data());
                                 };
                                 lower_to_kernel(l, +run, {});
                               }};

TEST(OwnKernel, ReadsOperandsWhereTheyAre) {
  tape t;
  const variable x = t.input(float32, {3});
  program code(t, {x}, {record(address_op, {x})});
  const std::vector<float> memory(9);
  for (const std::size_t at : {1U, 5U}) {
    code.run(std::vector<array_view>{{{float32, {3}}, &memory[at]}});
    EXPECT_EQ(code.output(0).value<std::int64_t>()(), reinterpret_cast<std::int64_t>(&memory[at]));
  }
}

TEST(OwnKernel, ChoosesByTheFloatingDtype) {
  tape t;
  const variable whole = t.constant(xt::xarray<std::int64_t>{1, 2});
  expect_error<dtype_error>([&] { record(address_op, {whole}).value<std::int64_t>(); },
                            "address: it has no kernel for int64");
  const variable doubles = t.constant(xt::xarray<double>{1, 2});
  expect_error<dtype_error>([&] { record(address_op, {doubles}).value<std::int64_t>(); },
                            "address: it has no kernel for float64");
}

// --- Attributes
// -----------------------------------------------------------------------------------

const weaving some{.shift = 1, .weight = 0.25, .turned = true};
const std::string some_text = "weave(shift=1, weight=0.25, turned=true)";

enum class side : std::int8_t { left = -3, right = 4 };
struct all {
  bool flag = false;
  std::int32_t small = 0;
  float narrow = 0;
  double wide = 0;
  side at = side::left;
  constexpr void fields(auto f) {
    f("flag", flag);
    f("small", small);
    f("narrow", narrow);
    f("wide", wide);
    f("at", at);
  }
};

TEST(OwnKernel, AttributesComeBackAsTheyWere) {
  const auto words = words_of(all{true, -7, 0.1F, 1e300, side::right});
  const auto back = attributes_of<all>(signature{"test", {}, words});
  EXPECT_EQ(back.flag, true);
  EXPECT_EQ(back.small, -7);
  EXPECT_EQ(back.narrow, 0.1F);
  EXPECT_EQ(back.wide, 1e300);
  EXPECT_EQ(back.at, side::right);
  EXPECT_EQ(fields_text<all>({"test", {}, words}),
            "flag=true, small=-7, narrow=0.10000000149011612, wide=1e+300, at=4");
  const auto left = words_of(all{false, 0, 0, -0.0, side::left});
  EXPECT_EQ(fields_text<all>({"test", {}, left}), "flag=false, small=0, narrow=0, wide=-0, at=-3");
}

template <class T> std::string text(const T& x) {
  std::ostringstream out;
  out << x;
  return out.str();
}

TEST(OwnKernel, ReportsNameTheAttributes) {
  tape t;
  const variable x = t.input(float64, {2}, "x"), y = weave({x, x}, some);
  EXPECT_EQ(text(y), "%1 = weave(%0, %0) {shift=1, weight=0.25, turned=true} : float64 (2,)");
  EXPECT_NE(report::graph_to_dot(y).find(some_text), std::string::npos);
  EXPECT_NE(report::circuit_to_dot(sum(y), {{x, xt::xarray<double>{1, 2}}}).find(some_text),
            std::string::npos);
  program code(t, {x}, {y});
  EXPECT_NE(code.explain().find("float64 (2,): " + some_text + "\n"), std::string::npos)
      << code.explain();
  const xt::xarray<double> at = {1, 2};
  const auto profile =
      text(report::profile(code, std::vector<array_view>{array_argument(at).view()}, {.runs = 1}));
  EXPECT_NE(profile.find(some_text), std::string::npos) << profile;
  const auto grown = find_non_finite(y, {{x, xt::xarray<double>{1e200, 1e200}}});
  ASSERT_TRUE(grown);
  EXPECT_EQ(grown->operation, "weave");
  EXPECT_NE(grown->text.find("{shift=1, weight=0.25, turned=true}"), std::string::npos);
}

std::size_t steps_of(const std::vector<variable>& outputs) {
  program code(outputs[0].owner(), {}, outputs, {.rebind = true});
  return code.steps();
}

TEST(OwnKernel, EqualOnesMergeAndUnequalDoNot) {
  tape t;
  const variable x = t.constant(xt::xarray<double>{1, 2, 3});
  const variable first = weave({x, x}, some);
  EXPECT_EQ(steps_of({first, weave({x, x}, some)}), 1U);
  for (weaving other : {weaving{2, 0.25, true}, weaving{1, -0.25, true}, weaving{1, 0.25, false}}) {
    EXPECT_EQ(steps_of({first, weave({x, x}, other)}), 2U);
  }
  EXPECT_EQ(steps_of({first, weave({x, x, x}, some)}), 2U);
}

TEST(OwnKernel, TheCacheTellsAttributesApart) {
  tape t;
  const variable x = t.constant(xt::xarray<double>{1, 2, 3});
  EXPECT_EQ(weave({x}, {}).value<double>(), (xt::xarray<double>{1, 4, 9}));
  EXPECT_EQ(weave({x}, {.shift = 1}).value<double>(), (xt::xarray<double>{2, 6, 3}));
  EXPECT_EQ(cached_programs(t), 2U);
  EXPECT_EQ(weave({x}, {.shift = 1}).value<double>(), (xt::xarray<double>{2, 6, 3}));
  EXPECT_EQ(cached_programs(t), 2U);
}

// --- Derivatives
// ----------------------------------------------------------------------------------

TEST(OwnKernel, DerivativesAreRightToOrderTwo) {
  for (const std::size_t operands : {1U, 2U, 3U, 4U, 6U}) {
    const auto f = [&](const std::vector<variable>& x) {
      return weave(std::vector<variable>(x.begin(), x.begin() + operands), some);
    };
    const xt::xarray<double> a = {{0.5, -1, 0.25}, {1.5, 0.75, -0.5}};
    const gradient_check found =
        check_gradient(f, {a, 2 * a, 0.5 - a, a * a, 1 + a, a - 2}, {.second_order = true});
    std::size_t used = 0;
    for (const auto& input : found.inputs) used += input.found == verdict::ok;
    EXPECT_EQ(used, 2 * operands) << found;  // and of the gradient's own
    EXPECT_TRUE(found.ok()) << found;
  }
}

void derive_half(derivation& d) {
  derive_weave(d);
  d.adjoints[0] = d.adjoints[0] * 0.5;
}

TEST(OwnKernel, TheCheckerNamesAWrongDerivative) {
  static const primitive wrong = [] {
    primitive p = weave_op;
    p.derive = derive_half;
    return p;
  }();
  const auto f = [](variable x) {
    return exp(record(wrong, {tanh(x), x, x, sin(x)}, words_of(some)));
  };
  const gradient_check found = check_gradient(f, {xt::xarray<double>{0.5, -1, 0.25}});
  EXPECT_EQ(found.inputs[0].found, verdict::wrong);
  EXPECT_NE(
      found.table().find(some_text + " of (3,) and (3,) and (3,) and (3,) at own_kernel_test.cpp:"),
      std::string::npos)
      << found;
}

// Two primitives of one name, and one with that of a built-in one.
TEST(OwnKernel, ANameMayStandForSeveralPrimitives) {
  static const primitive other = [] {
    primitive p = weave_op;
    p.lower = [](lowering& l) {
      lower_to_kernel(l, {}, [](const kernel_call& c) noexcept { c.result<double>()[0] = 42; });
    };
    p.derive = nullptr;
    return p;
  }();
  static const primitive like_built_in = [] {
    primitive p = other;
    p.name = "tanh";
    return p;
  }();
  tape t;
  const variable x = t.constant(xt::xarray<double>{2});
  const auto words = words_of(weaving{});
  const variable a = weave({x}), b = record(other, {x}, words),
                 c = record(like_built_in, {x}, words), all = a + b + c + tanh(x);
  EXPECT_DOUBLE_EQ(all.value<double>()(0), 4 + 42 + 42 + std::tanh(2.));
  EXPECT_NEAR(gradient(all, x).value<double>()(0), 4 + 1 - std::pow(std::tanh(2.), 2), 1e-12);
}

// --- What is refused
// ------------------------------------------------------------------------------

class OwnKernelErrors : public testing::Test {
 protected:
  // A weave with something changed.
  template <class F> static const primitive& changed(F change) {
    static const primitive p = [&] {
      primitive q = weave_op;
      q.name = "odd";
      change(q);
      return q;
    }();
    return p;
  }
  // How an error says what was recorded at the line.
  static std::string told(int line) {
    return " (of float64 (2, 3)) [at own_kernel_test.cpp:" + std::to_string(line) + "]";
  }
  tape t;
  variable x = t.input(float64, {2, 3});
  std::vector<std::int64_t> words = words_of(some);
};

TEST_F(OwnKernelErrors, OfShapesNameTheOperationAndTheLine) {
  const int line = __LINE__ + 1;
  const auto wrong = [&] { weave({x, t.input(float64, {2})}); };
  expect_error<shape_error>(wrong,
                            "weave: float64 (2,) differs from float64 (2, 3) [at "
                            "own_kernel_test.cpp:" +
                                std::to_string(line) + "; operands made at");
}

TEST_F(OwnKernelErrors, OfUnfinishedPrimitivesSayWhatIsMissing) {
  const primitive& no_infer = changed([](primitive& p) { p.infer = nullptr; });
  expect_error<value_error>([&] { record(no_infer, {x}); },
                            "odd: the primitive has no `infer` [at own_kernel_test.cpp:");
  const primitive& no_lower = changed([](primitive& p) { p.lower = nullptr; });
  expect_error<value_error>([&] { record(no_lower, {x}); },
                            "odd: the primitive has no `lower` [at own_kernel_test.cpp:");
  const primitive& idle = changed([](primitive& p) { p.lower = [](lowering&) {}; });
  const variable y = record(idle, {x}, words);
  const std::string recorded = told(__LINE__ - 1);
  expect_error<value_error>([&] { program(t, {x}, {y}); },
                            "odd: `lower` chose no kernel: call lower_to_kernel" + recorded);
}

TEST_F(OwnKernelErrors, OfScratchSayHowManyBytes) {
  const primitive& negative = changed([](primitive& p) {
    p.lower = [](lowering& l) {
      weave_op.lower(l);
      l.scratch_bytes = static_cast<std::size_t>(l.output.shape.elements() - 7) * 8;
    };
  });
  const variable y = record(negative, {x}, words);
  const std::string recorded = told(__LINE__ - 1);
  expect_error<value_error>([&] { program(t, {x}, {y}); },
                            "odd: no scratch of 18446744073709551608 bytes" + recorded);
}

TEST_F(OwnKernelErrors, OfOperandsCountThem) {
  const primitive& binary = changed([](primitive& p) { p.arity = 2; });
  expect_error<value_error>([&] { record(binary, {x}, words); },
                            "odd: it takes 2 operands, not 1 [at own_kernel_test.cpp:");
  expect_error<value_error>(
      [&] {
        record(binary, {x, x, x, x}, words);
      },
      "odd: it takes 2 operands, not 4");
  expect_error<value_error>([&] { t.record(binary, {}, words); },
                            "odd: it takes 2 operands, not 0 [at own_kernel_test.cpp:");
}

TEST_F(OwnKernelErrors, OfFormsNameTheRightOne) {
  const primitive& many = changed([](primitive& p) { p.how = form::elementwise; });
  expect_error<value_error>(
      [&] {
        record(many, {x, x, x, x}, words);
      },
      "odd: form::elementwise takes 1 to 3 operands [at own_kernel_test.cpp:");
  const primitive& one = changed([](primitive& p) {
    p.how = form::elementwise;
    p.arity = 1;
  });
  const variable y = record(one, {x}, words);
  const std::string recorded = told(__LINE__ - 1);
  for (const bool fuse : {true, false}) {
    expect_error<value_error>([&] { program(t, {x}, {y}, {.fuse = fuse}); },
                              "odd: lower_to_kernel is for primitives of form::kernel, which it "
                              "is not" +
                                  recorded);
  }
}

// Also where no rule reads them, and where all operands are alike.
TEST_F(OwnKernelErrors, OfAttributesSayHowManyFieldsThereAre) {
  expect_error<value_error>([&] { record(weave_op, {x}); },
                            "weave: its attributes have 3 fields, 0 words were recorded: give "
                            "record() words_of(...) that struct [at own_kernel_test.cpp:");
  const primitive& alike = changed([](primitive& p) { p.infer = infer_floating; });
  expect_error<value_error>(
      [&] {
        record(alike, {x, x}, words_of(ramp{}));
      },
      "odd: its attributes have 3 fields, 2 words were recorded");
  const primitive& silent = changed([](primitive& p) {
    p.attributes_text = nullptr;
    p.infer = [](const signature& s) {
      attributes_of<weaving>(s);
      return *s.inputs[0];
    };
  });
  expect_error<value_error>([&] { record(silent, {x}); }, "odd: its attributes have 3 fields, 0 ");
}

TEST_F(OwnKernelErrors, OfKernelsThatMayThrowAskForTheMark) {
  const primitive& odd = changed([](primitive& p) {
    p.lower = [](lowering& l) { lower_to_kernel(l, {}, [](const kernel_call&) {}); };
  });
  const variable y = record(odd, {x}, words);
  const std::string recorded = told(__LINE__ - 1);
  expect_error<value_error>([&] { program(t, {x}, {y}); },
                            "odd: its kernel may throw and the primitive does not say so: make the "
                            "kernel noexcept, or the primitive .throws = true" +
                                recorded);
}

TEST_F(OwnKernelErrors, OfKernelsSayWhatTheyTook) {
  const auto fails = [&]<class Error>(const primitive& odd, const std::string& message) {
    const variable y = record(odd, {x, x}, words);
    const std::string line = std::to_string(__LINE__ - 1);
    expect_error<Error>(
        [&] {
          y.value<double>({{x, xt::ones<double>({2, 3})}});
        },
        message + " [at own_kernel_test.cpp:" + line + "]");
  };
  const primitive& beyond = changed([](primitive& p) {
    p.throws = true;
    p.lower = [](lowering& l) {
      lower_to_kernel(l, {}, [](const kernel_call& c) { c.operand<double>(2); });
    };
  });
  fails.operator()<value_error>(beyond, "odd: its kernel asked for operand 2, it has 2");
  const primitive& other_dtype = changed([](primitive& p) {
    p.throws = true;
    p.lower = [](lowering& l) {
      lower_to_kernel(l, {}, [](const kernel_call& c) { c.operand<float>(1); });
    };
  });
  fails.operator()<dtype_error>(other_dtype,
                                "odd: operand 1 is float64, its kernel took it for float32");
  const primitive& other_result = changed([](primitive& p) {
    p.throws = true;
    p.lower = [](lowering& l) {
      lower_to_kernel(l, {}, [](const kernel_call& c) { c.result<std::int64_t>(); });
    };
  });
  fails.operator()<dtype_error>(other_result,
                                "odd: its result is float64, its kernel took it for int64");
}

// An adjoint of the output's shape is summed back to an operand that broadcasts to it: no other.
TEST_F(OwnKernelErrors, OfDerivativesNameBothTypes) {
  const primitive& turned = changed([](primitive& p) {
    p.infer = [](const signature& s) {
      const shape& from = s.inputs[0]->shape;
      return value_type{float64, {from[1], from[0]}};
    };
    p.derive = [](derivation& d) { d.adjoints[0] = d.adjoint; };
  });
  const variable y = record(turned, {x}, words);
  expect_error<shape_error>([&] { gradient(sum(y), x); },
                            "odd: its derivative gave float64 (3, 2) for an operand float64 (2, 3) "
                            "[output made at own_kernel_test.cpp:");
  const primitive& summed = changed([](primitive& p) {
    p.infer = [](const signature& s) { return value_type{float64, {s.inputs[0]->shape[0]}}; };
    p.derive = [](derivation& d) { d.adjoints[0] = d.adjoint; };
  });
  const variable z = record(summed, {x}, words);
  expect_error<shape_error>([&] { gradient(sum(z), x); },
                            "odd: its derivative gave float64 (2,) for an operand float64 (2, 3)");
  static tape another;
  static const variable far = another.input(float64, {2, 3});
  const primitive& elsewhere =
      changed([](primitive& p) { p.derive = [](derivation& d) { d.adjoints[0] = far; }; });
  const variable w = record(elsewhere, {x}, words);
  expect_error<tape_error>(
      [&] { gradient(sum(w), x); },
      "odd: its derivative gave float64 (2, 3) of another tape for an operand");
}

// --- Kernels that throw
// ---------------------------------------------------------------------------

void run_refusal(const kernel_call& c) {
  for (const double x : c.operand<double>(0)) {
    if (x < 0) throw value_error(std::string(c.op) + ": a negative number");
  }
  std::copy(c.operand<double>(0).begin(), c.operand<double>(0).end(), c.result<double>().begin());
}
const primitive refusal_op{.name = "refusal",
                           .how = form::kernel,
                           .arity = 1,
                           .infer = [](const signature& s) { return *s.inputs[0]; },
                           .derive = [](derivation& d) { d.adjoints[0] = d.adjoint; },
                           .lower = [](lowering& l) { lower_to_kernel(l, {}, run_refusal); },
                           .throws = true};

TEST(OwnKernel, OneThatThrowsLeavesParametersUntouched) {
  for (const bool fuse : {true, false}) {
    tape t;
    const parameter w("w", xt::xarray<double>{1, 2}), v("v", xt::xarray<double>{3, 4});
    const variable x = t.input(float64, {2}), u = t.read(w), y = record(refusal_op, {x * 3});
    t.assign(w, u * x);          // could be done in place, before the kernel
    t.assign(v, t.read(v) + y);  // needs it
    program code(t, {x}, {y}, {.fuse = fuse});
    const xt::xarray<double> bad = {1, -1}, good = {2, 3};
    expect_error<value_error>(
        [&] { code.run(std::vector<array_view>{array_argument(bad).view()}); },
        "refusal: a negative number");
    EXPECT_EQ(w.value<double>(), (xt::xarray<double>{1, 2}));
    EXPECT_EQ(v.value<double>(), (xt::xarray<double>{3, 4}));
    code.run(std::vector<array_view>{array_argument(good).view()});
    EXPECT_EQ(w.value<double>(), (xt::xarray<double>{2, 6}));
    EXPECT_EQ(v.value<double>(), (xt::xarray<double>{9, 13}));
  }
}

// Its result may be a parameter's new value, which it must not write before it can throw no more.
TEST(OwnKernel, OneThatThrowsDoesNotWriteInPlace) {
  tape t;
  const parameter w("w", xt::xarray<double>{1, 2});
  const variable x = t.input(float64, {2});
  t.read(w);
  t.assign(w, record(refusal_op, {x}));
  program code(t, {x}, {});
  const xt::xarray<double> bad = {5, -1};
  expect_error<value_error>([&] { code.run(std::vector<array_view>{array_argument(bad).view()}); },
                            "refusal");
  EXPECT_EQ(w.value<double>(), (xt::xarray<double>{1, 2}));
}

TEST(OwnKernel, RunsBeforeEffectsThatItMustNotSee) {
  tape t;
  const parameter w("w", xt::xarray<double>{1, 2, 3});
  const variable before = weave({t.read(w)}, {.shift = 1});
  t.assign(w, t.read(w) * 10);
  program code(t, {}, {before});
  code.run({});
  EXPECT_EQ(code.output(0).value<double>(), (xt::xarray<double>{2, 6, 3}));
  EXPECT_EQ(w.value<double>(), (xt::xarray<double>{10, 20, 30}));
  const parameter into("into", xt::xarray<double>{0, 0, 0});
  tape other;
  other.assign(into, weave({other.constant(xt::xarray<double>{1, 2, 3})}, {.shift = 1}));
  other.commit();
  EXPECT_EQ(into.value<double>(), (xt::xarray<double>{2, 6, 3}));
  tape self;  // reads the parameter that it writes
  self.assign(into, weave({self.read(into)}, {.shift = 1}));
  self.commit();
  EXPECT_EQ(into.value<double>(), (xt::xarray<double>{12, 18, 6}));
}

TEST(OwnKernel, ConstantsAreFoldedOnce) {
  static std::atomic<int> calls = 0;
  static const primitive counted = [] {
    primitive p = weave_op;
    p.lower = [](lowering& l) {
      l.scratch_bytes = 64;
      lower_to_kernel(l, {}, [](const kernel_call& c) noexcept {
        ++calls;
        std::fill(c.scratch<double>().begin(), c.scratch<double>().end(), -1.);
        c.result<double>()[0] = c.operand<double>(0)[0] + c.operand<double>(2)[0];
      });
    };
    return p;
  }();
  tape t;
  const variable x = t.input(float64, {1});
  const auto number = [&](double v) { return t.constant(xt::xarray<double>{v}); };
  const variable y = record(counted, {number(1), number(2), number(3)}, words_of(weaving{}));
  program code(t, {x}, {x + y});
  for (const double at : {1., 2., 3.}) {
    const xt::xarray<double> value = {at};
    code.run(std::vector<array_view>{array_argument(value).view()});
    EXPECT_EQ(code.output(0).value<double>()(0), at + 4);
  }
  EXPECT_EQ(calls, 1);
}

// Element-wise operations of one's own, of one, two and three operands.
struct softened {
  static constexpr auto name = "softened";
  template <class T> static T kernel(T x) {
    if (x > 1000) throw value_error("softened: above 1000");
    return x / (1 + std::abs(x));
  }
  static variable derivative(variable x, variable, variable dy) {
    return chain(dy, reciprocal(square(1 + abs(x))));
  }
};
struct slanted {
  static constexpr auto name = "slanted";
  template <class T> static T kernel(T x, T y) noexcept { return x - y / 2; }
  static variable derivative(int i, variable, variable, variable, variable dy) {
    return i == 0 ? dy : dy * -0.5;
  }
};
struct between {
  static constexpr auto name = "between";
  template <class T> static T kernel(T x, T y, T z) noexcept { return x + (y - x) * z; }
  static variable derivative(int i, variable x, variable y, variable z, variable, variable dy) {
    return chain(dy, i == 0 ? 1 - z : i == 1 ? z : y - x);
  }
};

// Values that are no constants, made alternately by operations of one's own and of the library.
variable alternating(const variable& x, const variable& y, int rounds) {
  variable last = x * y, before = x + 2;
  for (int i = 0; i < rounds; ++i) {
    const variable a = apply<slanted>(last, before), b = apply<between>(a, x, last * y);
    before = apply<slanted>(y, apply<softened>(b)) + a;
    last = exp(-square(b));
  }
  return last + before;
}

template <class T> void expect_run_of_numbers() {
  constexpr dtype d = dtype_of<T>::value;
  for (const int rounds : {1, 4, tests::sanitized ? 1000 : 30000}) {
    tape t;
    const variable x = t.input(d, {}), y = t.input(d, {}), z = alternating(x, y, rounds);
    program fused(t, {x, y}, {z}), plain(t, {x, y}, {z}, {.fuse = false});
    EXPECT_EQ(fused.steps(), 1U) << fused.explain().substr(0, 1000);
    for (const T at : {T(0.25), T(-3)}) {
      const T slope = T(0.7);
      const std::vector<array_view> given{{{d, {}}, &at}, {{d, {}}, &slope}};
      for (program* p : {&fused, &plain}) p->run(given);
      EXPECT_TRUE(std::isfinite(fused.output(0).number()));
      EXPECT_EQ(fused.output(0).number(), plain.output(0).number()) << rounds;
    }
  }
}

TEST(OwnOperation, StaysInARunOfNumbers) {
  expect_run_of_numbers<float>();
  expect_run_of_numbers<double>();
}

TEST(OwnOperation, ThatThrowsInARunOfNumbersLeavesParametersAsTheyWere) {
  const parameter p("p", 3.0);
  tape t;
  const variable x = t.input(float64, {}), w = t.read(p);
  const int softened_at = __LINE__ + 1;
  t.assign(p, alternating(w * 0.5, apply<softened>(x), 3));
  program code(t, {x}, {w * x});
  const auto run = [&](double at) {
    const array_view given[] = {{{float64, {}}, &at}};
    code.run(given);
  };
  expect_error<value_error>([&] { run(2000); }, "softened: above 1000 [at own_kernel_test.cpp:" +
                                                    std::to_string(softened_at) + "]");
  EXPECT_EQ(p.value<double>()(), 3);
  run(0.5);
  EXPECT_NE(p.value<double>()(), 3);
}

template <class T> void expect_the_line_that_threw() {
  for (const int before : {0, 1, 40}) {
    tape t;
    const variable x = t.input(dtype_of<T>::value, {});
    variable y = x, other = apply<softened>(-x);
    for (int i = 0; i < before; ++i) y = apply<slanted>(y, 0.5) + 0.25;
    const int line = __LINE__ + 1;
    y = apply<softened>(y * y);
    program code(t, {x}, {exp(-y) + other * y - square(y) + reciprocal(y)});
    ASSERT_EQ(code.steps(), 1U) << code.explain();
    const T small = T(0.5), large = 1e6;
    const std::vector<array_view> good{{{x.dtype(), {}}, &small}}, bad{{{x.dtype(), {}}, &large}};
    for (int run = 0; run < 2; ++run) {
      expect_error<value_error>([&] { code.run(bad); },
                                "1000 [at own_kernel_test.cpp:" + std::to_string(line) + "]");
      code.run(good);
      EXPECT_TRUE(std::isfinite(code.output(0).number()));
    }
  }
}

TEST(OwnOperation, ThatThrowsInARunOfNumbersNamesItsLine) {
  expect_the_line_that_threw<float>();
  expect_the_line_that_threw<double>();
}

// --- What descriptors answer ------------------------------------------------------------

// y[i] = x[i] + ... + x[n - 1], and with two operands that times the second, from its other end.
int times_in_place = 0;
void run_remaining(const kernel_call& c) noexcept {
  const auto x = c.operand<double>(0);
  const auto y = c.result<double>();
  times_in_place += static_cast<const void*>(x.data()) == y.data();
  double total = 0;
  for (std::size_t i = x.size(); i-- > 0;) {
    total += x[i];
    y[i] = total * (c.inputs.size() < 2 ? 1 : c.operand<double>(1)[x.size() - 1 - i]);
  }
}
const primitive remaining_op{.name = "remaining",
                             .how = form::kernel,
                             .arity = any_number,
                             .infer = [](const signature& s) { return *s.inputs[0]; },
                             .lower = [](lowering& l) { lower_to_kernel(l, {}, run_remaining); },
                             .overwrites = 0b01,
                             .flops =
                                 [](const signature& s, const value_type& output) {
                                   return 3.5 * static_cast<double>(s.inputs.size()) *
                                          static_cast<double>(output.shape.elements());
                                 }};

TEST(Descriptors, SayWhichOperandsAResultMayStandIn) {
  static const primitive careful = [] {
    primitive p = remaining_op;
    p.overwrites = 0;
    return p;
  }();
  tape t;
  const variable x = t.input(float64, {1000}), e = exp(x), f = sqrt(x + 3);
  const xt::xarray<double> at = xt::linspace<double>(-1, 1, 1000);
  const array_view views[] = {{x.type(), at.data()}};
  // How often it runs in place; the same values as out of place.
  const auto in_place = [&](auto make) {
    program code(t, {x}, {make(remaining_op)}), apart(t, {x}, {make(careful)});
    for (program* p : {&apart, &code}) times_in_place = 0, p->run(views);
    EXPECT_EQ(code.output(0).value<double>(), apart.output(0).value<double>());
    EXPECT_EQ(code.memory().arena<apart.memory().arena, times_in_place> 0);
    return times_in_place;
  };
  EXPECT_EQ(in_place([&](auto& op) { return sin(record(op, {e})); }), 1);
  EXPECT_EQ(in_place([&](auto& op) { return record(op, {e, f}) + 1; }), 1);
  EXPECT_EQ(in_place([&](auto& op) { return record(op, {e, e}); }), 0);   // read elsewhere, too
  EXPECT_EQ(in_place([&](auto& op) { return record(op, {e}) + e; }), 0);  // needed later
  EXPECT_EQ(in_place([&](auto& op) { return record(op, {x}); }), 0);      // the user's
}

TEST(Descriptors, SayThatAParameterIsUpdatedInPlace) {
  const parameter p("p", xt::xarray<double>{1, 2, 3});
  tape t;
  t.assign(p, record(remaining_op, {t.read(p)}));
  program code(t, {}, {});
  times_in_place = 0;
  code.run({});
  EXPECT_EQ(times_in_place, 1) << code.explain();
  EXPECT_EQ(p.value<double>(), (xt::xarray<double>{6, 5, 3}));
  t.commit();
  t.assign(p, record(remaining_op, {t.read(p), t.read(p)}));
  program apart(t, {}, {});
  apart.run({});
  EXPECT_EQ(p.value<double>()(0), (14 + 8 + 3) * 3);
}

TEST(Descriptors, CountTheOperationsOfAKernel) {
  tape t;
  const variable x = t.input(float64, {10});
  program code(t, {x}, {record(remaining_op, {x, x})});
  const auto flops = [](const program& p) {
    double total = 0;
    for (const program_part& part : p.parts()) total += part.flops;
    return total;
  };
  EXPECT_EQ(flops(code), 70);
  // What shows elements does not compute; a pair does twice.
  const variable y = t.input(float32, {8, 4});
  program none(t, {y}, {transpose(y)}), two(t, {y}, {exp(y * slice(y, {0}))});
  EXPECT_EQ(flops(none), 0);
  EXPECT_EQ(flops(two), 2 * 32);
}

std::atomic<int> on_other_threads = 0;
std::thread::id own_thread;
struct counted_thread {
  static constexpr auto name = "counted_thread";
  static constexpr bool one_thread = true;
  template <class T> static T kernel(T x) noexcept {
    on_other_threads += std::this_thread::get_id() != own_thread;
    return x + 1;
  }
  static variable derivative(variable, variable, variable dy) { return dy; }
};

TEST(Descriptors, SayThatALoopIsNotSplit) {
  const int before = num_threads();
  set_num_threads(2);
  own_thread = std::this_thread::get_id();
  tape t;
  const variable x = t.input(float32, {1 << 22});
  program code(t, {x}, {apply<counted_thread>(x * 2)});
  const xt::xarray<float> at = xt::zeros<float>({1 << 22});
  const array_view views[] = {{x.type(), at.data()}};
  code.run(views);
  EXPECT_EQ(on_other_threads, 0);
  set_num_threads(before);
}

TEST_F(OwnKernelErrors, OfElementsNameBothTypes) {
  const auto first = [](const signature& s) { return *s.inputs[0]; };
  const primitive& pairs = changed([&](primitive& p) {
    p.how = form::elementwise;
    p.arity = 2;
    p.infer = first;
  });
  const variable narrow = t.input(float32, {3}), wide = t.input(float64, {3}),
                 longer = t.input(float32, {2, 3});
  expect_error<dtype_error>(
      [&] {
        record(pairs, {narrow, wide}, words);
      },
      "odd: form::elementwise takes operands of the result's dtype that broadcast to its "
      "shape, not float64 (3,) for float32 (3,): cast or reshape it");
  expect_error<dtype_error>(
      [&] {
        record(pairs, {narrow, longer}, words);
      },
      "odd: form::elementwise takes operands of the result's dtype that broadcast to its "
      "shape, not float32 (2, 3) for float32 (3,): cast or reshape it");
  expect_error<dtype_error>(
      [&] { apply<slanted>(narrow, wide); },
      "slanted: cannot combine float32 (3,) with float64 (3,), cast one of them");
}

TEST(OwnKernel, TapesOfSeveralThreadsCallItAtOnce) {
  std::vector<std::thread> threads;
  for (int k = 0; k < 4; ++k) {
    threads.emplace_back([] {
      for (int i = 0; i < 20; ++i) expect_woven<double>(4, 33, {.shift = 3});
    });
  }
  for (std::thread& each : threads) each.join();
}

}  // namespace
}  // namespace cotape::tests
