// SPDX-License-Identifier: MIT
//
// Owner, mode and kind of a file kept in an extended attribute instead of in its inode, for uppers
// whose daemon may not give files away or make device nodes: xattr_permissions= of
// fuse-overlayfs(1), and what containers/storage writes under force_mask. The value is
// "UID:GID:MODE[:KIND]", decimal ids, an octal mode, and KIND one of file, dir, symlink, pipe,
// socket, block-MAJOR-MINOR, char-MAJOR-MINOR.

#ifndef OVERPASS_LAYER_STAT_OVERRIDE_H_
#define OVERPASS_LAYER_STAT_OVERRIDE_H_

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/result.h"
#include "layer/format_settings.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::layer {

/// The attribute's name. REQUIRES: not None.
const char* name_of(StatOverride kind);

/// Whether the attribute can be put on a file of this type. Attributes of users are only for
/// regular files and directories (xattr(7)).
constexpr bool may_carry(StatOverride kind, mode_t mode) {
  return kind == StatOverride::Privileged || S_ISREG(mode) || S_ISDIR(mode);
}

/// Puts what `value` says into `stat`, that of the inode which carries it. A kind that does not fit
/// the inode (a directory said to be a file, or the reverse) is passed over. False for a value that
/// is not understood, which leaves `stat` as it was.
bool apply_override(std::string_view value, sys::Stat& stat);

/// The value that says `stat`'s owner, mode and kind.
std::string encode_override(const sys::Stat& stat);

/// Reads the attribute of `place` and applies it; without one `stat` stays. EIO when it is not
/// understood: showing another owner than it says could let a stranger in.
Result<void> read_override(sys::Place place, StatOverride kind, sys::Stat& stat);

/// Writes the owner, mode and kind of `shown` into the attribute of `place`, and gives the inode
/// itself mode_on_disk(). A type that cannot carry the attribute is left as it is.
Result<void> write_override(sys::Place place, StatOverride kind, const sys::Stat& shown);

/// The permissions on disk of an inode that shows `mode`. The daemon, which owns it, may do all
/// that it does for its callers; all other users have what the file gives to others. No set-id
/// bits, for they would be those of the daemon's user.
mode_t mode_on_disk(mode_t mode);

/// Whether `stored` is such an attribute. It is not shown, and callers cannot set it.
bool is_override_xattr(std::string_view stored, StatOverride kind);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_STAT_OVERRIDE_H_
