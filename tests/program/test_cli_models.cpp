// What `ramp train` leaves, and the commands that use it: from a table to answers, and on from a
// kill.
#include <nn/nn.hpp>

#include "support/cli.hpp"
#include "support/text.hpp"

#include <doctest/doctest.h>
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

using namespace cli;

namespace {

// Ten kinds of stone by size, weight, a colour and a place, and a column that means nothing.
std::string table(int rows, int first = 0) {
  const char* colours[] = {"red", "green", "blue", "dark, or \"\"black\"\""};
  std::string text = "size,colour,weight,place,kind\n";
  for (int i = first; i < first + rows; ++i) {
    const int kind = i % 10;
    const double size = 10 * (kind % 5) + 2 * std::sin(i * 1.7);
    const double weight = 1000 * (kind / 5) + 100 * std::sin(i * 0.9);
    text += fmt::format("{:.3f},\"{}\",{:.2f},{},kind-{}\n", size, colours[kind % 4], weight,
                        i % 3 ? "north" : "south", kind);
  }
  return text;
}

void write(const fs::path& path, const std::string& text) { std::ofstream(path) << text; }

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  for (std::size_t at = 0, end; at < text.size(); at = end + 1) {
    end = text.find('\n', at);
    lines.push_back(text.substr(at, end - at));
  }
  return lines;
}

}  // namespace

TEST_CASE("from a table to answers in three commands, and what is in the model") {
  const Folder folder;
  const fs::path csv = folder / "stones.csv", more = folder / "more.csv", run = folder / "run";
  write(csv, table(600));
  write(more, table(50, 600));
  const std::string trained = output("train --data " + csv.string() +
                                     " --target kind --layers 32 --optimizer adam --lr 0.01 "
                                     "--epochs 30 --out " +
                                     run.string());
  check_has(trained,
            "480 samples to train, 120 to test; 8 inputs from 4 columns; 10 classes, "
            "kind-0 to kind-9");
  check_has(trained, (run / "model.safetensors").string());
  CHECK(metrics(run).back()["test_accuracy"] > 0.95);

  const std::string answers = output("predict " + run.string() + " < " + more.string());
  const std::vector<std::string> said = lines_of(answers);
  REQUIRE(said.size() == 51);
  CHECK(said[0] == "kind");
  int right = 0;
  for (int i = 0; i < 50; ++i)
    right += said[static_cast<std::size_t>(i) + 1] == "kind-" + std::to_string((600 + i) % 10);
  CHECK(right >= 48);
  const std::vector<std::string> scored = lines_of(output(
      "predict " + (run / "model.safetensors").string() + " " + more.string() + " --scores"));
  CHECK(scored[0] == "kind,kind-0,kind-1,kind-2,kind-3,kind-4,kind-5,kind-6,kind-7,kind-8,kind-9");
  CHECK(scored[1].starts_with(said[1] + ","));

  check_has(output("eval " + run.string() + " --data " + more.string()), "50 samples: loss ");
  const json scores =
      json::parse(output("eval " + run.string() + " --json --data " + more.string()));
  CHECK(scores["accuracy"].get<double>() == doctest::Approx(right / 50.0));
  check_has(output("eval " + run.string() + " --confusion --data " + more.string()), "kind-9");

  const std::string info = output("info " + run.string());
  for (const char* part : {"kind", "colour", "mlp.layer0.weight", "(32, 8)", "standardize.mean"})
    check_has(info, part);
  check_has(output("export " + run.string() + " --to npz --out " + (folder / "w.npz").string()),
            "6 arrays");
  CHECK(content(folder / "w.npz").starts_with("PK"));
}

TEST_CASE("a number is predicted in its own unit") {
  const Folder folder;
  const fs::path csv = folder / "rent.csv", run = folder / "run";
  std::string text = "area;floor;rent\n";
  for (int i = 0; i < 300; ++i)
    text +=
        fmt::format("{};{};{}\n", 20 + i % 97, i % 7, 300.5 + 11.25 * (20 + i % 97) - 9 * (i % 7));
  write(csv, text);
  const std::string trained =
      output("train --data " + csv.string() +
             " --separator ';' --target rent --layers 32 --optimizer adam --lr 0.01 --epochs 60 "
             "--out " +
             run.string());
  check_has(trained, "rent is a number");
  const std::string said =
      output("predict " + run.string() + " --separator ';'  < " + csv.string());
  const std::vector<std::string> answers = lines_of(said);
  REQUIRE(answers.size() == 301);
  CHECK(answers[0] == "rent");
  CHECK(std::stod(answers[1]) == doctest::Approx(300.5 + 11.25 * 20).epsilon(0.05));
  const json scores = json::parse(
      output("eval " + run.string() + " --json --separator ';' --data " + csv.string()));
  CHECK(scores["r2"] > 0.99);
  CHECK(scores["mae"] < 30);
  CHECK_FALSE(scores.contains("accuracy"));
}

