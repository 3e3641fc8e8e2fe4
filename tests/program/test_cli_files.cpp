// What the program leaves in its folder, whatever goes wrong.
#include <nn/keep/checkpoint.hpp>

#include "support/cli.hpp"
#include "support/idx_files.hpp"

#include <fmt/format.h>

#include <fstream>
#include <map>

using namespace cli;

namespace {

// An earlier run that is worth keeping.
struct EarlierRun {
  EarlierRun() { output(spiral + "--quiet --out '" + path().string() + "'"), before = read(); }
  fs::path path() const { return folder / "run"; }
  std::string read() const { return content(path() / "metrics.jsonl"); }
  std::size_t files() const {
    return static_cast<std::size_t>(
        std::distance(fs::directory_iterator(path()), fs::directory_iterator()));
  }
  Folder folder;
  std::string before;
};

}  // namespace

TEST_CASE("a full disk") {
  if (!fs::exists("/dev/full")) return;
  const Result full = shell(program + "ops 2>&1 >/dev/full");
  CHECK(full.status == 1);
  CHECK(full.text.starts_with("ramp: standard output: "));
  const Folder folder;
  const fs::path out = folder / "run";
  fs::create_directories(out);
  fs::create_symlink("/dev/full", out / "metrics.jsonl");
  check_fails(1, spiral + "--out " + out.string(), "metrics.jsonl: No space left on device");
  CHECK(fs::is_symlink(out / "metrics.jsonl"));
}

TEST_CASE("an earlier run's metrics stay until there are new ones") {
  EarlierRun run;
  const std::size_t files = run.files();
  const Folder data;
  const std::string out = " --out '" + run.path().string() + "'";
  check_fails(1, "train --data '" + (data / ".").string() + "'" + out, "none of train-images");
  CHECK(run.read() == run.before);
  check_fails(1, diverging + out, "learning rate");
  CHECK(run.read() == run.before);
  check_fails(1, spiral + out, "File too large", "ulimit -f 0; ");
  CHECK(run.read() == run.before);
  CHECK(run.files() == files);  // no half ones beside them
  output(spiral + "--quiet --seed 5" + out);
  CHECK(run.read() != run.before);
  CHECK(metrics(run.path()).size() == 2);
  CHECK(run.files() == files);
}

TEST_CASE("a start that fails leaves the checkpoints of an earlier run") {
  EarlierRun run;
  const fs::path checkpoints = run.path() / "checkpoints", csv = run.folder / "t.csv";
  const auto all = [&] {
    std::map<std::string, std::string> files;
    for (const auto& file : fs::directory_iterator(checkpoints))
      files[file.path().filename().string()] = content(file.path());
    return files;
  };
  const auto before = all();
  REQUIRE(before.size() > 2);  // the last two, and a lock
  std::ofstream(csv) << "a,b\n1,x\n2,y\n3,x\n4,y\n";
  const std::string out = " --out '" + run.path().string() + "'";
  const std::string table = "train --data '" + csv.string() + "' --target nosuch" + out;
  json settings = json::parse(content(run.path() / "settings.json"));
  for (const bool ended : {true, false}) {
    CAPTURE(ended);
    settings["ended"] = ended;
    std::ofstream(run.path() / "settings.json") << settings;
    const std::string overwrite = ended ? "" : " --overwrite";
    check_fails(1, table + overwrite, "nosuch");
    check_fails(1, spiral + out + overwrite, "File too large", "ulimit -f 0; ");
    CHECK(all() == before);
    CHECK(run.read() == run.before);
  }
  CHECK(shell(program + "train --quiet --resume '" + run.path().string() + "' 2>&1").text.empty());
  CHECK(run.read() == run.before);
}

TEST_CASE("a training whose checkpoints are lost isn't begun anew") {
  EarlierRun run;
  const fs::path folder = run.path();
  const std::string resume = program + "train --quiet --resume '" + folder.string() + "' 2>&1";
  const auto refused = [&] {
    const Result result = shell(resume);
    CHECK(result.status == 1);
    check_has(result.text, "has no whole checkpoint to go on from");
    check_has(result.text, "--overwrite");
    CHECK(run.read() == run.before);
  };
  for (const auto& file : fs::directory_iterator(folder / "checkpoints"))
    if (file.path().extension() == ".safetensors") fs::resize_file(file.path(), 100);
  refused();
  json settings = json::parse(content(folder / "settings.json"));
  settings["ended"] = false;
  std::ofstream(folder / "settings.json") << settings;
  refused();
  fs::remove_all(folder / "checkpoints");
  std::ofstream(folder / "times.jsonl") << "{\"seconds\":2,\"test_seconds\":0}\n{}\n";
  refused();
  // Within the first second there is none yet.
  std::ofstream(folder / "times.jsonl")
      << "{\"seconds\":0.5,\"test_seconds\":0}\n{\"seconds\":9}\n";
  CHECK(shell(resume).text.empty());
  CHECK(run.read() == run.before);
}

