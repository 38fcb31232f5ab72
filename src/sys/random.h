// SPDX-License-Identifier: MIT
//
// Random bytes from the kernel.

#ifndef OVERPASS_SYS_RANDOM_H_
#define OVERPASS_SYS_RANDOM_H_

#include <cstdint>

#include "base/result.h"
#include "sys/file_handle.h"

namespace overpass::sys {

/// Any number; where the kernel gives none, made of the time.
uint32_t random_number();

/// A fresh UUID of version 4, as uuid_gen() of the kernel makes them. Waits for entropy, if at all,
/// only in the first moments after boot.
Result<FileSystemUuid> random_uuid();

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_RANDOM_H_
