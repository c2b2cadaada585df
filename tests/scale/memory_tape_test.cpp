// Tapes, programs and checks where memory is short: what throws leaves the tape, the parameters and
// the programs as they were, and succeeds when it is tried again.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <cotape/figures.hpp>
#include <cotape/report.hpp>
#include <memory>
#include <sstream>

#include "scale/out_of_memory.hpp"

namespace {

using namespace cotape;
using tests::attempt;
using tests::let_allocations_fail;

using array = xt::xarray<double>;

const array at = {{1, -2, 3}, {0.5, 4, -1}};
const array start = {0.1, 0.2, -0.3};

// A loss of an input and a parameter that updates the parameter.
struct recording {
  tape t;
  parameter w{"w", start};
  variable x, y, dx;
  tensor result{value_type{float64, {}}};
  std::string text;
  std::uint32_t size = 0;

  void record() {
    x = t.input(float64, {2, 3}, "x");
    y = loss(x);
  }
  variable loss(variable v) {
    const variable shifted = v * w + v.owner().constant(array{1, 2, 3});
    const auto half = [](const variable& s, const variable& dy) {
      return std::vector<variable>{chain(dy, s)};
    };
    const variable own = custom_gradient(
        [](const std::vector<variable>& s) { return 0.5 * square(s[0]); }, {shifted},
        [=](const std::vector<variable>& s, variable, variable dy) { return half(s[0], dy); });
    return (sum(sigmoid(own)) + max(abs(v)) + mean(softmax(v)) * 2).named("loss");
  }
  void keep_size() { size = static_cast<std::uint32_t>(t.size()); }
  void expect_start() const { EXPECT_TRUE(same_bits(w.view(), array_argument(start).view())); }
};

std::shared_ptr<recording> recorded() {
  auto r = std::make_shared<recording>();
  r->record();
  r->keep_size();
  return r;
}

array_view view(const array_argument& a) { return a.view(); }

// Values that were computed while there was memory enough.
struct rightly {
  double y, dx;
  array jacobian_of_squares, hessian_of_y;
  rightly() {
    recording r;
    r.record();
    y = r.y.value<double>({{r.x, at}})();
    r.dx = gradient(r.y, r.x);
    dx = sum(r.dx).value<double>({{r.x, at}})();
    jacobian_of_squares = jacobian<double>(square(r.x * r.w), r.x, {{r.x, at}});
    hessian_of_y = hessian<double>(r.y, r.x, {{r.x, at}});
  }
};
const rightly& right() {
  static const rightly r;
  return r;
}

TEST(OutOfMemory, RecordingGoesOnAfterIt) {
  right();
  let_allocations_fail([] {
    const auto r = std::make_shared<recording>();
    return attempt{.act = [r] { r->record(); },
                   .done =
                       [r] {
                         EXPECT_EQ(r->y.value<double>({{r->x, at}})(), right().y);
                         EXPECT_EQ(*r->t.label_of(r->y.index()), "loss");
                       }};
  });
}

TEST(OutOfMemory, EffectsAreRecordedOnceOrNotAtAll) {
  let_allocations_fail([] {
    const auto r = recorded();
    return attempt{.act =
                       [r] {
                         r->t.require(r->y > 0, "y must be positive");
                         r->t.assign(r->w, r->t.read(r->w) + 1);
                       },
                   .done =
                       [r] {
                         r->t.commit({{r->x, at}});
                         EXPECT_TRUE(same_bits(r->w.view(), view(array(start + 1.0))));
                       }};
  });
}

TEST(OutOfMemory, GradientGoesOnAfterIt) {
  right();
  let_allocations_fail([] {
    const auto r = recorded();
    return attempt{.act = [r] { r->dx = gradient(r->y, r->x); },
                   .done =
                       [r] {
                         EXPECT_EQ(sum(r->dx).value<double>({{r->x, at}})(), right().dx);
                       }};
  });
}

TEST(OutOfMemory, ProductsWithTheJacobianGoOnAfterIt) {
  let_allocations_fail([] {
    const auto r = recorded();
    const variable v = r->t.constant(at);
    return attempt{.act =
                       [r, v] {
                         const variable h = hessian_vector_product(r->y, {r->x}, {v})[0];
                         r->y = sum(h) + directional(r->y, {r->x}, {v}) +
                                sum(jacobian(square(r->x), r->t.read(r->w)));
                         r->result = evaluate(r->y, std::array{binding(r->x, at)});
                       },
                   .refused = [r] { r->expect_start(); }};
  });
}

TEST(OutOfMemory, ValuesChangeNothing) {
  right();
  let_allocations_fail([] {
    const auto r = recorded();
    return attempt{.act = [r] { r->result = evaluate(r->y, std::array{binding(r->x, at)}); },
                   .refused = [r] { EXPECT_EQ(r->t.size(), r->size); },
                   .done = [r] { EXPECT_EQ(*r->result.data_as<double>(), right().y); }};
  });
}

TEST(OutOfMemory, ValuesOfJacobiansRewindTheTape) {
  right();
  for (const bool second_order : {false, true}) {
    let_allocations_fail([=] {
      const auto r = recorded();
      const variable y = second_order ? r->y : square(r->x * r->w);
      r->keep_size();
      const auto rewound = [r] { EXPECT_EQ(r->t.size(), r->size); };
      return attempt{.act =
                         [=] {
                           const std::array given{binding(r->x, at)};
                           r->result = second_order ? evaluate_hessian(y, r->x, given)
                                                    : evaluate_jacobian(y, r->x, given);
                         },
                     .refused = rewound,
                     .done =
                         [=] {
                           rewound();
                           const array& wanted =
                               second_order ? right().hessian_of_y : right().jacobian_of_squares;
                           EXPECT_TRUE(same_bits(r->result, view(wanted)));
                         }};
    });
  }
}

TEST(OutOfMemory, CommitWritesAllOrNothing) {
  let_allocations_fail([] {
    const auto r = recorded();
    r->t.assign(r->w, r->t.read(r->w) * 2);
    return attempt{.act =
                       [r] {
                         r->t.commit({{r->x, at}});
                       },
                   .refused = [r] { r->expect_start(); },
                   .done = [r] { EXPECT_TRUE(same_bits(r->w.view(), view(array(start * 2.0)))); }};
  });
}

// A step that is compiled at its first call.
struct trained {
  parameter w{"w", start};
  adam how;
  compiled<std::function<variable(variable)>> step = compile(std::function([this](variable x) {
    const variable loss = mean(square(sum(x * w, 1) - 1));
    how.minimize(loss);
    return loss;
  }));
};

TEST(OutOfMemory, CompiledStepsTrainOnceOrNotAtAll) {
  trained right;
  right.step(at);
  let_allocations_fail([&] {
    const auto s = std::make_shared<trained>();
    return attempt{.act = [s] { s->step(at); },
                   .refused = [s] { EXPECT_TRUE(same_bits(s->w.view(), view(start))); },
                   .done = [s, &right] { EXPECT_TRUE(same_bits(s->w.view(), right.w.view())); }};
  });
}

TEST(OutOfMemory, ReportsAreWhole) {
  recorded();
  std::string wanted;
  let_allocations_fail([&] {
    const auto r = recorded();
    return attempt{
        .act =
            [r] {
              const std::vector<report::panel> panels{{.title = "p", .curves = {{"c", {1, 2}}}}};
              r->text = report::graph_to_dot(r->y) + report::circuit_to_dot(r->y, {{r->x, at}}) +
                        report::figure_to_gnuplot(panels);
            },
        .refused = [r] { EXPECT_EQ(r->t.size(), r->size); },
        .done =
            [r, &wanted] {
              EXPECT_EQ(r->t.size(), r->size);
              if (wanted.empty()) wanted = r->text;
              EXPECT_EQ(r->text, wanted);
            }};
  });
}

TEST(OutOfMemory, KinksAndTheirProgramAreWhole) {
  let_allocations_fail([] {
    const auto r = recorded();
    const variable v = sum(relu(r->x * 2)) + sum(maximum(r->x, r->x));
    r->keep_size();
    return attempt{.act =
                       [r, v] {
                         program code(r->t, {r->x}, {v}, {.watch_kinks = true});
                         const std::array given{view(at)};
                         code.run(given);
                         r->text = code.explain() + code.parts().at(0).what;
                         std::ostringstream out;
                         out << report::kinks(code);
                         if (!out) throw std::bad_alloc();  // a stream swallows it
                         r->text += out.str();
                       },
                   .refused = [r] { EXPECT_EQ(r->t.size(), r->size); },
                   .done =
                       [r] {
                         EXPECT_EQ(r->t.size(), r->size);
                         EXPECT_NE(r->text.find("maximum"), std::string::npos);
                       }};
  });
}

TEST(OutOfMemory, GradientChecksJudgeRightly) {
  let_allocations_fail([] {
    const auto r = std::make_shared<recording>();
    return attempt{.act =
                       [r] {
                         const auto c = check_gradient([&](variable v) { return r->loss(v); }, {at},
                                                       {.directions = 1, .second_order = true});
                         r->text = c.table();
                       },
                   .refused = [r] { r->expect_start(); },
                   .done =
                       [r] {
                         r->expect_start();
                         EXPECT_NE(r->text.find("ok"), std::string::npos);
                         EXPECT_EQ(r->text.find("wrong"), std::string::npos);
                       }};
  });
}

TEST(OutOfMemory, NonFiniteValuesAreTracedToTheirOperation) {
  let_allocations_fail([] {
    const auto r = recorded();
    return attempt{.act =
                       [r] {
                         const auto found = find_non_finite(
                             [&](variable v) { return sum(log(v * 2) * r->w); }, at);
                         r->text = found ? found->operation : "none";
                       },
                   .refused = [r] { r->expect_start(); },
                   .done = [r] { EXPECT_EQ(r->text, "log"); }};
  });
}

}  // namespace
