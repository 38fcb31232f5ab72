// SPDX-License-Identifier: MIT
//
// Between the making of a directory and its opening the owner of the parent can put another in its
// place, but none that the daemon owns, closed to others and empty: such a one serves as well.

#include "layer/own_directory.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <optional>

#include "base/log.h"
#include "layer/remove_tree.h"
#include "sys/attributes.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::layer {

namespace {

constexpr char kDefaultAcl[] = "system.posix_acl_default";
constexpr char kAccessAcl[] = "system.posix_acl_access";

constexpr mode_t kOthersWrite = S_IWGRP | S_IWOTH;

/// The mask of an access ACL is the group's permissions in the mode, so the mode says it all.
bool is_own(const sys::Stat& stat) {
  return stat.stx_uid == ::geteuid() && (stat.stx_mode & kOthersWrite) == 0;
}

/// Whether the file system itself gives what the daemon makes in `directory` to the owner of that,
/// or lets others write it, as NFS and FAT may. The file is known by its descriptor alone.
Result<bool> keeps_no_owners(BorrowedFd directory, const sys::Stat& stat) {
  constexpr char kProbe[] = "#owner";
  const UniqueFd made = TRY(sys::open_at(directory, kProbe, O_RDWR | O_CREAT | O_EXCL, 0600));
  const auto file = sys::stat(sys::place_of(made));
  (void)sys::remove_file(directory, kProbe);
  return !is_own(TRY(file)) && file->stx_uid == stat.stx_uid;
}

Result<bool> is_empty(BorrowedFd directory) {
  bool empty = true;
  TRY(sys::for_each_entry(directory, [&](const sys::DirectoryEntry&) -> Result<void> {
    empty = false;
    return {};
  }));
  return empty;
}

bool are_on_one_mount(const sys::Stat& a, const sys::Stat& b) {
  return sys::device_of(a) == sys::device_of(b) && a.stx_mnt_id == b.stx_mnt_id;
}

Result<void> check_made(BorrowedFd parent, BorrowedFd made) {
  const sys::Stat stat = TRY(sys::stat(sys::place_of(made)));
  if (!are_on_one_mount(stat, TRY(sys::stat(sys::place_of(parent))))) return fail(ESTALE);
  if (!TRY(is_empty(made))) return fail(ESTALE);
  if (is_own(stat)) return {};
  if (!TRY(keeps_no_owners(made, stat))) return fail(ESTALE);
  log::warn(
      "the file system of the workdir does not keep owners or modes: user %u may change files that "
      "are prepared there, so this user must be trusted",
      stat.stx_uid);
  return {};
}

/// Attributes that are not there, or that the file system does not know, are none to remove.
Result<void> remove_acl(BorrowedFd directory, const char* name) {
  const sys::Place place = sys::place_of(directory);
  return sys::get_xattr(place, name, {}) ? sys::remove_xattr(place, name) : Result<void>();
}

/// Empties the directory. Only users whose directories may be removed can have put something there.
Result<void> empty_directory(BorrowedFd fd, std::optional<uid_t> owner) {
  if (owner) {
    const uid_t uid = TRY(sys::stat(sys::place_of(fd))).stx_uid;
    if (uid != *owner && uid != ::geteuid()) return fail(EPERM);
  }
  return sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) {
    return remove_tree(fd, entry.name.data(), owner);
  });
}

}  // namespace

Result<UniqueFd> make_own_directory(BorrowedFd parent, const char* name) {
  // With this mode, which is its mask, a default ACL of the parent lets no other user in.
  TRY(sys::make_directory(parent, name, 0700));
  UniqueFd fd = TRY(open_own_directory(parent, name));
  TRY(check_made(parent, fd));
  TRY(close_to_others(fd));
  return fd;
}

Result<Ownership> ownership_of(BorrowedFd directory) {
  return is_own(TRY(sys::stat(sys::place_of(directory)))) ? Ownership::Own : Ownership::Foreign;
}

Result<void> close_to_others(BorrowedFd directory) {
  TRY(remove_acl(directory, kDefaultAcl));
  TRY(remove_acl(directory, kAccessAcl));
  const auto stat = TRY(sys::stat(sys::place_of(directory)));
  if ((stat.stx_mode & 07777) == 0700) return {};
  auto changed = sys::change_mode(sys::place_of(directory), 0700);
  // If modes are not kept, as on FAT, a warning was given.
  return changed.failed_with(EPERM) || changed.failed_with(EOPNOTSUPP) ? Result<void>() : changed;
}

Result<bool> remove_former_directory(BorrowedFd parent, const char* name) {
  auto removed = sys::remove_directory(parent, name);
  if (removed.failed_with(ENOENT)) return false;
  if (removed.failed_with(ENOTEMPTY)) {
    // The owner is read from the open directory: the name may belong to another one already.
    const UniqueFd fd = TRY(open_own_directory(parent, name));
    const sys::Stat stat = TRY(sys::stat(sys::place_of(fd)));
    TRY(empty_directory(fd, is_own(stat) ? std::nullopt : std::optional(stat.stx_uid)));
    removed = sys::remove_directory(parent, name);
  }
  TRY(std::move(removed));
  return true;
}

}  // namespace overpass::layer
