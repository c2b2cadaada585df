// CSV files: what RFC 4180 allows, what is refused and where, numbers, and summaries.
#include <gtest/gtest.h>
#include <cotape/csv.hpp>

#include <cmath>
#include <optional>
#include <random>

#include "expect_error.hpp"
#include "io/files.hpp"

namespace {

using namespace cotape;
using lines = std::vector<std::string>;

class Csv : public tests::files_test {
 protected:
  csv_table table(const std::string& content, const csv_options& options = {}) const {
    return read_csv(write("t.csv", content), options);
  }
  // The error of reading it, or of using the table as f does, without the file's name.
  template <class F>
  std::string error_of(const std::string& content, F f, const csv_options& options = {}) const {
    std::string text = tests::message_of([&] { f(table(content, options)); });
    const std::string name = (folder_ / "t.csv").string();
    const auto at = text.find(name);
    return at == text.npos ? text : text.replace(at, name.size(), "t.csv");
  }
  std::string error_of(const std::string& content, const csv_options& options = {}) const {
    return error_of(
        content, [](const csv_table&) {}, options);
  }
};

const std::string houses = "age,town,price\n10,Basel,1.5\n20,Bern,-2e3\n";

TEST_F(Csv, ColumnsAreFoundByName) {
  const csv_table t = table(houses);
  EXPECT_EQ(t.names(), (lines{"age", "town", "price"}));
  EXPECT_EQ(t.rows(), 2);
  EXPECT_EQ(t.text("town"), (lines{"Basel", "Bern"}));
  EXPECT_EQ(t.cell(1, "price"), "-2e3");
  EXPECT_EQ(t.column("age"), (xt::xarray<double>{10, 20}));
  EXPECT_EQ(t.columns({"price", "age"}), (xt::xarray<double>{{1.5, 10}, {-2000, 20}}));
  EXPECT_EQ(t.columns({"age"}).shape(0), 2u);
  EXPECT_EQ(t.columns({"age"}).dimension(), 2u);
}

TEST_F(Csv, QuotedCellsHoldAnything) {
  const csv_table t = table("a,b\r\n\"x,\"\"y\"\"\",\"1\r\n2\"\r\n\" z \",  w\t\r\n");
  EXPECT_EQ(t.text("a"), (lines{"x,\"y\"", " z "}));
  EXPECT_EQ(t.text("b"), (lines{"1\r\n2", "w"}));
  EXPECT_EQ(t.line(0), 2);
  EXPECT_EQ(t.line(1), 4);
}

TEST_F(Csv, BlanksAroundCellsAndNamesCountWithinQuotesAlone) {
  const csv_table t = table(" age\t, town ,\" price \"\n 1 , a b ,\" 2\"\n");
  EXPECT_EQ(t.names(), (lines{"age", "town", " price "}));
  EXPECT_EQ(t.cell(0, "age"), "1");
  EXPECT_EQ(t.cell(0, "town"), "a b");
  EXPECT_EQ(t.cell(0, " price "), " 2");
}

TEST_F(Csv, EveryLineEndIsOne) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const csv_table t = table("a" + end + end + "1" + end + "\"2" + end + "\"" + end + "3");
    EXPECT_EQ(t.text("a"), (lines{"1", "2" + end, "3"}));
    EXPECT_EQ(t.line(0), 3);
    EXPECT_EQ(t.line(1), 4);
    EXPECT_EQ(t.line(2), 6);
  }
}

TEST_F(Csv, TheSeparatorAndTheHeaderAreOptions) {
  EXPECT_EQ(table("a;b\n1,5;2\n", {.separator = ';'}).text("a"), lines{"1,5"});
  EXPECT_EQ(table("a\tb\n\"1\"\t2\n", {.separator = '\t'}).text("b"), lines{"2"});
  const csv_table t = table("1,2\n3,4\n", {.header = false});
  EXPECT_EQ(t.names(), (lines{"x0", "x1"}));
  EXPECT_EQ(t.columns({"x0", "x1"}), (xt::xarray<double>{{1, 2}, {3, 4}}));
  EXPECT_EQ(table("\xef\xbb\xbf"
                  "a,b\n")
                .names(),
            (lines{"a", "b"}));
  EXPECT_EQ(table("a,b\n").columns({"b"}).size(), 0u);
}

