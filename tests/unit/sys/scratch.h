// SPDX-License-Identifier: MIT
//
// What unit tests of the disk share: a temporary directory on a file system that an upper layer can
// be on, a few words to fill and examine it, and short ways to ask a Result.

#ifndef OVERPASS_TESTS_UNIT_SYS_SCRATCH_H_
#define OVERPASS_TESTS_UNIT_SYS_SCRATCH_H_

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/problem.h"
#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::unit {

/// The value; a failure ends the test, naming the error.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(std::strerror(to_int(result.error())));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The value; a problem ends the test, with its line.
template <class T>
T must(Expected<T> result) {
  if (!result) throw std::runtime_error(result.error().line());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

/// The errno number, 0 on success.
template <class T>
int error_of(const Result<T>& result) {
  return result ? 0 : to_int(result.error());
}

inline int checked(int returned, const std::string& what) {
  if (returned < 0) throw std::runtime_error(what + ": " + std::strerror(errno));
  return returned;
}

/// A directory that is removed with everything in it.
class Scratch {
 public:
  explicit Scratch(const std::filesystem::path& parent = suitable_parent()) {
    std::string pattern = (parent / "overpass-unit-XXXXXX").string();
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp: " + pattern);
    path_ = pattern;
  }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  ~Scratch() {
    std::error_code ignored;  // A leftover in the temporary directory is not worth a failure.
    std::filesystem::remove_all(path_, ignored);
  }

  std::string path(const std::string& name = "") const {
    return name.empty() ? path_.string() : (path_ / name).string();
  }

  /// Makes the directory and those above it.
  std::string directory(const std::string& name, mode_t mode = 0755) const {
    std::filesystem::create_directories(path_ / name);
    checked(::chmod(path(name).c_str(), mode), "chmod " + name);
    return path(name);
  }

  std::string write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    std::ofstream(path(name), std::ios::binary) << text;
    checked(::chmod(path(name).c_str(), mode), "chmod " + name);
    return path(name);
  }

  std::string read(const std::string& name) const {
    std::ifstream stream(path(name), std::ios::binary);
    if (!stream) throw std::runtime_error("cannot read " + name);
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
  }

  void whiteout(const std::string& name) const {
    std::filesystem::create_directories((path_ / name).parent_path());
    checked(::mknod(path(name).c_str(), S_IFCHR, 0), "mknod " + name);
  }

  void set_xattr(const std::string& name, const char* attribute, const std::string& value) const {
    checked(::lsetxattr(path(name).c_str(), attribute, value.data(), value.size(), 0), attribute);
  }

  /// The value, or "-" if there is none.
  std::string xattr(const std::string& name, const char* attribute) const {
    char value[512];
    const ssize_t length = ::lgetxattr(path(name).c_str(), attribute, value, sizeof value);
    return length < 0 ? "-" : std::string(value, static_cast<size_t>(length));
  }

  bool exists(const std::string& name) const {
    struct stat ignored;
    return ::lstat(path(name).c_str(), &ignored) == 0;
  }

  struct stat stat(const std::string& name = "") const {
    struct stat result;
    checked(::lstat(path(name).c_str(), &result), "lstat " + name);
    return result;
  }

  bool is_whiteout(const std::string& name) const {
    struct stat found;
    return ::lstat(path(name).c_str(), &found) == 0 && S_ISCHR(found.st_mode) && found.st_rdev == 0;
  }

  UniqueFd open(const std::string& name = "", int flags = O_RDONLY, mode_t mode = 0644) const {
    return UniqueFd(checked(::open(path(name).c_str(), flags | O_CLOEXEC, mode), "open " + name));
  }

  /// The names in a directory, sorted.
  std::vector<std::string> names(const std::string& name = "") const {
    std::vector<std::string> result;
    for (const auto& entry : std::filesystem::directory_iterator(path_ / name)) {
      result.push_back(entry.path().filename().string());
    }
    std::sort(result.begin(), result.end());
    return result;
  }

  /// OVERPASS_TESTS_SCRATCH; else the temporary directory, or memory where that takes no whiteouts
  /// (in a container whose root is an overlay).
  static std::filesystem::path suitable_parent() {
    if (const char* given = std::getenv("OVERPASS_TESTS_SCRATCH")) return given;
    const std::filesystem::path usual = std::filesystem::temp_directory_path();
    std::string probe = (usual / "overpass-unit-probe-XXXXXX").string();
    if (::mkdtemp(probe.data()) == nullptr) return usual;
    const std::string name = probe + "/whiteout";
    const bool takes_whiteouts = ::mknod(name.c_str(), S_IFCHR, 0) == 0;
    (void)::unlink(name.c_str());
    (void)::rmdir(probe.c_str());
    return takes_whiteouts ? usual : std::filesystem::path("/dev/shm");
  }

 private:
  std::filesystem::path path_;
};

/// The content of an open file from its beginning.
inline std::string content_of(BorrowedFd fd) {
  std::string text;
  char piece[65536];
  off_t offset = 0;
  while (true) {
    const ssize_t length = ::pread(raw(fd), piece, sizeof piece, offset);
    if (length < 0) throw std::runtime_error(std::string("pread: ") + std::strerror(errno));
    if (length == 0) return text;
    text.append(piece, static_cast<size_t>(length));
    offset += length;
  }
}

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_SYS_SCRATCH_H_
