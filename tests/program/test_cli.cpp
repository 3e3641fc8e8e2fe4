// The program `ramp`, run as a user runs it.
#include <autodiff/autodiff.hpp>
#include <nn/nn.hpp>

#include "support/cli.hpp"
#include "support/ops.hpp"

#include <fmt/format.h>

#include <cmath>

using namespace cli;

namespace {

bool has_graphviz() { return std::system("dot -V >/dev/null 2>&1") == 0; }

}  // namespace

TEST_CASE("ramp --help and --version") {
  for (const char* command : {"", "train", "graph", "ops"}) {
    const std::string help = output(std::string(command) + " --help");
    check_has(help, "Examples:");
    check_has(help, std::string("Usage: ramp ") + command);
  }
  check_has(output("--version"), "ramp 0.");
}

TEST_CASE("wrong usage gives exit status 2 and one line") {
  check_fails(2, "", "give a command");
  check_fails(2, "paint", "paint");
  check_fails(2, "--paint", "--paint");
  check_fails(2, "ops extra", "extra");
  check_fails(2, "train --lr", "--lr");
  for (const char* rate : {"-1", "0", "nan", "inf", "1e999", "x", "0.1x", "''"})
    check_fails(2, std::string("train --lr ") + rate, "is not a number above 0");
  for (const char* sizes : {"2,,x", "2,,2", "0", "-3", "2,", ",2", "2.5", "9999999999", "''"}) {
    check_fails(2, std::string("train --layers ") + sizes, "sizes");
    check_fails(2, std::string("graph --layers ") + sizes, "sizes");
  }
  check_fails(2, "graph --layers 2", "2 or more sizes");
  check_fails(2, "graph --format png", "dot, svg");
  check_fails(2, "graph --activation step", "relu");
  check_fails(2, "train --init big", "he_uniform");
  check_fails(2, "train --schedule down", "cosine");
  check_fails(2, "train --warmup 11", "--epochs");
  check_fails(2, "train --momentum 1", "to below 1");
  check_fails(2, "train --nesterov", "--momentum");
  check_fails(2, "train --weight-decay -1", "--weight-decay");
  check_fails(2, "train --epochs 0", "--epochs");
  check_fails(2, "train --epochs 1.5", "--epochs");
  check_fails(2, "train --batch -1", "--batch");
  check_fails(2, "train --seed -1", "--seed");
  check_fails(2, "train --data fashion-mnist --noise 1", "synthetic");
  check_fails(2, "train --data moons --at-zero nan", "--at-zero");
}

TEST_CASE("an unknown data set is answered with the names of those there are") {
  for (const char* name : {"fashion-mnist", "mnist", "moons", "circle", "xor", "gauss", "spiral"})
    check_fails(2, "train --data sprial", name);
}

TEST_CASE("ramp ops lists every op, within 100 columns") {
  const std::string table = output("ops");
  for (const ramp::OpInfo* op : support::library_ops())
    check_has("\n" + table, std::string("\n") + op->about.name + " ");
  int column = 0;
  for (const char c : table) {
    column = c == '\n' ? 0 : column + ((c & 0xc0) != 0x80);
    REQUIRE(column <= 100);
  }
}

TEST_CASE("ramp ops --json says what the registry knows") {
  const json array = json::parse(output("ops --json"));
  const auto all = support::library_ops();
  REQUIRE(array.size() == all.size());
  for (std::size_t i = 0; i < all.size(); ++i) {
    const json& object = array[i];
    const ramp::OpInfo& op = *all[i];
    CHECK(object["name"] == op.about.name);
    CHECK(object["formula"] == op.about.formula);
    CHECK(object["at_kink"] == op.about.at_kink);
    CHECK(object["elementwise"] == op.elementwise);
    CHECK(object["arity"] == (op.arity == ramp::variadic ? json("any") : json(op.arity)));
    CHECK(object["domain"].size() == op.domain.size());
    CHECK(object["examples"].size() == op.examples().size());
    for (const json& example : object["examples"]) CHECK(example["output"].contains("values"));
  }
}

TEST_CASE("ramp graph prints a graph that Graphviz can read") {
  const std::string dot = output("graph --layers 2,4,1");
  CHECK(dot.starts_with("digraph"));
  for (const char* part : {"label=\"mlp\"", "label=\"layer1\"", "relu", "(2, 4)"})
    check_has(dot, part);
  CHECK(output("graph --layers 2,4,1") == dot);
  check_has(output("graph --layers 2,4,1 --activation tanh"), "tanh");
  check_has(output("graph --values"), "value [");
  check_has(output("graph --loss"), "label=\"loss\"");
  if (!has_graphviz()) return;
  for (const char* options : {"", "--values", "--loss --layers 3,2", "--layers 2,16,16,1"}) {
    check_has(shell(program + "graph " + options + " | dot -Tsvg").text, "<svg");
    check_has(output(std::string("graph --format svg ") + options), "<svg");
  }
}

