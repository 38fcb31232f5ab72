// SPDX-License-Identifier: MIT
//
// The kernel opens a backing file anew for each user, with the flags that the user asks for, with
// the broker's credentials, and without any permission check. So registering is safe only where
// such an open gives nothing that the descriptor offered does not give already. Each check below
// takes away one way in which it would.
//
// A file open for reading and writing is registered as the path that the descriptor stands for, not
// as the descriptor, which would keep the file open for writing (ETXTBSY to others) as long as the
// id lives. The kernel keeps what it is given here until the id is closed.

#include "broker/offered_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "broker/served_file_systems.h"
#include "sys/file_io.h"
#include "sys/fuse_backing.h"
#include "sys/mount_api.h"
#include "sys/stat.h"

namespace overpass::broker {

namespace {

const dev_t kFuseDevice = makedev(10, 229);

/// A sealed memory file promises its receiver that its bytes do not change; mappings made
/// through a FUSE mount are not counted when a seal is set. F_SEAL_SEAL alone is what files of
/// tmpfs have.
Granted<void> check_seals(BorrowedFd fd, const sys::Stat& stat) {
  const auto seals = sys::seals(fd);
  if (seals.failed_with(EINVAL)) return {};  // Not in memory.
  if (!seals || *seals != F_SEAL_SEAL || stat.stx_nlink == 0) return refuse(Refusal::Sealable);
  return {};
}

/// Whether what lies on the file's mount is served; whether it can be sealed is asked of each file
/// that is not on a disk.
Granted<void> check_file_system(BorrowedFd fd, const sys::Stat& stat, KnownMounts& mounts) {
  const KnownMounts::Files known = mounts.files_like(stat);
  if (known == KnownMounts::Files::OnDisk) return {};
  if (auto unsealed = check_seals(fd, stat); !unsealed) return unsealed;
  if (known == KnownMounts::Files::InMemory) return {};
  const auto file_system = sys::file_system_magic(fd);
  if (!file_system || !is_served(*file_system)) return refuse(Refusal::FileSystem);
  mounts.note_served(stat, *file_system);
  return {};
}

}  // namespace

Granted<void> check_fuse_device(BorrowedFd fd) {
  const auto flags = sys::status_flags(fd);
  if (!flags || (*flags & O_PATH) != 0) return refuse(Refusal::NotFuse);
  if ((*flags & O_ACCMODE) != O_RDWR) return refuse(Refusal::NotFuse);
  const auto stat = sys::stat_without_asking(fd);
  if (!stat || !S_ISCHR(stat->stx_mode) || sys::rdev_of(*stat) != kFuseDevice) {
    return refuse(Refusal::NotFuse);
  }
  return {};
}

Granted<Offered> check_file(BorrowedFd fd, KnownMounts& mounts) {
  const auto flags = sys::status_flags(fd);
  if (!flags) return refuse(Refusal::Broken, flags.error());
  // The access mode of an open file never changes. O_PATH promises none at all.
  if ((*flags & O_PATH) != 0) return refuse(Refusal::PathOnly);
  const int mode = *flags & O_ACCMODE;
  if (mode != O_RDONLY && mode != O_RDWR) return refuse(Refusal::WriteOnly);
  // Where the inode is append-only this flag cannot be taken back: a descriptor without it is one
  // through which every byte may be written.
  if ((*flags & O_APPEND) != 0) return refuse(Refusal::AppendOnly);
  const auto stat = sys::stat_without_asking(fd);
  // A FUSE without allow_other does not even say what its files are.
  if (!stat) return refuse(Refusal::FileSystem, stat.error());
  if (!S_ISREG(stat->stx_mode)) return refuse(Refusal::NotRegular);
  // Opened before chattr(1): the descriptor may still write, new opens must not. What is only read
  // is safe behind its read-only mount; some file systems say "immutable" of all their files.
  constexpr uint64_t kProtected = STATX_ATTR_APPEND | STATX_ATTR_IMMUTABLE;
  if (mode == O_RDWR && (stat->stx_attributes & kProtected) != 0) {
    return refuse(Refusal::Protected);
  }
  if (auto served = check_file_system(fd, *stat, mounts); !served) {
    return std::unexpected(served.error());
  }
  return Offered{mode == O_RDWR ? Access::ReadWrite : Access::Read, *stat};
}

Granted<sys::Stat> check_directory(BorrowedFd fd, KnownMounts& mounts) {
  const auto stat = sys::stat_without_asking(fd);
  if (!stat) return refuse(Refusal::FileSystem, stat.error());
  if (!S_ISDIR(stat->stx_mode)) return refuse(Refusal::NotDirectory);
  if (mounts.files_like(*stat) != KnownMounts::Files::Unknown) return *stat;
  const auto file_system = sys::file_system_magic(fd);
  if (!file_system || !is_served(*file_system)) return refuse(Refusal::FileSystem);
  mounts.note_served(*stat, *file_system);
  return *stat;
}

Granted<Registered> register_file(BorrowedFd fuse, BorrowedFd file, const Offered& offered,
                                  ReadOnlyMounts& mounts) {
  const bool is_writable = offered.access == Access::ReadWrite;
  auto path = is_writable ? sys::path_of(file) : mounts.reach(file, offered.stat);
  if (!path) return refuse(Refusal::Mount, path.error());
  auto id = sys::register_backing(fuse, *path);
  // Before 6.12.
  if (id.failed_with(EBADF) && is_writable) id = sys::register_backing(fuse, file);
  if (!id) return refuse(Refusal::Kernel, id.error());
  return Registered{*id, std::move(*path)};
}

}  // namespace overpass::broker