TEST_F(Csv, LinesMayBeLongAndMany) {
  std::string content = "n,text\r\n";
  for (int i = 0; i < 20000; ++i) {
    content += std::to_string(i) + ",\"" + std::string(static_cast<std::size_t>(i % 50), 'x') +
               "\r\n\"\r\n";
  }
  const csv_table t = table(content);
  ASSERT_EQ(t.rows(), 20000);
  const auto n = t.column("n");
  for (std::size_t i = 0; i < 20000; ++i) {
    ASSERT_EQ(n(i), static_cast<double>(i));
    ASSERT_EQ(t.line(static_cast<std::int64_t>(i)), 2 + 2 * static_cast<std::int64_t>(i));
  }
}

TEST_F(Csv, MissingValuesAreRefusedOrTheirRowsDropped) {
  const std::string content = "a,b\n1,2\n3,\n\"\n\",NA\n5,6\n";
  EXPECT_EQ(error_of(content), "read_csv: t.csv: line 3: column 'b': a value is missing");
  const csv_table t = table(content, {.missing = missing_values::drop});
  EXPECT_EQ(t.columns({"a", "b"}), (xt::xarray<double>{{1, 2}, {5, 6}}));
  EXPECT_EQ(t.dropped(), 2);
  EXPECT_EQ(t.line(1), 6);
  EXPECT_EQ(table(content, {.columns = {"a"}}).rows(), 4);  // b is not asked for
  EXPECT_EQ(table(content, {.without = {"b"}}).names(), lines{"a"});
  EXPECT_EQ(table("a\n?\n1\n", {.missing = missing_values::drop, .missing_marks = {"?"}}).rows(),
            1);
}

TEST_F(Csv, NumbersAreTheNearest) {
  const csv_table t = table("x\n0.1\n+7\n-0\n1e-320\n179769313486231580793728971405301e276\n");
  const auto x = t.column("x");
  EXPECT_EQ(x(0), 0.1);
  EXPECT_EQ(x(1), 7);
  EXPECT_TRUE(std::signbit(x(2)));
  EXPECT_EQ(x(3), 1e-320);
  EXPECT_EQ(x(4), 1.79769313486231580793728971405301e308);
}

TEST_F(Csv, NumbersThatUnderflowAreTheNearestToo) {
  const std::string zeros(400, '0');
  const std::pair<std::string, double> cases[] = {
      {"1e-400", 0.0},
      {"-1e-400", -0.0},
      {"2e-324", 0.0},
      {"3e-324", 5e-324},
      {"2.4703282292062327e-324", 0.0},
      {"2.4703282292062328e-324", 5e-324},
      {"-2.2250738585072011e-308", -2.2250738585072011e-308},
      {"123456789e-400", 0.0},
      {"0." + zeros + "1", 0.0},
      {"-0." + zeros + "1E-5", -0.0},
      {"+1e-99999999999999999999", 0.0},
      {"1" + zeros + "e-400", 1.0},
      {"0." + zeros + "1e401", 1.0},
      {"0e99999999999999999999", 0.0},
      {"0e-999", 0.0},
  };
  std::string content = "x\n";
  for (const auto& c : cases) content += c.first + "\n";
  const auto x = table(content).column("x");
  for (std::size_t i = 0; i < std::size(cases); ++i) {
    EXPECT_EQ(x(i), cases[i].second) << cases[i].first;
    EXPECT_EQ(std::signbit(x(i)), std::signbit(cases[i].second)) << cases[i].first;
  }
  for (const std::string& cell :
       {std::string("1e309"), "1" + zeros, "1" + zeros + ".5", std::string("-1e+400"),
        std::string("1e99999999999999999999"), "0." + zeros + "1e800", std::string("1e-400x"),
        std::string("nan(1)")}) {
    EXPECT_TRUE(error_of("x\n" + cell + "\n", [](const csv_table& t) { t.column("x"); })
                    .ends_with("is no finite number"))
        << cell;
  }
}

