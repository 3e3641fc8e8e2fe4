// Tables of text with commas between: read, and turned into numbers by rules that are learned on
// the training set and kept with the model.
#pragma once

#include <nn/data/dataset.hpp>

#include <cstddef>
#include <filesystem>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace ramp::nn {

struct CsvOptions {
  bool header = true;  // the first row names the columns; else they are "0", "1", …
  char separator = ',';
};

/// The cells as they stand in the file. RFC 4180: a cell in quotes may hold separators, line breaks
/// and doubled quotes; lines end on LF or CRLF; empty lines are left out. Spaces around a cell
/// outside of quotes don't count, nor does a byte order mark.
struct Table {
  std::string name;                            // the file's, for errors
  std::vector<std::string> columns;            // their names
  std::vector<std::vector<std::string>> rows;  // as many cells each as there are columns
  std::vector<std::size_t> lines;              // on which each row begins, from 1

  /// IndexError, which lists the names, for another.
  std::size_t column(std::string_view name) const;
};

/// DataError, with the line, for a row of another length, an open quote, text behind a closing one,
/// a column's name that comes twice, no rows, or a file that can't be read. A gzip file is read as
/// what it holds.
Table read_table(const std::filesystem::path& path, CsvOptions options = {});
Table read_table(std::istream& in, std::string_view name, CsvOptions options = {});

enum class Target { automatic, classes, numbers };  // automatic: numbers, if all are

/// How a table's cells become numbers: a column of numbers is one input, one of words as many as
/// there are words, 1 for the word that is there and 0 for the others.
struct Encoding {
  struct Column {
    std::string name;
    std::vector<std::string> words;  // sorted; empty: it holds numbers
  };
  std::vector<Column> inputs;
  std::string target;
  std::vector<std::string>
      classes;  // of the target, sorted, as numbers if all are; empty: a number

  std::size_t features() const;
  /// "colour=red" for each word, the column's name for a number.
  std::vector<std::string> feature_names() const;
};

/// Learns it from a table: all columns but the target are inputs. With Target::automatic the target
/// is a number where all its cells are, and some aren't whole or more than 20 differ; else its
/// words, or whole numbers, are classes; 1 and 1.0 are one. DataError, which names line and column,
/// for a missing value (an empty cell, NA, NaN, null or ?), an infinite one among numbers, or a
/// column with more than 1,000 different words; also for fewer than two classes.
Encoding learn_encoding(const Table& table, std::string_view target,
                        Target kind = Target::automatic);

/// The numbers of a table. Its columns may come in any order, and others be there as well; the
/// target isn't needed unless `with_target`. DataError, which names line and column, for a missing
/// column or value, what is no number of T where there should be one, and a word that the encoding
/// doesn't know.
template <class T = float>
Dataset<T> encode(const Table& table, const Encoding& encoding, bool with_target = true);

/// read_table, learn_encoding and encode at once.
template <class T> struct CsvData {
  Dataset<T> data;
  Encoding encoding;
};
template <class T = float>
CsvData<T> read_csv(const std::filesystem::path& path, std::string_view target,
                    Target kind = Target::automatic, CsvOptions options = {});

}  // namespace ramp::nn
