// `ramp eval` and `ramp predict`, where model and data don't say the same.
#include <nn/nn.hpp>

#include "support/cli.hpp"
#include "support/idx_files.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cstdint>
#include <sstream>
#include <string>
#include <vector>

using namespace cli;

namespace {

// Images of 2 x 2 pixels, of which one is bright: which, says the label.
void write_images(const fs::path& folder, const std::string& labels) {
  fs::create_directories(folder);
  const auto n = static_cast<std::uint32_t>(labels.size());
  std::string pixels;
  for (const char label : labels)
    for (char pixel = 0; pixel < 4; ++pixel) pixels += pixel == label % 4 ? '\xff' : '\0';
  for (const char* part : {"train", "t10k"}) {
    const std::string name = (folder / part).string();
    idx_files::write(name + "-labels-idx1-ubyte", idx_files::idx({n}, labels));
    idx_files::write(name + "-images-idx3-ubyte", idx_files::idx({n, 2, 2}, pixels));
  }
}

std::string repeated(const std::string& labels) {
  std::string all;
  for (int i = 0; i < 30; ++i) all += labels;
  return all;
}

// Trained until it knows them.
void train_on(const fs::path& data, const fs::path& run) {
  output("train --layers 8 --epochs 20 --lr 0.5 --batch 8 --quiet --data " + data.string() +
         " --out " + run.string());
}

double accuracy(const fs::path& run, const std::string& data) {
  return json::parse(output("eval " + run.string() + " --json --data " + data))["accuracy"];
}

// Of 40 rows, whose class the column x says.
std::string tabbed(const std::string& separator) {
  std::string text = fmt::format("kind{0}x{0}note\n", separator);
  for (int i = 0; i < 40; ++i)
    text += fmt::format("{2}{0}{1}{0}n\n", separator, i % 2, i % 2 ? "yes" : "no");
  return text;
}

}  // namespace

TEST_CASE("a folder without some of the model's classes is read as the model counts them") {
  const Folder folder;
  const fs::path run = folder / "run", other = folder / "other";
  const std::string eval = "eval " + run.string() + " --data " + other.string();
  SUBCASE("from 0") {
    write_images(folder / "data", repeated({0, 1, 2, 3}));
    train_on(folder / "data", run);
    for (const std::string& labels :
         std::vector<std::string>{{0, 1, 2, 3}, {1, 2}, {1, 2, 3}, {3}, {0, 3}}) {
      CAPTURE(labels);
      write_images(other, labels);
      CHECK(accuracy(run, other.string()) == 1);
      CHECK(accuracy(run, other.string() + " --classes 4") == 1);
    }
    write_images(other, {1, 4});
    check_fails(1, eval, "label 4 of image 1: the model's run from 0 to 3");
  }
  SUBCASE("from 1, as EMNIST's letters") {
    write_images(folder / "data", repeated({1, 2, 3, 4}));
    train_on(folder / "data", run);
    for (const std::string& labels : std::vector<std::string>{{1, 2, 3, 4}, {1, 2}, {2, 3}, {4}}) {
      CAPTURE(labels);
      write_images(other, labels);
      CHECK(accuracy(run, other.string()) == 1);
    }
    write_images(other, {1, 0});
    check_fails(1, eval, "label 0 of image 1: the model's run from 1 to 4");
    write_images(other, {1, 5});
    check_fails(1, eval, "label 5 of image 1: the model's run from 1 to 4");
  }
  SUBCASE("a number that isn't the model's") {
    write_images(folder / "data", {0, 1, 2, 3});
    train_on(folder / "data", run);
    check_fails(1, "eval " + run.string() + " --classes 5 --data " + (folder / "data").string(),
                "--classes 5: the model has 4");
  }
  SUBCASE("a model without names has outputs enough for labels as they are") {
    write_images(folder / "data", repeated({0, 1, 2, 3}));
    train_on(folder / "data", run);
    auto [model, info] = ramp::nn::load_model<float>(run / "model.safetensors");
    ramp::nn::save(model, run / "model.safetensors");
    write_images(other, {1, 2, 3});
    CHECK(accuracy(run, other.string()) == 1);
    write_images(other, {3});
    CHECK(accuracy(run, other.string()) == 1);
    write_images(other, {0, 5});
    check_fails(1, eval, "label 5 of image 1: the model's run from 0 to 3");
  }
  SUBCASE("labels that fit a model without labels only from 1 on") {
    write_images(folder / "data", repeated({1, 2, 3, 4}));
    train_on(folder / "data", run);
    auto [model, info] = ramp::nn::load_model<float>(run / "model.safetensors");
    for (const std::vector<std::string>& classes :
         std::vector<std::vector<std::string>>{{}, {"a", "b", "c", "d"}}) {
      CAPTURE(classes.size());
      ramp::nn::save(model, run / "model.safetensors", {.classes = classes});
      for (const std::string& labels : std::vector<std::string>{{1, 2, 3, 4}, {2, 3, 4}, {4}}) {
        CAPTURE(labels);
        write_images(other, labels);
        CHECK(accuracy(run, other.string()) == 1);
        CHECK(accuracy(run, other.string() + " --classes 4") == 1);
      }
    }
  }
}

