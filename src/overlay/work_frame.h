// SPDX-License-Identifier: MIT
//
// Where in the workdir a new object is made when it cannot be made in its directory directly. What
// it inherits there (group, set-group-ID bit, default ACL) must be what it would inherit in its
// directory, so in the rare case that there is something to inherit, a scratch directory is dressed
// like that one and the file system itself does the inheriting.

#ifndef OVERPASS_OVERLAY_WORK_FRAME_H_
#define OVERPASS_OVERLAY_WORK_FRAME_H_

#include <memory>

#include "base/result.h"
#include "layer/workdir.h"

namespace overpass::overlay {

class WorkFrame {
 public:
  /// A place to make objects for `directory`.
  static Result<WorkFrame> like(layer::Workdir& workdir, BorrowedFd directory);

  BorrowedFd fd() const { return scratch_ ? scratch_fd_.get() : workdir_->fd(); }

  /// Moves the object `name` made in fd() to the same name in the workdir itself.
  Result<void> hand_over(const char* name) const;

 private:
  explicit WorkFrame(layer::Workdir& workdir) : workdir_(&workdir) {}

  layer::Workdir* workdir_;
  std::unique_ptr<layer::PendingUpper> scratch_;
  UniqueFd scratch_fd_;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_WORK_FRAME_H_
