// SPDX-License-Identifier: MIT
//
// Deletions come first, as the list has them.

#include "cli/diff_report.h"

#include <fnmatch.h>
#include <sys/stat.h>

#include <algorithm>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "cli/looked_at.h"

namespace overpass::cli {

namespace {

using changes::Change;
using changes::Kind;
using Json = nlohmann::ordered_json;

constexpr int kFormat = 1;  ///< Of the JSON document; raised when a key changes.

struct KindRow {
  char letter;
  const char* word;
  const char* colour;  ///< As git's: deletions red, additions green.
};

/// In the order of changes::Kind.
constexpr KindRow kKinds[] = {{'D', "deleted", "\033[31m"},
                              {'R', "renamed", "\033[36m"},
                              {'A', "added", "\033[32m"},
                              {'M', "modified", "\033[33m"},
                              {'T', "type-changed", "\033[35m"}};
static_assert(std::size(kKinds) == changes::kKinds);

const KindRow& row_of(const Change& change) { return kKinds[static_cast<size_t>(change.kind)]; }

const changes::Place& place_of(const Change& change) {
  return change.after ? change.after->top() : change.before->top();
}

bool has_old_path(const Change& change) {
  return change.kind == Kind::Deleted || change.kind == Kind::Renamed;
}

const std::string& main_path(const Change& change) {
  return change.kind == Kind::Deleted ? change.old_path : change.path;
}

bool is_glob(const std::string& text) { return text.find_first_of("*?[") != std::string::npos; }

/// Whether the pattern names `path` or a directory above it.
bool covers(const std::string& pattern, std::string_view path) {
  if (pattern.empty()) return true;
  for (; !path.empty(); path = changes::parent_of(path)) {
    if (path == pattern) return true;
    if (is_glob(pattern) && ::fnmatch(pattern.c_str(), std::string(path).c_str(), 0) == 0) {
      return true;
    }
  }
  return false;
}

/// The same, where a pattern without a slash is for names in all directories.
bool excludes(const std::string& pattern, std::string_view path) {
  if (pattern.find('/') != std::string::npos) return covers(pattern, path);
  for (; !path.empty(); path = changes::parent_of(path)) {
    if (::fnmatch(pattern.c_str(), std::string(changes::name_of(path)).c_str(), 0) == 0)
      return true;
  }
  return false;
}

/// Whether all of `path` goes with a change of a directory above it.
bool is_below(const std::string& path, const std::string& directory) {
  return path.size() > directory.size() && path.starts_with(directory) &&
         path[directory.size()] == '/';
}

const char* type_word(mode_t mode) {
  switch (mode & S_IFMT) {
    case S_IFREG:
      return "file";
    case S_IFDIR:
      return "directory";
    case S_IFLNK:
      return "symlink";
    case S_IFIFO:
      return "pipe";
    case S_IFSOCK:
      return "socket";
    case S_IFCHR:
      return "char";
    default:
      return "block";
  }
}

std::string with_slash(const Change& change, const std::string& path) {
  return shown_path(S_ISDIR(place_of(change).stat.stx_mode) ? path + "/" : path);
}

/// Without its end.
std::string line_of(const Change& change, DiffStyle style) {
  const KindRow& row = row_of(change);
  std::string line;
  if (!style.name_only) line = std::string(1, row.letter) + " ";
  if (change.kind == Kind::Renamed && !style.name_only) {
    line += with_slash(change, change.old_path) + " -> ";
  }
  line += with_slash(change, main_path(change));
  return style.colour ? row.colour + line + "\033[m" : line;
}

std::string octal(unsigned mode) {
  char text[8];
  (void)std::snprintf(text, sizeof text, "%04o", mode & 07777U);
  return text;
}

Json describe(const changes::Place& place) {
  const auto& stat = place.stat;
  Json json = {{"type", type_word(stat.stx_mode)},
               {"mode", octal(stat.stx_mode)},
               {"uid", stat.stx_uid},
               {"gid", stat.stx_gid}};
  if (S_ISREG(stat.stx_mode)) json["size"] = stat.stx_size;
  return json;
}

/// A path that is no UTF-8 has its bytes in hexadecimal beside it.
void add_path(Json& json, const std::string& key, const std::string& path) {
  json[key] = path;
  try {
    (void)json[key].dump();
  } catch (const Json::type_error&) {
    std::string hex;
    for (const char byte : path) {
      char text[4];
      (void)std::snprintf(text, sizeof text, "%02x", static_cast<unsigned char>(byte));
      hex += text;
    }
    json[key + "_hex"] = hex;
  }
}

Json describe(const Change& change) {
  Json json = {{"kind", row_of(change).word}};
  add_path(json, "path", main_path(change));
  if (change.kind != Kind::Deleted && !change.old_path.empty() && change.old_path != change.path) {
    add_path(json, "old_path", change.old_path);
  }
  auto differs = Json::array();
  if (change.differs.content) differs.push_back("content");
  if (change.differs.mode) differs.push_back("mode");
  if (change.differs.owner) differs.push_back("owner");
  if (change.differs.xattrs) differs.push_back("xattrs");
  if (change.kind == Kind::Modified || change.kind == Kind::Renamed) json["differs"] = differs;
  if (change.before) json["before"] = describe(change.before->top());
  if (change.after) json["after"] = describe(change.after->top());
  return json;
}

}  // namespace

bool DiffFilter::shows(const Change& change) const {
  const std::string& path = main_path(change);
  const std::string& old_path = change.old_path;
  const auto is_excluded = [&](const std::string& glob) { return excludes(glob, path); };
  if (std::ranges::any_of(excluded, is_excluded)) return false;
  return paths.empty() || std::ranges::any_of(paths, [&](const std::string& pattern) {
           return covers(pattern, path) || covers(pattern, old_path) ||
                  (has_old_path(change) && is_below(pattern, old_path)) ||
                  (change.kind == Kind::Renamed && is_below(pattern, path));
         });
}

bool DiffFilter::shows(const changes::FilePair& pair) const {
  const std::string& path = pair.path.empty() ? pair.old_path : pair.path;
  const auto is_excluded = [&](const std::string& glob) { return excludes(glob, path); };
  if (std::ranges::any_of(excluded, is_excluded)) return false;
  return paths.empty() || std::ranges::any_of(paths, [&](const std::string& pattern) {
           return covers(pattern, path) || covers(pattern, pair.old_path);
         });
}

std::string counts_of(const changes::List& list) {
  std::string text;
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    const size_t count = list.count(static_cast<Kind>(i));
    if (count == 0) continue;
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " " + kKinds[i].word;
  }
  return text.empty() ? "no changes" : text;
}

