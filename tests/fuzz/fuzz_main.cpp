// SPDX-License-Identifier: MIT
//
// libFuzzer's door to one target, chosen by OVERPASS_FUZZ_TARGET at compile time.

#include <cstddef>
#include <cstdint>

#include "targets.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  overpass::fuzz::OVERPASS_FUZZ_TARGET({reinterpret_cast<const char*>(data), size});
  return 0;
}
