// CSV files, taken apart by libcsv: of the readers that Debian has it is the one in C or C++ that
// takes any number of columns and knows all of RFC 4180. It is given a line at a time, so that
// errors can say where they are.
#include "cotape/csv.hpp"

#include <csv.h>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <exception>

#include "io/file.hpp"

namespace cotape {

namespace {

std::string shortened(std::string_view text) { return detail::shown(text, 40); }

std::int64_t line_ends(std::string_view text) {
  std::int64_t n = std::count(text.begin(), text.end(), '\n');
  for (std::size_t i = 0; i < text.size(); ++i) {
    n += text[i] == '\r' && (i + 1 == text.size() || text[i + 1] != '\n');
  }
  return n;
}

using places = std::unordered_map<std::string, std::size_t>;

// At most the first 20 of all names, and how many more there are.
std::string listed(const std::vector<std::string>& names) {
  const std::size_t n = std::min<std::size_t>(names.size(), 20);
  const std::string first = fmt::format(
      "{}", fmt::join(names.begin(), names.begin() + static_cast<std::ptrdiff_t>(n), ", "));
  return first + (n == names.size() ? "" : fmt::format(" and {} more", names.size() - n));
}

// Where a column stands; `names` are all that there are.
std::size_t index_of(const places& at, const std::string& name,
                     const std::vector<std::string>& names, const std::string& file) {
  const auto found = at.find(name);
  if (found != at.end()) return found->second;
  throw value_error(
      detail::shown(fmt::format("csv: {}: no column '{}', only: {}", file, name, listed(names))));
}

// Whether a number beyond float64 is too small, not too large: its first digit stands behind the
// point.
bool underflows(std::string_view text) {
  const std::size_t e = text.find_first_of("eE");
  std::int64_t exponent = 0;
  if (e != text.npos) {
    std::string_view digits = text.substr(e + 1);
    if (digits.starts_with('+')) digits.remove_prefix(1);
    const auto [end, failed] =
        std::from_chars(digits.data(), digits.data() + digits.size(), exponent);
    if (failed != std::errc()) return digits.starts_with('-');
  }
  const std::string_view digits = text.substr(0, e);
  const std::size_t point = std::min(digits.find('.'), digits.size());
  const std::size_t first = std::min(digits.find_first_of("123456789"), digits.size());
  return exponent < static_cast<std::int64_t>(first) - static_cast<std::int64_t>(point);
}

// Whether a text begins as UTF-16 does: with its byte order mark, or two characters of ASCII.
bool looks_wide(std::string_view text) {
  if (text.starts_with("\xff\xfe") || text.starts_with("\xfe\xff")) return true;
  if (text.size() < 4) return false;
  const auto zero = [&](std::size_t i) { return text[i] == '\0'; };
  return zero(0) == zero(2) && zero(1) == zero(3) && zero(0) != zero(1);
}

}  // namespace

// Fills a table from libcsv's callbacks.
class csv_reader {
 public:
  csv_reader(const std::filesystem::path& file, const csv_options& options)
      : in_({"read_csv", file}), options_(options) {
    const std::string_view unfit("\r\n\"\0", 4);
    if (unfit.find(options.separator) != unfit.npos) {
      throw value_error("read_csv: a line end, a quote or a NUL is no separator");
    }
    if (csv_init(&parser_, CSV_STRICT | CSV_STRICT_FINI) != 0) throw std::bad_alloc();
    between_rows_ = parser_.pstate;
    csv_set_delim(&parser_, static_cast<unsigned char>(options.separator));
    table_.file_ = file.string();
  }
  csv_reader(const csv_reader&) = delete;
  csv_reader& operator=(const csv_reader&) = delete;
  ~csv_reader() { csv_free(&parser_); }

  csv_table read() {
    if (in_.size() > options_.limits.most_bytes) {
      in_.fail(fmt::format("it has {} bytes: over the limit of {}", in_.size(),
                           options_.limits.most_bytes));
    }
    std::string chunk;
    for (bool first = true; in_.left() > 0; first = false) {
      chunk.resize(static_cast<std::size_t>(std::min<std::uint64_t>(in_.left(), 1 << 16)));
      in_.read(chunk.data(), chunk.size(), "the next chunk");
      if (first && looks_wide(chunk)) in_.fail("it looks like UTF-16: write it as UTF-8");
      const bool marked = first && chunk.starts_with("\xef\xbb\xbf");
      parse_lines(std::string_view(chunk).substr(marked ? 3 : 0));
    }
    if (csv_fini(&parser_, on_cell, on_row, this) != 0) {
      fail(row_begins_, "a quoted cell is not closed");
    }
    rethrow();
    if (!named_) in_.fail("it has no rows");
    return std::move(table_);
  }

