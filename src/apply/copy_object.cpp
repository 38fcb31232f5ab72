// SPDX-License-Identifier: MIT
//
// Order: owner first, because changing it drops file capabilities and set-id bits; then extended
// attributes; then the mode, which an ACL would change; times last.

#include "apply/copy_object.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "changes/compare.h"
#include "layer/base_stamp.h"
#include "sys/attributes.h"
#include "sys/copy_data.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/privileges.h"
#include "sys/xattr.h"

namespace overpass::apply {

namespace {

using changes::Found;
using changes::View;

constexpr mode_t kWithoutSetIds = 01777;
constexpr int kAttempts = 3;

/// Attributes of the system that an ordinary user cannot set, and that give no right.
bool may_lack(std::string_view name, Errno error) {
  if (name.starts_with("system.posix_acl_")) return false;
  return error == Errno{EPERM} || error == Errno{EOPNOTSUPP};
}

/// Whether `to` has that owner now.
Result<bool> give_owner(const sys::Stat& wanted, sys::Place to, const CopyOptions& options) {
  const sys::Stat made = TRY(sys::stat(to));
  const bool has_it = made.stx_uid == wanted.stx_uid && made.stx_gid == wanted.stx_gid;
  if (has_it || !options.gives_owner) return true;
  if (sys::change_owner(to, wanted.stx_uid, wanted.stx_gid)) return true;
  // The group alone may be one of this user's.
  (void)sys::change_owner(to, static_cast<uid_t>(-1), wanted.stx_gid);
  return false;
}

Result<void> give_xattrs(View& view, const Found& what, sys::Place to, const CopyOptions& options) {
  const auto wanted = TRY(changes::shown_xattrs(view, what.top()));
  for (const auto& [name, value] : wanted) {
    const auto given = sys::set_xattr(to, options.stored_name(name).c_str(), value);
    if (!given && !may_lack(name, given.error())) return given;
  }
  const auto present = sys::list_xattrs(to);
  if (!present) return {};
  for (const std::string& stored : *present) {
    const bool stays = std::ranges::any_of(
        wanted, [&](const auto& pair) { return options.stored_name(pair.first) == stored; });
    // A label that the system gives to every file stays, and so do marks of a layer.
    if (stays || stored == "security.selinux" || stored.find(".overlay.") != std::string::npos) {
      continue;
    }
    const auto removed = sys::remove_xattr(to, stored.c_str());
    if (!removed && !removed.failed_with(ENODATA) && !may_lack(stored, removed.error())) {
      return removed;
    }
  }
  return {};
}

Result<void> give_all(View& view, const Found& what, sys::Place to, const CopyOptions& options) {
  const sys::Stat& stat = what.top().stat;
  const bool has_owner = TRY(give_owner(stat, to, options));
  TRY(give_xattrs(view, what, to, options));
  const mode_t mode = stat.stx_mode & (has_owner ? 07777 : kWithoutSetIds);
  if (!S_ISLNK(stat.stx_mode)) TRY(sys::change_mode(to, mode));
  return sys::copy_times(to, stat);
}

Result<void> copy_content(View& view, const changes::Place& data, BorrowedFd to) {
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    const UniqueFd from = TRY(view.open_file(data));
    const sys::Stat before = TRY(sys::stat(sys::place_of(from)));
    TRY(sys::change_size_of_open(to, 0));
    TRY(sys::copy_data(from, to, static_cast<off_t>(before.stx_size)));
    const sys::Stat after = TRY(sys::stat(sys::place_of(from)));
    if (layer::stamp_of(before) == layer::stamp_of(after)) return {};
  }
  return fail(EBUSY);
}

Result<void> copy_regular(View& view, const Found& what, BorrowedFd directory, const char* name,
                          const CopyOptions& options) {
  if (!what.data) return fail(EIO);  // A metacopy without its data.
  const UniqueFd to = TRY(sys::open_at(directory, name, O_RDWR | O_CREAT | O_EXCL, 0600));
  TRY(copy_content(view, *what.data, to));
  return give_all(view, what, sys::place_of(to), options);
}

}  // namespace

