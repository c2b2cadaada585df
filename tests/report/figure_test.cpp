// Figures: the script, what gnuplot makes of it, and what is refused.
#include <gtest/gtest.h>
#include <cotape/figures.hpp>

#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <regex>
#include <set>
#include <sstream>

#include "report/tool.hpp"

#include "expect_error.hpp"
#include "own_folder.hpp"

namespace {

using namespace cotape;
using namespace cotape::report;
using tests::message_of;

const panel losses{
    .title = "Loss",
    .x_label = "epoch",
    .y_label = "cross-entropy",
    .curves = {{"training", {2, 1, 0.5}, {}}, {"valid\"ation\\", {2, 1.5, 1.25}, {}}}};

// A map with everything over it.
panel bowl() {
  surface s = sample([](double x, double y) { return x * x + y * y; }, {-3, 3}, {-2, 2}, 21);
  s.levels = {1, 4, 100};
  s.label = "height";
  return {.title = "Bowl",
          .x_label = "x",
          .y_label = "y",
          .curves = {{"path", {2, 1, 0}, {3, 1, 0}}, {"ends", {2, 0}, {3, 0}, stroke::points}},
          .equal_units = true,
          .markers = {{"valley", -1, 1}, {"floor", 0, 0, axis::y}},
          .map = std::move(s)};
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

void expect_parts(const std::string& text, std::initializer_list<const char*> parts) {
  for (const auto* part : parts) {
    EXPECT_TRUE(contains(text, part)) << part << " is not in\n" << text;
  }
}

bool installed(const std::string& program) {
  try {
    run_tool(program, {"--version"}, "", "");
    return true;
  } catch (const io_error&) {
    return false;
  }
}

TEST(Figure, TheScriptHasLabelsLegendAndData) {
  expect_parts(figure_to_gnuplot({losses}, {.title = "All"}),
               {"set title 'Loss'", "set xlabel 'epoch'", "set ylabel 'cross-entropy'",
                "title 'training'", "title 'valid\"ation\\'", "\n1 2\n2 1\n3 0.5\n", "'All'"});
}

TEST(Figure, TellsFourteenCurvesOfPointsApart) {
  panel p;
  for (int i = 0; i < 14; ++i) p.curves.push_back({"", {1, 2}, {}, stroke::points});
  const std::string script = figure_to_gnuplot({p}), with = " with points ";
  std::set<std::string> looks;
  for (auto at = script.find(with); at != std::string::npos; at = script.find(with, at + 1)) {
    looks.insert(script.substr(at, script.find(" notitle", at) - at));
  }
  EXPECT_EQ(looks.size(), 14u);
}

// Of a map the scale is opaque, as the map is, whatever panels stand beside it.
TEST(Figure, AScaleHasTheColoursOfItsMap) {
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  const panel map{.map = surface{{0, 1}, {0, 1}, {0, 1, 2, 3}}};
  const panel bars{.curves = {{"c", {1, 2}, {1, 2}, stroke::bars}}};
  const auto drawn = [](const std::vector<panel>& panels) {
    std::ostringstream svg;
    write_figure(svg, panels);
    return svg.str();
  };
  EXPECT_FALSE(contains(drawn({map}), "fill-opacity"));
  EXPECT_TRUE(contains(drawn({map, bars}), "fill-opacity"));
}

// A picture has nothing around it; what stands beside it is drawn as ever.
TEST(Figure, APanelMayHaveNoAxes) {
  panel picture{.title = "Picture", .map = surface{{12345, 12346}, {0, 1}, {0, 1, 2, 3}}};
  panel chart{.curves = {{"c", {1, 2}, {54321, 54322}}}};
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  const auto drawn = [](const std::vector<panel>& panels) {
    std::ostringstream svg;
    write_figure(svg, panels);
    return svg.str();
  };
  EXPECT_TRUE(contains(drawn({picture}), "12345"));
  picture.axes = false;
  picture.map->key = false;
  const std::string alone = drawn({picture}), both = drawn({picture, chart});
  EXPECT_TRUE(contains(alone, "Picture"));
  EXPECT_FALSE(contains(alone, "12345"));
  EXPECT_FALSE(contains(both, "12345"));
  const auto height_of_number = [](const std::string& svg) {
    const auto at = svg.rfind("translate(", svg.find("54321"));
    return svg.substr(at, svg.find(')', at) - at).substr(svg.find(',', at) - at);
  };
  EXPECT_EQ(height_of_number(both), height_of_number(drawn({chart})));
}

// gnuplot runs what stands in backticks, but for single quotes.
TEST(Figure, NamesAreTextAndNoCommands) {
  const panel p{.title = "`id`", .x_label = "it's", .curves = {{"a\nb", {1, 2}, {}}}};
  expect_parts(figure_to_gnuplot({p}),
               {"set title '`id`'", "set xlabel 'it'.\"'\".'s'", "title 'a'.\"\\n\".'b'"});
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  std::ostringstream svg;
  write_figure(svg, {p});
  expect_parts(svg.str(), {"`id`", "it's"});
}

// Of two apostrophes gnuplot ends a text at its beginning, but not within it.
TEST(Figure, NamesMayBeginAndEndWithApostrophes) {
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  panel p{.title = "'a'", .x_label = "''b", .y_label = "'", .curves = {{"'c", {1, 2}, {}}}};
  p.markers = {{"'d'", 1, 1}};
  std::ostringstream svg;
  write_figure(svg, {p}, {.title = "'all''"});
  expect_parts(svg.str(), {"'a'", "''b", "'c", "'d'", "'all''"});
}

TEST(Figure, HoldsNoTextThatXmlForbids) {
  const auto script = [](const std::string& title) {
    return figure_to_gnuplot({{.title = title, .curves = {{"c", {1, 2}, {}}}}});
  };
  const std::string mark = "\xef\xbf\xbd";
  for (const char* bad : {"\xff", "\x80", "\xc3", "\xc0\x80", "\xe0\x80\x80", "\xed\xa0\x80",
                          "\xef\xbf\xbe", "\xef\xbf\xbf", "\xf4\x90\x80\x80", "\xf8\x88"}) {
    const std::string text = script("a" + std::string(bad) + "b");
    EXPECT_TRUE(contains(text, "set title 'a" + mark)) << text;
    EXPECT_TRUE(contains(text, mark + "b'")) << text;
    EXPECT_FALSE(contains(text, bad)) << text;
  }
  for (const char* good : {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\xef\xbf\xbc"}) {
    EXPECT_TRUE(contains(script(good), "set title '" + std::string(good) + "'"));
  }
  EXPECT_TRUE(contains(script("a]]>b]]"), "set title 'a]] >b]]'"));
}

// What a user tells gnuplot at its start is for that user's own work with it.
TEST(Figure, TakesNoSettingsFromTheUser) {
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  const tests::own_folder folder;
  std::ofstream(folder.at / ".gnuplot") << "set output '" << (folder.at / "own").string() << "'\n";
  const char* home = std::getenv("HOME");
  const std::string before = home == nullptr ? "" : home;
  ::setenv("HOME", folder.at.c_str(), 1);
  std::ostringstream svg;
  EXPECT_EQ(message_of([&] { write_figure(svg, {losses}); }), "no error");
  if (home == nullptr) ::unsetenv("HOME");
  else ::setenv("HOME", before.c_str(), 1);
  expect_parts(svg.str(), {"Loss"});
}

TEST(Figure, ValuesThatAreNotFiniteAreGaps) {
  const std::string script =
      figure_to_gnuplot({{.curves = {{"c", {1, NAN, INFINITY}, {10, 20, 30}}}}});
  EXPECT_TRUE(contains(script, "\n10 1\n20 NaN\n30 NaN\n")) << script;
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  const auto drawn = [](const panel& p) {
    std::ostringstream svg;
    write_figure(svg, {p});
    return svg.str();
  };
  // No line leads over a gap.
  const std::string line = drawn({.curves = {{"", {1, 2, NAN, 2, 1}, {}, stroke::line}}});
  EXPECT_TRUE(std::regex_search(line, std::regex("d='M[^ ]* L[^ ]* M[^ ]* L[^ ]* *'"))) << line;
  // A map keeps its places, and gnuplot has nothing to say of it.
  const std::string map = drawn({.map = surface{{0, 1, 2}, {0, 1}, {1, 2, 3, NAN, 5, 6}, {2.5}}});
  EXPECT_TRUE(contains(map, "<image"));
}

TEST(Figure, ReachesAsFarAsItsDataAndMarkers) {
  const curve line{"c", {1, 10, 3}, {0, 1, 2}};
  expect_parts(figure_to_gnuplot({{.curves = {line}}}),
               {"set xrange [0:2]", "set yrange [0.55:10.45]"});
  expect_parts(figure_to_gnuplot({{.curves = {line}, .markers = {{"m", 4}}}}),
               {"set xrange [0:4]", "first 4, graph 0", "keyentry with lines", "title 'm'"});
  expect_parts(figure_to_gnuplot({{.curves = {line}, .markers = {{"", -5, -3, axis::y}}}}),
               {"set yrange [-5.75:10.75]", "rectangle from graph 0, first -5"});
  expect_parts(figure_to_gnuplot({{.curves = {line}, .x_range = interval{1.5, 9}}}),
               {"set xrange [1.5:9]", "set yrange [0:6]"});
  expect_parts(
      figure_to_gnuplot({{.curves = {{"c", {-1, 100}, {0, 10}}}, .log_y = true, .log_x = true}}),
      {"set xrange [1:100]", "set yrange [10:1000]", "set logscale x",
       "set xtics add (2,5,20,50,200,500)"});
}

TEST(Figure, NumbersAtAnAxisAreFewAndRound) {
  const auto script = [](double x, int width) {
    return figure_to_gnuplot({{.curves = {{"c", {1, 1}, {0, x}}}}}, {.width = width});
  };
  EXPECT_TRUE(contains(script(3, 560), "set xtics 1\n"));
  EXPECT_TRUE(contains(script(12, 560), "set xtics 2\n"));
  EXPECT_TRUE(contains(script(12, 200), "set xtics 5\n"));
  EXPECT_TRUE(contains(script(0.6, 560), "set xtics 0.1\n"));
  EXPECT_TRUE(contains(script(0.7, 200), "set xtics 0.5\n"));
  // Epochs are counted: no number stands between them.
  for (const std::vector<double>& y : {std::vector<double>{1}, {1, 2}, {1, 2, 3, 4}}) {
    const std::string counted = figure_to_gnuplot({{.curves = {{"c", y}}}});
    EXPECT_TRUE(contains(counted, "set xtics 1\n")) << y.size();
  }
}

TEST(Figure, RangesOfHugeValuesAreFinite) {
  const curve huge{"c", {-1e308, 1e308}}, wide{"c", {1e-300, 1e308}};
  for (const panel& p : {panel{.curves = {huge}}, panel{.curves = {wide}, .log_y = true}}) {
    EXPECT_FALSE(contains(figure_to_gnuplot({p}), "inf"));
  }
}

TEST(Figure, StylesAndColoursAreWhatIsAskedFor) {
  const std::vector<double> many(51, 1.0);
  expect_parts(figure_to_gnuplot({{.curves = {{"few", {1, 2}},
                                              {"many", many},
                                              {"", {1, 2}, {}, stroke::dashed, 0},
                                              {"dots", {1, 2}, {}, stroke::points},
                                              {"bars", {1, 2}, {}, stroke::bars},
                                              {"grid", {1, 2}, {}, stroke::thin}}}}),
               {"$data_0_0 using 1:2 with linespoints", "$data_0_1 using 1:2 with lines ",
                "$data_0_2 using 1:2 with lines linewidth 2 dashtype 2 linecolor rgb '#0072b2' "
                "notitle",
                "$data_0_3 using 1:2 with points", "$data_0_4 using 1:2 with boxes",
                "$data_0_5 using 1:2 with lines linewidth 0.7 "});
}

TEST(Figure, MapsHaveTheLevelsThatTheyCross) {
  const std::string script = figure_to_gnuplot({bowl()});
  expect_parts(script, {"\n-3 -2 13\n", "levels discrete 1,4\n", "with image", "'height'",
                        "set cbrange [0:13]", "set size ratio -1", "set xrange [-3:3]"});
  panel flat = bowl();
  flat.map->levels = {100};
  EXPECT_FALSE(contains(figure_to_gnuplot({flat}), "contour base"));
  flat.map->z_range = interval{0, 20};
  flat.map->key = false;
  expect_parts(figure_to_gnuplot({flat}), {"set cbrange [0:20]", "unset colorbox"});
}

TEST(Figure, LinesBetweenPointsOutsideAreDrawn) {
  expect_parts(figure_to_gnuplot({losses}), {"\nset clip two\n"});
}

TEST(Figure, PanelsStandInRowsAndColumns) {
  const std::vector<panel> five(5, losses);
  expect_parts(figure_to_gnuplot(five, {.columns = 2, .width = 300, .height = 200}),
               {"size 600,600 ", "layout 3,2"});
  expect_parts(figure_to_gnuplot(five), {"layout 1,5"});
}

TEST(Figure, IsDrawnByGnuplot) {
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  const auto file = std::filesystem::path(testing::TempDir()) / "cotape figure' .svg";
  panel logarithmic = bowl();
  logarithmic.map->log_z = true;
  logarithmic.map->colours = palette::diverging;
  write_figure(
      file, {losses,
             bowl(),
             logarithmic,
             {.title = "one point", .curves = {{"c", {1}, {}}, {"d", {NAN}, {}}}, .log_y = true}});
  std::ifstream in(file);
  const std::string svg(std::istreambuf_iterator<char>(in), {});
  expect_parts(svg,
               {"<svg", "</svg>", "Loss", "epoch", "cross-entropy", "training", "valid\"ation\\",
                "one point", "valley", "floor", "height", "path", "data:image/png;base64"});
  std::filesystem::remove(file);
}

TEST(Figure, RefusesWhatCannotBeDrawn) {
  const auto said = [](const std::vector<panel>& panels) {
    return message_of([&] { write_figure("/nowhere/c.svg", panels); });
  };
  EXPECT_EQ(said({}), "write_figure: there is no panel");
  EXPECT_EQ(said({panel{}}), "write_figure: a panel has neither curves nor a map");
  EXPECT_EQ(said({{.curves = {{"c", {1, 2}, {1}}}}}), "write_figure: curve 'c' has 1 x and 2 y");
  EXPECT_EQ(said({{.curves = {{"c", {1}}}, .markers = {{"m", NAN}}}}),
            "write_figure: marker 'm' is not finite");
  EXPECT_EQ(said({{.curves = {{"c", {1}}}, .x_range = interval{2, 2}}}),
            "write_figure: x from 2 to 2 is no range");
  EXPECT_EQ(said({{.curves = {{"c", {1}}}, .log_y = true, .y_range = interval{0, 2}}}),
            "write_figure: y from 0 to 2 is no range of a logarithmic axis");
  panel p = bowl();
  p.map->z_range = interval{1, 0};
  EXPECT_EQ(said({p}), "write_figure: z from 1 to 0 is no range");
  p.map->z.pop_back();
  EXPECT_EQ(said({p}), "write_figure: a map of 21 by 21 lines has 440 values");
  p.map->x[1] = 0;
  EXPECT_EQ(said({p}),
            "write_figure: the lines of a map's grid are not finite, ascending and even");
  if (!installed("gnuplot")) GTEST_SKIP() << "gnuplot is not installed";
  EXPECT_EQ(said({losses}),
            "write_figure: /nowhere/c.svg: cannot write in the folder /nowhere: No such file or "
            "directory");
}

TEST(Sample, TakesAFunctionRowByRow) {
  const surface s = sample([](double x, double y) { return x + 10 * y; }, {0, 2}, {5, 6}, 3);
  EXPECT_EQ(s.x, (std::vector<double>{0, 1, 2}));
  EXPECT_EQ(s.y, (std::vector<double>{5, 5.5, 6}));
  EXPECT_EQ(s.z, (std::vector<double>{50, 51, 52, 55, 56, 57, 60, 61, 62}));
  EXPECT_EQ(message_of([] {
              sample([](double, double) { return 0; }, {0, 0}, {0, 1}, 1);
            }),
            "sample: 1 points over [0, 0] and [0, 1] are no grid");
}

TEST(ScatterMatrix, HasEachColumnAgainstEachAndHistograms) {
  const xt::xarray<double> values{{1, 10}, {2, 30}, {3, 20}, {3, NAN}};
  const auto panels = scatter_matrix({"a", "b"}, values);
  ASSERT_EQ(panels.size(), 4u);
  EXPECT_EQ(panels[0].curves[0].y, (std::vector<double>{1, 3}));  // bins [1, 2) and [2, 3]
  EXPECT_EQ(panels[0].curves[0].x, (std::vector<double>{1.5, 2.5}));
  EXPECT_EQ(panels[3].curves[0].y, (std::vector<double>{3}));
  EXPECT_EQ(panels[1].curves[0].x[1], 30);
  EXPECT_EQ(panels[1].curves[0].y[1], 2);
  const auto narrow = scatter_matrix({"a", "b"}, xt::xarray<float>(values));
  EXPECT_EQ(narrow[1].curves[0].x[1], 30);
  EXPECT_EQ(panels[0].y_label + panels[2].x_label + panels[2].y_label + panels[3].x_label, "aabb");
  EXPECT_EQ(panels[1].x_label + panels[1].y_label + panels[0].x_label, "");
  EXPECT_EQ(message_of([&] { scatter_matrix({"a"}, values); }),
            "scatter_matrix: 1 names for values of shape (4, 2)");
  EXPECT_EQ(message_of([&] {
              scatter_matrix({"a"}, xt::xarray<int>::from_shape({1, 1}));
            }),
            "scatter_matrix: int64 values; give float32 or float64");
}

}  // namespace