TEST_CASE("few whole numbers are classes or numbers, as --kind says") {
  const Folder folder;
  const fs::path csv = folder / "rooms.csv", run = folder / "run";
  std::string text = "area,rooms\n";
  for (int i = 0; i < 200; ++i) text += fmt::format("{},{}\n", 20 + i % 100, 1 + i % 100 / 20);
  write(csv, text);
  const std::string train =
      "train --data " + csv.string() + " --target rooms --layers 8 --epochs 2 ";
  check_has(output(train), "5 classes, 1 to 5");
  check_has(output(train + "--kind classes"), "5 classes, 1 to 5");
  check_has(output(train + "--kind number --out " + run.string()), "rooms is a number");
  fs::remove(run / "model.safetensors");
  output("train --quiet --resume " + run.string());  // as it was begun
  CHECK(json::parse(output("eval " + run.string() + " --json --data " + csv.string()))
            .contains("r2"));
  check_fails(2, train + "--kind words", "automatic, classes, number");
  check_fails(2, "train --data moons --kind number", "is for tables, not for moons");
  write(csv, table(100));
  check_fails(1, "train --data " + csv.string() + " --target kind --kind number", "is no number");
}

TEST_CASE("tables and models that can't be used are told in one line") {
  const Folder folder;
  const fs::path csv = folder / "t.csv", run = folder / "run";
  const std::string train = "train --data " + csv.string() + " --epochs 1 --layers 4 ";
  write(csv, "a,b,kind\n1,2,x\n3,,y\n5,6,x\n");
  check_fails(1, train + "--target kind", "line 3");
  write(csv, "a,b,kind\n1,2,x\n3,4,5,y\n");
  check_fails(1, train + "--target kind", "line 3");
  write(csv, table(100));
  check_fails(1, train + "--target nothing", "size, colour, weight, place, kind");
  check_fails(2, train, "--target");
  check_fails(2, "train --data spiral --target kind", "--target");
  output(train + "--target kind --quiet --out " + run.string());
  const std::string predict = "predict " + run.string() + " ";
  write(csv, "size,colour,weight\n1,red,2\n");
  check_fails(1, predict + csv.string(), "place");
  write(csv, "size,colour,weight,place\n1,violet,2,north\n");
  check_fails(1, predict + csv.string(), "violet");
  check_fails(1, "predict " + (folder / "none").string(), "none");
  check_fails(2, "predict", "MODEL");
  const std::string model = content(run / "model.safetensors");
  write(run / "model.safetensors", model.substr(0, model.size() - 3));
  check_fails(1, "info " + run.string(), "model.safetensors");
  check_fails(1, predict + csv.string(), "model.safetensors");
}

TEST_CASE("a model isn't exported over itself") {
  const Folder folder;
  const fs::path run = folder / "run", model = run / "model.safetensors", link = folder / "m.npz";
  output(spiral + "--quiet --out " + run.string());
  const std::string before = content(model);
  check_fails(1, "export --to safetensors " + run.string(), "--out");
  fs::create_symlink(model, link);
  check_fails(1, "export " + run.string() + " --out " + link.string(), "that is the model itself");
  CHECK(content(model) == before);
  output("export " + run.string() + " --to onnx --out " + (run / "m.onnx").string());
  check_fails(1, "export --to onnx " + (run / "m.onnx").string(), "--out");
}

TEST_CASE("no name in a file moves a cursor, or passes for a line of the program's own") {
  const Folder folder;
  const std::string name =
      "a\x1b[2J\nramp: all is well\r\x7f\t\xc2\x9b"
      "5m Ä";
  const fs::path path = folder / "m.safetensors";
  const auto has_controls = [](const std::string& text) {
    return support::has(text, "\xc2\x9b") || std::ranges::any_of(text, [](char c) {
             return c != '\n' && ((c >= 0 && c < ' ') || c == 0x7f);
           });
  };
  ramp::nn::MLP<float> model({2, 3, 2});
  ramp::nn::save(model, path, {.classes = {name, "b"}, .note = name});
  const std::string shown = output("info " + path.string());
  check_has(shown, "classes  a\\x1b[2J\\x0aramp: all is well\\x0d\\x7f\\x09\\xc2\\x9b5m Ä, b\n");
  CHECK_FALSE(has_controls(shown));
  write(folder / "rows.csv", "x0,x1,kind\n1,2,b\n3,4,b\n");
  ramp::nn::SafeTensors file;
  file.add(name, ramp::Tensor<float>({2}, 1.0f));
  file.write(path);
  CHECK_FALSE(has_controls(output("info " + path.string())));
  const Result refused = shell(program + "predict " + path.string() + " < " +
                               (folder / "rows.csv").string() + " 2>&1");
  CHECK(refused.status == 1);
  CHECK_FALSE(has_controls(refused.text));
  std::string damaged = content(path);
  damaged.replace(damaged.find("all"), 3, "\xff\xfe!");  // no UTF-8
  write(path, damaged);
  const Result bad = shell(program + "info " + path.string() + " 2>&1");
  CHECK(bad.status == 1);
  CHECK_FALSE(support::has(bad.text, "\xff"));
}

