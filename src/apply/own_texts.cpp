// SPDX-License-Identifier: MIT

#include "apply/own_texts.h"

#include <fcntl.h>
#include <stdio.h>

#include <algorithm>

#include "apply/copy_object.h"
#include "check/tree.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::apply {

namespace {

constexpr char kOwn[] = "own";

/// The directory at `path` of `root`, which is made with those above it.
Result<UniqueFd> make_directories(BorrowedFd root, const std::string& path) {
  UniqueFd directory = TRY(sys::open_at(root, ".", O_RDONLY | O_DIRECTORY));
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name = path.substr(begin, end - begin);
    const auto made = sys::make_directory(directory, name.c_str(), 0700);
    if (!made && !made.failed_with(EEXIST)) return fail(made.error());
    directory = TRY(sys::open_at(directory, name.c_str(), O_RDONLY | O_DIRECTORY));
    begin = end + 1;
  }
  return directory;
}

}  // namespace

Result<void> keep_own_texts(const Taken& taken, changes::View& after, BorrowedFd directory) {
  for (const changes::Change& change : taken.changes.changes) {
    const auto edited = taken.edited.find(change.path);
    if (edited == taken.edited.end() || !edited->second.is_merged) continue;
    const std::string path = check::joined(kOwn, check::joined(taken.place, change.path));
    const UniqueFd parent = TRY(make_directories(directory, std::string(changes::parent_of(path))));
    TRY(copy_object(after, *change.after, parent, std::string(changes::name_of(path)).c_str(),
                    {.gives_owner = taken.gives_owner}));
  }
  return {};
}

Result<void> take_own_texts(BorrowedFd sandbox, const std::string& source, BorrowedFd directory) {
  if (source.empty()) return {};
  const auto from = sys::open_at(sandbox, source.c_str(), O_RDONLY | O_DIRECTORY);
  if (from.failed_with(ENOENT)) return {};
  if (!from) return fail(from.error());
  const auto taken = sys::rename({*from, kOwn}, {directory, kOwn}, RENAME_NOREPLACE);
  return taken.failed_with(ENOENT) ? Result<void>() : taken;
}

std::string own_texts_of(const sandbox::Sandbox& sandbox, Kind kind, const std::string& id) {
  const char* stack = kind == Kind::Undo ? "redo" : "undo";
  const std::string path = sandbox.path() + "/" + stack + "/" + id + "/" + kOwn;
  return sys::open_path(path.c_str(), O_PATH | O_DIRECTORY | O_NOFOLLOW) ? path : "";
}

}  // namespace overpass::apply