TEST_CASE("without Graphviz there is a message, and training leaves the DOT alone") {
  check_fails(1, "graph --format svg", "Graphviz", "PATH=/nonexistent ");
  const Folder folder;
  const fs::path out = folder / "run";
  const Result result = shell("PATH=/nonexistent " + program + spiral + "--out " + out.string());
  CHECK(result.status == 0);
  check_has(result.text, "graph.dot; model: ");
  CHECK(!fs::exists(out / "graph.svg"));
}

TEST_CASE("ramp train writes metrics and graphs, and ends on a summary") {
  const Folder folder;
  const fs::path out = folder / "made", other = folder / "other";
  const std::string text = output(spiral + "--schedule cosine --out " + out.string());
  const std::string last = text.substr(text.rfind('\n', text.size() - 2) + 1);
  CHECK(last.starts_with("test accuracy "));
  check_has(last, " % after 2 epochs in ");
  check_has(last, (out / "graph.").string());
  const std::vector<json> told =
      metrics(out);  // the best epoch and the last one, as in the metrics
  const std::size_t best = told[1]["test_accuracy"] > told[0]["test_accuracy"];
  const auto percent = [&](std::size_t i) {
    return fmt::format("test accuracy {:.2f} %", 100 * told[i]["test_accuracy"].get<double>());
  };
  check_has(text, fmt::format("\nbest epoch {}: {}\n", best + 1, percent(best)));
  CHECK(last.starts_with(percent(1)));
  CHECK(text.find('\r') == std::string::npos);  // no bar where there is no terminal

  const std::vector<json> lines = metrics(out);
  REQUIRE(lines.size() == 2);
  for (std::size_t i = 0; i < 2; ++i) {
    CHECK(lines[i]["epoch"] == i + 1);
    for (const char* key : {"loss", "accuracy", "test_loss", "test_accuracy"})
      CHECK(lines[i][key].is_number());
    CHECK_FALSE(lines[i].contains("seconds"));  // equal runs have equal metrics
  }
  CHECK(lines[0]["learning_rate"] > lines[1]["learning_rate"]);
  check_has(content(out / "graph.dot"), "label=\"layer2\"");
  if (has_graphviz()) check_has(content(out / "graph.svg"), "</svg>");

  // The same seed, the same numbers; --quiet says nothing; a run replaces what is there.
  CHECK(output(spiral + "--schedule cosine --quiet --out " + other.string()).empty());
  CHECK(output(spiral + "--schedule cosine --quiet --out " + other.string()).empty());
  for (const char* file : {"metrics.jsonl", "model.safetensors"})
    CHECK(content(out / file) == content(other / file));
  CHECK(json::parse(content(out / "times.jsonl").substr(0, content(out / "times.jsonl").find('\n')))
            .contains("seconds"));
  output(spiral + "--schedule cosine --quiet --seed 2 --out " + other.string());
  CHECK(metrics(other)[0]["loss"] != lines[0]["loss"]);
}

TEST_CASE("ramp train learns each synthetic set") {
  const Folder folder;
  const fs::path out = folder / "run";
  for (const char* name : {"moons", "circle", "xor", "gauss"}) {
    CAPTURE(name);
    output(std::string("train --layers 32 --epochs 40 --quiet --momentum 0.9 --lr 0.02 --data ") +
           name + " --out " + out.string());
    CHECK(metrics(out).back()["test_accuracy"] > 0.9);
  }
}

TEST_CASE("ramp train fails with a message when training diverges") {
  check_fails(1, diverging, "learning rate");
}

TEST_CASE("ramp train finds dead units, in the metrics, in a warning and in the picture") {
  const Folder folder;
  const std::string out = (folder / "run").string();
  // Without weights every unit stands at relu's kink, whose slope is 0, and stays there.
  const Result result = shell(
      program + "train --data moons --layers 32 --init zeros --epochs 2 --out '" + out + "' 2>&1");
  CHECK(result.status == 0);
  check_has(result.text, "ramp: mlp/layer0: 32 of 32 units are dead");
  check_has(result.text,
            "the gradient of parameter 'layer0.weight' (2, 32) in mlp/layer0 is 0 in 64 of 64 "
            "elements: the path ends at relu (64, 32) in mlp/layer0, closed in all 32 units for "
            "all 64 samples");
  check_has(content(out + "/graph.dot"), "#d00000");
  const json layer = metrics(out).back()["layers"][0];
  CHECK(layer["units"] == 32);
  CHECK(layer["dead"] == 32);
}

