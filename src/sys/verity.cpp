// SPDX-License-Identifier: MIT
//
// The argument ends in the digest, of a length that the caller offers and the kernel corrects.

#include "sys/verity.h"

#include <linux/fsverity.h>

#include <array>
#include <cstring>

#include "sys/file_io.h"

namespace overpass::sys {

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
