// SPDX-License-Identifier: MIT
//
// The object that a name led to when the kernel was told of it.
//
// The kernel checks permissions by the owner and mode that it was told once, and the daemon finds
// the file by its name at each request. The owner of a layer may put another object under that name
// meanwhile. So the daemon remembers what it told, compares before it acts, and acts on the
// descriptor that it compared. A difference is answered ESTALE: the caller's walk then begins anew,
// with a LOOKUP that tells the kernel of the new object.

#ifndef OVERPASS_OVERLAY_STATE_IDENTITY_H_
#define OVERPASS_OVERLAY_STATE_IDENTITY_H_

#include <sys/types.h>

#include <cstdint>

#include "sys/stat.h"

namespace overpass::overlay {

/// Tells an object of a file system from all others, also from a later one with its number.
struct Identity {
  uint64_t ino = 0;    ///< 0 when it is not known.
  uint32_t stamp = 0;  ///< A hash of the device, and of the birth time where there is one.
  bool operator==(const Identity&) const = default;
};

Identity identity_of(const sys::Stat& stat);

/// An object and the attributes that permissions depend on, as the disk has them (before the
/// mount's own view of owners).
struct KnownObject {
  uint64_t ino = 0;
  uint32_t stamp = 0;
  uid_t uid = 0;
  gid_t gid = 0;
  uint16_t mode = 0;  ///< With the S_IFMT bits.

  bool operator==(const KnownObject&) const = default;
  Identity identity() const { return {ino, stamp}; }
};

KnownObject known_object(const sys::Stat& stat);

/// How `stat` compares with what is known.
enum class Recognition : uint8_t {
  Same,        ///< The object, and it permits all that the kernel believes.
  Restricted,  ///< The object, but with another owner or fewer permissions.
  Another,     ///< Another object.
};

/// `stable_numbers`: the layer's file system always gives an object one number. Where it does not,
/// objects with equal owner, type and permissions are not told apart.
Recognition recognize(const KnownObject& known, const sys::Stat& stat, bool stable_numbers);

/// Which state a file is in: another number, nearly always, when its size or times are others.
/// Never 0.
uint32_t version_of(const sys::Stat& stat);

/// Whether a file was neither written nor changed between `before` and `after`, two looks at it, as
/// far as its size, times, number and mode tell.
bool is_unchanged(const sys::Stat& before, const sys::Stat& after);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_STATE_IDENTITY_H_
