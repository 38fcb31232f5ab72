// SPDX-License-Identifier: MIT
//
// The parts of the on-disk format that a mount uses: the user's choice, and the resolved one, made
// once the layers are open and their file systems and this process's privileges are known. The
// names are those of overlayfs's mount options (Documentation/filesystems/overlayfs.rst).

#ifndef OVERPASS_LAYER_FORMAT_SETTINGS_H_
#define OVERPASS_LAYER_FORMAT_SETTINGS_H_

#include <optional>

namespace overpass::layer {

enum class RedirectDir {
  On,        ///< Follow redirects, and write them when a directory that lowers show is renamed.
  Follow,    ///< Follow them only.
  NoFollow,  ///< Neither.
  Off,       ///< Not written. Followed with the trusted prefix, as by overlayfs's default of
             ///< redirect_always_follow, and not with the user prefix.
};
enum class Verity {
  Off,
  On,       ///< A digest in a metacopy mark is checked.
  Require,  ///< And there has to be one.
};
enum class Xino { Off, Auto, On };  ///< Resolved: whether there is anything to compose.
enum class Uuid { Off, Null, Auto, On };

/// The place of files' owner, mode and kind (stat_override.h), beside the inode itself.
enum class StatOverride {
  None,
  Privileged,  ///< xattr_permissions=1: security.fuseoverlayfs.override_stat.
  User,        ///< xattr_permissions=2: user.containers.override_stat.
  FormerUser,  ///< What fuse-overlayfs wrote for that before 1.14:
               ///< user.fuseoverlayfs.override_stat.
};

/// Absent: the default of the world the mount lives in.
struct FormatChoice {
  std::optional<RedirectDir> redirect_dir = {};
  std::optional<bool> index = {};
  std::optional<bool> metacopy = {};
  Verity verity = Verity::Off;
  Xino xino = Xino::Auto;  ///< Off: short numbers are asked for.
  Uuid uuid = Uuid::Auto;
  bool nfs_export = false;
};

/// Constant after the mount.
struct FormatSettings {
  bool follows_redirects = false;
  bool writes_redirects = false;
  bool index = false;             ///< Lower hard links stay linked: through the index directory.
  bool follows_metacopy = false;  ///< Otherwise such a file is EPERM, as on overlayfs.
  bool writes_metacopy = false;   ///< A change of metadata only copies no data.
  Verity verity = Verity::Off;
  Xino xino = Xino::Auto;
  bool short_numbers = false;  ///< An inode number beyond 32 bits is told in the log.
  Uuid uuid = Uuid::Auto;
  bool nfs_export = false;
};

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_FORMAT_SETTINGS_H_
