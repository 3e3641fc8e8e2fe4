// Tables: the text, and the numbers that are made of it.
#include <nn/data/csv.hpp>
#include <nn/random.hpp>

#include "support/idx_files.hpp"
#include "support/refused.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <limits>
#include <sstream>
#include <string>
#include <vector>

using namespace ramp::nn;
using doctest::Contains;
using Cells = std::vector<std::string>;
using idx_files::TempFolder;

namespace {

Table table(const std::string& text, CsvOptions options = {}) {
  std::istringstream in(text);
  return read_table(in, "t.csv", options);
}

// The columns x and y, of these cells.
Table two(const Cells& x, const Cells& y) {
  std::string text = "x,y\n";
  for (std::size_t i = 0; i < x.size(); ++i) text += x[i] + "," + y[i] + "\n";
  return table(text);
}

// As RFC 4180 writes a cell.
std::string in_quotes(const std::string& cell) {
  std::string text = "\"";
  for (const char c : cell) text += c == '"' ? std::string("\"\"") : std::string(1, c);
  return text + '"';
}

}  // namespace

TEST_CASE("cells as RFC 4180 has them, and what is common beside it") {
  const Table t = table(
      "\xef\xbb\xbf name , \"size, m\" ,note\r\n\r\n"
      "a b ,  1.5,\"say \"\"so\"\"\"\r\n"
      "  \n"
      "\"two\nlines\" ,\"\",\"  kept  \"\n"
      "c\"d,,end");
  CHECK(t.name == "t.csv");
  CHECK(t.columns == Cells{"name", "size, m", "note"});
  CHECK(t.rows == std::vector<Cells>{{"a b", "1.5", "say \"so\""},
                                     {"two\nlines", "", "  kept  "},
                                     {"c\"d", "", "end"}});
  CHECK(t.lines == std::vector<std::size_t>{3, 5, 7});
  CHECK(t.column("note") == 2);
  REFUSED(t.column("Note"), ramp::IndexError, "no column 'Note': there are name, size, m, note");
}

TEST_CASE("other separators, and no header") {
  const Table t = table("1\t\t3\n\t \t\n", {.header = false, .separator = '\t'});
  CHECK(t.columns == Cells{"0", "1", "2"});
  CHECK(t.rows == std::vector<Cells>{{"1", "", "3"}, {"", "", ""}});
  CHECK(table("a;b\n1,5;\"2;3\"", {.separator = ';'}).rows[0] == Cells{"1,5", "2;3"});
}

TEST_CASE("any cells come back as they were written") {
  Random random(4);
  const std::string alphabet = "ab,\"\n\r \t;";
  for (int round = 0; round < 300; ++round) {
    const std::size_t width = 1 + random.below(4);
    std::vector<Cells> rows(1 + random.below(4), Cells(width));
    std::string text;
    for (std::size_t i = 0; i < width; ++i) text += fmt::format("{}{}", i ? "," : "", i);
    for (Cells& row : rows) {
      text += random.below(2) ? "\n" : "\r\n";
      for (std::size_t i = 0; i < width; ++i) {
        for (std::uint64_t n = random.below(6); n-- > 0;)
          row[i] += alphabet[static_cast<std::size_t>(random.below(alphabet.size()))];
        text += i ? "," : "";
        text += in_quotes(row[i]);
      }
    }
    CAPTURE(text);
    CHECK(table(text).rows == rows);
  }
}

TEST_CASE("a table that is damaged is refused, with the line") {
  const auto refused = [](const std::string& text, const char* why) {
    REFUSED_WITH(table(text), DataError, why);
  };
  refused("a,b\n1,2\n\n1,2,3\n", "[csv] t.csv, line 4: 3 cells, and there are 2 columns");
  refused("a,b\n\"1\n\",2\n5\n", "[csv] t.csv, line 4: 1 cells, and there are 2 columns");
  refused("a\n\"1\n2", "[csv] t.csv, line 2: a quote is never closed");
  refused("a,b\n\"1\" x,2\n", "[csv] t.csv, line 2: there is text behind a closing quote");
  refused("a,b\n1\r2,3\n",
          "[csv] t.csv, line 2: a carriage return without a line feed: save it with LF or CRLF");
  refused("a,b, a\n1,2,3\n", "[csv] t.csv, line 1: the column 'a' comes twice");
  for (const char* text : {"", "\n \n", "a,b\n", "\xef\xbb\xbf"})
    refused(text, "[csv] t.csv: there are no rows");
}

TEST_CASE("files, compressed ones among them") {
  const TempFolder folder;
  const std::string text = "x,kind\n1,a\n2.5,pear";
  idx_files::write(folder / "t.csv", text);
  idx_files::write_gz(folder / "z.csv", text);
  CHECK(read_table(folder / "z.csv").rows == read_table(folder / "t.csv").rows);
  const auto [data, encoding] = read_csv<double>(folder / "t.csv", "kind");
  CHECK(encoding.classes == Cells{"a", "pear"});
  CHECK(data.inputs[1] == 2.5);
  const std::string missing = (folder / "none.csv").string();
  REFUSED_WITH(read_table(missing), DataError,
               ("[csv] " + missing + ": No such file or directory").c_str());
}

