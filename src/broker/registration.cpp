// SPDX-License-Identifier: MIT
//
// A file open for reading is registered through a detached clone of its mount that is read-only:
// the kernel then refuses every open for writing with EROFS. The client cannot reach the clone, so
// it stays read-only, which a read-only mount of the client's own would not.
//
// A file open for reading and writing is registered as the path that the descriptor stands for, not
// as the descriptor, which would keep the file open for writing (ETXTBSY to others) as long as the
// id lives.

#include "broker/registration.h"

#include "sys/fuse_backing.h"
#include "sys/mount_api.h"

namespace overpass::broker {

Granted<Registered> register_file(BorrowedFd fuse, BorrowedFd file, Access access) {
  auto place = access == Access::Read ? sys::clone_read_only(file) : sys::path_of(file);
  if (!place) return refuse(Refusal::Mount, place.error());
  auto id = sys::register_backing(fuse, *place);
  if (id.failed_with(EBADF) && access == Access::ReadWrite) {
    id = sys::register_backing(fuse, file);  // Before 6.12.
  }
  if (!id) return refuse(Refusal::Kernel, id.error());
  return Registered{*id, std::move(*place)};
}

}  // namespace overpass::broker
