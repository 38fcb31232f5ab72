// SPDX-License-Identifier: MIT
//
// The origin mark: from which lower file an upper one was copied, so that its inode number is the
// same after a remount. The value is the kernel's (struct ovl_fb of fs/overlayfs): a header, the
// UUID of the lower's file system, and a file handle.
//
// Names in the index directory: the value of the origin mark (layer/origin.h) in hexadecimal, so
// that all lower names of one file lead to one entry.

#ifndef OVERPASS_LAYER_ORIGIN_H_
#define OVERPASS_LAYER_ORIGIN_H_

#include <optional>
#include <string>
#include <string_view>

#include "layer/layer_stack.h"
#include "sys/file_handle.h"

namespace overpass::layer {

struct Origin {
  sys::FileSystemUuid uuid;
  sys::FileHandle handle;
};

/// The value for the file at `place` of `layer`; empty, which says "unknown", where the file system
/// gives no handles that last. Another failure is none of these: the file may be an indexed one.
Result<std::string> encode_origin(const Layer& layer, sys::Place place);

/// The value that names a directory of the upper itself: as encode_origin(), with a flag.
Result<std::string> encode_upper(const Layer& upper, sys::Place place);

/// Nothing for an unknown origin and for what is no such value.
std::optional<Origin> decode_origin(std::string_view value);

/// Whether an origin names the file system of `layer`.
bool may_be_of(const Layer& layer, const Origin& origin);

/// Attributes of the origin if it is on the file system of `layer`, whose root is open at `root`.
/// Needs CAP_DAC_READ_SEARCH; nothing without it or when the file is gone.
std::optional<sys::Stat> find_origin(const Layer& layer, BorrowedFd root, const Origin& origin);

/// The entry's name for the file with the origin mark `origin`. Nothing for an unknown origin (the
/// empty value), and if the name would be longer than NAME_MAX.
std::optional<std::string> index_name_of(std::string_view origin);

/// The reverse: the origin mark of the file behind the entry `name`. Nothing when `name` is not
/// lower-case hexadecimal, or what it says is no origin mark that this machine can read.
std::optional<std::string> origin_of_index_name(std::string_view name);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_ORIGIN_H_
