// SPDX-License-Identifier: MIT
//
// One row for each opcode that has a handler: the structure it begins with, and what follows.

#include "fuse/request_shape.h"

#include <linux/fuse.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

namespace overpass::fuse {

namespace {

// Newer than the oldest <linux/fuse.h> that this is built with.
constexpr uint32_t kStatx = 52;
constexpr uint32_t kCopyFileRange64 = 53;
constexpr size_t kStatxSize = 24;
/// Of struct fuse_init_in before Linux 5.17, and up to flags2, which FUSE_INIT_EXT announces.
constexpr size_t kShortInitSize = 16;
constexpr size_t kExtendedInitSize = 20;
/// Of struct fuse_setxattr_in without FUSE_SETXATTR_EXT, which libfuse does not ask for.
constexpr size_t kSetxattrSize = FUSE_COMPAT_SETXATTR_IN_SIZE;
/// Of what the daemon never asks for (FUSE_NOTIFY_RETRIEVE), and libfuse would leak.
constexpr size_t kNeverLongEnough = SIZE_MAX;

enum class Tail : uint8_t {
  Any,             ///< Not read.
  Name,            ///< Of an entry.
  NameToLookUp,    ///< Of an entry, or "." or "..".
  TwoNames,        ///< Of two entries.
  NameAndTarget,   ///< Of an entry; what a symbolic link says.
  Attribute,       ///< The name of an attribute.
  AttributeValue,  ///< The same, and as many bytes as the structure says.
  Offset,          ///< The structure has an offset in a file.
  Written,         ///< The same, and as many bytes as the structure says.
  Input,           ///< As many bytes as the structure says, for an ioctl.
  Nodes,           ///< As many of struct fuse_forget_one as the structure says.
};

struct Shape {
  size_t size = 0;  ///< Of the structure.
  Tail tail = Tail::Any;
};

/// By opcode; one without a row needs nothing.
constexpr auto kShapes = [] {
  std::array<Shape, kCopyFileRange64 + 1> shapes = {};
  shapes[FUSE_INIT] = {kShortInitSize};
  shapes[FUSE_LOOKUP] = {0, Tail::NameToLookUp};
  shapes[FUSE_UNLINK] = {0, Tail::Name};
  shapes[FUSE_RMDIR] = {0, Tail::Name};
  shapes[FUSE_SYMLINK] = {0, Tail::NameAndTarget};
  shapes[FUSE_REMOVEXATTR] = {0, Tail::Attribute};
  shapes[FUSE_FORGET] = {sizeof(fuse_forget_in)};
  shapes[FUSE_BATCH_FORGET] = {sizeof(fuse_batch_forget_in), Tail::Nodes};
  shapes[FUSE_GETATTR] = {sizeof(fuse_getattr_in)};
  shapes[FUSE_SETATTR] = {sizeof(fuse_setattr_in)};
  shapes[FUSE_MKNOD] = {sizeof(fuse_mknod_in), Tail::Name};
  shapes[FUSE_MKDIR] = {sizeof(fuse_mkdir_in), Tail::Name};
  shapes[FUSE_RENAME] = {sizeof(fuse_rename_in), Tail::TwoNames};
  shapes[FUSE_RENAME2] = {sizeof(fuse_rename2_in), Tail::TwoNames};
  shapes[FUSE_LINK] = {sizeof(fuse_link_in), Tail::Name};
  shapes[FUSE_CREATE] = {sizeof(fuse_create_in), Tail::Name};
  shapes[FUSE_TMPFILE] = {sizeof(fuse_create_in)};
  shapes[FUSE_OPEN] = {sizeof(fuse_open_in)};
  shapes[FUSE_OPENDIR] = {sizeof(fuse_open_in)};
  shapes[FUSE_READ] = {sizeof(fuse_read_in), Tail::Offset};
  shapes[FUSE_READDIR] = {sizeof(fuse_read_in)};
  shapes[FUSE_READDIRPLUS] = {sizeof(fuse_read_in)};
  shapes[FUSE_WRITE] = {sizeof(fuse_write_in), Tail::Written};
  shapes[FUSE_RELEASE] = {sizeof(fuse_release_in)};
  shapes[FUSE_RELEASEDIR] = {sizeof(fuse_release_in)};
  shapes[FUSE_FSYNC] = {sizeof(fuse_fsync_in)};
  shapes[FUSE_FSYNCDIR] = {sizeof(fuse_fsync_in)};
  shapes[FUSE_SETXATTR] = {kSetxattrSize, Tail::AttributeValue};
  shapes[FUSE_GETXATTR] = {sizeof(fuse_getxattr_in), Tail::Attribute};
  shapes[FUSE_LISTXATTR] = {sizeof(fuse_getxattr_in)};
  shapes[FUSE_GETLK] = {sizeof(fuse_lk_in)};
  shapes[FUSE_SETLK] = {sizeof(fuse_lk_in)};
  shapes[FUSE_SETLKW] = {sizeof(fuse_lk_in)};
  shapes[FUSE_IOCTL] = {sizeof(fuse_ioctl_in), Tail::Input};
  shapes[FUSE_POLL] = {sizeof(fuse_poll_in)};
  shapes[FUSE_FALLOCATE] = {sizeof(fuse_fallocate_in)};
  shapes[FUSE_LSEEK] = {sizeof(fuse_lseek_in)};
  shapes[FUSE_COPY_FILE_RANGE] = {sizeof(fuse_copy_file_range_in)};
  shapes[kCopyFileRange64] = {sizeof(fuse_copy_file_range_in)};
  shapes[kStatx] = {kStatxSize};
  shapes[FUSE_NOTIFY_REPLY] = {kNeverLongEnough};
  return shapes;
}();

/// Takes a text and its NUL from the beginning of `rest`.
std::optional<std::string_view> take_text(std::string_view& rest) {
  const size_t length = rest.find('\0');
  if (length == std::string_view::npos) return {};
  const std::string_view text = rest.substr(0, length);
  rest.remove_prefix(length + 1);
  return text;
}

bool is_dots(std::string_view name) { return name == "." || name == ".."; }

/// Too long a name is the file system's to refuse.
bool takes_name(std::string_view& rest, bool may_be_dots = false) {
  const auto name = take_text(rest);
  return name && !name->empty() && name->find('/') == std::string_view::npos &&
         (may_be_dots || !is_dots(*name));
}

/// The field of type Field at `offset` of `structure`, which is long enough.
template <class Field>
Field field_at(std::string_view structure, size_t offset) {
  Field field;
  std::memcpy(&field, structure.data() + offset, sizeof field);
  return field;
}

/// For io_uring -1 is wherever the descriptor stands.
bool has_offset(std::string_view structure) {
  static_assert(offsetof(fuse_read_in, offset) == offsetof(fuse_write_in, offset));
  return field_at<int64_t>(structure, offsetof(fuse_write_in, offset)) >= 0;
}

bool has_tail(Tail tail, std::string_view structure, std::string_view rest) {
  switch (tail) {
    case Tail::Any:
      return true;
    case Tail::Name:
      return takes_name(rest);
    case Tail::NameToLookUp:
      return takes_name(rest, /*may_be_dots=*/true);
    case Tail::TwoNames:
      return takes_name(rest) && takes_name(rest);
    case Tail::NameAndTarget:
      return takes_name(rest) && take_text(rest);
    case Tail::Attribute:
      return take_text(rest).has_value();
    case Tail::AttributeValue:
      return take_text(rest) && rest.size() >= field_at<uint32_t>(structure, 0);
    case Tail::Offset:
      return has_offset(structure);
    case Tail::Written:
      return has_offset(structure) &&
             rest.size() >= field_at<uint32_t>(structure, offsetof(fuse_write_in, size));
    case Tail::Input:
      return rest.size() >= field_at<uint32_t>(structure, offsetof(fuse_ioctl_in, in_size));
    case Tail::Nodes:
      return rest.size() / sizeof(fuse_forget_one) >= field_at<uint32_t>(structure, 0);
  }
  return false;
}

bool announces_more(std::string_view init) {
  return (field_at<uint32_t>(init, offsetof(fuse_init_in, flags)) & FUSE_INIT_EXT) != 0;
}

}  // namespace

fuse_in_header header_of(std::span<const char> request) {
  return field_at<fuse_in_header>({request.data(), request.size()}, 0);
}

bool is_well_formed(std::span<const char> request) {
  const fuse_in_header header = header_of(request);
  if (header.len != request.size()) return false;
  const std::string_view body(request.data() + sizeof header, request.size() - sizeof header);
  const Shape shape = header.opcode < kShapes.size() ? kShapes[header.opcode] : Shape{};
  if (body.size() < shape.size) return false;
  if (header.opcode == FUSE_INIT && announces_more(body)) return body.size() >= kExtendedInitSize;
  return has_tail(shape.tail, body.substr(0, shape.size), body.substr(shape.size));
}

bool wants_reply(std::span<const char> request) {
  const uint32_t opcode = header_of(request).opcode;
  return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_NOTIFY_REPLY;
}

}  // namespace overpass::fuse
