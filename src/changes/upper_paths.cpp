// SPDX-License-Identifier: MIT
//
// A directory is read before those in it. What goes while the walk is under way is left out.

#include "changes/upper_paths.h"

#include <dirent.h>

#include "check/tree.h"
#include "layer/markers.h"
#include "sys/directory_stream.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::changes {

namespace {

class Finder {
 public:
  Finder(BorrowedFd root, std::string_view top, std::string_view left_out)
      : walk_(root), top_(top), left_out_(left_out) {}

  /// Adds the entries of the directory at `path`, as seen from the top.
  Result<void> read(const std::string& path) {
    const std::string whole = path.empty() ? std::string(top_) : check::joined(top_, path);
    const auto directory = walk_.go_to(whole);
    // Not there, removed meanwhile, or replaced by a file.
    if (directory.failed_with(ENOENT) || directory.failed_with(ENOTDIR)) return {};
    const UniqueFd fd = TRY(sys::open_for_listing(TRY(directory)));
    const size_t count = found_.size();
    TRY(sys::for_each_entry(
        fd, [&](const sys::DirectoryEntry& entry) { return add(fd, path, entry); }));
    if (found_.size() == count) found_.push_back(check::joined(path, kSomeName));
    return {};
  }

  bool is_done() const { return pending_.empty(); }
  std::string take_next() {
    std::string next = std::move(pending_.back());
    pending_.pop_back();
    return next;
  }
  std::vector<std::string> take_found() { return std::move(found_); }

 private:
  Result<void> add(BorrowedFd fd, const std::string& path, const sys::DirectoryEntry& entry) {
    const auto hidden = layer::hidden_by(entry.name);
    const std::string_view name = hidden ? *hidden : entry.name;
    if (name == left_out_) return {};
    std::string found = check::joined(path, name);
    const bool goes_on = !hidden && TRY(is_directory(fd, entry));
    (goes_on ? pending_ : found_).push_back(std::move(found));
    return {};
  }

  static Result<bool> is_directory(BorrowedFd fd, const sys::DirectoryEntry& entry) {
    if (entry.type != DT_UNKNOWN) return entry.type == DT_DIR;
    const auto stat = sys::stat({fd, entry.name.data()});
    if (stat.failed_with(ENOENT)) return false;
    return sys::is_directory(TRY(stat));
  }

  check::Walk walk_;
  std::string_view top_;
  std::string_view left_out_;
  std::vector<std::string> pending_;
  std::vector<std::string> found_;
};

}  // namespace

std::expected<std::vector<std::string>, Unread> paths_in_upper(BorrowedFd root,
                                                               std::string_view top,
                                                               std::string_view left_out) {
  Finder finder(root, top, left_out);
  std::string path;
  while (true) {
    if (const auto read = finder.read(path); !read)
      return std::unexpected(Unread{path, read.error()});
    if (finder.is_done()) return finder.take_found();
    path = finder.take_next();
  }
}

}  // namespace overpass::changes
