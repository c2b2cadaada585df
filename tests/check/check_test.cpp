// The gradient checker: right derivatives pass, wrong ones are found, kinks are told apart.
#include "cotape/check.hpp"

#include <gtest/gtest.h>
#include <cotape/cotape.hpp>

#include <cmath>
#include <sstream>

#include "check/slope.hpp"

#include "expect_error.hpp"

namespace {

using namespace cotape;

xt::xarray<float> spread(const std::vector<std::size_t>& sizes, float scale) {
  auto x = xt::xarray<float>::from_shape(sizes);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x.flat(i) = scale * std::sin(1.7f * static_cast<float>(i) + 0.3f);
  }
  return x;
}

struct cubed_wrongly {  // y = x^3, a factor of 1.001 too steep
  static constexpr auto name = "cubed_wrongly";
  template <class T> static T kernel(T x) { return x * x * x; }
  static variable derivative(variable x, variable, variable dy) {
    return chain(dy, 3.003 * square(x));
  }
};

struct cubed {  // y = x^3
  static constexpr auto name = "cubed";
  template <class T> static T kernel(T x) { return x * x * x; }
  static variable derivative(variable x, variable, variable dy) { return chain(dy, 3 * square(x)); }
};

const parameter weight("w", spread({4, 3}, 0.5f)), bias("b", spread({3}, 0.2f));

variable smooth_loss(tape& t) {
  variable x = t.constant(spread({5, 4}, 1));
  return sum(square(tanh(matmul(x, weight) + bias)));
}

TEST(CheckGradient, PassesARightGradient) {
  const gradient_check c = check_gradient(smooth_loss);
  ASSERT_EQ(c.inputs.size(), 2u);
  EXPECT_TRUE(c.ok()) << c;
  EXPECT_LT(c.worst_error(), 1e-9);
  EXPECT_EQ(c.redrawn(), 0);
  EXPECT_EQ(c.inputs[0].name, "w");
  EXPECT_EQ(c.inputs[0].shape, (shape{4, 3}));
  EXPECT_EQ(c.inputs[0].directions, 5);
}

TEST(CheckGradient, LeavesParametersAlone) {
  const tensor before(weight.view());
  check_gradient(smooth_loss);
  EXPECT_TRUE(same_bits(before, weight.view()));
}

TEST(CheckGradient, PassesARightOperationOfOnesOwn) {
  const auto c = check_gradient([](tape& t) { return sum(apply<cubed>(t.read(weight))); });
  EXPECT_TRUE(c.ok()) << c;
}

TEST(CheckGradient, FindsAFactorOf1001) {
  const auto c = check_gradient([](tape& t) { return sum(apply<cubed_wrongly>(t.read(weight))); });
  EXPECT_FALSE(c.ok());
  EXPECT_EQ(c.inputs[0].found, verdict::wrong);
  EXPECT_NEAR(c.worst_error(), 0.001 / 1.001, 1e-8);
  EXPECT_NEAR(c.inputs[0].by_gradient / c.inputs[0].by_differences, 1.001, 1e-8);
}

TEST(CheckGradient, FindsAForgottenTerm) {
  const auto forgetful = [](const std::vector<variable>& in) { return in[0] * in[0] * in[1]; };
  const auto c = check_gradient([&](tape& t) {
    return sum(custom_gradient(forgetful, {t.read(weight), broadcast_to(t.read(bias), {4, 3})},
                               [](const auto& in, variable, variable dy) {
                                 return std::vector<variable>{2 * in[0] * in[1] * dy, {}};
                               }));
  });
  ASSERT_EQ(c.inputs.size(), 2u);
  EXPECT_EQ(c.inputs[0].found, verdict::ok) << c;
  EXPECT_EQ(c.inputs[1].found, verdict::wrong) << c;
  EXPECT_NEAR(c.worst_error(), 1, 1e-9);
}