TEST_CASE("the table of confusion has a row for each output, whether it has a name or not") {
  const Folder folder;
  const fs::path path = folder / "m.safetensors";
  ramp::nn::MLP<float> model({2, 200});
  ramp::nn::save(model, path);
  const std::string text = output("eval " + path.string() + " --confusion --data moons");
  check_has(text, "\n   199");
  CHECK(std::ranges::count(text, '\n') == 203);
}

TEST_CASE("a separator is one character, or tab") {
  const Folder folder;
  const std::string csv = (folder / "t.csv").string();
  idx_files::write(csv, tabbed(","));
  for (const char* command : {"train --target kind --data ", "eval m --data ", "predict m "})
    for (const char* separator : {"tabby", "',;'", "''"})
      check_fails(2, fmt::format("{}{} --separator {}", command, csv, separator),
                  "one character, or tab");
}

TEST_CASE("a .tsv has tabs between its cells, unless the command line says other") {
  const Folder folder;
  const fs::path tsv = folder / "t.tsv", packed = folder / "t.tsv.gz",
                 semicolons = folder / "s.tsv";
  idx_files::write(tsv, tabbed("\t"));
  idx_files::write_gz(packed, tabbed("\t"));
  idx_files::write(semicolons, tabbed(";"));
  const auto train = [&](const fs::path& data, const char* run) {
    return output("train --target kind --epochs 100 --layers 4 --data " + data.string() +
                  " --out " + (folder / run).string());
  };
  check_has(train(tsv, "run"), "2 inputs from 2 columns; 2 classes, no to yes");
  check_has(train(packed, "run"), "2 inputs from 2 columns; 2 classes, no to yes");
  const std::string run = (folder / "run").string();
  fs::remove(folder / "run" / "model.safetensors");
  output("train --quiet --resume " + run);
  for (const fs::path& data : {tsv, packed}) {
    CHECK(accuracy(run, data.string()) == 1);
    CHECK(output("predict " + run + " " + data.string()).starts_with("kind\nno\nyes\n"));
  }
  CHECK(accuracy(run, semicolons.string() + " --separator ';'") == 1);
  CHECK(accuracy(run, tsv.string() + " --target kind") == 1);
  check_fails(1, "eval " + run + " --target x --data " + tsv.string(),
              "--target x: the model predicts kind: leave the option out");
  CHECK(output("predict " + run + " --separator tab < " + tsv.string()).starts_with("kind\nno\n"));
}

TEST_CASE("the table that ramp predict prints holds the classes' names as they are") {
  const Folder folder;
  const fs::path path = folder / "m.safetensors", rows = folder / "rows.csv";
  const std::vector<std::string> names{" a", "b ", "\tc", "d\t", " ", "e, f", "\"g\"", "h\ni", "j"};
  const auto n = static_cast<std::int64_t>(names.size());
  ramp::nn::MLP<float> model({n, n});
  std::string text;
  for (std::int64_t i = 0; i < n * n; ++i) {
    model.parameters()[0]->edit()[static_cast<std::size_t>(i)] = i % (n + 1) == 0;
    text += fmt::format("{}{}", i % (n + 1) == 0 ? 1 : 0, i % n == n - 1 ? '\n' : ',');
  }
  ramp::nn::save(model, path, {.classes = names});
  idx_files::write(rows, text);
  const std::string predict = "predict --no-header " + path.string() + " " + rows.string();
  std::istringstream said(output(predict)), scored(output(predict + " --scores"));
  const ramp::nn::Table table = ramp::nn::read_table(said, "answers");
  REQUIRE(table.rows.size() == names.size());
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(table.rows[i][0] == names[i]);
  const ramp::nn::Table scores = ramp::nn::read_table(scored, "scores");
  REQUIRE(scores.columns.size() == names.size() + 1);
  for (std::size_t i = 0; i < names.size(); ++i) CHECK(scores.columns[i + 1] == names[i]);
}

