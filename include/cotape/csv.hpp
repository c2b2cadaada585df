// layer: io
// Tables from CSV files. Cells are kept as text and become numbers when they are asked for, so a
// column of names or dates does no harm. Immutable once read: any thread may use a table.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "cotape/io.hpp"
#include "cotape/xtensor.hpp"

namespace cotape {

/// What becomes of a row in which a value is missing.
enum class missing_values { refuse, drop };

struct csv_options {
  char separator = ',';  // no line end, quote or NUL
  bool header = true;    // the first row names the columns; else they are x0, x1, ...
  missing_values missing = missing_values::refuse;
  /// The cells that stand for a missing value.
  std::vector<std::string> missing_marks = {"", "NA", "N/A", "NaN", "nan", "null"};
  /// The columns to keep, in this order, each once; none means all but those `without`, which must
  /// leave some. A column in both is refused. What is missing in other columns does not matter.
  std::vector<std::string> columns = {};
  std::vector<std::string> without = {};
  /// Of the file, and of the table in memory: its text, 8 bytes for each cell and each row, and
  /// about 200 for each column. While it grows it may take three times as much.
  read_limits limits = {};
};

/// What a column of numbers looks like. Quartiles are interpolated linearly, as NumPy does; std is
/// the sample's, NaN for a single row.
struct column_summary {
  std::string name;
  std::int64_t count = 0;
  double mean = 0, std = 0, min = 0, lower_quartile = 0, median = 0, upper_quartile = 0, max = 0;
};

/// The cells of a CSV file, by row and column.
class csv_table {
 public:
  const std::vector<std::string>& names() const { return names_; }
  std::int64_t rows() const { return static_cast<std::int64_t>(lines_.size()); }
  /// Rows left out because a value was missing.
  std::int64_t dropped() const { return dropped_; }
  /// The line of the file in which a row begins, from 1; value_error outside the table.
  std::int64_t line(std::int64_t row) const;
  /// A cell's text; value_error outside the table. Valid while the table lives.
  std::string_view cell(std::int64_t row, const std::string& name) const;
  /// A column as text; value_error names the columns if there is none of that name.
  std::vector<std::string> text(const std::string& name) const;
  /// A column of numbers, (rows); errors as `columns`.
  xt::xarray<double> column(const std::string& name) const {
    return to_xarray<double>(numbers({name}, false));
  }
  /// Columns of numbers, (rows, names), each number the float64 nearest to its text. Throws
  /// value_error, naming the columns, if one is not there, and io_error, naming file, line and
  /// column, for a cell that is no finite number.
  xt::xarray<double> columns(const std::vector<std::string>& names) const {
    return to_xarray<double>(numbers(names, true));
  }
  /// Summaries of the named columns, or of all that hold numbers only. Errors as `columns`.
  std::vector<column_summary> summaries(const std::vector<std::string>& names = {}) const;
  /// The same as a table to print: a line for each of count, mean, std, min, 25%, 50%, 75%, max.
  std::string describe(const std::vector<std::string>& names = {}) const;

 private:
  friend class csv_reader;

  std::size_t find(const std::string& name) const;
  std::string_view at(std::size_t row, std::size_t column) const;
  bool number(std::size_t row, std::size_t column, double& value) const;
  tensor numbers(const std::vector<std::string>& names, bool matrix) const;

  std::string file_;
  std::vector<std::string> names_;
  std::unordered_map<std::string, std::size_t> places_;  // of the names
  std::string text_;                                     // all cells, row by row
  std::vector<std::uint64_t> ends_;                      // of each cell in text_
  std::vector<std::int64_t> lines_;                      // of each row in the file
  std::int64_t dropped_ = 0;
};

/// Reads a CSV file (RFC 4180: quoted cells may hold separators, line ends and doubled quotes;
/// lines end with LF, CRLF or CR). Blanks around unquoted cells, names of columns too, and
/// blank lines are ignored, and so is a UTF-8 byte order mark. Throws io_error naming the file, and
/// the line and column where there is one: no such file, over the limit, no header, two columns of
/// one name, a row of another length, a stray or open quote, a missing value; value_error naming
/// the columns if a wanted one is not there, and for options that cancel.
csv_table read_csv(const std::filesystem::path& file, const csv_options& options = {});

}  // namespace cotape
