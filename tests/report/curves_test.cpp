// Learning curves: the script, and what gnuplot makes of it.
#include <gtest/gtest.h>
#include <cotape/report.hpp>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>

#include "report/tool.hpp"

#include "expect_error.hpp"

namespace {

using namespace cotape;
using namespace cotape::report;

const panel losses{
    .title = "Loss",
    .x_label = "epoch",
    .y_label = "cross-entropy",
    .curves = {{"training", {2, 1, 0.5}, {}}, {"valid\"ation\\", {2, 1.5, 1.25}, {}}}};

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

bool installed(const std::string& program) {
  try {
    run_tool(program, {"--version"}, "", "");
    return true;
  } catch (const io_error&) {
    return false;
  }
}

TEST(Curves, TheScriptHasLabelsLegendAndData) {
  const std::string script = curves_to_gnuplot({losses});
  for (const auto* part :
       {"set title \"Loss\"", "set xlabel \"epoch\"", "set ylabel \"cross-entropy\"",
        "title \"training\"", "title \"valid\\\"ation\\\\\"", "\n1 2\n2 1\n3 0.5\n"}) {
    EXPECT_TRUE(contains(script, part)) << part << " is not in\n" << script;
  }
}

TEST(Curves, ValuesThatAreNotFiniteAreGaps) {
  const std::string script =
      curves_to_gnuplot({{.curves = {{"c", {1, NAN, INFINITY}, {10, 20, 30}}}}});
  EXPECT_TRUE(contains(script, "\n10 1\n20 nan\n30 nan\n")) << script;
}

TEST(Curves, AreDrawnByGnuplot) {
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  const auto file = std::filesystem::path(testing::TempDir()) / "cotape curves' .svg";
  write_curves(
      file, {losses,
             {.title = "one point", .curves = {{"c", {1}, {}}, {"d", {NAN}, {}}}, .log_y = true}});
  std::ifstream in(file);
  const std::string svg(std::istreambuf_iterator<char>(in), {});
  for (const auto* part : {"<svg", "</svg>", "Loss", "epoch", "cross-entropy", "training",
                           "valid\"ation\\", "one point"}) {
    EXPECT_TRUE(contains(svg, part)) << part;
  }
  std::filesystem::remove(file);
}

TEST(Curves, RefuseWhatCannotBeDrawn) {
  const std::filesystem::path file = "/nowhere/c.svg";
  EXPECT_EQ(cotape::tests::message_of([&] { write_curves(file, {}); }),
            "write_curves: there is no panel");
  EXPECT_EQ(cotape::tests::message_of([&] { write_curves(file, {panel{}}); }),
            "write_curves: a panel has no curve");
  EXPECT_EQ(cotape::tests::message_of([&] {
              write_curves(file, {{.curves = {{"c", {1, 2}, {1}}}}});
            }),
            "write_curves: curve 'c' has 1 x and 2 y");
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  EXPECT_EQ(cotape::tests::message_of([&] { write_curves(file, {losses}); }),
            "report: cannot write /nowhere/c.svg: No such file or directory");
}

}  // namespace