// Work that grew with the square of the columns took seconds here for each of these tables.
TEST_F(Csv, ColumnsMayBeMany) {
  constexpr int n = 60000;
  std::string head, row;
  lines names, even;
  for (int i = 0; i < n; ++i) {
    names.push_back("c" + std::to_string(i));
    if (i % 2 == 0) even.push_back(names.back());
    head += (i == 0 ? "" : ",") + names.back();
    row += (i == 0 ? "" : ",") + std::to_string(i);
  }
  const std::string content = head + "\n" + row + "\n";
  const csv_table whole = table(content);
  EXPECT_EQ(whole.names(), names);
  const auto x = whole.columns(names);
  ASSERT_EQ(x.size(), static_cast<std::size_t>(n));
  for (int i = 0; i < n; ++i) ASSERT_EQ(x(0, i), i);
  EXPECT_EQ(whole.summaries().back().mean, n - 1);
  EXPECT_EQ(whole.cell(0, "c59999"), "59999");
  const csv_table odd = table(content, {.without = even});
  EXPECT_EQ(odd.names().size(), static_cast<std::size_t>(n / 2));
  EXPECT_EQ(odd.cell(0, "c59999"), "59999");
  std::reverse(names.begin(), names.end());
  const csv_table reversed = table(content, {.columns = names});
  EXPECT_EQ(reversed.names(), names);
  EXPECT_EQ(reversed.columns(names)(0, 0), n - 1);
}

TEST_F(Csv, OptionsThatCancelAreRefused) {
  for (const char separator : {'\n', '\r', '"', '\0'}) {
    EXPECT_EQ(error_of(houses, {.separator = separator}),
              "read_csv: a line end, a quote or a NUL is no separator");
  }
  EXPECT_EQ(error_of(houses, {.columns = {"age"}, .without = {"age"}}),
            "csv: t.csv: column 'age' stands in columns and in without");
  EXPECT_EQ(error_of(houses, {.columns = {"age", "price", "age"}}),
            "csv: t.csv: column 'age' stands twice in columns");
  EXPECT_EQ(error_of(houses, {.without = {"age", "town", "price"}}),
            "csv: t.csv: without leaves no column");
  EXPECT_EQ(table(houses, {.columns = {"age"}, .without = {"town"}}).names(), lines{"age"});
}

TEST_F(Csv, WhatIsNoNumberIsNamed) {
  const auto ask = [](const csv_table& t) { t.columns({"price", "age"}); };
  EXPECT_EQ(error_of("age,price\n1,2\n3,\"4\n\"\n", ask),
            "csv: t.csv: line 3, column 'price': '4\n' is no finite number");
  for (const std::string cell :
       {"abc", "1x", "1 2", "1,5", "--1", "+-1", "0x10", "inf", "1e999", "-", "."}) {
    EXPECT_EQ(error_of("age;price\n1;2\n" + cell + ";4\n", ask, {.separator = ';'}),
              "csv: t.csv: line 3, column 'age': '" + cell + "' is no finite number");
  }
  EXPECT_EQ(
      error_of("age,price\n1," + std::string(100, 'y') + "\n", ask),
      "csv: t.csv: line 2, column 'price': '" + std::string(40, 'y') + "...' is no finite number");
}

TEST_F(Csv, UnknownColumnsAndRowsAreNamed) {
  const std::string only = "csv: t.csv: no column 'rooms', only: age, town, price";
  EXPECT_EQ(error_of(houses, [](const csv_table& t) { t.columns({"age", "rooms"}); }), only);
  EXPECT_EQ(error_of(houses, [](const csv_table& t) { t.text("rooms"); }), only);
  EXPECT_EQ(error_of(houses, {.columns = {"rooms"}}), only);
  EXPECT_EQ(error_of(houses, {.without = {"rooms"}}), only);
  EXPECT_EQ(error_of(std::string("a\0b,c\n", 6), [](const csv_table& t) { t.text("d"); }),
            "csv: t.csv: no column 'd', only: a\\0b, c");
  EXPECT_EQ(error_of(houses, [](const csv_table& t) { t.cell(2, "age"); }),
            "csv: t.csv: no row 2, it has 2");
}