Result<void> copy_object(View& view, const Found& what, BorrowedFd directory, const char* name,
                         const CopyOptions& options) {
  const sys::Stat& stat = what.top().stat;
  switch (stat.stx_mode & S_IFMT) {
    case S_IFREG:
      return copy_regular(view, what, directory, name, options);
    case S_IFDIR:
      TRY(sys::make_directory(directory, name, 0700));
      break;
    case S_IFLNK:
      TRY(sys::make_symlink(directory, name, TRY(changes::link_target(view, what.top())).c_str()));
      break;
    default:
      TRY(sys::make_node(directory, name, (stat.stx_mode & S_IFMT) | 0600, sys::rdev_of(stat)));
      break;
  }
  // By the file itself: another process may put something else under the name.
  const UniqueFd made = TRY(sys::open_at(directory, name, O_PATH));
  const sys::Stat found = TRY(sys::stat(sys::place_of(made)));
  if ((found.stx_mode & S_IFMT) != (stat.stx_mode & S_IFMT) || found.stx_uid != ::geteuid()) {
    return fail(ESTALE);
  }
  return give_all(view, what, sys::place_of(made), options);
}

Result<void> copy_attributes(View& view, const Found& what, BorrowedFd to,
                             const CopyOptions& options) {
  return give_all(view, what, sys::place_of(to), options);
}

namespace {

Result<void> clone_xattrs(sys::Place from, sys::Place to) {
  const auto wanted = sys::list_xattrs(from);
  if (wanted.failed_with(EOPNOTSUPP)) return {};
  for (const std::string& name : TRY(wanted)) {
    const auto value = sys::get_xattr(from, name.c_str());
    const auto given = value ? sys::set_xattr(to, name.c_str(), *value) : fail(value.error());
    if (!given && !may_lack(name, given.error())) return given;
  }
  for (const std::string& name : TRY(sys::list_xattrs(to))) {
    if (std::ranges::count(*wanted, name) > 0) continue;
    const auto removed = sys::remove_xattr(to, name.c_str());
    if (!removed && !removed.failed_with(ENODATA) && !may_lack(name, removed.error())) {
      return removed;
    }
  }
  return {};
}

}  // namespace

Result<void> clone_attributes(sys::Place from, sys::Place to) {
  const sys::Stat wanted = TRY(sys::stat(from));
  const bool has_owner = TRY(give_owner(wanted, to, {}));
  TRY(clone_xattrs(from, to));
  const mode_t mode = wanted.stx_mode & (has_owner ? 07777 : kWithoutSetIds);
  if (!S_ISLNK(wanted.stx_mode)) TRY(sys::change_mode(to, mode));
  return sys::copy_times(to, wanted);
}

Result<void> clone_content(sys::Place from, sys::Place to) {
  const UniqueFd source = TRY(sys::open_place(from, O_RDONLY));
  const UniqueFd copy = TRY(sys::open_place(to, O_RDWR));
  const sys::Stat stat = TRY(sys::stat(sys::place_of(source)));
  TRY(sys::change_size_of_open(copy, 0));
  TRY(sys::copy_data(source, copy, static_cast<off_t>(stat.stx_size)));
  return sys::sync_file(copy);
}

Result<void> FilledDirectories::add(const std::string& path) {
  const UniqueFd fd = TRY(sys::open_beneath(root_, path.c_str(), O_PATH | O_DIRECTORY));
  const sys::Stat stat = TRY(sys::stat(sys::place_of(fd)));
  stats_.emplace(path, stat);
  if ((stat.stx_mode & S_IRWXU) == S_IRWXU) return {};
  return sys::change_mode(sys::place_of(fd), (stat.stx_mode & 07777) | S_IRWXU);
}

Result<void> FilledDirectories::finish() {
  for (const auto& [path, stat] : stats_) {
    const UniqueFd fd = TRY(sys::open_beneath(root_, path.c_str(), O_PATH | O_DIRECTORY));
    TRY(sys::change_mode(sys::place_of(fd), stat.stx_mode & 07777));
    TRY(sys::copy_times(sys::place_of(fd), stat));
  }
  stats_.clear();
  return {};
}

std::string not_given(View& view, const Found& what, const CopyOptions& options) {
  if (sys::is_superuser()) return "";
  std::string words;
  const sys::Stat& stat = what.top().stat;
  if (options.gives_owner && stat.stx_uid != ::geteuid()) words = "its owner";
  const auto xattrs = changes::shown_xattrs(view, what.top());
  if (!xattrs) return words;
  for (const auto& [name, value] : *xattrs) {
    if (name.starts_with("user.") || name.starts_with("system.posix_acl_")) continue;
    words += (words.empty() ? "" : ", ") + name;
  }
  return words;
}

}  // namespace overpass::apply
