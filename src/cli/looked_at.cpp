// SPDX-License-Identifier: MIT
//
// A mount is asked for its layers; what is not mounted is read as a mount would be.

#include "cli/looked_at.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>

#include "base/nearest.h"
#include "cli/mount_call.h"
#include "cli/mounted.h"
#include "cli/status_report.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using namespace nlohmann::literals;

/// "./a//b/" as "a/b".
std::string from_root(const std::string& path) {
  std::string normal = fs::path("/" + path).lexically_normal().string();
  while (normal.ends_with('/')) normal.pop_back();
  const size_t first = normal.find_first_not_of('/');
  return first == std::string::npos ? "" : normal.substr(first);
}

/// What of `path` lies below the mountpoint; nothing if it does not lie there.
std::optional<std::string> below(const std::string& mountpoint, const std::string& path) {
  std::error_code error;
  const fs::path absolute = fs::absolute(path, error).lexically_normal();
  // The last component may be a symbolic link of the union.
  fs::path parent = fs::weakly_canonical(absolute.parent_path(), error);
  if (error) parent = absolute.parent_path();
  const std::string whole = (parent / absolute.filename()).string();
  const std::string prefix = mountpoint == "/" ? mountpoint : mountpoint + "/";
  if (!whole.starts_with(prefix)) return std::nullopt;
  return from_root(whole.substr(prefix.size()));
}

/// Without passthrough the kernel may hold what was written to the union and is not in the upper.
void write_back(const std::string& mountpoint) {
  const auto root = sys::open_path(mountpoint.c_str(), O_RDONLY | O_DIRECTORY);
  if (root) (void)sys::sync_file_system(*root);  // What does not arrive is told to those who wrote.
}

Expected<layer::LayerPaths> layers_of_mount(const std::string& mountpoint) {
  const auto text = read_status(mountpoint);
  if (!text) return std::unexpected(text.error());
  const Json status = Json::parse(*text, nullptr, false);
  layer::LayerPaths paths;
  paths.mountpoint = mountpoint;
  if (status.is_object()) {
    for (const Json& layer : status.value("layers", Json::array())) {
      const std::string role = layer.value("role", "");
      std::string path = layer.value("path", "");
      if (role == "upper")
        paths.upper = std::move(path);
      else
        (role == "data" ? paths.data_only : paths.lower).push_back(std::move(path));
    }
    if (status.value("/writeback/active"_json_pointer, false)) write_back(mountpoint);
    paths.userxattr = status.value("mark_prefix", "").starts_with("user.");
    if (status.value("redirect_dir", "") == "nofollow") {
      paths.format.redirect_dir = layer::RedirectDir::NoFollow;
    }
  }
  if (paths.lower.empty()) {
    return problem(in_quotes(mountpoint) + " does not tell its layers",
                   "name them: --lower, --upper");
  }
  return paths;
}

bool names_layers(const ParsedArguments& parsed) {
  return std::ranges::any_of(parsed.flags, [](const command_line::GivenFlag& flag) {
    return std::ranges::any_of(
        kLookingFlags, [&](const command_line::Flag& known) { return known.name == flag.name; });
  });
}

std::expected<LookedAt, Refusal> look_at_mount(const ParsedArguments& parsed,
                                               const std::string& mountpoint,
                                               const LayerNeeds& needs) {
  if (names_layers(parsed)) {
    return wrong_call({in_quotes(mountpoint) + " is mounted, and has its layers",
                       "leave out the options, or name all layers by them"});
  }
  auto layers = layers_of_mount(mountpoint);
  if (!layers) return not_possible(layers.error());
  if (needs.upper && !layers->upper) {
    return not_possible({in_quotes(mountpoint) + " has no upper directory: " + needs.without, ""});
  }
  return LookedAt{std::move(*layers), {}};
}

/// Lowers are on the command line: all operands are paths.
std::expected<LookedAt, Refusal> look_at_flags(const ParsedArguments& parsed,
                                               const LayerNeeds& needs) {
  ParsedArguments flags = parsed;
  flags.operands.clear();
  auto layers = layers_of_call(flags, {}, "", needs);
  if (!layers) return std::unexpected(layers.error());
  LookedAt looked{std::move(*layers), {}};
  for (const std::string& path : parsed.operands) looked.paths.push_back(from_root(path));
  return looked;
}

}  // namespace

std::expected<LookedAt, Refusal> find_looked_at(const Context& context,
                                                const ParsedArguments& parsed,
                                                const LayerNeeds& needs) {
  const auto name = find_mount_name(parsed);
  if (name && !*name) return look_at_flags(parsed, needs);
  if (parsed.operands.empty()) {
    return wrong_call({"no union is named", "give its mountpoint, its NAME, or its layers by -o"});
  }
  const std::string& target = parsed.operands.front();
  const std::span<const std::string> rest = std::span(parsed.operands).subspan(1);
  if (const auto mountpoint = find_mount(context, target)) {
    auto looked = look_at_mount(parsed, *mountpoint, needs);
    if (!looked) return looked;
    // A path inside the mount says what to look at, too.
    const auto inside = below(*mountpoint, target);
    if (inside && !inside->empty()) looked->paths.push_back(*inside);
    for (const std::string& path : rest) {
      const auto in_mount = path.starts_with('/') ? below(*mountpoint, path) : std::nullopt;
      looked->paths.push_back(in_mount ? *in_mount : from_root(path));
    }
    return looked;
  } else if (!may_be_name(target)) {
    return not_possible(mountpoint.error());
  }
  auto named = load_named_mount(context, target);
  if (!named) return not_possible(named.error());
  ParsedArguments call = parsed;
  call.operands = {target};
  auto layers = layers_of_call(call, std::move(*named), target, needs);
  if (!layers) return std::unexpected(layers.error());
  LookedAt looked{std::move(*layers), {}};
  for (const std::string& path : rest) looked.paths.push_back(from_root(path));
  return looked;
}

namespace {

/// The bytes of the UTF-8 character at the start of `text` that may be printed as it is; 0 if it
/// may not.
size_t printable_length(std::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return first >= 0x20 && first != 0x7f && first != '"' && first != '\\' ? 1 : 0;
  const size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  // The controls U+0080 to U+009F; overlong forms and surrogates.
  const unsigned char second = byte(1);
  if (first == 0xc2 && second < 0xa0) return 0;
  if ((first == 0xe0 && second < 0xa0) || (first == 0xed && second >= 0xa0)) return 0;
  if ((first == 0xf0 && second < 0x90) || (first == 0xf4 && second >= 0x90)) return 0;
  // Marks that change the direction of what follows: U+202A to U+202E, U+2066 to U+2069.
  if (first == 0xe2 && second == 0x80 && byte(2) >= 0xaa && byte(2) <= 0xae) return 0;
  if (first == 0xe2 && second == 0x81 && byte(2) >= 0xa6 && byte(2) <= 0xa9) return 0;
  return length;
}

}  // namespace

std::string shown_path(std::string_view path) {
  std::string escaped;
  bool is_plain = true;
  for (size_t i = 0; i < path.size();) {
    const size_t length = printable_length(path.substr(i));
    if (length > 0) {
      escaped.append(path.substr(i, length));
      i += length;
      continue;
    }
    is_plain = false;
    const auto byte = static_cast<unsigned char>(path[i++]);
    char text[8];
    if (byte == '"' || byte == '\\')
      (void)std::snprintf(text, sizeof text, "\\%c", byte);
    else
      (void)std::snprintf(text, sizeof text, "\\%03o", byte);
    escaped += text;
  }
  return is_plain ? escaped : '"' + escaped + '"';
}

}  // namespace overpass::cli
