// SPDX-License-Identifier: MIT
//
// Reads the files that Context names; what is in them is config/toml_config's business.

#include "cli/named_mount.h"

#include <cstring>

#include "cli/process.h"
#include "config/nearest.h"
#include "config/toml_config.h"
#include "sys/file_io.h"

namespace overpass::cli {

Expected<config::Options> load_named_mount(const Context& context, std::string_view name) {
  std::vector<std::string> names;
  std::string searched;
  for (const std::string& file : context.config_files) {
    searched += (searched.empty() ? "" : ", ") + file;
    const auto text = sys::read_file(file);
    if (text.failed_with(ENOENT) || text.failed_with(ENOTDIR)) continue;
    if (!text) {
      return problem(file + " cannot be read: " + std::strerror(to_int(text.error())),
                     "check its permissions, or move it away");
    }
    auto mounts = config::parse_toml(*text, file, context.home);
    if (!mounts) return std::unexpected(mounts.error());
    if (const auto found = mounts->find(name); found != mounts->end()) return found->second;
    for (const auto& [known, options] : *mounts) names.push_back(known);
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  return problem("no mount is called " + config::in_quotes(name),
                 config::suggest(name, known, "searched: " + searched));
}

}  // namespace overpass::cli