 private:
  [[noreturn]] void fail(std::int64_t line, const std::string& what) const {
    in_.fail(fmt::format("line {}: {}", line, what));
  }

  void rethrow() const {
    if (failed_) std::rethrow_exception(failed_);
  }

  void parse_lines(std::string_view text) {
    while (!text.empty()) {
      const std::size_t end = text.find_first_of("\r\n");
      const std::string_view line = text.substr(0, end == text.npos ? end : end + 1);
      const std::size_t done = csv_parse(&parser_, line.data(), line.size(), on_cell, on_row, this);
      rethrow();
      if (done != line.size() && csv_error(&parser_) != CSV_EPARSE) throw std::bad_alloc();
      if (done != line.size())
        fail(line_,
             "a quote stands where none may be; quotes inside a "
             "quoted cell are doubled");
      const char last = line.back();
      if (last == '\r' || (last == '\n' && !(after_cr_ && line.size() == 1))) ++line_;
      after_cr_ = last == '\r';
      if (parser_.pstate == between_rows_) row_begins_ = line_;
      text.remove_prefix(line.size());
    }
  }

  // Exceptions must not pass through libcsv, which is written in C: the first one waits.
  template <class F> static void guarded(void* self, F f) {
    auto& reader = *static_cast<csv_reader*>(self);
    if (reader.failed_) return;
    try {
      f(reader);
    } catch (...) {
      reader.failed_ = std::current_exception();
    }
  }
  static void on_cell(void* text, std::size_t n, void* self) {
    guarded(self, [&](csv_reader& r) {
      r.row_text_.append(static_cast<const char*>(text), n);
      r.row_ends_.push_back(r.row_text_.size());
      r.demand_memory(r.line_);
    });
  }
  static void on_row(int, void* self) {
    guarded(self, [](csv_reader& r) { r.end_row(); });
  }

  std::string_view cell(std::size_t i) const {
    const std::size_t begin = i == 0 ? 0 : row_ends_[i - 1];
    return std::string_view(row_text_).substr(begin, row_ends_[i] - begin);
  }

  void end_row() {
    const std::int64_t line = line_ - line_ends(row_text_);
    if (named_) {
      add_row(line);
    } else {
      name_columns(line);
      if (!options_.header) add_row(line);
    }
    row_text_.clear();
    row_ends_.clear();
    demand_memory(line);
  }

  // Fails if what was read takes more memory than is allowed: an empty cell is a byte in the file,
  // but its end is a number.
  void demand_memory(std::int64_t line) const {
    const std::size_t numbers = row_ends_.size() + table_.ends_.size() + table_.lines_.size();
    const std::size_t bytes =
        row_text_.size() + table_.text_.size() + numbers * sizeof(std::uint64_t) + bytes_of_names_;
    if (bytes > options_.limits.most_bytes) {
      fail(line, fmt::format("with it the table takes {} bytes of memory or more: over the limit "
                             "of {}",
                             bytes, options_.limits.most_bytes));
    }
  }

  void name_columns(std::int64_t line) {
    places at;
    for (std::size_t i = 0; i < row_ends_.size(); ++i) {
      all_.push_back(options_.header ? std::string(cell(i)) : fmt::format("x{}", i));
      // In two lists and two maps, whose entries hold a number, a hash and two pointers more.
      bytes_of_names_ += 4 * (sizeof(std::string) + all_.back().size()) + 2 * 4 * sizeof(void*);
      demand_memory(line);
      if (!at.emplace(all_.back(), i).second) {
        fail(line, fmt::format("two columns are named '{}'", shortened(all_.back())));
      }
    }
    std::vector<bool> left_out(all_.size());
    for (const std::string& name : options_.without) {
      left_out[index_of(at, name, all_, table_.file_)] = true;
    }
    const bool chosen = !options_.columns.empty();
    for (const std::string& name : chosen ? options_.columns : all_) {
      const std::size_t i = index_of(at, name, all_, table_.file_);
      if (left_out[i] && chosen) refuse(name, "in columns and in without");
      if (left_out[i]) continue;
      if (!table_.places_.emplace(name, kept_.size()).second) refuse(name, "twice in columns");
      table_.names_.push_back(name);
      kept_.push_back(i);
    }
    if (kept_.empty()) {
      throw value_error(fmt::format("csv: {}: without leaves no column", table_.file_));
    }
    named_ = true;
  }
  [[noreturn]] void refuse(const std::string& name, const char* where) const {
    throw value_error(fmt::format("csv: {}: column '{}' stands {}", table_.file_, name, where));
  }

