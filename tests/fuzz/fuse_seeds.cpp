// SPDX-License-Identifier: MIT
//
// Writes the corpus of the target fuse_requests, one file for each opcode with a handler:
//   meson compile -C build fuse-seeds && build/tests/fuzz/fuse-seeds
//   tests/fuzz/corpus/fuse_requests
// Each looks a file up, opens it, makes the request, creates what it names, and makes it again.

#include <fcntl.h>

#include <cstdio>
#include <fstream>
#include <string>

#include "../unit/fuse/sample_requests.h"

using namespace overpass::unit;

namespace {

/// See fuse_target.cpp.
std::string record(uint32_t opcode, char node, const std::string& payload) {
  std::string text = {static_cast<char>(opcode), 0, node, 0};
  text += static_cast<char>(payload.size() % 256);
  text += static_cast<char>(payload.size() / 256);
  return text + payload;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 2) return std::fputs("usage: fuse-seeds DIRECTORY\n", stderr), 2;
  const std::string open = bytes_of(fuse_open_in{.flags = O_RDWR});
  const std::string create = bytes_of(fuse_create_in{.flags = O_RDWR, .mode = 0600});
  for (const Sample& sample : sample_requests(kRootId + 1, 0)) {
    const std::string request = record(sample.opcode, sample.uses_handle ? 1 : 0, sample.payload);
    std::ofstream file(std::string(arguments[1]) + "/" + sample.name, std::ios::binary);
    file << record(FUSE_LOOKUP, 0, name_of("file")) << record(FUSE_OPEN, 1, open) << request
         << record(FUSE_CREATE, 0, create + name_of("name")) << request;
    if (!file.flush()) return 1;
  }
  return 0;
}
