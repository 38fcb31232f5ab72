// SPDX-License-Identifier: MIT

#include "fuse_test.h"

#include "fuse/status.h"

namespace overpass::unit {

std::string FuseTest::status() {
  fuse_getxattr_in get = {};
  get.size = 60'000;
  return fuse.call(FUSE_GETXATTR, kRootId, bytes_of(get) + name_of(fuse::kStatusXattr)).payload;
}

int64_t FuseTest::count_of(const std::string& key) {
  const std::string text = status();
  const std::string quoted = "\"" + key + "\":";
  const size_t at = text.rfind(quoted);  // "requests" comes after "latencies".
  if (at == std::string::npos) throw std::runtime_error("the status has no " + key);
  return std::stoll(text.substr(at + quoted.size()));
}

}  // namespace overpass::unit
