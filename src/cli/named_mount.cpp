// SPDX-License-Identifier: MIT
//
// Reads the files that Context names; what is in them is config/toml_config's business.

#include "cli/named_mount.h"

#include <cstring>

#include "base/nearest.h"
#include "cli/process.h"
#include "config/placeholders.h"
#include "config/toml_config.h"
#include "config/validate.h"
#include "sys/file_io.h"

namespace overpass::cli {

namespace {

/// The mounts of a file; none when it is missing.
Expected<config::NamedMounts> read_mounts(const Context& context, const std::string& file,
                                          std::string_view wanted = {}) {
  const auto text = sys::read_file(file);
  if (text.failed_with(ENOENT) || text.failed_with(ENOTDIR)) return config::NamedMounts{};
  if (!text) {
    return problem(file + " cannot be read: " + std::strerror(to_int(text.error())),
                   "check its permissions, or move it away");
  }
  return config::parse_toml(*text, file, context.home, wanted);
}

}  // namespace

bool may_be_name(std::string_view argument) {
  return !argument.empty() && argument.find('/') == std::string_view::npos;
}

Expected<std::optional<NamedMount>> find_named_mount(const Context& context,
                                                     std::string_view name) {
  for (const std::string& file : context.config_files) {
    auto mounts = read_mounts(context, file, name);
    if (!mounts) return std::unexpected(mounts.error());
    if (config::is_template(name) && mounts->contains(name)) {
      return problem(in_quotes(name) + " is a template of mounts",
                     "name a mount: " + std::string(name) + "INSTANCE");
    }
    if (const auto found = mounts->find(name); found != mounts->end()) {
      return NamedMount{file, std::move(found->second)};
    }
  }
  return std::nullopt;
}

std::optional<sandbox::Sandbox> find_named_sandbox(const Context& context,
                                                   const std::string& name) {
  if (!sandbox::is_sandbox_name(name)) return std::nullopt;
  if (const auto mount = find_named_mount(context, name); mount && *mount) return std::nullopt;
  auto found = sandbox::Sandbox::open(sandbox::store_path(), name);
  return found ? std::optional(std::move(*found)) : std::nullopt;
}

Expected<NamedMount> load_named_mount(const Context& context, std::string_view name) {
  auto found = find_named_mount(context, name);
  if (!found) return std::unexpected(found.error());
  if (*found) return std::move(**found);
  std::string searched;
  for (const std::string& file : context.config_files) {
    searched += (searched.empty() ? "" : ", ") + file;
  }
  const std::vector<std::string> names = known_mount_names(context);
  const std::vector<std::string_view> known(names.begin(), names.end());
  return problem("no mount is called " + in_quotes(name),
                 suggest(name, known, "searched: " + searched));
}

std::string mountpoint_of_template(const Context& context, std::string_view name) {
  if (!config::is_template(name)) return "";
  const auto sample = find_named_mount(context, std::string(name) + std::string(kSampleInstance));
  return sample && *sample ? (*sample)->options.mountpoint : "";
}

Problem told_of(const NamedMount& named, std::string_view name, const Problem& problem) {
  const Problem told = config::in_words_of_file(problem);
  return {"mount " + in_quotes(name) + " of " + named.file + ": " + told.cause, told.remedy};
}

std::vector<std::string> known_mount_names(const Context& context) {
  std::vector<std::string> names;
  for (const std::string& file : context.config_files) {
    const auto mounts = read_mounts(context, file);
    if (!mounts) continue;
    for (const auto& [name, options] : *mounts) names.push_back(name);
  }
  return names;
}

}  // namespace overpass::cli
