// SPDX-License-Identifier: MIT
//
// Only formats and filters that libarchive reads itself are switched on: others are read by
// programs that it would start.

#include "archive/tar_reader.h"

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <tuple>
#include <vector>

#include "sys/attributes.h"
#include "sys/file_io.h"

namespace overpass::archive {

namespace {

constexpr size_t kBlock = size_t{256} * 1024;

/// The tags of linux/posix_acl_xattr.h.
struct Tag {
  uint16_t stored;
  int tag;
};
constexpr Tag kTags[] = {{0x01, ARCHIVE_ENTRY_ACL_USER_OBJ},  {0x02, ARCHIVE_ENTRY_ACL_USER},
                         {0x04, ARCHIVE_ENTRY_ACL_GROUP_OBJ}, {0x08, ARCHIVE_ENTRY_ACL_GROUP},
                         {0x10, ARCHIVE_ENTRY_ACL_MASK},      {0x20, ARCHIVE_ENTRY_ACL_OTHER}};
constexpr uint16_t kMask = 0x10;
constexpr uint32_t kVersion = 2;
constexpr uint32_t kNoId = 0xffffffff;

struct AclPart {
  uint16_t tag = 0;
  uint16_t permissions = 0;
  uint32_t id = kNoId;
};

void put_number(std::string& value, uint32_t number, size_t bytes) {
  for (size_t i = 0; i < bytes; ++i) value += static_cast<char>(number >> (8 * i) & 0xff);
}

/// The ACL of that kind, in the kernel's order; empty if it says no more than the mode.
std::vector<AclPart> acl_of(::archive_entry* entry, int kind) {
  std::vector<AclPart> parts;
  if (::archive_entry_acl_reset(entry, kind) == 0) return parts;
  int type = 0, permissions = 0, tag = 0, id = 0;
  const char* name = nullptr;
  while (::archive_entry_acl_next(entry, kind, &type, &permissions, &tag, &id, &name) ==
         ARCHIVE_OK) {
    const auto* known = std::ranges::find(kTags, tag, &Tag::tag);
    if (known == std::end(kTags)) continue;
    const bool is_named = tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP;
    parts.push_back({known->stored, static_cast<uint16_t>(permissions & 07),
                     is_named ? static_cast<uint32_t>(id) : kNoId});
  }
  std::ranges::sort(parts, {}, [](const AclPart& part) { return std::tuple(part.tag, part.id); });
  return parts;
}

std::string value_of(const std::vector<AclPart>& parts) {
  std::string value;
  put_number(value, kVersion, 4);
  for (const AclPart& part : parts) {
    put_number(value, part.tag, 2);
    put_number(value, part.permissions, 2);
    put_number(value, part.id, 4);
  }
  return value;
}

void read_acls(::archive_entry* entry, TarEntry& read) {
  const auto access = acl_of(entry, ARCHIVE_ENTRY_ACL_TYPE_ACCESS);
  if (!access.empty()) {
    read.xattrs["system.posix_acl_access"] = value_of(access);
    // The header has what the owning group may; the mode shows the mask.
    const auto mask = std::ranges::find(access, kMask, &AclPart::tag);
    if (mask != access.end()) {
      read.stat.stx_mode =
          static_cast<uint16_t>((read.stat.stx_mode & ~S_IRWXG) | (mask->permissions << 3));
    }
  }
  const auto inherited = acl_of(entry, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT);
  if (!inherited.empty()) read.xattrs["system.posix_acl_default"] = value_of(inherited);
}

void read_xattrs(::archive_entry* entry, TarEntry& read) {
  (void)::archive_entry_xattr_reset(entry);
  const char* name = nullptr;
  const void* value = nullptr;
  size_t size = 0;
  while (::archive_entry_xattr_next(entry, &name, &value, &size) == ARCHIVE_OK) {
    if (name == nullptr) continue;
    read.xattrs[name] = std::string(static_cast<const char*>(value), size);
  }
}

const char* or_empty(const char* text) { return text == nullptr ? "" : text; }

TarEntry entry_of(::archive_entry* entry) {
  TarEntry read;
  read.path = or_empty(::archive_entry_pathname(entry));
  read.hard_link = or_empty(::archive_entry_hardlink(entry));
  read.link_target = or_empty(::archive_entry_symlink(entry));
  sys::Stat& stat = read.stat;
  stat.stx_mode = static_cast<uint16_t>(::archive_entry_mode(entry));
  stat.stx_uid = static_cast<uint32_t>(::archive_entry_uid(entry));
  stat.stx_gid = static_cast<uint32_t>(::archive_entry_gid(entry));
  stat.stx_size = static_cast<uint64_t>(::archive_entry_size(entry));
  stat.stx_mtime.tv_sec = ::archive_entry_mtime(entry);
  stat.stx_mtime.tv_nsec = static_cast<uint32_t>(::archive_entry_mtime_nsec(entry));
  stat.stx_atime = stat.stx_mtime;
  const dev_t device = ::archive_entry_rdev(entry);
  stat.stx_rdev_major = major(device);
  stat.stx_rdev_minor = minor(device);
  read_xattrs(entry, read);
  read_acls(entry, read);
  return read;
}

/// Whether blocks of zeros ended the archive, and not its file. REQUIRES: there is no other entry.
bool has_end_mark(struct ::archive* reader) {
  return ::archive_filter_bytes(reader, 0) > ::archive_read_header_position(reader);
}

}  // namespace

void TarReader::Free::operator()(struct ::archive* reader) const { ::archive_read_free(reader); }

Expected<TarReader> TarReader::open(BorrowedFd input) {
  TarReader opened(::archive_read_new());
  struct ::archive* reader = opened.reader_.get();
  const bool can_read = reader != nullptr &&
                        ::archive_read_support_format_tar(reader) == ARCHIVE_OK &&
                        ::archive_read_support_filter_gzip(reader) == ARCHIVE_OK &&
                        ::archive_read_support_filter_zstd(reader) == ARCHIVE_OK;
  if (!can_read) return problem("no archive can be read", "a library may be too old");
  if (::archive_read_open_fd(reader, raw(input), kBlock) != ARCHIVE_OK) {
    return problem(std::string("the archive cannot be read: ") + ::archive_error_string(reader),
                   "give a tar archive, as it is or compressed by gzip or zstd");
  }
  return opened;
}

Expected<std::optional<TarEntry>> TarReader::next() {
  ::archive_entry* entry = nullptr;
  const int result = ::archive_read_next_header(reader_.get(), &entry);
  if (result == ARCHIVE_EOF) {
    if (has_end_mark(reader_.get())) return std::optional<TarEntry>();
    return problem("the archive is cut short", "give a whole one");
  }
  if (result != ARCHIVE_OK && result != ARCHIVE_WARN) {
    return problem(std::string("the archive cannot be read: ") +
                       or_empty(::archive_error_string(reader_.get())),
                   "give a whole tar archive, as it is or compressed by gzip or zstd");
  }
  return entry_of(entry);
}

Result<void> TarReader::copy_content(BorrowedFd file, const std::function<bool()>& is_stopped) {
  const void* block = nullptr;
  size_t size = 0;
  int64_t offset = 0, end = 0;
  while (true) {
    if (is_stopped()) return fail(ECANCELED);
    const int result = ::archive_read_data_block(reader_.get(), &block, &size, &offset);
    if (result == ARCHIVE_EOF) break;
    if (result != ARCHIVE_OK || offset < end) return fail(EBADMSG);
    const std::span data(static_cast<const char*>(block), size);
    if (TRY(sys::write_at(file, data, offset)) != size) return fail(ENOSPC);
    end = offset + static_cast<int64_t>(size);
  }
  // A hole at the end has no block. What has the end's offset says where that is.
  return sys::change_size_of_open(file, std::max(end, offset));
}

}  // namespace overpass::archive