TEST_CASE("an interrupted training is picked up, and ends as if nothing had happened") {
  for (const char* options : {"--momentum 0.9 --schedule cosine --watch-kinks",
                              "--optimizer adam --dropout 0.2 --patience 3"}) {
    CAPTURE(options);
    const Folder folder;
    const fs::path whole = folder / "whole", parts = folder / "parts";
    const std::string train = "train --data moons --points 400 --layers 16 --batch 16 --epochs 8 " +
                              std::string(options) + " --quiet ";
    output(train + "--out " + whole.string());
    // Ended by a file that can't grow: each time at another place.
    const std::string begin = train + "--checkpoint-seconds 0 --out " + parts.string();
    shell("ulimit -t 1; timeout -s KILL 0.05 " + program + begin + " 2>&1");
    for (int i = 0; i < 20; ++i) {
      const bool begun =
          fs::exists(parts / "settings.json") &&
          !shell("ls " + (parts / "checkpoints").string() + "/*.safetensors").text.empty();
      const Result result = shell(
          fmt::format("timeout -s KILL {} ", 0.03 + 0.02 * i) + program +
          (begun ? "train --quiet --resume " + parts.string() : begin + " --overwrite") + " 2>&1");
      if (result.status == 0) break;
    }
    CHECK(shell(program + "train --quiet --resume " + parts.string() + " 2>&1").text.empty());
    for (const char* file : {"model.safetensors", "metrics.jsonl"}) {
      CAPTURE(file);
      CHECK(content(parts / file) == content(whole / file));
      CHECK_FALSE(content(whole / file).empty());
    }
  }
}

TEST_CASE("what can't be resumed, or must not be written over, is refused") {
  const Folder folder;
  const fs::path run = folder / "run";
  check_fails(1, "train --resume " + run.string(), "settings.json");
  output(spiral + "--quiet --out " + run.string());
  check_fails(2, "train --lr 0.2 --resume " + run.string(), "--lr");
  json settings = json::parse(content(run / "settings.json"));
  settings["ended"] = false;
  write(run / "settings.json", settings.dump());
  check_fails(1, spiral + "--out " + run.string(), "has not ended");
  output("train --quiet --resume " + run.string());
  output(spiral + "--quiet --out " + run.string());  // it has ended
  for (auto& argument : settings["arguments"])
    if (argument.get<std::string>().starts_with("--batch=")) argument = "--batch=32";
  write(run / "settings.json", settings.dump());
  check_fails(1, "train --resume " + run.string(), "batch_size");
  write(run / "settings.json", "{");
  check_fails(1, "train --resume " + run.string(), "damaged");
  settings["ended"] = 5;
  write(run / "settings.json", settings.dump());
  for (const std::string& start :
       {"train --resume " + run.string(), spiral + "--out " + run.string()})
    check_fails(1, start, (run / "settings.json: it is damaged").c_str());
  output(spiral + "--quiet --overwrite --out " + run.string());
}

TEST_CASE("a file that says nonsense of its model is named") {
  const Folder folder;
  const fs::path path = folder / "m.safetensors";
  for (const char* layers : {R"({"scope": "m", "parts": [{"name": "a"}]})",
                             R"({"kind": "sequential", "scope": "m", "parts": 7})",
                             R"({"kind": 1, "scope": [], "parts": []})", R"([1])"}) {
    CAPTURE(layers);
    ramp::nn::SafeTensors file;
    file.add("a", ramp::Tensor<float>({2}, 1.0f));
    file.set_metadata("ramp", fmt::format(R"({{"version": 1, "classes": [], "note": "",
                                               "sample_shape": [], "architecture": {}}})",
                                          layers));
    file.write(path);
    const std::string what = path.string() + ": what it says of its model can't be used";
    check_fails(1, "info " + path.string(), what.c_str());
    check_fails(1, "export --to onnx " + path.string(), what.c_str());
  }
}

TEST_CASE("adamw has a weight decay of its own, unless one is given") {
  const Folder folder;
  const auto trained = [&](const char* name, const std::string& options) {
    output(spiral + "--quiet " + options + " --out " + (folder / name).string());
    return content(folder / name / "metrics.jsonl");
  };
  const std::string adam = trained("adam", "--optimizer adam");
  const std::string own = trained("own", "--optimizer adamw");
  CHECK(own != adam);
  CHECK(own == trained("same", "--optimizer adamw --weight-decay 0.01"));
  CHECK(adam == trained("none", "--optimizer adamw --weight-decay 0"));
  for (const char* name : {"own", "same", "none"}) {  // as it was begun
    CAPTURE(name);
    fs::remove(folder / name / "model.safetensors");
    output("train --quiet --resume " + (folder / name).string());
    CHECK(fs::exists(folder / name / "model.safetensors"));
  }
}
