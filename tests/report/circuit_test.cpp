// Circuits: values and adjoints at the lines, and what dot makes of them.
#include <gtest/gtest.h>
#include <cotape/cotape.hpp>

#include <filesystem>
#include <fstream>

#include "report/tool.hpp"

#include "expect_error.hpp"

namespace {

using namespace cotape;
using namespace cotape::report;
using tests::message_of;

void expect_parts(const std::string& text, std::initializer_list<const char*> parts) {
  for (const auto* part : parts) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " is not in\n" << text;
  }
}

// (x + y) z + 1 of scalars, y a parameter.
class Circuit : public testing::Test {
 protected:
  tape t_;
  parameter y_{"y<", 5.0};
  variable x_ = t_.input(float64, {}, "x"), z_ = t_.input(float64, {}, "z");
  variable sum_ = (x_ + y_).named("sum"), out_ = sum_ * z_ + 1;
};

// The label of the line that leaves a node.
std::string on_line(const variable& v, const std::string& value, const std::string& adjoint) {
  return "v" + std::to_string(v.index()) +
         " [shape=plain, label=<<table border=\"0\" cellborder=\"0\" cellspacing=\"0\" "
         "cellpadding=\"3\"><tr><td><font color=\"#0072b2\">" +
         value + "</font></td></tr><hr/><tr><td><font color=\"#d55e00\">" + adjoint + "</font>";
}

TEST_F(Circuit, HasValuesAboveAndAdjointsBelowEachLine) {
  const std::string dot = circuit_to_dot(out_, {{x_, -2.0}, {z_, -4.0}}, {.title = "a \"title\""});
  expect_parts(dot, {"label=\"a \\\"title\\\"\\nabove each line the value, below",
                     "[label=\"x\", shape=ellipse", "[label=\"y<\", shape=ellipse",
                     "[label=\"sum = add\", shape=box", "[label=\"1\", shape=plaintext"});
  expect_parts(dot, {on_line(x_, "-2", "-4").c_str(), on_line(z_, "-4", "3").c_str(),
                     on_line(sum_, "3", "-4").c_str(), on_line(out_, "-11", "1").c_str(),
                     on_line(t_.read(y_), "5", "-4").c_str()});
}

TEST_F(Circuit, LeavesTheTapeAsItWas) {
  const std::size_t nodes = t_.size();
  circuit_to_dot(out_, {{x_, 1.0}, {z_, 1.0}});
  EXPECT_EQ(t_.size(), nodes);
  EXPECT_EQ(message_of([&] {
              circuit_to_dot(out_, {{x_, 1.0}});
            }).substr(0, 23),
            "value: input z is neede");
  EXPECT_EQ(t_.size(), nodes);
}

TEST_F(Circuit, WritesSmallArraysOutAndLargeOnesByTheirShape) {
  const variable m = t_.input(float32, {2, 2}, "m"), l = t_.input(float32, {7}, "l");
  const variable i = t_.input(int64, {}, "i");
  const std::string dot =
      circuit_to_dot(sum(square(m)) + sum(l) + sum(gather(l, i)),
                     {{m, xt::xarray<float>{{1, 2}, {3, 4}}}, {l, xt::ones<float>({7})}, {i, 2}});
  expect_parts(dot, {on_line(m, "[1 2; 3 4]", "[2 4; 6 8]").c_str(),
                     on_line(l, "(7,)", "(7,)").c_str(), on_line(i, "2", " ").c_str()});
}

TEST_F(Circuit, RefusesWhatHasNoAdjointsOrCannotBeRead) {
  const variable m = t_.input(float32, {2, 2}, "m");
  EXPECT_NE(message_of([&] { circuit_to_dot(m); }).find("vjp"), std::string::npos);
  EXPECT_EQ(message_of([&] {
              circuit_to_dot(out_, {{x_, 1.0}, {z_, 1.0}}, {.most_nodes = 2});
            }),
            "circuit_to_dot: 7 nodes, over the limit of 2");
}

TEST_F(Circuit, IsDrawnByGraphviz) {
  try {
    run_tool("dot", {"-V"}, "", "");
  } catch (const io_error&) {
    GTEST_SKIP() << "graphviz is not installed";
  }
  const auto file = std::filesystem::path(testing::TempDir()) / "cotape circuit.svg";
  write_circuit(file, out_, {{x_, -2.0}, {z_, -4.0}}, {.title = "<Title> & more"});
  std::ifstream in(file);
  const std::string svg(std::istreambuf_iterator<char>(in), {});
  expect_parts(svg, {"</svg>", "&amp; more", ">&#45;11<", ">y&lt;<"});
  std::filesystem::remove(file);
}

}  // namespace
