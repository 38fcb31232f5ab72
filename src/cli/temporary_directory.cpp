// SPDX-License-Identifier: MIT

#include "cli/temporary_directory.h"

#include <cstdlib>
#include <filesystem>

namespace overpass::cli {

namespace fs = std::filesystem;

Expected<TemporaryDirectory> TemporaryDirectory::make(const std::string& purpose) {
  std::error_code error;
  const fs::path pattern = "overpass-" + purpose + ".XXXXXX";
  std::string path = (fs::temp_directory_path(error) / pattern).string();
  if (error || ::mkdtemp(path.data()) == nullptr) {
    return problem("no directory can be made in $TMPDIR", "set TMPDIR to one that can be written");
  }
  return TemporaryDirectory(std::move(path));
}

TemporaryDirectory::~TemporaryDirectory() {
  std::error_code error;
  if (!path_.empty()) fs::remove_all(path_, error);
}

}  // namespace overpass::cli