TEST_CASE_TEMPLATE("numbers are inputs, words are one each, the target's words are classes", T,
                   float, double) {
  const Table t = table(
      "id,kind,colour,size\n"
      "-1e-3,pear,red,1\n"
      "+2,apple,blue,2\n"
      ".5,apple,10,3\n"
      "4,fig,9,4\n");
  const Encoding encoding = learn_encoding(t, "kind");
  CHECK(encoding.classes == Cells{"apple", "fig", "pear"});
  CHECK(encoding.features() == 6);
  CHECK(encoding.feature_names() ==
        Cells{"id", "colour=10", "colour=9", "colour=blue", "colour=red", "size"});
  const Dataset<T> data = encode<T>(t, encoding);
  CHECK(std::ranges::equal(data.inputs, ramp::Tensor<T>({4, 6}, {T(-1e-3), 0, 0, 0, 1, 1,  //
                                                                 2,        0, 0, 1, 0, 2,  //
                                                                 T(0.5),   1, 0, 0, 0, 3,  //
                                                                 4,        0, 1, 0, 0, 4})));
  CHECK(data.labels == std::vector<std::int32_t>{2, 0, 0, 1});
  CHECK(data.classes == 3);
  CHECK(data.class_names == encoding.classes);
  CHECK(data.feature_names == encoding.feature_names());

  // Other columns, another order, and no target.
  const Table later = table("size,more,colour,id\n7,?,blue,8\n");
  const Dataset<T> row = encode<T>(later, encoding, false);
  CHECK(std::ranges::equal(row.inputs, ramp::Tensor<T>({1, 6}, {8, 0, 0, 1, 0, 7})));
  CHECK(row.labels.empty());
  REFUSED(encode<T>(later, encoding), DataError, "there is no column 'kind'");
  REFUSED(encode<T>(table("id,size\n1,2\n"), encoding, false), DataError,
          "there is no column 'colour'");
  REFUSED_WITH(
      encode<T>(table("id,size,colour\n1,2,red\n1,2,green\n"), encoding, false), DataError,
      "[csv] t.csv, line 3, column 'colour': 'green' was not among the 4 words that the encoding "
      "was learned from");
  REFUSED_WITH(encode<T>(table("id,size,colour\n1,x,red\n"), encoding, false), DataError,
               "[csv] t.csv, line 2, column 'size': 'x' is no number");
}

TEST_CASE("whether the target is classes or a number") {
  const auto classes = [](const Cells& y, Target kind = Target::automatic) {
    return learn_encoding(two(Cells(y.size(), "1"), y), "y", kind).classes;
  };
  CHECK(classes({"10", "9", "-1", "9"}) == Cells{"-1", "9", "10"});  // in the order of numbers
  CHECK(classes({"10", "9", "b"}) == Cells{"10", "9", "b"});
  CHECK(classes({"1", "2", "2.5"}).empty());
  CHECK(classes({"1", "2", "2.5"}, Target::classes) == Cells{"1", "2", "2.5"});
  CHECK(classes({"1", "2"}, Target::numbers).empty());
  CHECK(classes({"1", "2", "1.0", "02"}) == Cells{"1", "02"});
  Cells many;
  for (int i = 0; i < 20; ++i) many.push_back(fmt::format("{}", i)), many.push_back(many.back());
  CHECK(classes(many).size() == 20);
  many.push_back("20.0");
  CHECK(classes(many).empty());
  CHECK(classes(many, Target::classes).size() == 21);

  const Table t = two({"1", "1", "1", "1"}, {"3", "1.0", "-0", "0"});
  const Dataset<float> data = encode(t, learn_encoding(t, "y"));
  CHECK(data.labels == std::vector<std::int32_t>{2, 1, 0, 0});
  CHECK(data.targets.shape() == ramp::Shape{0, 0});
  const Dataset<float> number = encode(t, learn_encoding(t, "y", Target::numbers));
  CHECK(number.targets.shape() == ramp::Shape{4, 1});
  CHECK(number.targets[0] == 3);
  CHECK(number.classes == 0);

  REFUSED(classes({"5", "5"}), DataError, "column 'y': one class: there must be from 2 to 1000");
  Cells words;
  for (int i = 0; i < 1001; ++i) words.push_back(fmt::format("w{}", i));
  REFUSED(classes(words), DataError, "column 'y': too many classes");
  REFUSED(learn_encoding(two(words, words), "y"), DataError,
          "line 2, column 'x': 'w0' is no number, and there are more than 1000 different words");
  REFUSED(learn_encoding(table("y\n1\n2\n"), "y"), DataError, "there is no column but 'y'");
  REFUSED(learn_encoding(t, "z"), ramp::IndexError, "no column 'z': there are x, y");
}

