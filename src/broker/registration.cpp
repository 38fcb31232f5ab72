// SPDX-License-Identifier: MIT
//
// A file open for reading and writing is registered as the path that the descriptor stands for, not
// as the descriptor, which would keep the file open for writing (ETXTBSY to others) as long as the
// id lives. The kernel keeps what it is given here until the id is closed.

#include "broker/registration.h"

#include "sys/fuse_backing.h"
#include "sys/mount_api.h"

namespace overpass::broker {

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
