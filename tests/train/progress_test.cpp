// The progress line, with a clock of the test's own.
#include <gtest/gtest.h>
#include <cotape/model.hpp>
#include <cotape/optimizers.hpp>

#include <algorithm>
#include <iostream>
#include <sstream>

#include "expect_error.hpp"

namespace {

using namespace cotape;

// What a training of so many epochs of 8 batches of 10 rows, `seconds` each, writes.
std::string written(std::int64_t epochs, double seconds, bool live) {
  std::ostringstream out;
  double now = 100;
  progress p(out, {.epochs = epochs, .rows = 80, .batches = 8, .live = live, .clock = [&] {
                     return now;
                   }});
  for (std::int64_t e = 0; e < epochs; ++e) {
    for (int b = 0; b < 8; ++b) {
      now += seconds;
      p.update(10, 0.5, 0.25);
    }
    p.end_epoch("more");
  }
  return out.str();
}

std::int64_t lines_of(const std::string& text) {
  return std::count(text.begin(), text.end(), '\n');
}

TEST(Progress, WritesPlainLinesAtTheQuartersOfAnEpoch) {
  const std::string text = written(2, 1, false);
  EXPECT_TRUE(text.starts_with(
      "epoch 1/2  batch 2/8  loss 0.5000  accuracy 0.2500  10 samples/s  left 14 s\n"
      "epoch 1/2  batch 4/8  loss 0.5000  accuracy 0.2500  10 samples/s  left 12 s\n"
      "epoch 1/2  batch 6/8  loss 0.5000  accuracy 0.2500  10 samples/s  left 10 s\n"
      "epoch 1/2  batch 8/8  loss 0.5000  accuracy 0.2500  10 samples/s  left 8 s  more\n"
      "epoch 2/2  batch 2/8 "))
      << text;
  EXPECT_EQ(lines_of(text), 8);
  EXPECT_EQ(text.find('\r'), std::string::npos);
}

TEST(Progress, SaysNothingOfHowManyWhereThatIsNotKnown) {
  std::ostringstream out;
  double now = 0;
  progress p(out, {.epochs = 0, .clock = [&] { return now; }});
  for (int epoch = 0; epoch < 2; ++epoch) {
    for (int b = 0; b < 2; ++b) {
      now += 1;
      p.update(10, 0.5, 0.25);
    }
    p.end_epoch();
  }
  EXPECT_EQ(out.str(),
            "epoch 1  batch 1  loss 0.5000  accuracy 0.2500  10 samples/s\n"
            "epoch 1  batch 2  loss 0.5000  accuracy 0.2500  10 samples/s\n"
            "epoch 1  batch 2  loss 0.5000  accuracy 0.2500  10 samples/s\n"
            "epoch 2  batch 1  loss 0.5000  accuracy 0.2500  10 samples/s\n"
            "epoch 2  batch 2  loss 0.5000  accuracy 0.2500  10 samples/s\n"
            "epoch 2  batch 2  loss 0.5000  accuracy 0.2500  10 samples/s\n");
}

TEST(Progress, RewritesOneLineOnATerminal) {
  const std::string text = written(2, 1, true);
  EXPECT_TRUE(text.starts_with("\r\x1b[?7lepoch 1/2  batch 1/8  ")) << text;
  EXPECT_EQ(std::count(text.begin(), text.end(), '\r'), 16);
  EXPECT_NE(text.find("left 15 s\x1b[K\x1b[?7h\r"), std::string::npos);
  EXPECT_EQ(lines_of(text), 2);
  EXPECT_TRUE(text.ends_with("more\x1b[K\n"));
}

TEST(Progress, AStreamThatThrowsGivesAnErrorOfOurs) {
  std::ostringstream out;
  out.exceptions(std::ios::badbit);
  double now = 0;
  progress p(out, {.rows = 80, .batches = 8, .live = true, .clock = [&] { return now += 1; }});
  p.update(10, 0.5, 0.25);
  EXPECT_THROW(out.setstate(std::ios::badbit), std::ios::failure);
  tests::expect_error<io_error>([&] { p.update(10, 0.5, 0.25); },
                                "progress: cannot write to the stream");
  // A warning goes there too.
  sequential m({dense(1)}, 1);
  m.compile("binary_crossentropy", sgd());
  const xt::xarray<float> x = {{100, 200}, {-100, 300}}, y = {0, 1};
  tests::expect_error<io_error>([&] { m.fit(x, y, {.progress = &out}); },
                                "progress: cannot write to the stream");
}

TEST(Progress, QuickEpochsShareLines) {
  EXPECT_LT(lines_of(written(5000, 1e-4, false)), 20);  // 4 s
  EXPECT_LT(lines_of(written(5000, 1e-4, true)), 20);
  EXPECT_LT(written(5000, 1e-4, true).size(), 10000u);
  EXPECT_EQ(lines_of(written(1, 1e-9, false)), 1);
  EXPECT_EQ(lines_of(written(1, 1e-9, true)), 1);
}

TEST(Progress, WritesLongTimesWithMinutesAndHours) {
  EXPECT_NE(written(2, 100, false).find("left 23:20"), std::string::npos);
  EXPECT_NE(written(2, 1000, false).find("left 3:53:20"), std::string::npos);
}

TEST(Progress, AStringIsNoTerminal) {
  std::ostringstream out;
  EXPECT_FALSE(is_terminal(out));
}

TEST(Progress, ShowsAnyFiguresOfATrainingThatGoesOnAfterAQuietTime) {
  std::ostringstream out;
  double now = 0;
  progress p(out, {.epochs = 6, .rows = 10, .batches = 1, .first = 2, .quiet = 3, .clock = [&] {
                     return now;
                   }});
  int asked = 0;
  for (int e = 2; e < 6; ++e) {
    now += 1;
    p.update(10, [&] {
      ++asked;
      logs l;
      l.add("r2", 0.5);
      return l;
    });
    p.end_epoch();
  }
  EXPECT_EQ(out.str(),
            "epoch 5/6  batch 1/1  r2 0.5000  10 samples/s  left 1 s\n"
            "epoch 6/6  batch 1/1  r2 0.5000  10 samples/s  left 0 s\n");
  EXPECT_EQ(asked, 2);
}

}  // namespace
