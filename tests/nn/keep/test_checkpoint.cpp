// A folder of checkpoints: what is read is what was written or nothing, whatever befell the files.
#include <nn/data/file_writer.hpp>
#include <nn/keep/checkpoint.hpp>
#include <nn/random.hpp>

#include "support/child.hpp"
#include "support/idx_files.hpp"
#include "support/refused.hpp"

#include <doctest/doctest.h>

#include <sys/resource.h>

#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <optional>
#include <set>
#include <string>

using namespace ramp::nn;
using idx_files::TempFolder, idx_files::read, idx_files::write;
using ramp::Shape, ramp::Tensor;
using support::in_a_child;
namespace fs = std::filesystem;

namespace {

template <class T> Checkpoint<T> some(std::uint64_t step, std::size_t numbers = 5) {
  Random random(step);
  Checkpoint<T> checkpoint{step, "{\"ä\": \"" + std::to_string(step) + "\\n\"}\n", {}};
  for (const Shape& shape : {Shape{numbers}, Shape{0, 2}, Shape{2, 2}, Shape{}}) {
    Tensor<T> x(shape);
    for (T& v : x) v = static_cast<T>(random.normal());
    checkpoint.tensors.emplace_back("t" + std::to_string(checkpoint.tensors.size()), x);
  }
  checkpoint.tensors[2].second[1] = std::numeric_limits<T>::quiet_NaN();  // a run may have failed
  return checkpoint;
}

template <class T>
bool same(const std::optional<Checkpoint<T>>& a, const std::optional<Checkpoint<T>>& b) {
  if (!a || !b) return !a && !b;
  if (a->step != b->step || a->text != b->text || a->tensors.size() != b->tensors.size())
    return false;
  for (const auto& [name, x] : a->tensors) {  // empty ones at one place have no order
    bool found = false;
    for (const auto& [other, y] : b->tensors)
      found |= name == other && x.shape() == y.shape() &&
               std::memcmp(x.data(), y.data(), x.size() * sizeof(T)) == 0;
    if (!found) return false;
  }
  return true;
}

std::set<std::string> names(const fs::path& folder) {
  std::set<std::string> all;
  for (const auto& entry : fs::directory_iterator(folder)) all.insert(entry.path().filename());
  return all;
}

const char* const newest_name = "checkpoint-000000000007.safetensors";

}  // namespace

TEST_CASE_TEMPLATE("what was written last is read, to the bit", T, float, double) {
  const TempFolder temp;
  CheckpointFolder<T> folder(temp / "a" / "b");  // made where it isn't there
  CHECK_FALSE(folder.newest());
  CHECK_FALSE(folder.best());
  folder.write(some<T>(3));
  folder.write_best(some<T>(2));
  folder.write(some<T>(1'000'000'000'00));
  std::string note;
  CHECK(same(folder.newest(&note), std::optional(some<T>(1'000'000'000'00))));
  CHECK(same(folder.best(&note), std::optional(some<T>(2))));
  CHECK(note.empty());
  CHECK(folder.folder() == temp / "a" / "b");
  folder.clear();
  CHECK_FALSE(folder.newest());
  CHECK_FALSE(folder.best());
  folder.write(some<T>(4));
  CHECK(same(folder.newest(), std::optional(some<T>(4))));
}

TEST_CASE("the last ones are kept, and what isn't a checkpoint is left alone") {
  const TempFolder temp;
  write(temp / "checkpoint-mine.safetensors", "");
  write(temp / "checkpoint-.safetensors", "");
  for (const std::size_t keep : {3u, 1u, 0u}) {
    CAPTURE(keep);
    CheckpointFolder<float> folder(temp.path, keep);
    folder.clear();
    for (const std::uint64_t step : {8u, 9u, 10u, 11u, 100u}) folder.write(some<float>(step));
    std::set<std::string> expected{".lock", "checkpoint-mine.safetensors",
                                   "checkpoint-.safetensors",
                                   "checkpoint-000000000100.safetensors"};
    if (keep == 3)
      expected.insert(
          {"checkpoint-000000000010.safetensors", "checkpoint-000000000011.safetensors"});
    CHECK(names(temp.path) == expected);
  }
}

TEST_CASE("a run that goes on from before a damaged checkpoint keeps what it writes") {
  const TempFolder temp;
  CheckpointFolder<float> folder(temp.path, 1);
  write(temp / "checkpoint-000000000100.safetensors", "damaged");
  folder.write(some<float>(7));
  std::string note;
  CHECK(same(folder.newest(&note), std::optional(some<float>(7))));
  CHECK(note == "");  // the damaged one went first
  CHECK(names(temp.path) == std::set<std::string>{".lock", newest_name});
}

