// SPDX-License-Identifier: MIT
//
// An ordinary user's own object without read permission (mode 0000, 0300). Its marks are user.
// attributes, which take the right to read; a mark that is not seen would show what is below. So
// the daemon gives itself that right for a moment, when it first looks at the object. The mode of
// that moment is never shown. A crash in it leaves the owner with the right to read.

#ifndef OVERPASS_OVERLAY_FIND_SCOPED_READABLE_H_
#define OVERPASS_OVERLAY_FIND_SCOPED_READABLE_H_

#include <sys/types.h>

#include "base/result.h"
#include "base/unique_fd.h"
#include "overlay/state/inode.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::overlay {

/// While this lives, the daemon may read the marks of an object of the upper that the daemon's user
/// owns. Threads: any number of these at a time, also for one object.
class ScopedReadable {
 public:
  /// For the object at `place` with the attributes `stat`. Does nothing if its marks can be read
  /// anyway, or cannot be made readable.
  ScopedReadable(sys::Place place, const sys::Stat& stat);
  /// For a directory: it can be listed then, and its content looked at and removed.
  explicit ScopedReadable(sys::Place directory);
  ScopedReadable(const ScopedReadable&) = delete;
  ScopedReadable& operator=(const ScopedReadable&) = delete;
  ~ScopedReadable();

 private:
  void begin(sys::Place place, const sys::Stat& stat, mode_t wanted);

  UniqueFd object_;  ///< Empty if nothing was done.
  FileKey key_;
};

/// stat(2) with the mode that the object has when no ScopedReadable lives.
Result<sys::Stat> stat_with_kept_mode(sys::Place place);

/// The mode of the object at `place` was changed for good, whatever an ScopedReadable found.
void keep_new_mode(sys::Place place, mode_t mode);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_SCOPED_READABLE_H_