TEST_CASE("ramp train --watch-kinks counts what an independent count finds") {
  const Folder folder;
  const fs::path out = folder / "run";
  const std::string moons = "train --data moons --points 500 --layers 16,8 --epochs 3 --seed 3 ";
  const std::string text = output(moons + "--watch-kinks --out " + out.string());
  const std::vector<json> lines = metrics(out);
  REQUIRE(lines.size() == 3);

  // The same training, from the same seed, with relu's operands read one by one.
  ramp::nn::Random seeds(3);
  const auto all = ramp::nn::synthetic("moons", 500, 0.1, seeds());
  const auto data = all.split(0.8, seeds());
  ramp::nn::MLP<float> model({2, 16, 8, 2}, {.seed = seeds()});
  struct Count {
    std::uint64_t elements = 0, at_kink = 0, near = 0;
  };
  std::vector<std::vector<Count>> counts(3, std::vector<Count>(2));
  std::uint64_t steps = 0, at_kink = 0, near = 0;
  ramp::nn::FitOptions<float> options{.epochs = 3, .batch_size = 64, .seed = seeds()};
  options.on_step = [&](const ramp::nn::StepInfo<float>& step) {
    const ramp::Tape<float>& tape = step.loss.tape();
    std::size_t layer = 0;
    for (std::uint32_t i = 1; i <= tape.size(); ++i) {
      if (std::string_view(ramp::op_info(tape.op(i)).about.name) != "relu") continue;
      Count& count = counts[step.epoch][layer++];
      for (const float x : tape.value_of(tape.operands(i)[0].node)) {
        ++count.elements;
        count.at_kink += x == 0;
        count.near += std::abs(x) <= 1e-6f;
      }
    }
    ++steps;
    return true;
  };
  ramp::nn::SGD<float> sgd(model.parameters(), {.learning_rate = 0.1});
  fit(model, sgd, "cross_entropy", data.train, options);
  CHECK(steps == 3 * 7);

  for (std::size_t epoch = 0; epoch < 3; ++epoch) {
    const json& kinks = lines[epoch]["kinks"];
    CAPTURE(kinks.dump());
    CHECK(kinks["steps"] == 7);
    CHECK(kinks["within"] == 1e-6);
    REQUIRE(kinks["nodes"].size() == 2);
    std::uint64_t elements = 0, at = 0, close = 0;
    for (std::size_t layer = 0; layer < 2; ++layer) {
      const json& node = kinks["nodes"][layer];
      const Count& count = counts[epoch][layer];
      CHECK(node["scope"] == (layer == 0 ? "mlp/layer0" : "mlp/layer1"));
      CHECK(node["op"] == "relu");
      CHECK(node["elements"] == count.elements);
      CHECK(node["at_kink"] == count.at_kink);
      CHECK(node["near"] == count.near);
      elements += count.elements, at += count.at_kink, close += count.near;
    }
    CHECK(kinks["elements"] == elements);
    CHECK(kinks["at_kink"] == at);
    CHECK(kinks["near"] == close);
    at_kink += at, near += close;
  }
  check_has(text, std::to_string(at_kink) + " of 28800 elements exactly at one, ");
  check_has(text, std::to_string(near) + " within 1e-06");

  // Watching changes nothing else, and nothing is said or written unasked.
  const std::string plain = output(moons + "--out " + out.string());
  CHECK(plain.find("kinks") == std::string::npos);
  CHECK(metrics(out)[2]["loss"] == lines[2]["loss"]);
  CHECK(!metrics(out)[2].contains("kinks"));
  CHECK(output(moons + "--watch-kinks --quiet").empty());
  check_has(output(moons + "--watch-kinks --activation tanh"), "no op of this network has one");
}

TEST_CASE("ramp train --watch-kinks sees a kink that is stood on") {
  // With one unit a layer some nets give a layer nothing but zeros, and no bias moves it off them.
  const Folder folder;
  const fs::path out = folder / "run";
  const std::string text = output(
      "train --data xor --noise 0 --layers 1,1,1,1,1,1 --epochs 1 --seed 1 --watch-kinks "
      "--out " +
      out.string() + " 2>/dev/null");
  const json kinks = metrics(out)[0]["kinks"];
  CAPTURE(kinks.dump());
  CHECK(kinks["nodes"].size() == 6);
  CHECK(kinks["at_kink"] > 0);
  CHECK(kinks["near"] >= kinks["at_kink"]);
  CHECK(kinks["elements"] == 6 * 800);
}