TEST(CheckGradient, FindsATransposedFactor) {
  const parameter m("m", spread({3, 3}, 1));
  const auto c = check_gradient([&](tape& t) {
    variable x = t.constant(spread({3, 3}, 2));
    return sum(square(custom_gradient(
        [&](const std::vector<variable>& in) { return matmul(x, in[0]); }, {t.read(m)},
        [x](const auto&, variable, variable dy) { return std::vector<variable>{matmul(x, dy)}; })));
  });
  EXPECT_EQ(c.inputs[0].found, verdict::wrong) << c;
}

TEST(CheckGradient, RedrawsDirectionsThatCrossAKink) {
  // The first step, 1e-4 times a direction of length 1, reaches past 2e-5 in most directions.
  const parameter p("p", xt::xarray<float>{1, -1, 2e-5f, 1});
  const auto loss = [&](tape& t) { return sum(square(relu(t.read(p)) + 1)); };
  const auto c = check_gradient(loss);
  EXPECT_TRUE(c.ok()) << c;
  EXPECT_GT(c.redrawn(), 0);
  EXPECT_EQ(c.inputs[0].directions, 5);
  EXPECT_LT(c.worst_error(), 1e-8);
  EXPECT_GT(check_gradient(loss, {}, {.most_redraws = 0}).inputs[0].redrawn, -1);
  EXPECT_EQ(check_gradient(loss, {}, {.most_redraws = 0}).inputs[0].found, verdict::kink);
}

TEST(CheckGradient, SaysSoWhereEveryDirectionCrossesAKink) {
  const parameter p("p", xt::xarray<float>{0, 1});
  for (const auto& loss :
       {+[](variable x) { return sum(relu(x)); }, +[](variable x) { return sum(abs(x)); },
        +[](variable x) { return sum(maximum(x, 1)); }}) {
    const auto c = check_gradient([&](tape& t) { return loss(t.read(p)); });
    EXPECT_EQ(c.inputs[0].found, verdict::kink) << c;
    EXPECT_EQ(c.worst_error(), INFINITY);
    EXPECT_FALSE(c.ok());
  }
}

TEST(CheckGradient, AGradientOfZeroIsVacuousNotRight) {
  const auto c = check_gradient([](tape& t) { return sum(0 * t.read(weight)) + 3; });
  EXPECT_EQ(c.inputs[0].found, verdict::vacuous);
  EXPECT_FALSE(c.ok());
}

TEST(CheckGradient, AForgottenDerivativeIsWrongNotVacuous) {
  const auto c = check_gradient([](tape& t) { return sum(stop_gradient(t.read(weight))); });
  EXPECT_EQ(c.inputs[0].found, verdict::wrong);
}

TEST(CheckGradient, ADerivativeBelowTheNoiseIsIllConditioned) {
  const auto c = check_gradient([](tape& t) { return sum(t.read(weight)) * 1e-9 + 1e6; });
  EXPECT_EQ(c.inputs[0].found, verdict::ill_conditioned) << c;
  EXPECT_FALSE(c.ok());
}

TEST(CheckGradient, InfinityIsNamed) {
  const auto c = check_gradient([](tape& t) { return sum(log(0 * t.read(weight))); });
  EXPECT_EQ(c.inputs[0].found, verdict::non_finite);
  EXPECT_EQ(c.worst_error(), INFINITY);
}

TEST(CheckGradient, ScalesOfParametersDoNotMatter) {
  for (float scale : {1e-6f, 1e6f}) {
    const parameter p("p", spread({50}, scale));
    const auto c = check_gradient([&](tape& t) { return sum(square(square(t.read(p) / scale))); });
    EXPECT_TRUE(c.ok()) << c;
  }
}

TEST(CheckGradient, ChecksTheParametersThatItIsGiven) {
  const auto c = check_gradient(smooth_loss, {bias});
  ASSERT_EQ(c.inputs.size(), 1u);
  EXPECT_EQ(c.inputs[0].name, "b");
}

TEST(CheckGradient, TheSeedDrawsTheDirections) {
  const auto first = check_gradient(smooth_loss, {}, {.seed = 1});
  EXPECT_EQ(first.worst_error(), check_gradient(smooth_loss, {}, {.seed = 1}).worst_error());
  EXPECT_NE(first.inputs[0].by_gradient,
            check_gradient(smooth_loss, {}, {.seed = 2}).inputs[0].by_gradient);
}

