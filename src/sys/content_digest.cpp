// SPDX-License-Identifier: MIT
//
// The file is cut into blocks. Those that are not all zero are hashed, each behind its offset; the
// others, of which there may be terabytes, are left out.
//
// The argument ends in the digest, of a length that the caller offers and the kernel corrects.

#include "sys/content_digest.h"

#include <fcntl.h>
#include <linux/fsverity.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include "sys/errno_result.h"
#include "sys/file_io.h"

namespace overpass::sys {

namespace {

constexpr size_t kBlock = 1024 * 1024;
constexpr std::align_val_t kAlignment{4096};  ///< What direct I/O asks for at most, as a rule.

struct FreeAligned {
  void operator()(char* buffer) const { ::operator delete[](buffer, kAlignment); }
};

/// While it lives, reads of `file` go past the page cache where they can.
class PastTheCache {
 public:
  PastTheCache(BorrowedFd file, ReadFrom from) : file_(file) {
    if (from == ReadFrom::Cache) return;
    // Best effort: what stays is what the file system does not let go.
    (void)::posix_fadvise(raw(file), 0, 0, POSIX_FADV_DONTNEED);
    flags_ = ::fcntl(raw(file), F_GETFL);
    is_direct_ = flags_ >= 0 && ::fcntl(raw(file), F_SETFL, flags_ | O_DIRECT) == 0;
  }
  PastTheCache(const PastTheCache&) = delete;
  PastTheCache& operator=(const PastTheCache&) = delete;
  ~PastTheCache() { end(); }

  void end() {
    if (is_direct_) (void)::fcntl(raw(file_), F_SETFL, flags_);  // As it was: cannot fail.
    is_direct_ = false;
  }
  bool is_direct() const { return is_direct_; }

 private:
  const BorrowedFd file_;
  int flags_ = 0;
  bool is_direct_ = false;
};

/// Fills `block` from `offset` on, with zeros beyond the end of the file.
Result<void> read_block(BorrowedFd file, PastTheCache& way, std::span<char> block, off_t offset) {
  size_t filled = 0;
  while (filled < block.size()) {
    const auto length = read_at(file, block.subspan(filled), offset + static_cast<off_t>(filled));
    if (length.failed_with(EINVAL) && way.is_direct()) {
      way.end();  // Direct, but not for this memory or length.
      continue;
    }
    if (!length) return fail(length.error());
    if (*length == 0) break;
    filled += *length;
  }
  std::fill(block.begin() + static_cast<ptrdiff_t>(filled), block.end(), '\0');
  return {};
}

bool is_all_zero(std::span<const char> bytes) {
  return bytes.front() == '\0' &&
         std::memcmp(bytes.data(), bytes.data() + 1, bytes.size() - 1) == 0;
}

}  // namespace

Result<Digest> digest_of_content(BorrowedFd file, off_t size, ReadFrom from,
                                 CopyObserver* observer) {
  const std::unique_ptr<char[], FreeAligned> buffer(
      static_cast<char*>(::operator new[](kBlock, kAlignment)));
  PastTheCache way(file, from);
  StreamHash hash;
  off_t offset = 0;
  while (offset < size) {
    const auto data = seek(file, offset, SEEK_DATA);
    if (data.failed_with(ENXIO)) break;  // Nothing but a hole up to the end.
    if (data) offset = *data - *data % static_cast<off_t>(kBlock);
    if (offset >= size) break;
    const std::span<char> block(buffer.get(), kBlock);
    TRY(read_block(file, way, block, offset));
    const auto used = block.first(std::min(kBlock, static_cast<size_t>(size - offset)));
    if (!is_all_zero(used)) {
      hash.update({reinterpret_cast<const char*>(&offset), sizeof offset});
      hash.update({used.data(), used.size()});
    }
    offset += static_cast<off_t>(used.size());
    if (observer != nullptr) TRY(observer->reached(offset));
  }
  return hash.digest();
}

namespace {

constexpr uint16_t kLongestDigest = 64;  // SHA-512.

}  // namespace

Result<VerityDigest> measure_verity(BorrowedFd fd) {
  alignas(fsverity_digest) std::array<char, sizeof(fsverity_digest) + kLongestDigest> argument{};
  auto* header = reinterpret_cast<fsverity_digest*>(argument.data());
  header->digest_size = kLongestDigest;
  TRY(control(fd, FS_IOC_MEASURE_VERITY, argument.data()));
  return VerityDigest{static_cast<uint8_t>(header->digest_algorithm),
                      std::string(argument.data() + sizeof *header, header->digest_size)};
}

}  // namespace overpass::sys
