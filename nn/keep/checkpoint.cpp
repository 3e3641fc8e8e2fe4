#include <nn/data/file_writer.hpp>
#include <nn/joined.hpp>
#include <nn/keep/checkpoint.hpp>
#include <nn/keep/safetensors.hpp>

#include <fmt/format.h>

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>
#include <system_error>
#include <vector>

namespace ramp::nn {

namespace fs = std::filesystem;

namespace {

constexpr std::string_view start = "checkpoint-", ending = ".safetensors";

bool digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == text.npos;
}

// Of the numbers and of all that says what they are: a name with a flipped bit is damage, too.
std::string stamp(const SafeTensors& file, std::uint64_t step, const std::string& text) {
  std::vector<std::string> all;
  for (const SafeTensors::Entry& e : file.entries())
    all.push_back(fmt::format("{} {} ({}) {}", e.name, e.type, joined(e.shape), e.offset));
  std::ranges::sort(all);  // empty tensors at one place have no order in the file
  return fmt::format("{:08x}", file.checksum(fmt::format("{} {} {}", step, text, joined(all))));
}

template <class T> void write_to(const fs::path& path, const Checkpoint<T>& checkpoint) {
  SafeTensors file;
  for (const auto& [name, tensor] : checkpoint.tensors) file.add(name, tensor);
  file.set_metadata("step", std::to_string(checkpoint.step));
  file.set_metadata("text", checkpoint.text);
  file.set_metadata("checksum", stamp(file, checkpoint.step, checkpoint.text));
  file.write(path);
}

template <class T> Checkpoint<T> read_from(const fs::path& path) {
  const SafeTensors file(path);
  const auto value = [&](const char* key) {
    const auto at = file.metadata().find(key);
    if (at == file.metadata().end())
      throw DataError(fmt::format("{}: it is no checkpoint: there is no {}", path.string(), key));
    return at->second;
  };
  const std::string step = value("step");
  Checkpoint<T> checkpoint{0, value("text"), {}};
  const auto [end, error] =
      std::from_chars(step.data(), step.data() + step.size(), checkpoint.step);
  if (error != std::errc() || end != step.data() + step.size())
    throw DataError(fmt::format("{}: it is damaged: its step is '{}'", path.string(), step));
  if (value("checksum") != stamp(file, checkpoint.step, checkpoint.text))
    throw DataError(fmt::format("{}: it is damaged: its checksum differs", path.string()));
  for (const SafeTensors::Entry& entry : file.entries()) {
    if (entry.type != (sizeof(T) == 4 ? "F32" : "F64"))
      throw DataError(fmt::format("{}: it is of a training in another type of number, {}",
                                  path.string(), entry.type));
    checkpoint.tensors.emplace_back(entry.name, file.tensor<T>(entry.name));
  }
  return checkpoint;
}

// Those of the folder, the newest first: their names have the step in digits of one width.
std::vector<fs::path> checkpoints(const fs::path& folder) {
  std::vector<fs::path> all;
  std::error_code error;
  for (fs::directory_iterator at(folder, error), end; !error && at != end; at.increment(error)) {
    const std::string name = at->path().filename().string();
    if (name.starts_with(start) && name.ends_with(ending) &&
        digits(at->path().stem().string().substr(start.size())))
      all.push_back(at->path());
  }
  std::ranges::sort(all, std::greater());
  return all;
}

template <class T>
std::optional<Checkpoint<T>> first_whole(const std::vector<fs::path>& files, std::string* note) {
  for (const fs::path& path : files) {
    try {
      return read_from<T>(path);
    } catch (const DataError& error) {
      if (note) *note += fmt::format("{}passed over {}", note->empty() ? "" : "; ", error.what());
    }
  }
  return {};
}

}  // namespace

template <class T> CheckpointFolder<T>::CheckpointFolder(fs::path folder, std::size_t keep)
    : folder_(std::move(folder)), keep_(std::max<std::size_t>(1, keep)) {
  const auto fail = [&](const std::string& what) {
    throw FileError(fmt::format("{}: {}", folder_.string(), what));
  };
  std::error_code error;
  fs::create_directories(folder_, error);
  if (error) fail(error.message());
  const std::string lock = (folder_ / ".lock").string();
  lock_ = ::open(lock.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666);
  if (lock_ < 0) fail(std::generic_category().message(errno));
  if (flock(lock_, LOCK_EX | LOCK_NB) != 0) {
    const int why = errno;
    ::close(lock_);
    fail(why == EWOULDBLOCK
             ? "another run is writing there: wait for its end, or take another folder"
             : std::generic_category().message(why));
  }
  // NAME.PID.tmp is of a run that was killed: nobody else is here.
  for (fs::directory_iterator at(folder_, error), end; !error && at != end; at.increment(error)) {
    const std::string process = at->path().stem().extension().string();
    std::error_code ignored;
    if (at->path().extension() == ".tmp" && !process.empty() && digits(process.substr(1)))
      fs::remove(at->path(), ignored);
  }
}

template <class T> CheckpointFolder<T>::~CheckpointFolder() { ::close(lock_); }

template <class T> void CheckpointFolder<T>::write(const Checkpoint<T>& checkpoint) {
  const fs::path path = folder_ / fmt::format("{}{:012}{}", start, checkpoint.step, ending);
  write_to(path, checkpoint);
  std::vector<fs::path> all = checkpoints(folder_);
  // Later ones were passed over as damaged, or this wouldn't be written: they are the first to go.
  // Not the one of std::ranges, which Clang 14 can't compile here.
  std::stable_partition(all.begin(), all.end(),
                        [&](const fs::path& other) { return other <= path; });
  std::error_code ignored;
  for (std::size_t i = keep_; i < all.size(); ++i) fs::remove(all[i], ignored);
}

template <class T> void CheckpointFolder<T>::write_best(const Checkpoint<T>& checkpoint) {
  write_to(folder_ / "best.safetensors", checkpoint);
}

template <class T>
std::optional<Checkpoint<T>> CheckpointFolder<T>::newest(std::string* note) const {
  return first_whole<T>(checkpoints(folder_), note);
}

template <class T> std::optional<Checkpoint<T>> CheckpointFolder<T>::best(std::string* note) const {
  const fs::path path = folder_ / "best.safetensors";
  std::error_code unknown;
  if (!fs::exists(path, unknown)) return {};
  return first_whole<T>({path}, note);
}

template <class T> void CheckpointFolder<T>::clear() {
  std::vector<fs::path> all = checkpoints(folder_);
  all.push_back(folder_ / "best.safetensors");
  for (const fs::path& path : all) {
    std::error_code error;
    fs::remove(path, error);
    if (error) throw FileError(fmt::format("{}: {}", path.string(), error.message()));
  }
}

template class CheckpointFolder<float>;
template class CheckpointFolder<double>;

}  // namespace ramp::nn
