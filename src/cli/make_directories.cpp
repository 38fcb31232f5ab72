// SPDX-License-Identifier: MIT

#include "cli/make_directories.h"

#include <fcntl.h>

#include <cstring>
#include <filesystem>
#include <ranges>

#include "base/nearest.h"
#include "sys/names.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;

constexpr BorrowedFd kAnyPlace{AT_FDCWD};  // Paths are absolute.
constexpr mode_t kPrivate = 0700;
constexpr mode_t kUsual = 0755;

}  // namespace

MadeDirectories::~MadeDirectories() {
  for (const std::string& path : std::views::reverse(made_)) {
    // What has content by now stays.
    (void)sys::remove_directory(kAnyPlace, path.c_str());
  }
}

Expected<void> MadeDirectories::make(const config::Options& options) {
  if (!options.makes_directories) return {};
  for (const auto* lowers : {&options.lower, &options.data_only}) {
    for (const std::string& lower : *lowers) {
      std::error_code error;
      if (fs::exists(lower, error)) continue;
      return problem("lower directory " + in_quotes(lower) + ": " +
                         (error ? error.message() : "No such file or directory"),
                     "make_dirs makes no lower directory: create it, or correct lowerdir");
    }
  }
  if (options.upper) {
    if (auto ok = make_path(*options.upper, false); !ok) return ok;
  }
  if (options.work) {
    if (auto ok = make_path(*options.work, true); !ok) return ok;
  }
  return make_path(options.mountpoint, false);
}

Expected<void> MadeDirectories::make_path(const std::string& path, bool is_private) {
  std::error_code error;
  const fs::path whole = fs::path(path).lexically_normal();
  fs::path reached;
  for (const fs::path& name : whole) {
    reached /= name;
    if (!name.has_filename() || fs::exists(reached, error)) continue;
    const bool is_last = reached == whole || reached / "" == whole;
    const auto made =
        sys::make_directory(kAnyPlace, reached.c_str(), is_last && is_private ? kPrivate : kUsual);
    if (made.failed_with(EEXIST)) continue;
    if (!made) {
      return problem("directory " + in_quotes(reached.string()) +
                         " cannot be made: " + std::strerror(to_int(made.error())),
                     "make it by hand, or leave make_dirs out");
    }
    made_.push_back(reached.string());
  }
  return {};
}

}  // namespace overpass::cli