TEST_CASE("a missing value is refused, with line and column, among inputs and answers") {
  const Encoding encoding = learn_encoding(two({"1", "2"}, {"a", "b"}), "y");
  for (const std::string cell : {"", "NA", "N/A", "NaN", "nan", "NAN", "-nan", "-NaN", "+nan",
                                 "null", "NULL", "?", "\"\""}) {
    CAPTURE(cell);
    const Table x = two({"1", cell, "3"}, {"a", "b", "a"}), y = two({"1", "2"}, {"a", cell});
    for (const auto& [t, where] :
         {std::pair(x, "[csv] t.csv, line 3, column 'x': the value is missing"),
          std::pair(y, "[csv] t.csv, line 3, column 'y': the value is missing")}) {
      REFUSED(learn_encoding(t, "y"), DataError, where);
      REFUSED(encode(t, encoding), DataError, where);
    }
    CHECK(encode(y, encoding, false).size() == 2);
  }
}

TEST_CASE("classes that are large whole numbers stay apart") {
  const Table t =
      two({"1", "2", "3", "4"}, {"9007199254740992", "9007199254740993", "4", "9007199254740993"});
  const Encoding encoding = learn_encoding(t, "y", Target::classes);
  REQUIRE(encoding.classes.size() == 3);
  const auto labels = encode(t, encoding).labels;
  CHECK(labels[0] != labels[1]);
  CHECK(labels[1] == labels[3]);
  CHECK(labels[2] == 0);
}

TEST_CASE("a number is a whole cell, finite, and one that fits") {
  const Encoding encoding = learn_encoding(two({"1", "2"}, {"a", "b"}), "y");
  for (const std::string cell : {"1x", "0x10", "1 2", "+-1", "--1", "1e", "1,5", "-", "."})
    REFUSED(encode(two({"\"" + cell + "\""}, {"a"}), encoding), DataError, "is no number");
  for (const std::string cell : {"inf", "-Infinity", "1e999"}) {
    REFUSED(encode(two({cell}, {"a"}), encoding), DataError, "is beyond what can be held");
    REFUSED_WITH(
        learn_encoding(two({"1", cell}, {"a", "b"}), "y"), DataError,
        ("[csv] t.csv, line 3, column 'x': '" + cell + "' is beyond what can be held").c_str());
  }
  for (const std::string tiny : {"1e-400", "-1E-999", "1e-46"})
    CHECK(encode<float>(two({tiny}, {"a"}), encoding).inputs[0] == 0);
  REFUSED(encode<float>(two({"1e39"}, {"a"}), encoding), DataError, "'1e39' is beyond");
  CHECK(encode<double>(two({"1e39"}, {"a"}), encoding).inputs[0] == 1e39);
  for (const char* const largest : {"3.4028235e38", "-3.4028235e+38"})  // as float's is printed
    CHECK(std::abs(encode<float>(two({largest}, {"a"}), encoding).inputs[0]) ==
          std::numeric_limits<float>::max());
  REFUSED(encode<float>(two({"3.4028236e38"}, {"a"}), encoding), DataError, "is beyond");

  Random random(9);  // printed so that it can be read back, it is read back to the bit
  for (int i = 0; i < 2000; ++i) {
    const double x = std::bit_cast<double>(random());
    if (!(std::abs(x) < 1e308 && std::abs(x) > 1e-300)) continue;
    const Table t = two({fmt::format("{}", x)}, {"a"});
    CHECK(encode<double>(t, encoding).inputs[0] == x);
  }
}

TEST_CASE("a number's value says whether it is too large or too small, not how it is written") {
  const Encoding encoding = learn_encoding(two({"1", "2"}, {"a", "b"}), "y");
  const std::string zeros(330, '0'), nines(330, '9'), huge(25, '9');
  const auto number = [&](const std::string& cell) {
    return encode<double>(two({cell}, {"a"}), encoding).inputs[0];
  };
  for (const std::string& cell :
       Cells{nines + "e-329", "0." + zeros + "1e332", "10" + zeros + "e-330",
             "+" + nines + "e-000329", "0." + zeros + "1e+332"}) {
    CAPTURE(cell);
    CHECK(number(cell) == 10);
  }
  CHECK(number("5e-324") == 5e-324);
  CHECK(number("1" + zeros + "e-640") == 1e-310);
  for (const std::string& cell :
       Cells{"0." + zeros + "1", "-0." + zeros + "1", "." + zeros + "1e5", "0." + zeros + "1E+5",
             "0.0" + zeros + "1e-" + huge, "1e-" + huge, nines + "e-" + huge, nines + "e-700",
             "2e-324", "0e" + huge, "0." + zeros + "e-" + huge, zeros + ".0"}) {
    CAPTURE(cell);
    CHECK(number(cell) == 0);
  }
  for (const std::string& cell :
       Cells{nines, nines + ".5", "-" + nines, nines + "e-5", "1" + zeros + "E-10",
             zeros + nines + "e-1", "1e" + huge, "1e+" + huge, "0." + zeros + "1e" + huge,
             "0." + zeros + "1e700", "2e308"}) {
    CAPTURE(cell);
    REFUSED(number(cell), DataError, "is beyond what can be held");
  }
}
