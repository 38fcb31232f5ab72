// SPDX-License-Identifier: MIT
//
// Dresses the scratch directory.

#include "overlay/work_frame.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "sys/attributes.h"
#include "sys/credentials.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/xattr.h"

namespace overpass::overlay {

namespace {

constexpr char kDefaultAcl[] = "system.posix_acl_default";

}  // namespace

Result<WorkFrame> WorkFrame::like(layer::Workdir& workdir, BorrowedFd directory) {
  WorkFrame frame(workdir);
  const sys::Place model = sys::itself(directory);
  const sys::Stat stat = TRY(sys::stat(model));
  auto acl = sys::get_xattr(model, kDefaultAcl);
  if (!acl && !acl.failed_with(ENODATA) && !acl.failed_with(EOPNOTSUPP)) return fail(acl.error());
  const bool is_setgid = (stat.stx_mode & S_ISGID) != 0;
  if (!acl && !is_setgid) return frame;
  auto scratch = std::make_unique<layer::PendingUpper>(workdir);
  TRY(sys::make_directory(workdir.fd(), scratch->name(), 0700));
  frame.scratch_ = std::move(scratch);
  frame.scratch_fd_ = TRY(sys::open_at(workdir.fd(), frame.scratch_->name(), O_PATH | O_DIRECTORY));
  const sys::Place place = sys::itself(frame.scratch_fd_);
  TRY(sys::change_owner(place, static_cast<uid_t>(-1), stat.stx_gid));
  const sys::KeepingSetgid keeping(is_setgid);
  TRY(sys::change_mode(place, is_setgid ? 02700 : 0700));
  if (acl) TRY(sys::set_xattr(place, kDefaultAcl, *acl));
  return frame;
}

Result<void> WorkFrame::hand_over(const char* name) const {
  if (!scratch_) return {};
  return sys::rename({scratch_fd_, name}, {workdir_->fd(), name});
}

}  // namespace overpass::overlay
