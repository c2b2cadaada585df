// Norms of single samples' gradients, against gradients of one sample at a time.
#include "cotape/per_sample.hpp"

#include <gtest/gtest.h>
#include <cotape/cotape.hpp>

#include <cmath>
#include <xtensor/xview.hpp>

#include "expect_error.hpp"

namespace cotape {
namespace {

using array = xt::xarray<double>;

array drawn(const std::vector<std::size_t>& sizes, double phase) {
  auto x = array::from_shape(sizes);
  for (std::size_t i = 0; i < x.size(); ++i) {
    x.flat(i) = std::sin(1.7 * static_cast<double>(i) + phase);
  }
  return x;
}

array rows(const array& x, std::size_t from, std::size_t to) {
  return xt::view(x, xt::range(from, to));
}

using loss_of = std::function<variable(variable, variable)>;  // of x and y

// Norms of all rows at once against those of gradients of one row after another, times `share`.
void expect_norms(const loss_of& loss, const std::function<std::vector<parameter>()>& parameters,
                  const array& x, const array& y, double share) {
  tape t;
  const variable whole = loss(t.constant(x), t.constant(y));
  const array got = per_sample_gradient_norms(whole, parameters()).value<double>();
  ASSERT_EQ(got.shape(), (array::shape_type{x.shape(0)}));
  for (std::size_t i = 0; i < x.shape(0); ++i) {
    tape alone;
    const variable one = loss(alone.constant(rows(x, i, i + 1)), alone.constant(rows(y, i, i + 1)));
    variable total = alone.constant(0.0);
    for (const parameter& p : parameters())
      total = total + sum(square(gradient(one, alone.read(p))));
    const double wanted = share * std::sqrt(total.value<double>()());
    EXPECT_GT(wanted, 0);
    EXPECT_NEAR(got(i), wanted, 1e-13 * wanted);
  }
}

TEST(PerSampleGradientNorms, AreThoseOfOneSampleAfterAnother) {
  sequential m{dense(5, "tanh"), dense(4, "relu"), dense(3, "softmax")};
  const array x = drawn({6, 2}, 1), y = drawn({6, 3}, 2);
  const auto all = [&] { return m.parameters(); };
  expect_norms([&](variable a, variable b) { return mse(m(a), b); }, all, x, y, 1.0 / 6);
  expect_norms([&](variable a, variable b) { return sse(m(a), b); }, all, x, y, 1);
  const auto some = [&] { return std::vector{m.parameters()[3], m.parameters()[0]}; };
  expect_norms([&](variable a, variable b) { return sse(m(a), b); }, some, x, y, 1);
}

TEST(PerSampleGradientNorms, HoldForImagesAndForBiasesOfOneRow) {
  sequential m{flatten(), dense(1, "", glorot_uniform, false)};
  const array x = drawn({4, 2, 3}, 1), y = drawn({4, 1}, 2);
  expect_norms([&](variable a, variable b) { return sse(m(a), b); }, [&] { return m.parameters(); },
               x, y, 1);
  const parameter b("b", drawn({1, 2}, 4));
  expect_norms([&](variable a, variable c) { return sse(tanh(b + a), c); },
               [&] { return std::vector{b}; }, drawn({4, 2}, 1), drawn({4, 2}, 3), 1);
}

TEST(PerSampleGradientNorms, TakeOneSweepWhateverTheBatch) {
  const auto recorded = [](std::int64_t batch) {
    sequential m{dense(5, "tanh"), dense(1)};
    tape t;
    const variable loss = mse(m(t.input(float32, {batch, 2})), t.input(float32, {batch, 1}));
    const std::size_t before = t.size();
    per_sample_gradient_norms(loss, m.parameters());
    EXPECT_EQ(t.sweeps.size(), 1u);
    return t.size() - before;
  };
  EXPECT_EQ(recorded(3), recorded(3000));
  EXPECT_LT(recorded(3), 80u);
}

TEST(PerSampleGradientNorms, NameWhatTheyCannotTake) {
  const parameter w("w", drawn({2, 2}, 1)), b("b", drawn({2}, 1)), other("o", drawn({2, 2}, 2));
  tape t;
  const variable x = t.constant(drawn({3, 2}, 3)), of_w = t.read(w), of_b = t.read(b);
  const auto refused = [&](variable loss, const parameter& p, const std::string& why) {
    tests::expect_error<value_error>([&] { per_sample_gradient_norms(loss, {p}); },
                                     "per_sample_gradient_norms: parameter '" + p.name() + why);
  };
  refused(sum(matmul(x, other)), w, "': the loss does not use it");
  const int line = __LINE__ + 1;
  const variable twice = sum(matmul(tanh(matmul(x, w)), w));
  const std::string place = "per_sample_test.cpp:" + std::to_string(line);
  refused(twice, w, "' is used twice, at " + place + " and at " + place);
  refused(sum(matmul(of_w, of_w)), w, "' is used twice");
  refused(sum(x + (of_b + of_b)), b, "' is used twice");
  refused(sum(matmul(x, transpose(of_w))), w, "' is used by transpose at per_sample_test.cpp:");
  refused(sum(matmul(of_w, other)), w, "' is used by matmul at per_sample_test.cpp:");
  refused(sum(exp(of_w)), w, "' is used by exp at ");
  refused(sum(x * b), b, "' is used by multiply at ");
  refused(sum(reshape(x, {3, 2, 1}) + b), b, "' is used by add at ");
  refused(sum(matmul(reshape(x, {1, 3, 2}), w)), w, "' is used by matmul at ");
  const auto product = [](const std::vector<variable>& in) { return matmul(in[0], in[1]); };
  const auto rule = [](const std::vector<variable>& in, variable, variable dy) {
    return std::vector<variable>{{}, matmul(transpose(in[0]), dy)};
  };
  refused(sum(custom_gradient(product, {x, of_w}, rule)), w, "' is used twice");
  const variable few = matmul(slice(x, {range(0, 2)}), w);
  tests::expect_error<shape_error>(
      [&] {
        per_sample_gradient_norms(sum(matmul(x, other)) + sum(few), {other, w});
      },
      "per_sample_gradient_norms: parameter 'w' is used for 2 samples at per_sample_test.cpp:");
  EXPECT_EQ(tests::message_of([&] { per_sample_gradient_norms(sum(x), {}); }),
            "per_sample_gradient_norms: no parameters");
}

}  // namespace
}  // namespace cotape
