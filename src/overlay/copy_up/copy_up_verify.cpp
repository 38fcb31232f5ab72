// SPDX-License-Identifier: MIT
//
// Each file is read from its beginning to its end before the other, as disks like it.

#include "overlay/copy_up/copy_up_verify.h"

#include "sys/content_digest.h"
#include "sys/file_io.h"
#include "sys/stat.h"

namespace overpass::overlay {

namespace {

Result<bool> is_equal(BorrowedFd from, BorrowedFd copy, off_t size, CopyUnderWay& progress) {
  const sys::Stat stat = TRY(sys::stat(sys::place_of(copy)));
  if (static_cast<off_t>(stat.stx_size) != size) return false;
  const Digest wanted = TRY(sys::digest_of_content(from, size, sys::ReadFrom::Cache, &progress));
  return TRY(sys::digest_of_content(copy, size, sys::ReadFrom::Disk, &progress)) == wanted;
}

}  // namespace

Result<void> verify_copy(BorrowedFd from, BorrowedFd copy, off_t size, const UnionName& name,
                         CopyUnderWay& progress) {
  progress.enter(CopyPhase::Syncing);
  TRY(sys::sync_data(copy));  // On a volatile mount, too: else nothing but memory were compared.
  progress.enter(CopyPhase::Verifying);
  if (TRY(is_equal(from, copy, size, progress))) return {};
  warn_once(*name.parent, name.name.c_str(),
            "the copy in the upper layer differs from the file and was thrown away; check the "
            "upper's disk and the memory of this machine, then try again");
  return fail(EIO);
}

}  // namespace overpass::overlay
