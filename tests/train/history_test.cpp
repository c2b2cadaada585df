// The history of a training, and its table.
#include <gtest/gtest.h>
#include <cotape/train.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "expect_error.hpp"

namespace {

using namespace cotape;

TEST(History, KeepsQuantitiesByEpoch) {
  history h;
  EXPECT_EQ(h.epochs(), 0u);
  h.add({{"loss", 2}, {"val_loss", 3}});
  h.add({{"loss", 1}, {"val_loss", 2.5}});
  EXPECT_EQ(h.epochs(), 2u);
  EXPECT_EQ(h["loss"], (std::vector<double>{2, 1}));
  EXPECT_EQ(h["val_loss"], (std::vector<double>{3, 2.5}));
}

TEST(History, IsWrittenAsCsv) {
  history h;
  h.add({{"loss", 0.1}, {"accuracy", 0.5}});
  h.add({{"loss", 1.0 / 3}, {"accuracy", 1}});
  const std::string text = "epoch,loss,accuracy\n1,0.1,0.5\n2,0.3333333333333333,1\n";
  EXPECT_EQ(h.csv(), text);
  const auto file = std::filesystem::path(testing::TempDir()) / "cotape_history.csv";
  h.write_csv(file);
  std::ifstream in(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(in), {}), text);
  std::filesystem::remove(file);
}

// Half of all NaN were "-nan", which read_csv takes neither as a number nor as missing.
TEST(History, NanHasNoSign) {
  const double nan = std::nan("");
  history h;
  h.add({{"a", std::copysign(nan, 1)}, {"b", std::copysign(nan, -1)}});
  EXPECT_EQ(h.csv(), "epoch,a,b\n1,nan,nan\n");
}

TEST(History, NamesMayHoldAnything) {
  history h;
  h.add({{"a, b", 1}, {"say \"c\"\nd", 2}});
  EXPECT_EQ(h.csv(), "epoch,\"a, b\",\"say \"\"c\"\"\nd\"\n1,1,2\n");
}

// Readers leave out blanks around cells that are not quoted.
TEST(History, NamesKeepTheirBlanks) {
  history h;
  h.add({{" a", 1}, {"b\t", 2}, {"a", 3}, {"c d", 4}, {"", 5}});
  EXPECT_EQ(h.csv(), "epoch,\" a\",\"b\t\",a,c d,\n1,1,2,3,4,5\n");
}

TEST(History, SaysWhatIsWrong) {
  logs l;
  l.add("loss", 2);
  EXPECT_EQ(cotape::tests::message_of([&] { l[std::size_t{1}]; }),
            "logs: no figure 1, there are 1");
  history h;
  h.add({{"loss", 1}, {"accuracy", 1}});
  EXPECT_EQ(cotape::tests::message_of([&] { h["val_loss"]; }),
            "history: no 'val_loss', only: loss, accuracy");
  EXPECT_EQ(cotape::tests::message_of([&] {
              h.add({{"loss", 1}});
            }),
            "history: an epoch must have the same quantities as the first");
  EXPECT_EQ(
      cotape::tests::message_of([&] { h.write_csv("/nowhere/h.csv"); }),
      "history: /nowhere/h.csv: cannot write in the folder /nowhere: No such file or directory");
}

}  // namespace