TEST_CASE("a training whose last step breaks the weights leaves no model, and says so") {
  const Folder folder;
  const fs::path run = folder / "run";
  check_fails(1, "train --data xor --batch 1000 --epochs 1 --quiet --lr 1e39 --out " + run.string(),
              "in layer0.weight, and no model is written: lower --lr");
  CHECK_FALSE(fs::exists(run / "model.safetensors"));
}

TEST_CASE("the lines of epochs are on the disk before a checkpoint that counts them") {
  const Folder folder;
  const std::string log = (folder / "log").string();
  const std::string watched = "strace -y -e trace=write,fsync,rename -o '" + log + "' ";
  if (shell(watched + "true 2>&1").status != 0) return;  // it isn't there, or may not watch
  // Its status doesn't matter: a leak sanitizer can't look while somebody watches, and says so.
  shell(watched + program + spiral + "--quiet --out '" + (folder / "run").string() + "' 2>&1");
  std::map<std::string, bool> waits;
  int checkpoints = 0;
  std::ifstream calls(log);
  for (std::string call; std::getline(calls, call);) {
    for (const std::string name : {"/metrics.jsonl", "/times.jsonl"})
      if (call.find(name) != call.npos) {
        if (call.starts_with("write(")) waits[name] = true;
        if (call.starts_with("fsync(")) waits[name] = false;
      }
    if (!call.starts_with("rename(") || call.find("/checkpoint-") == call.npos) continue;
    ++checkpoints;
    CHECK(waits.size() == 2);
    for (const auto& file : waits) CHECK_MESSAGE(!file.second, file.first);
  }
  CHECK(checkpoints > 0);
}

TEST_CASE("a checkpoint that counts kinks in a scope it hasn't is refused") {
  const Folder folder;
  const fs::path run = folder / "run";
  output(spiral + "--quiet --watch-kinks --out " + run.string());
  {
    ramp::nn::CheckpointFolder<float> checkpoints(run / "checkpoints");
    auto checkpoint = checkpoints.newest().value();
    json text = json::parse(checkpoint.text), more = json::parse(text["more"].get<std::string>());
    for (json& node : more["kinks"]["run"]["nodes"]) node[2] = 4'000'000'000u;
    text["more"] = more.dump();
    checkpoint.text = text.dump();
    checkpoints.write(checkpoint);
  }
  check_fails(1, "train --quiet --resume " + run.string(), "kinks of an unknown scope");
}

TEST_CASE("a disk that fills up in the middle leaves whole lines and says so") {
  for (const int blocks : {40, 41, 43, 46}) {  // of 512 bytes; the graph takes fewer
    CAPTURE(blocks);
    const Folder folder;
    const fs::path out = folder / "run";
    check_fails(1, "train --data xor --layers 4 --epochs 1000 --out " + out.string(),
                "metrics.jsonl: File too large", fmt::format("ulimit -f {}; ", blocks));
    const std::vector<json> lines = metrics(out);  // each parses
    CHECK(lines.size() > 10);
    for (std::size_t i = 0; i < lines.size(); ++i) CHECK(lines[i]["epoch"] == i + 1);
    const std::string text = content(out / "metrics.jsonl");
    CHECK(text.ends_with("\n"));
    // A kill cuts a write() where it goes on to another page of 4,096 bytes: no line does.
    for (std::size_t start = 0, end; start < text.size(); start = end + 1) {
      end = text.find('\n', start);
      CHECK(start / 4096 == end / 4096);
    }
    CHECK(text.size() >
          static_cast<std::size_t>(blocks - 2) * 512);  // as much as there was room for
  }
}

TEST_CASE("closed standard streams aren't taken by files") {
  const std::string expected = [] {
    const Folder folder;
    output(spiral + "--quiet --out " + (folder / "run").string());
    return metrics(folder / "run")[1]["loss"].dump();
  }();
  for (const char* closed : {">&-", "<&-", "2>&-", "<&- >&-", "<&- >&- 2>&-"}) {
    CAPTURE(closed);
    const Folder folder;
    const fs::path out = folder / "run";
    CHECK(shell(program + spiral + "--out " + out.string() + " " + closed).status == 0);
    const std::vector<json> lines = metrics(out);  // and no text between them
    REQUIRE(lines.size() == 2);
    CHECK(lines[1]["loss"].dump() == expected);
    CHECK(content(out / "graph.dot").starts_with("digraph"));
  }
}