  void add_row(std::int64_t line) {
    if (row_ends_.size() != all_.size()) {
      fail(line,
           fmt::format("it has {} cells, but there are {} columns", row_ends_.size(), all_.size()));
    }
    for (const std::size_t i : kept_) {
      const auto& marks = options_.missing_marks;
      if (std::find(marks.begin(), marks.end(), cell(i)) == marks.end()) continue;
      if (options_.missing == missing_values::refuse) {
        fail(line, fmt::format("column '{}': a value is missing", shortened(all_[i])));
      }
      ++table_.dropped_;
      return;
    }
    for (const std::size_t i : kept_) {
      table_.text_ += cell(i);
      table_.ends_.push_back(table_.text_.size());
    }
    table_.lines_.push_back(line);
  }

  detail::input_file in_;
  const csv_options& options_;
  csv_parser parser_{};
  csv_table table_;
  std::vector<std::string> all_;   // the names of the file's columns
  std::vector<std::size_t> kept_;  // those of the table
  bool named_ = false;
  std::size_t bytes_of_names_ = 0;
  std::string row_text_;
  std::vector<std::size_t> row_ends_;
  int between_rows_ = 0;  // the parser's state there: within a cell that is open it has another
  bool after_cr_ = false;
  std::int64_t line_ = 1, row_begins_ = 1;
  std::exception_ptr failed_;
};

csv_table read_csv(const std::filesystem::path& file, const csv_options& options) {
  return csv_reader(file, options).read();
}

std::size_t csv_table::find(const std::string& name) const {
  return index_of(places_, name, names_, file_);
}

std::string_view csv_table::at(std::size_t row, std::size_t column) const {
  const std::size_t i = row * names_.size() + column;
  const std::uint64_t begin = i == 0 ? 0 : ends_[i - 1];
  return std::string_view(text_).substr(begin, ends_[i] - begin);
}

std::int64_t csv_table::line(std::int64_t row) const {
  if (row < 0 || row >= rows()) {
    throw value_error(fmt::format("csv: {}: no row {}, it has {}", file_, row, rows()));
  }
  return lines_[static_cast<std::size_t>(row)];
}

std::string_view csv_table::cell(std::int64_t row, const std::string& name) const {
  line(row);  // throws outside the table
  return at(static_cast<std::size_t>(row), find(name));
}

std::vector<std::string> csv_table::text(const std::string& name) const {
  const std::size_t column = find(name);
  std::vector<std::string> cells;
  for (std::size_t row = 0; row < lines_.size(); ++row) cells.emplace_back(at(row, column));
  return cells;
}

// The cell's number; false if it is none, not finite, or larger than float64's.
bool csv_table::number(std::size_t row, std::size_t column, double& value) const {
  std::string_view text = at(row, column);
  if (text.starts_with('+') && !text.starts_with("+-")) text.remove_prefix(1);
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (end != text.data() + text.size()) return false;
  if (failed == std::errc::result_out_of_range && underflows(text)) {
    value = text.starts_with('-') ? -0.0 : 0.0;
    return true;
  }
  return failed == std::errc() && std::isfinite(value);
}

tensor csv_table::numbers(const std::vector<std::string>& names, bool matrix) const {
  const std::int64_t k = static_cast<std::int64_t>(names.size());
  tensor result({float64, matrix ? shape{rows(), k} : shape{rows()}});
  std::vector<std::size_t> wanted;
  for (const std::string& name : names) wanted.push_back(find(name));
  double* to = result.data_as<double>();
  for (std::size_t row = 0; row < lines_.size(); ++row) {
    for (const std::size_t column : wanted) {
      if (number(row, column, *to++)) continue;
      throw io_error(fmt::format("csv: {}: line {}, column '{}': '{}' is no finite number", file_,
                                 lines_[row], names_[column], shortened(at(row, column))));
    }
  }
  return result;
}

}  // namespace cotape