void print_changes(std::ostream& out, const changes::List& list, DiffStyle style) {
  for (const Change& change : list.changes) {
    if (!style.nul) {
      out << line_of(change, style) << "\n";
      continue;
    }
    if (!style.name_only) out << row_of(change).letter << '\0';
    if (!style.name_only && change.kind == Kind::Renamed) out << change.old_path << '\0';
    out << main_path(change) << '\0';
  }
}

void print_stat(std::ostream& out, const changes::List& list, DiffStyle style) {
  for (const Change& change : list.changes) {
    out << line_of(change, style);
    const auto size = [](const std::optional<changes::Found>& found) {
      const bool has_size = found && found->file && S_ISREG(found->file->stat.stx_mode);
      return has_size ? std::to_string(found->file->stat.stx_size) : std::string("0");
    };
    if (!S_ISDIR(place_of(change).stat.stx_mode)) {
      out << " | " << size(change.before) << " -> " << size(change.after) << " bytes";
    }
    out << "\n";
  }
  out << counts_of(list) << "\n";
}

void print_json(std::ostream& out, const changes::List& list, const DiffTarget& target) {
  Json document = {{"format", kFormat}};
  if (target.sandbox.empty()) {
    document["upper"] = target.unions.front().layers.upper.value_or("");
    document["lowers"] = target.unions.front().layers.lower;
  } else {
    document["sandbox"] = target.sandbox;
    document["file_systems"] = Json::array();
    for (const PlacedUnion& one : target.unions) {
      document["file_systems"].push_back(
          {{"at", "/" + one.place}, {"upper", one.layers.upper.value_or("")}});
    }
  }
  document["complete"] = list.unread.empty();
  Json counts;
  for (size_t i = 0; i < std::size(kKinds); ++i) {
    counts[kKinds[i].word] = list.count(static_cast<Kind>(i));
  }
  document["counts"] = std::move(counts);
  document["changes"] = Json::array();
  for (const Change& change : list.changes) document["changes"].push_back(describe(change));
  out << document.dump(-1, ' ', false, Json::error_handler_t::replace) << "\n";
}

}  // namespace overpass::cli
