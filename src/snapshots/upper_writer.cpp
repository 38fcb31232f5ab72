// SPDX-License-Identifier: MIT
//
// A directory appears in the upper by a rename, complete.

#include "snapshots/upper_writer.h"

#include <fcntl.h>

#include "check/tree.h"
#include "layer/markers.h"
#include "layer/remove_tree.h"
#include "snapshots/writable_directory.h"
#include "sys/attributes.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::snapshots {

namespace {

constexpr char kPrepared[] = "prepared";

}  // namespace

Result<void> copy_shown_xattrs(sys::Place from, sys::Place to) {
  const auto names = sys::list_xattrs(from);
  if (names.failed_with(EOPNOTSUPP)) return {};
  for (const std::string& name : TRY(names)) {
    if (!layer::shown_xattr_name(name, layer::Prefix::Trusted) ||
        !layer::shown_xattr_name(name, layer::Prefix::User)) {
      continue;
    }
    const auto value = sys::get_xattr(from, name.c_str());
    if (value) (void)sys::set_xattr(to, name.c_str(), *value);
  }
  return {};
}

Result<void> UpperWriter::link(sys::Place from, const std::string& path) {
  const UniqueFd parent = TRY(make_directories(changes::parent_of(path)));
  const WritableDirectory writable = TRY(WritableDirectory::make(parent));
  auto made = sys::make_link(from, parent, std::string(changes::name_of(path)).c_str());
  if (made.failed_with(EEXIST)) return {};
  return made;
}

Result<UniqueFd> UpperWriter::make_directories(std::string_view path) {
  UniqueFd at = TRY(sys::open_at(root_, ".", O_PATH | O_DIRECTORY));
  for (size_t begin = 0; begin < path.size();) {
    const size_t end = std::min(path.find('/', begin), path.size());
    const std::string name(path.substr(begin, end - begin));
    auto next = sys::open_at(at, name.c_str(), O_PATH | O_DIRECTORY);
    if (next.failed_with(ENOENT)) {
      TRY(copy_directory(at, std::string(path.substr(0, end)), name.c_str()));
      next = sys::open_at(at, name.c_str(), O_PATH | O_DIRECTORY);
    }
    at = TRY(std::move(next));
    begin = end + 1;
  }
  return at;
}

Result<void> UpperWriter::copy_directory(BorrowedFd parent, const std::string& path,
                                         const char* name) {
  const changes::Found found = TRY(merged_.find(path));
  if (found.directories.empty()) return fail(ESTALE);
  const changes::Place& source = found.top();
  const UniqueFd from =
      TRY(sys::open_at(TRY(merged_.directory(source.layer, source.path)), ".", O_PATH));
  if (auto left = layer::remove_tree(home_, kPrepared); !left && !left.failed_with(ENOENT)) {
    return left;  // Of a crash.
  }
  TRY(sys::make_directory(home_, kPrepared, 0700));
  const sys::Place copy = {home_, kPrepared};
  // Where the owner cannot be given, it is not shown either.
  (void)sys::change_owner(copy, source.stat.stx_uid, source.stat.stx_gid);
  TRY(sys::change_mode(copy, source.stat.stx_mode & 07777));
  TRY(copy_shown_xattrs(sys::place_of(from), copy));
  (void)sys::copy_times(copy, source.stat);
  const WritableDirectory writable = TRY(WritableDirectory::make(parent));
  return sys::rename(copy, {parent, name});
}

}  // namespace overpass::snapshots
