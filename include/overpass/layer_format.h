// SPDX-License-Identifier: MIT
//
// The on-disk format of a layer: names and values that overpass shares with the kernel's overlayfs
// (Documentation/filesystems/overlayfs.rst) and with fuse-overlayfs. A change here changes the
// format. The prose twin of this file is overpass-layers(7).

#ifndef OVERPASS_LAYER_FORMAT_H_
#define OVERPASS_LAYER_FORMAT_H_

namespace overpass::format {

// The two homes of the marks: the first needs CAP_SYS_ADMIN in the initial user namespace, the
// second is what overlayfs uses with -o userxattr.
inline constexpr char kTrustedPrefix[] = "trusted.overlay.";
inline constexpr char kUserPrefix[] = "user.overlay.";

// Marks, to be appended to a prefix.
inline constexpr char kOpaque[] = "opaque";      // On a directory: hides what lowers have there.
inline constexpr char kRedirect[] = "redirect";  // Where a moved directory's lowers are.
inline constexpr char kMetacopy[] = "metacopy";  // A file whose data are still in a lower.
inline constexpr char kOrigin[] = "origin";      // File handle of the lower this came from.
inline constexpr char kImpure[] = "impure";      // A directory with objects that have an origin.
inline constexpr char kWhiteout[] = "whiteout";  // On an empty file in an opaque=x directory.
inline constexpr char kNlink[] = "nlink";        // Link count of an indexed file, as a difference.
inline constexpr char kUpper[] = "upper";        // In the index: file handle of an upper directory.
inline constexpr char kUuid[] = "uuid";          // On the upper's root: 16 bytes naming the union.
inline constexpr char kProtattr[] = "protattr";  // Append-only and immutable flags of the union.
// The second part of an escaped name: overlay.overlay.x is somebody's own overlay.x.
inline constexpr char kEscape[] = "overlay.";

// Values of the opaque mark.
inline constexpr char kOpaqueYes = 'y';            // Opaque.
inline constexpr char kOpaqueHasXwhiteouts = 'x';  // Not opaque; may contain xattr whiteouts.

// The value of the origin mark (struct ovl_fb of the kernel): these, the UUID of the lower's file
// system (16 bytes), then the file handle. An empty value says that the origin is unknown.
inline constexpr unsigned char kOriginVersion = 0;
inline constexpr unsigned char kOriginMagic = 0xfb;
inline constexpr unsigned char kOriginBigEndian = 1;  // Flag: made on a big-endian machine.
inline constexpr unsigned char kOriginAnyEndian = 2;  // Flag: the handle has no endianness.
inline constexpr unsigned char kOriginUpper = 4;      // Flag: of the upper, not of a lower.
inline constexpr unsigned kOriginMaxHandle = 128;     // MAX_HANDLE_SZ.

// What fuse-overlayfs writes where it cannot make device nodes or set the marks above.
inline constexpr char kFuseOverlayfsOpaque[] = "user.fuseoverlayfs.opaque";
inline constexpr char kFuseOverlayfsPrefix[] = "user.fuseoverlayfs.";
inline constexpr char kWhiteoutNamePrefix[] = ".wh.";      // ".wh.NAME" hides NAME in lowers.
inline constexpr char kOpaqueFileName[] = ".wh..wh..opq";  // In a directory: it is opaque.

// The directory inside the workdir where things are prepared; the kernel uses the same name and
// empties it at mount, as overpass does.
inline constexpr char kWorkName[] = "work";
// What is in here keeps every mount away that does not know it.
inline constexpr char kIncompatMark[] = "work/incompat";
// Left by a volatile mount, which syncs nothing: the upper may be incomplete after a crash.
inline constexpr char kVolatileMark[] = "work/incompat/volatile";
inline constexpr char kIncompatName[] = "incompat";
inline constexpr char kVolatileName[] = "volatile";
inline constexpr char kVolatileFileName[] = "dirty";  // The kernel puts this file in it.
// Beside "work": the index of hard-linked files, and the place of temporaries of a mount with it.
inline constexpr char kIndexName[] = "index";
// How names of things that are being prepared begin, here and in the kernel.
inline constexpr char kTemporaryPrefix[] = "#";

}  // namespace overpass::format

#endif  // OVERPASS_LAYER_FORMAT_H_