TEST_CASE("one run at a time, and a killed one holds nothing") {
  const TempFolder temp;
  {
    const CheckpointFolder<float> first(temp.path);
    REFUSED_WITH(CheckpointFolder<double>(temp.path), FileError,
                 doctest::String((temp.path.string() +
                                  ": another run is writing there: wait for its end, or take "
                                  "another folder")
                                     .c_str()));
    CHECK(in_a_child([&] {
            try {
              CheckpointFolder<float>(temp.path);
            } catch (const FileError&) {
              return 1;
            }
            return 0;
          }) == 1);
  }
  CHECK(in_a_child([&] {
          const CheckpointFolder<float> its(temp.path);
          return raise(SIGKILL);
        }) == 100 + SIGKILL);
  CHECK_NOTHROW(CheckpointFolder<float>(temp.path));
}

TEST_CASE("what killed runs have left is removed, and nothing else") {
  const TempFolder temp;
  for (const char* name : {"checkpoint-000000000007.safetensors.123.tmp", "metrics.jsonl.1.tmp",
                           "notes.tmp", "notes.1x.tmp", "1.tmp", "a.1.tmp.txt"})
    write(temp / name, "x");
  CheckpointFolder<float> folder(temp.path);
  CHECK(names(temp.path) ==
        std::set<std::string>{".lock", "notes.tmp", "notes.1x.tmp", "1.tmp", "a.1.tmp.txt"});
}

TEST_CASE("a checkpoint of which any byte was changed is passed over, or read as it was") {
  const TempFolder temp;
  CheckpointFolder<float> folder(temp.path);
  folder.write(some<float>(7));
  const std::string whole = read(temp / newest_name);
  Random random(1);
  std::size_t passed_over = 0;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    std::string text = whole;
    text[i] = static_cast<char>(text[i] ^ (1 << random.below(8)));
    write(temp / newest_name, text);
    std::string note;
    const auto found = folder.newest(&note);
    CAPTURE(i);
    CHECK((found ? same(found, std::optional(some<float>(7)))
                 : note.starts_with("passed over " + (temp / newest_name).string())));
    passed_over += !found;
  }
  CHECK(passed_over == whole.size());
  for (std::size_t n = 0; n < whole.size(); n += 7) {
    write(temp / newest_name, whole.substr(0, n));
    CHECK_FALSE(folder.newest());
  }
}

TEST_CASE("the newest that is whole is taken, and the note names those that aren't, and why") {
  const TempFolder temp;
  CheckpointFolder<float> folder(temp.path, 4);
  for (const std::uint64_t step : {5u, 6u, 7u}) folder.write(some<float>(step));
  std::string changed = read(temp / newest_name);
  changed.back() ^= 1;
  write(temp / newest_name, changed);
  {  // a file, but no checkpoint
    const TempFolder other;
    CheckpointFolder<double>(other.path).write(some<double>(6));
    fs::copy_file(other / "checkpoint-000000000006.safetensors",
                  temp / "checkpoint-000000000006.safetensors",
                  fs::copy_options::overwrite_existing);
  }
  write(temp / "checkpoint-000000000008.safetensors", std::string("\x02\0\0\0\0\0\0\0{}", 10));
  std::string note;
  CHECK(same(folder.newest(&note), std::optional(some<float>(5))));
  const auto said = [&](const std::string& text) { return note.find(text) != note.npos; };
  CHECK(said("008.safetensors: it is no checkpoint: there is no step; passed over "));
  CHECK(said("007.safetensors: it is damaged: its checksum differs; passed over "));
  CHECK(said("006.safetensors: it is of a training in another type of number, F64"));
  write(temp / "best.safetensors", changed);
  note.clear();
  CHECK_FALSE(folder.best(&note));
  CHECK(said("best.safetensors: it is damaged: its checksum differs"));
}

TEST_CASE("a full disk leaves the last checkpoint, and nothing else") {
  const TempFolder temp;
  {
    CheckpointFolder<float> folder(temp.path, 1);
    folder.write(some<float>(7));
    folder.write_best(some<float>(7));
  }
  const auto before = names(temp.path);
  const std::string whole = read(temp / newest_name);
  for (const rlim_t most : {rlim_t{0}, rlim_t{100}, rlim_t{20000}}) {
    CAPTURE(most);
    CHECK(in_a_child([&] {  // no file may grow beyond this, as if the disk were full
            CheckpointFolder<float> folder(temp.path, 1);
            std::signal(SIGXFSZ, SIG_IGN);
            const rlimit limit{most, most};
            setrlimit(RLIMIT_FSIZE, &limit);
            int failed = 0;
            for (const bool best : {false, true}) {
              try {
                const auto large = some<float>(best ? 7 : 9, 10000);
                best ? folder.write_best(large) : folder.write(large);
              } catch (const FileError&) {
                ++failed;
              }
            }
            return failed;
          }) == 2);
    CHECK(names(temp.path) == before);
    CHECK(read(temp / newest_name) == whole);
    CHECK(read(temp / "best.safetensors") == whole);
  }
}

TEST_CASE("a folder that can't be had is refused by name") {
  const TempFolder temp;
  write(temp / "file", "");
  REFUSED(CheckpointFolder<float>(temp / "file"), FileError, (temp / "file").c_str());
  REFUSED(CheckpointFolder<float>(temp / "file" / "below"), FileError, "Not a directory");
  REFUSED(CheckpointFolder<float>("/proc/nowhere"), FileError, "/proc/nowhere: ");
}
