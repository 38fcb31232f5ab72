// SPDX-License-Identifier: MIT
//
// The marks that a layer carries in extended attributes and special files: how they are spelled in
// this mount, how they are read from any layer, how they are written to the upper. The format is
// overpass/layer_format.h; these names are spelled nowhere else.

#ifndef OVERPASS_LAYER_MARKERS_H_
#define OVERPASS_LAYER_MARKERS_H_

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "sys/place.h"
#include "sys/stat.h"

namespace overpass::layer {

/// The namespace of this mount's marks.
enum class Prefix { Trusted, User };

enum class Mark {
  Opaque,
  Redirect,
  Metacopy,
  Origin,
  Impure,
  Whiteout,
  Nlink,
  Protattr,
  Upper,
  Uuid
};

/// The attribute's full name, a literal.
const char* name_of(Mark mark, Prefix prefix);

/// Whether the mark is there; no also where attributes are not supported or not ours to read.
Result<bool> has_mark(sys::Place place, Mark mark, Prefix prefix);

/// The number of bytes of its value; nothing without the mark.
Result<std::optional<size_t>> mark_size(sys::Place place, Mark mark, Prefix prefix);

/// Whether `name` belongs to the format: it is not shown, and callers cannot set it as it is.
bool is_private_xattr(std::string_view name, Prefix prefix);

/// The name under which a caller's attribute is stored: an overlay attribute of the caller's own is
/// escaped as the kernel does (6.8), "trusted.overlay.x" to "trusted.overlay.overlay.x". Others
/// are themselves.
std::string stored_xattr_name(std::string_view name, Prefix prefix);

/// The reverse, for listings: nothing when the stored attribute is the format's own.
std::optional<std::string> shown_xattr_name(std::string_view stored, Prefix prefix);

/// The meaning of a directory's opaque mark.
enum class Opacity {
  None,
  Opaque,         ///< Lowers do not show through.
  HasXwhiteouts,  ///< They do, but names in here may be whiteouts by attribute.
};

/// Reads the mark of `directory`; fuse-overlayfs's forms too when `foreign`. A file system without
/// attributes has no mark.
Result<Opacity> opacity_of(sys::Place directory, Prefix prefix, bool foreign);

/// By the mark, or by fuse-overlayfs's file where the file system takes no attributes.
Result<void> set_opaque(sys::Place directory, Prefix prefix);

/// A whiteout of the kernel's ordinary form: a character device 0:0.
bool is_whiteout(const sys::Stat& stat);

/// A whiteout by attribute: an empty regular file carrying the mark. Its directory is marked as one
/// that may hold such, for listings; as on overlayfs the file hides its name with or without.
Result<bool> is_xwhiteout(sys::Place place, const sys::Stat& stat, Prefix prefix);

/// A whiteout of either form; by attribute only when the layer has `foreign` marks.
Result<bool> hides(sys::Place place, const sys::Stat& stat, Prefix prefix, bool foreign);

/// Makes the empty regular file at `place` a whiteout by attribute.
Result<void> set_xwhiteout(sys::Place place, Prefix prefix);

/// Marks a directory that is to hold whiteouts by attribute. Not for opaque ones, which need none.
Result<void> set_has_xwhiteouts(sys::Place directory, Prefix prefix);

/// Whether `name` is one of fuse-overlayfs's special names (".wh.NAME", ".wh..wh..opq"), which are
/// never shown and cannot be made.
bool is_whiteout_name(std::string_view name);

/// The name that the special name `name` hides in lowers, ".wh.NAME" hiding NAME; nothing if it is
/// an ordinary name.
std::optional<std::string_view> hidden_by(std::string_view name);

/// The special name that hides `name`.
std::string whiteout_name_of(std::string_view name);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_MARKERS_H_