TEST_CASE("what is no number is no answer: the row that it is for is named") {
  const Folder folder;
  const fs::path path = folder / "m.safetensors", rows = folder / "rows.csv";
  for (const std::int64_t width : {1, 2}) {
    CAPTURE(width);
    ramp::nn::MLP<float> model({1, 2, width});
    for (float& w : model.parameters()[0]->edit()) w = 1e10f;
    const auto last =
        model.parameters()[2]->edit();  // of which a row is added, and a row taken off
    for (std::size_t i = 0; i < last.size(); ++i) last[i] = i < last.size() / 2 ? 1.f : -1.f;
    ramp::nn::Encoding encoding{{{"x", {}}}, "y", {}};
    if (width == 2) encoding.classes = {"a", "b"};
    ramp::nn::save(model, path, {.classes = encoding.classes, .encoding = encoding});
    const std::string y = width == 2 ? ",a\n" : ",1.5\n";
    idx_files::write(rows, "x,y\n1" + y + "1e34" + y + "2" + y + "1e35" + y);
    const std::string what = "rows.csv, line 3: the model gives NaN, which is no answer";
    check_fails(1, "predict " + path.string() + " " + rows.string(), what.c_str());
    check_fails(1, "eval " + path.string() + " --data " + rows.string(), what.c_str());
    check_fails(1, "eval " + path.string() + " --json --data " + rows.string(), what.c_str());
    if (width == 2) continue;
    for (float& w : model.parameters()[2]->edit()) w = 1;
    ramp::nn::save(model, path, {.encoding = encoding});
    check_fails(1, "predict " + path.string() + " " + rows.string(), "line 3: the model gives inf");
    idx_files::write(rows, "x,y\n1,1.5\n2,1e30\n");
    const json far =
        json::parse(output("eval " + path.string() + " --json --data " + rows.string()));
    CHECK(far["loss"] == doctest::Approx(5e59));  // whose square is no float
    CHECK(far["mae"] == doctest::Approx(5e29));
    CHECK(far.size() == 4);
  }
}

TEST_CASE("a softmax at a model's end changes neither its probabilities nor its loss") {
  const Folder folder;
  const fs::path path = folder / "m.safetensors", rows = folder / "rows.csv";
  idx_files::write(rows, "x,y\n1,a\n-2,b\n0.5,b\n");
  const ramp::nn::ModelInfo info{.classes = {"a", "b"},
                                 .encoding = ramp::nn::Encoding{{{"x", {}}}, "y", {"a", "b"}}};
  const auto said = [&](ramp::nn::Sequential<float>& model) {
    ramp::nn::save(model, path, info);
    return output("predict --scores " + path.string() + " " + rows.string()) +
           output("eval --confusion " + path.string() + " --data " + rows.string());
  };
  ramp::nn::Sequential<float> model("m"), inner("in");
  model.push("mlp", ramp::nn::MLP<float>({1, 2}));
  const auto weights = model.parameters()[0]->edit();
  weights[0] = 1, weights[1] = -1;
  const std::string without = said(model);
  check_has(without, "a,0.880797,0.119203");
  inner.push("p", ramp::nn::SoftmaxLayer<float>());
  ramp::nn::Sequential<float> nested = model;
  model.push("p", ramp::nn::SoftmaxLayer<float>());
  nested.push("end", inner);
  CHECK(said(model) == without);
  CHECK(said(nested) == without);
}

TEST_CASE("scores too far from the right answer for a number are told") {
  const Folder folder;
  const fs::path path = folder / "m.safetensors", rows = folder / "rows.csv";
  ramp::nn::MLP<float> model({1, 2});
  const auto weights = model.parameters()[0]->edit();
  weights[0] = 1, weights[1] = -1;
  ramp::nn::save(
      model, path,
      {.classes = {"a", "b"}, .encoding = ramp::nn::Encoding{{{"x", {}}}, "y", {"a", "b"}}});
  idx_files::write(rows, "x,y\n1,a\n3e38,b\n");
  check_fails(1, "eval " + path.string() + " --data " + rows.string(), "than a number can hold");
}

TEST_CASE("a number to predict may be of any size, and its model is judged in its unit") {
  const Folder folder;
  const fs::path csv = folder / "t.csv", run = folder / "run";
  for (const double unit : {1e-40, 1e-30, 1e25}) {
    CAPTURE(unit);
    std::string text = "x,y\n";
    for (int i = 0; i < 100; ++i) text += fmt::format("{},{}\n", 0.01 * i, (i - 30) * unit);
    idx_files::write(csv, text);
    output(
        "train --quiet --layers 4 --optimizer adam --lr 0.01 --epochs 20 --batch 4 --kind number "
        "--target y --data " +
        csv.string() + " --out " + run.string());
    const json scores =
        json::parse(output("eval " + run.string() + " --json --data " + csv.string()));
    CHECK(double(scores["mae"]) < 25 * unit);
    CHECK(double(scores["loss"]) > 0);
    if (unit > 1e-38) CHECK(double(scores["r2"]) > 0.9);
  }
}
