// Graphs in graphviz's language, and what dot makes of them.
#include <gtest/gtest.h>
#include <cotape/cotape.hpp>
#include <cotape/report.hpp>

#include <filesystem>
#include <fstream>
#include <functional>

#include "report/tool.hpp"

namespace {

using namespace cotape;
using namespace cotape::report;

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

class Graph : public testing::Test {
 protected:
  variable record() {
    variable x = t_.input(float32, {8, 3}, "x");
    exp(x).named("unused");
    variable y = matmul(x, w_);
    return (relu(y + t_.constant(xt::xarray<float>{1, 2})) * 0.5).named("half \"of\" it");
  }
  tape t_;
  parameter w_{"weights", xt::xarray<float>::from_shape({3, 2})};
};

TEST_F(Graph, NamesOperationsShapesAndLabels) {
  const std::string dot = graph_to_dot(record(), {.title = "a \"title\""});
  for (const auto* part :
       {"digraph", "label=\"a \\\"title\\\"\"", "[label=\"x\\n(8, 3)\", shape=ellipse",
        "[label=\"weights\\n(3, 2)\", shape=cylinder", "[label=\"matmul\\n(8, 2)\", shape=box",
        "[label=\"constant\\n(2,)\", shape=note", "[label=\"0.5\", shape=plaintext",
        "[label=\"half \\\"of\\\" it = multiply\\n(8, 2)\"", "graph_test.cpp:"}) {
    EXPECT_TRUE(contains(dot, part)) << part << " is not in\n" << dot;
  }
}

TEST_F(Graph, HoldsOnlyWhatTheOutputNeeds) {
  const std::string dot = graph_to_dot(record());
  EXPECT_FALSE(contains(dot, "exp") || contains(dot, "unused"));
}

TEST_F(Graph, NamesOtherDtypesThanFloat32) {
  EXPECT_TRUE(contains(graph_to_dot(t_.input(int64, {4}, "labels")), "labels\\nint64 (4,)"));
}

TEST_F(Graph, DrawsAnOperandUsedTwiceTwice) {
  variable x = t_.input(float32, {2}, "x");
  const std::string dot = graph_to_dot(x * x);
  const auto first = dot.find("n0 -> n1");
  ASSERT_NE(first, std::string::npos);
  EXPECT_NE(dot.find("n0 -> n1", first + 1), std::string::npos);
}

TEST_F(Graph, RefusesWhatNobodyCouldRead) {
  try {
    graph_to_dot(record(), {.most_nodes = 3});
    FAIL();
  } catch (const value_error& e) {
    EXPECT_STREQ(e.what(), "graph_to_dot: 8 nodes, over the limit of 3");
  }
}

TEST_F(Graph, HoldsNoTextThatXmlForbids) {
  const std::string dot = graph_to_dot(record(), {.title = "a\xff\x01 &#1; b"});
  EXPECT_TRUE(contains(dot, "label=\"a\xef\xbf\xbd  &amp;#1; b\"")) << dot;
}

TEST_F(Graph, IsDrawnByGraphviz) {
  try {
    run_tool("dot", {"-V"}, "", "");
  } catch (const io_error&) {
    GTEST_SKIP() << "graphviz is not installed";
  }
  const auto file = std::filesystem::path(testing::TempDir()) / "cotape graph.svg";
  write_graph(file, record(), {.title = "<Title> & more"});
  std::ifstream in(file);
  const std::string svg(std::istreambuf_iterator<char>(in), {});
  for (const auto* part : {"</svg>", "matmul", "weights", "(8, 3)", "half", "&amp; more"}) {
    EXPECT_TRUE(contains(svg, part)) << part;
  }
  std::filesystem::remove(file);
}

}  // namespace