TEST_F(Csv, OfManyColumnsTheFirstAreNamed) {
  std::string head, first;
  for (int i = 0; i < 100000; ++i) head += "c" + std::to_string(i) + ",";
  for (int i = 0; i < 20; ++i) first += ", c" + std::to_string(i);
  EXPECT_EQ(error_of(head + "end\n", {.columns = {"nope"}}),
            "csv: t.csv: no column 'nope', only: " + first.substr(2) + " and 99981 more");
}

TEST_F(Csv, BrokenFilesAreRefused) {
  const auto error = [&](const std::string& content) { return error_of(content).substr(17); };
  EXPECT_EQ(error(""), "it has no rows");
  const std::string wide = "it looks like UTF-16: write it as UTF-8";
  EXPECT_EQ(error(std::string("\xff\xfe"
                              "a\0\n\0",
                              6)),
            wide);
  EXPECT_EQ(error(std::string("\xfe\xff"
                              "\0a\0\n",
                              6)),
            wide);
  EXPECT_EQ(error(std::string("a\0,\0b\0\n\0", 8)), wide);
  EXPECT_EQ(error(std::string("\0a\0,\0b\0\n", 8)), wide);
  EXPECT_EQ(error("a,a\n"), "line 1: two columns are named 'a'");
  EXPECT_EQ(error("a,b\n1,2\n\"1\n\",2,3\n"), "line 3: it has 3 cells, but there are 2 columns");
  EXPECT_EQ(error("a,b\n1\n"), "line 2: it has 1 cells, but there are 2 columns");
  EXPECT_EQ(error("a,b\n1,2\n3,\"4\n5,6\n"), "line 3: a quoted cell is not closed");
  std::string many;
  for (int i = 0; i < 1000; ++i) many += "5,6\n";
  const std::string open = ": a quoted cell is not closed";
  EXPECT_EQ(error("a,b\n1,2\n\"3,4\n" + many), "line 3" + open);
  EXPECT_EQ(error("a,b\n1,2\n\n  \r\n\"\n\n" + many), "line 5" + open);
  EXPECT_EQ(error("a,b\r1,2\r\r\n  \"3,4\r" + many), "line 4" + open);
  const std::string stray =
      "line 2: a quote stands where none may be; quotes inside a quoted cell are doubled";
  EXPECT_EQ(error("a,b\n1\"2,3\n"), stray);
  EXPECT_EQ(error("a,b\n\"1\"2,3\n"), stray);
  EXPECT_EQ(error_of("a\n1\n", {.limits = {.most_bytes = 3}}),
            "read_csv: t.csv: it has 4 bytes: over the limit of 3");
  EXPECT_EQ(tests::message_of([&] { read_csv(folder_ / "none.csv"); }),
            "read_csv: " + (folder_ / "none.csv").string() + ": there is no such file");
}