// What a check says whose clock goes on by so many seconds each time that it is asked.
std::string said(double seconds, gradient_check_options options = {}) {
  std::ostringstream out;
  double now = 100;
  options.progress = &out;
  options.clock = [&] { return now += seconds; };
  check_gradient(smooth_loss, {}, options);
  return out.str();
}

TEST(CheckGradient, SaysHowFarItIsIfItTakesOverASecond) {
  EXPECT_EQ(said(0.09), "");
  EXPECT_EQ(said(0.25),
            "check_gradient: w  direction 5/10  left 1 s\n"
            "check_gradient: b  direction 8/10  left 1 s\n"
            "check_gradient: b  direction 10/10  left 0 s\n");
  const std::string more = said(0.25, {.each_element = true, .second_order = true});
  EXPECT_TRUE(more.ends_with("check_gradient: b, order 2  direction 30/30  left 0 s\n")) << more;
}

TEST(CheckGradient, CountsTheDirectionsThatAnInfinitySpares) {
  std::ostringstream out;
  double now = 0;
  const auto infinite = [](tape& t) {
    const variable first = sum(log(0 * t.read(weight)));
    return first + sum(t.read(bias));
  };
  const auto c =
      check_gradient(infinite, {}, {.progress = &out, .clock = [&] { return now += 1; }});
  EXPECT_EQ(c.inputs[0].directions, 0);
  EXPECT_TRUE(out.str().ends_with("check_gradient: b  direction 10/10  left 0 s\n")) << out.str();
}

TEST(CheckGradient, PrintsATable) {
  std::ostringstream out;
  out << check_gradient([](tape& t) {
    variable wrong = sum(apply<cubed_wrongly>(t.read(weight)));
    return wrong + sum(t.read(bias));
  });
  EXPECT_TRUE(
      out.str().starts_with("input  shape   directions  redrawn  relative error  verdict\n"
                            "w      (4, 3)           5        0        9.99e-04  wrong: "))
      << out.str();
  EXPECT_NE(out.str().find("\nb      (3,)             5        0  "), std::string::npos);
}

TEST(CheckGradient, RefusesWhatItCannotCheck) {
  const parameter index("i", xt::xarray<std::int64_t>{1, 2});
  EXPECT_EQ(
      cotape::tests::message_of([] { check_gradient([](tape& t) { return t.constant(1.f); }); }),
      "check_gradient: the function has no floating input and reads no trainable parameter");
  EXPECT_EQ(cotape::tests::message_of([&] { check_gradient(smooth_loss, {index}); }),
            "check_gradient: parameter 'i' is int64");
  for (const gradient_check_options& o : {gradient_check_options{.directions = 0},
                                          {.tolerance = 0},
                                          {.step = -1},
                                          {.most_redraws = -1}}) {
    EXPECT_EQ(cotape::tests::message_of([&] { check_gradient(smooth_loss, {weight}, o); }),
              "check_gradient: directions, tolerance and step must be positive, most_redraws at "
              "least 0");
  }
}

TEST(Slope, IsExactToTheErrorBar) {
  const auto s = check::slope_of([](double x) { return std::exp(3 * x); }, 1e-2, 1e-6);
  EXPECT_TRUE(s.smooth);
  EXPECT_NEAR(s.value, 3, s.error_bar);
  EXPECT_LT(s.error_bar, 1e-6);
}

TEST(Slope, SeesKinksWhereverTheyLie) {
  for (double at : {0.0, 1e-5, 2.4e-4, 2.6e-4, 5.1e-4, -7e-4, 9e-4}) {
    for (double jump : {1.0, -0.01}) {
      const auto f = [&](double x) { return std::sin(x) + jump * std::max(x - at, 0.0); };
      EXPECT_FALSE(check::slope_of(f, 1e-3, 1e-6).smooth) << at << " " << jump;
    }
  }
  EXPECT_TRUE(
      check::slope_of([](double x) { return std::max(x - 1.1e-3, 0.0) + x; }, 1e-3, 1e-6).smooth);
}

}  // namespace
