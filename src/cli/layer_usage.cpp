// SPDX-License-Identifier: MIT

#include "cli/layer_usage.h"

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>
#include <set>

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;

constexpr uint64_t kMostNames = 10'000;

}  // namespace

std::optional<LayerUsage> layer_usage(const std::string& path) {
  LayerUsage usage;
  std::set<std::pair<dev_t, ino_t>> linked;
  std::error_code error;
  auto entry = fs::recursive_directory_iterator(path, error);
  for (; !error && entry != fs::recursive_directory_iterator(); entry.increment(error)) {
    struct stat found = {};
    if (++usage.names > kMostNames || ::lstat(entry->path().c_str(), &found) < 0) return {};
    const bool is_again = !S_ISDIR(found.st_mode) && found.st_nlink > 1 &&
                          !linked.emplace(found.st_dev, found.st_ino).second;
    if (!is_again) usage.bytes += static_cast<uint64_t>(found.st_blocks) * 512;
  }
  if (error) return {};
  return usage;
}

std::string with_unit(double number, std::initializer_list<std::pair<double, const char*>> units) {
  for (const auto& [size, unit] : units) {
    if (number < size) continue;
    char text[64];
    (void)std::snprintf(text, sizeof text, "%.*f %s", number / size < 10 && size > 1 ? 1 : 0,
                        number / size, unit);
    return text;
  }
  return "0";
}

std::string size_text(uint64_t bytes) {
  return with_unit(static_cast<double>(bytes),
                   {{1 << 30, "GiB"}, {1 << 20, "MiB"}, {1 << 10, "KiB"}, {1, "B"}});
}

}  // namespace overpass::cli