// An empty cell takes a byte in the file, and many in memory.
TEST_F(Csv, TheLimitIsOfTheTableInMemoryToo) {
  const auto error = [&](const std::string& content, std::size_t most_bytes) {
    return error_of(content,
                    {.header = false, .missing_marks = {}, .limits = {.most_bytes = most_bytes}});
  };
  const auto over = [](int line, int bytes, int most_bytes) {
    return "read_csv: t.csv: line " + std::to_string(line) + ": with it the table takes " +
           std::to_string(bytes) + " bytes of memory or more: over the limit of " +
           std::to_string(most_bytes);
  };
  // The ends of cells.
  EXPECT_EQ(error(std::string(1'000'000, ',') + "\n", 1'100'000), over(1, 1'100'008, 1'100'000));
  // The names, which take more: half of their cells would still do.
  const std::string names = error(std::string(100'000, ',') + "\n", 2'000'000);
  EXPECT_TRUE(names.starts_with("read_csv: t.csv: line 1: with it the table takes 200")) << names;
  EXPECT_TRUE(names.ends_with(" bytes of memory or more: over the limit of 2000000")) << names;
  // Rows: a cell of one byte, its end and its line.
  std::string rows;
  for (int i = 0; i < 1000; ++i) rows += "1\n";
  const std::string many = error(rows, 10'000);
  EXPECT_TRUE(many.starts_with("read_csv: t.csv: line 5")) << many;
  EXPECT_EQ(error(rows, 20'000), "no error");
}

// numpy.quantile([1, 2, 3, 4, 10], [.25, .5, .75]) is 2, 3, 4; of (1, 2): 1.25, 1.5, 1.75.
TEST_F(Csv, SummariesAreThoseOfNumpy) {
  const csv_table t = table("a,b,s\n1,1,x\n10,2,x\n3,1,x\n4,2,x\n2,1,x\n");
  const auto all = t.summaries();
  ASSERT_EQ(all.size(), 2u);  // s holds text
  const column_summary& a = all[0];
  EXPECT_EQ(a.name, "a");
  EXPECT_EQ(a.count, 5);
  EXPECT_EQ(a.mean, 4);
  EXPECT_NEAR(a.std, std::sqrt(50.0 / 4), 1e-15);
  EXPECT_EQ((std::vector{a.min, a.lower_quartile, a.median, a.upper_quartile, a.max}),
            (std::vector<double>{1, 2, 3, 4, 10}));
  const column_summary two = table("a\n2\n1\n").summaries({"a"})[0];
  EXPECT_EQ((std::vector{two.lower_quartile, two.median, two.upper_quartile}),
            (std::vector<double>{1.25, 1.5, 1.75}));
  EXPECT_TRUE(std::isnan(table("a\n2\n").summaries()[0].std));
  EXPECT_EQ(table("a\n").summaries()[0].count, 0);
}

TEST_F(Csv, DescribePrintsATable) {
  EXPECT_EQ(table("a,a_long_name_it_is\n1,1\n2,1000000\n").describe(),
            "                  a  a_long_name_it_is\n"
            "count             2                  2\n"
            "mean            1.5             500000\n"
            "std        0.707107             707106\n"
            "min               1                  1\n"
            "25%            1.25             250001\n"
            "50%             1.5             500000\n"
            "75%            1.75             750000\n"
            "max               2              1e+06\n");
}

// The table written with every cell in quotes.
std::string written(const csv_table& t) {
  const auto row = [&](auto cell_of) {
    std::string line;
    for (const auto& name : t.names()) {
      line += line.empty() ? "\"" : ",\"";
      for (const char c : std::string(cell_of(name))) line += c == '"' ? "\"\"" : std::string(1, c);
      line += '"';
    }
    return line + "\n";
  };
  std::string out = row([](const std::string& name) { return name; });
  for (std::int64_t i = 0; i < t.rows(); ++i) {
    out += row([&](const std::string& name) { return t.cell(i, name); });
  }
  return out;
}

TEST_F(Csv, MutatedFilesEndInAnErrorOrATable) {
  std::mt19937 random(2);
  const std::string good =
      "age,\"the town\",price\r\n10,\"a, \"\"b\"\"\",1.5\r\n20,c,2\r\n3,d,4\r\n";
  int errors = 0;
  for (int i = 0; i < 10000; ++i) {
    const auto file = write("m.csv", tests::mutated(good, random));
    std::optional<csv_table> t;
    try {
      t = read_csv(file, {.missing = missing_values::drop});
      t->column("price");
    } catch (const error&) {
      ++errors;
    }
    if (!t) continue;
    // What was read survives writing and reading again.
    const csv_table again = read_csv(write("w.csv", written(*t)), {.missing_marks = {}});
    ASSERT_EQ(again.names(), t->names());
    for (const auto& name : t->names()) ASSERT_EQ(again.text(name), t->text(name));
  }
  EXPECT_GT(errors, 2000);
  EXPECT_LT(errors, 9000);
}

}  // namespace