TEST_CASE("a link to the metrics leads on to them, and a link to nowhere is replaced") {
  const Folder folder;
  const fs::path out = folder / "run", elsewhere = folder / "elsewhere.jsonl";
  fs::create_directories(out);
  std::ofstream(elsewhere) << "old\n";
  fs::create_symlink(elsewhere, out / "metrics.jsonl");
  output(spiral + "--quiet --out " + out.string());
  CHECK(fs::is_symlink(out / "metrics.jsonl"));
  CHECK(content(elsewhere).starts_with("{\"epoch\":1,"));
  fs::remove(elsewhere);
  output(spiral + "--quiet --out " + out.string());
  CHECK(metrics(out).size() == 2);
}

TEST_CASE("ramp train says in one line what it can't write") {
  const Folder folder;
  const fs::path file = folder / "file", taken = folder / "taken";
  std::ofstream(file) << "x";
  fs::create_directories(taken / "metrics.jsonl");
  check_fails(1, spiral + "--out " + file.string(), "Not a directory");
  check_fails(1, spiral + "--out " + (file / "below").string(), "Not a directory");
  check_fails(1, spiral + "--out " + taken.string(), "metrics.jsonl: Is a directory");
  check_fails(1, spiral + "--out /proc/ramp", "--out /proc/ramp: ");
  // A limit on the size of files stands for a full disk; pipes have none.
  const fs::path out = folder / "run";
  check_fails(1, spiral + "--out " + out.string(), "File too large", "ulimit -f 0; ");
  check_fails(1, spiral + "--out '" + (folder / "\xff").string() + "'",
              "--out: settings.json keeps UTF-8, which not all arguments are");
}

TEST_CASE("data that can't be read is told from data that isn't there") {
  const Folder folder;
  const auto at = [&](const char* name) {
    return "train --data '" + (folder / name).string() + "'";
  };
  std::ofstream(folder / "file") << "x";
  fs::create_symlink(folder / "nowhere", folder / "dangling");
  fs::create_symlink(folder / "loop", folder / "loop");
  fs::create_directory(folder / "empty");
  check_fails(2, at("file"), "is neither a folder nor a table");
  check_fails(2, at("dangling"), "which isn't there");
  check_fails(2, at("loop"), "Too many levels of symbolic links");
  check_fails(2, at("missing"), "no data set or folder");
  check_fails(1, at("empty"), "none of train-images-idx3-ubyte");
}

TEST_CASE("a folder with other than ten classes, one that begins at 1, and a single image") {
  using idx_files::idx, idx_files::write;
  const idx_files::TempFolder data;
  const std::string folder = "train --layers 4 --epochs 1 --data " + data.path.string() + " ";
  const auto write_part = [&](const char* part, const std::string& labels) {
    const auto n = static_cast<std::uint32_t>(labels.size());
    write(data / (std::string(part) + "-labels-idx1-ubyte"), idx({n}, labels));
    std::string pixels;
    for (std::uint32_t i = 0; i < 4 * n; ++i) pixels += static_cast<char>(37 * i);
    write(data / (std::string(part) + "-images-idx3-ubyte"), idx({n, 2, 2}, pixels));
  };
  write_part("train", "\1\2\3");
  write_part("t10k", "\1\3");
  check_has(output(folder), "3 classes, labelled 1 to 3; 4-4-3 network");
  check_has(output(folder + "--classes 5"), "5 classes, labelled 0 to 4; 4-4-5 network");
  check_fails(1, folder + "--classes 2", "with 2 classes, labels run from 1 to 2");
  check_fails(2, folder + "--classes 1", "--classes");
  check_fails(2, "train --data moons --classes 2", "is for folders, not for moons");
  write_part("train", "\1");
  check_has(output(folder), "1 samples to train, 2 to test");
}

TEST_CASE("a training can be picked up from another folder, whatever its data are called") {
  const Folder folder;
  const std::string here = "cd '" + (folder / ".").string() + "' && ";
  fs::create_directory(folder / "elsewhere");
  idx_files::write_folder(folder / "digits");
  std::ofstream(folder / "t.csv") << "a,b\n1,x\n2,y\n3,x\n4,y\n5,x\n6,y\n7,x\n8,y\n9,x\n10,y\n";
  for (const char* data : {"digits", "t.csv --target b", "moons"}) {
    CAPTURE(data);
    const std::string train = std::string("train --quiet --layers 4 --epochs 1 --data ") + data;
    CHECK(shell(here + program + train + " --out run").status == 0);
    const Result resumed =
        shell(here + "cd elsewhere && " + program + "train --quiet --resume ../run 2>&1");
    CHECK(resumed.status == 0);
    CHECK(resumed.text.empty());
  }
}

TEST_CASE("numbers of the data that aren't finite are named") {
  // So much noise that it is infinite as a float.
  check_fails(1, "train --data spiral --noise 1e300 --layers 4 --no-monitor", "the inputs have ");
}
