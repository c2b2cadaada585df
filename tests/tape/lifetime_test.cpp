// Handles that outlive their tape: each use of one throws, whatever stands in the tape's memory
// now.
#include <cotape/optimizers.hpp>
#include <memory>
#include <optional>
#include <sstream>
#include <thread>

#include "expect_error.hpp"

namespace cotape {
namespace {

using tests::expect_error;
using tests::message_of;
using array = xt::xarray<float>;

const std::string gone =
    "variable: the tape that it was recorded on is gone (a traced function's goes when the trace "
    "ends): make the value an output, or record it on a tape that lives";

// What is done with a handle anywhere: all of it must say the same.
void expect_gone(const variable& old) {
  EXPECT_FALSE(old.empty());
  tape t;
  const variable x = t.input(float32, {2});
  expect_error<tape_error>([&] { old.type(); }, gone);
  expect_error<tape_error>([&] { old.shape(); }, gone);
  expect_error<tape_error>([&] { old.owner(); }, gone);
  expect_error<tape_error>([&] { old.named("old"); }, gone);
  expect_error<tape_error>([&] { old.value<float>(); }, gone);
  expect_error<tape_error>([&] { std::ostringstream() << old; }, gone);
  expect_error<tape_error>([&] { old + x; }, gone);
  expect_error<tape_error>([&] { x + old; }, gone);
  expect_error<tape_error>([&] { old + 1; }, gone);
  expect_error<tape_error>([&] { sum(old); }, gone);
  expect_error<tape_error>([&] { softmax(old); }, gone);
  expect_error<tape_error>([&] { matmul(x, old); }, gone);
  expect_error<tape_error>([&] { concatenate({x, old}); }, gone);
  expect_error<tape_error>([&] { gradient(old, x); }, gone);
  expect_error<tape_error>([&] { gradient(sum(x), old); }, gone);
  expect_error<tape_error>([&] { vjp(x, {x}, old); }, gone);
  expect_error<tape_error>([&] { jvp(x, {x}, {old}); }, gone);
  expect_error<tape_error>([&] { jacobian(x, old); }, gone);
  expect_error<tape_error>([&] { jacobian<float>(x, old); }, gone);
  expect_error<tape_error>([&] { program(t, {x}, {old}); }, gone);
  expect_error<tape_error>([&] { program(t, {old}, {x}); }, gone);
  expect_error<tape_error>([&] { t.assign(parameter("p", array{1, 2}), old); }, gone);
  expect_error<tape_error>([&] { t.require(old, ""); }, gone);
  expect_error<tape_error>([&] { x.value<float>({{old, array{1, 2}}}); }, gone);
  expect_error<tape_error>([&] { sgd().minimize(old); }, gone);
  const auto first = [](const std::vector<variable>& v) { return v[0]; };
  const auto rule = [](const auto& v, variable, variable) { return v; };
  expect_error<tape_error>([&] { custom_gradient(first, {old}, rule); }, gone);
  expect_error<tape_error>([&] { custom_gradient(first, {x, old}, rule); }, gone);
  EXPECT_EQ(x.value<float>({{x, array{1, 2}}}), (array{1, 2}));
}

TEST(Lifetime, AVariableOfADestroyedTapeThrows) {
  variable old;
  {
    tape t;
    old = t.input(float32, {2});
  }
  expect_gone(old);
}

TEST(Lifetime, AVariableThatEscapesFromATracedFunctionThrows) {
  variable keep;
  auto f = compile([&](variable a) {
    keep = a * 2;
    return a;
  });
  f(1.0);
  expect_error<tape_error>([&] { sum(keep); }, gone);
  expect_gone(keep);
  f(2.0);  // a replay
  expect_gone(keep);
}

TEST(Lifetime, AVariableOfATraceThatFailedThrows) {
  variable keep;
  auto f = compile([&](variable a) {
    keep = a;
    return a + keep.owner().input(float32, {3});
  });
  expect_error<value_error>([&] { f(array{1, 2, 3}); }, "is needed but not bound");
  expect_gone(keep);
}

TEST(Lifetime, ATapeAtTheSameAddressKnowsOldHandlesFromItsOwn) {
  std::optional<tape> t(std::in_place);
  variable old = t->input(float32, {2});
  const tape_mark mark = t->mark();
  for (int i = 0; i < 100; ++i) {
    t.emplace();
    const variable own = t->input(float32, {2});
    EXPECT_EQ(own.index(), old.index());
    EXPECT_NO_THROW(own.type());
    expect_error<tape_error>([&] { old.type(); }, gone);
    expect_error<tape_error>([&] { t->rewind(mark); },
                             "rewind: the mark was taken on another tape");
    if (i % 10 == 0) old = own;
    const tape_mark m = t->mark();
    sin(own);
    t->rewind(m);  // rewinds move no other tape's handles
  }
  t.reset();
  expect_gone(old);
}

TEST(Lifetime, ARewoundHandleIsToldFromOneWhoseTapeIsGone) {
  variable old;
  {
    tape t;
    const tape_mark start = t.mark();
    old = t.input(float32, {2});
    t.rewind(start);
    EXPECT_EQ(message_of([&] { old.type(); }),
              "variable: the tape was rewound past node 0, record the value again");
  }
  EXPECT_EQ(message_of([&] { old.type(); }), gone);
}

TEST(Lifetime, TapesMayDieInAnyOrder) {
  std::vector<std::unique_ptr<tape>> tapes;
  std::vector<variable> handles;
  for (int i = 0; i < 50; ++i) {
    tapes.push_back(std::make_unique<tape>());
    handles.push_back(tapes.back()->input(float32, {i}));
  }
  for (std::size_t i = 0; i < tapes.size(); i += 3) tapes[i].reset();
  for (int i = 0; i < 10; ++i) {  // take the places of those that died
    tapes.push_back(std::make_unique<tape>());
    handles.push_back(tapes.back()->input(float32, {50 + i}));
  }
  for (std::size_t i = 0; i < tapes.size(); ++i) {
    if (tapes[i] != nullptr) EXPECT_EQ(handles[i].shape()[0], static_cast<std::int64_t>(i));
    else EXPECT_THROW(handles[i].shape(), tape_error);
  }
}

// A thread makes and rewinds tapes while another one asks for handles of tapes that are gone.
TEST(Lifetime, HandlesOfTapesThatAreGoneMayBeUsedWhileOtherThreadsRecord) {
  std::vector<variable> old;
  for (int i = 0; i < 20; ++i) {
    tape t;
    old.push_back(t.input(float32, {2}));
  }
  std::thread other([] {
    for (int i = 0; i < 300; ++i) {
      tape t, second;
      const variable x = t.input(float32, {2});
      const tape_mark m = t.mark();
      sin(x);
      t.rewind(m);
      cos(second.input(float32, {2}));
    }
  });
  for (int i = 0; i < 300; ++i) {
    for (const variable& v : old) EXPECT_THROW(v.type(), tape_error);
  }
  other.join();
}

TEST(Lifetime, AStaticTapeDiesSafely) {
  static tape t;
  static const variable x = t.input(float32, {2});
  EXPECT_EQ(x.shape(), (shape{2}));
}

TEST(Lifetime, HandlesAreSmall) { EXPECT_EQ(sizeof(variable), 16u); }

}  // namespace
}  // namespace cotape
