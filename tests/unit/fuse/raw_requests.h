// SPDX-License-Identifier: MIT
//
// Requests as bytes: the structures of linux/fuse.h, those that the header of Debian 12 (7.38)
// lacks, and a few words to put them together.

#ifndef OVERPASS_TESTS_UNIT_FUSE_RAW_REQUESTS_H_
#define OVERPASS_TESTS_UNIT_FUSE_RAW_REQUESTS_H_

#include <linux/fuse.h>

#include <cstdint>
#include <cstring>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>

// The structures are C's: the members that a request does not name are zero.
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

namespace overpass::unit {

inline constexpr uint32_t kStatx = 52;
inline constexpr uint32_t kCopyFileRange64 = 53;
/// One beyond the last opcode of Linux 6.18.
inline constexpr uint32_t kEndOfOpcodes = 54;
inline constexpr uint64_t kRootId = FUSE_ROOT_ID;

// Of struct fuse_init_in's flags.
inline constexpr uint64_t kCreateSuppGroup = 1ULL << 34;
inline constexpr uint64_t kDirectIoAllowMmap = 1ULL << 36;
inline constexpr uint64_t kPassthrough = 1ULL << 37;
inline constexpr uint64_t kNoExportSupport = 1ULL << 38;
inline constexpr uint64_t kHasResend = 1ULL << 39;
inline constexpr uint64_t kAllowIdmap = 1ULL << 40;
inline constexpr uint64_t kRequestTimeout = 1ULL << 42;

/// struct fuse_statx_in.
struct StatxIn {
  uint32_t getattr_flags, reserved;
  uint64_t fh;
  uint32_t sx_flags, sx_mask;
};

/// The beginning of struct fuse_statx_out, up to the size of the file.
struct StatxOut {
  uint64_t attr_valid;
  uint32_t attr_valid_nsec, flags;
  uint64_t spare[2];
  uint32_t mask, blksize;
  uint64_t attributes;
  uint32_t nlink, uid, gid;
  uint16_t mode, spare0;
  uint64_t ino, size;
};

/// struct fuse_setxattr_in without FUSE_SETXATTR_EXT.
struct SetxattrIn {
  uint32_t size, flags;
};

template <class T>
std::string bytes_of(const T& value) {
  static_assert(std::is_trivially_copyable_v<T>);
  return {reinterpret_cast<const char*>(&value), sizeof value};
}

/// With its NUL.
inline std::string name_of(std::string_view text) { return std::string(text) + '\0'; }

/// The T at `offset` of `bytes`.
template <class T>
T value_at(std::string_view bytes, size_t offset = 0) {
  if (bytes.size() < offset + sizeof(T)) {
    throw std::runtime_error("a reply of " + std::to_string(bytes.size()) + " bytes is too short");
  }
  T value;
  std::memcpy(&value, bytes.data() + offset, sizeof value);
  return value;
}

/// Whether the kernel waits for a reply to it.
inline bool wants_reply(uint32_t opcode) {
  return opcode != FUSE_FORGET && opcode != FUSE_BATCH_FORGET && opcode != FUSE_NOTIFY_REPLY;
}

}  // namespace overpass::unit

#endif  // OVERPASS_TESTS_UNIT_FUSE_RAW_REQUESTS_H_
