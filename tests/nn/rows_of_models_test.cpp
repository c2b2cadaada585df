// A model keeps the rows that it is given, and layers that come after a term of the loss stand
// behind the output.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>

#include "expect_error.hpp"

namespace {

using namespace cotape;
using tests::message_of;
using array = xt::xarray<float>;

TEST(RowsOfModels, AreThoseOfTheInput) {
  const array x{{1, 2, 3}, {4, 5, 6}, {7, 8, 9}, {0, 1, 0}};
  const auto input_of_3 = input({3});
  EXPECT_EQ(message_of([&] {
              model joined(input_of_3, concatenate({input_of_3, input_of_3}, 0));
            }).find("concatenate: axis 0 is the batch, whose rows stay as they are ["),
            0u);
  EXPECT_EQ(
      message_of([&] {
        sequential({input({3}), lambda([](variable v) { return sum(v, 0, keep_dims); })});
      }),
      "model: the output (1, 3) of 'lambda' has not the 2 rows of the inputs: layers keep the "
      "first axis, the batch");
  sequential turned{input({2}), lambda([](variable v) { return transpose(v); })};
  EXPECT_EQ(
      message_of([&] {
        turned.predict(array{{1, 2}, {3, 4}, {5, 6}});
      }),
      "model: the output (2, 3) of 'lambda' has not the 3 rows of the inputs: layers keep the "
      "first axis, the batch");
}

TEST(RowsOfModels, LayersBehindALossTermFollowTheOutput) {
  const array x{{1, 2, 3}};
  const auto twice = [](variable v) { return 2 * v; };
  const auto hundred = [](variable v) { return v * 0 + 100; };
  const auto with_term = [&] {
    sequential m{input({3}), lambda(twice).named("twice")};
    m.add_loss(lambda(hundred)(m.output("twice")));
    return m;
  };
  sequential m = with_term();
  m.add(activation("relu"));
  EXPECT_EQ(m.predict<float>(x), (array{{2, 4, 6}}));
  const sequential part = with_term();
  sequential whole{part, activation("relu")};
  EXPECT_EQ(whole.predict<float>(x), (array{{2, 4, 6}}));
  EXPECT_EQ(whole.summary().find("100"), std::string::npos);
}

// A layer that only the term needs stays where the term does.
TEST(RowsOfModels, PartsBringNoLayersOfTheirTerms) {
  sequential part{input({3}), dense(2).named("out")};
  part.add_loss(dense(1)(part.output("out")));
  EXPECT_EQ(part.parameters().size(), 4u);
  sequential whole{part, dense(1)};
  whole.predict(array{{1, 2, 3}});
  EXPECT_EQ(whole.parameters().size(), 4u);  // of "out" and of the last one
}

// A model that is called is one of rows that its input says.
TEST(RowsOfModels, AreThoseThatAPartHasDeclared) {
  const auto ends = [](const std::string& text, const std::string& part) {
    const std::string wanted = part +
                               ": its input is declared as (None, 4, 4, 1), but is given "
                               "(None, 6, 6, 1) [declared at rows_of_models_test.cpp:";
    EXPECT_EQ(text.find(wanted), 0u) << text;
  };
  const auto made = [] {
    return sequential{input({4, 4, 1}), conv2d(2, 3), global_max_pooling()}.set_name("encoder");
  };
  const sequential encoder = made();
  const symbol wide = input({6, 6, 1});
  ends(message_of([&] { model(wide, encoder(wide)); }), "model 'encoder'");
  ends(message_of([&] {
         sequential({input({6, 6, 1}), activation("relu"), encoder});
       }),
       "model 'encoder'");
  // Within another part, cut, and joined.
  const sequential outer{activation("relu"), encoder, dense(1)};
  ends(message_of([&] { model(wide, outer(wide)); }), "model 'encoder'");
  const symbol fitting = input({4, 4, 1});
  model whole(fitting, encoder(activation("relu")(fitting)));
  const model cut(whole.inputs(), whole.output("encoder/global_max_pooling"));
  ends(message_of([&] { model(wide, cut(activation("relu")(wide))); }), "model 'model'");
  // Called with variables.
  tape t;
  sequential m = made();
  ends(message_of([&] { m(t.input(float32, {2, 6, 6, 1})); }), "model 'encoder'");
  EXPECT_EQ(m(t.input(float32, {2, 4, 4, 1})).shape(), (shape{2, 2}));
  // One that took its rows from data takes others as well.
  sequential open{conv2d(2, 3), global_max_pooling()};
  for (const std::int64_t n : {4, 6}) {
    EXPECT_EQ(open(t.input(float32, {2, n, n, 1})).shape(), (shape{2, 2}));
  }
  EXPECT_EQ(model(wide, open(wide)).parameters().size(), 2u);
}

TEST(RowsOfModels, LayersWithoutNamesSaySo) {
  const sequential m{dense(2), dense(1)};
  EXPECT_EQ(message_of([&] { m.layer("dense"); }),
            "model: no layer 'dense': they get their names when the input's shape is known: add "
            "input({...}) first, or name them");
}

TEST(RowsOfModels, RefuseWhatWouldTurnIntoNothing) {
  EXPECT_EQ(message_of([] { max_norm(std::numeric_limits<double>::infinity()); }),
            "max_norm: inf is not above 0 and finite");
  EXPECT_EQ(message_of([] { depthwise_conv2d(3, (std::int64_t{1} << 62) + 1); }),
            "depthwise_conv2d: a multiplier of 4611686018427387905");
  generator random(1);
  tape t;
  const variable x = t.constant(array{{1, 2, 3}});
  EXPECT_EQ(message_of([&] { prelu({0}).record(x, random); }),
            "prelu: axis 0 is the batch: its rows have no slopes of their own");
}

}  // namespace
