// Files that are whole or not there: a reader, a kill or a full disk never meets half of one.
#pragma once

#include <autodiff/values/error.hpp>

#include <filesystem>
#include <span>
#include <string_view>

namespace ramp::nn {

struct FileError : Error {  // a file that can't be written: "run/a.npy: No space left on device"
  using Error::Error;
};

/// Writes the pieces to a temporary file beside `path`, syncs it, puts it in the place of `path`,
/// and syncs the folder. On an error the old file stays and nothing is left behind; after a kill a
/// file "NAME.PID.tmp" may be. A link goes on to lead to the file, which need not be there yet.
/// Throws FileError.
void replace_file(const std::filesystem::path& path, std::span<const std::string_view> pieces);
void replace_file(const std::filesystem::path& path, std::string_view content);

/// Returns once the name of a file that is there is on the disk, too.
void sync_folder_of(const std::filesystem::path& path);

/// Removes what a killed replace_file() of `path` has left behind, where the process that began it
/// is gone.
void remove_leftovers(const std::filesystem::path& path);

}  // namespace ramp::nn
