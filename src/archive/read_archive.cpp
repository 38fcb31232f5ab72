// SPDX-License-Identifier: MIT

#include "archive/read_archive.h"

#include <sys/stat.h>

#include "cli/looked_at.h"
#include "layer/markers.h"

namespace overpass::archive {

namespace {

constexpr size_t kOften = 256;

std::unexpected<Problem> leads_out(const std::string& path) {
  return problem("the archive has an entry that leads out of it or is none of an archive: " +
                     cli::shown_path(path),
                 "do not trust it; nothing has been imported");
}

class Reading {
 public:
  Reading(TarReader& reader, Marks marks, ImportedSandbox& sandbox, const snapshots::Watch& watch)
      : reader_(reader), marks_(marks), sandbox_(sandbox), watch_(watch) {}

  Expected<void> run() {
    for (size_t count = 1;; ++count) {
      if (watch_.is_stopped()) return cannot_import("/", Errno{ECANCELED});
      if (count % kOften == 0) watch_.progress(count);
      auto entry = reader_.next();
      if (!entry) return std::unexpected(entry.error());
      if (!*entry) return {};
      if (auto taken = take(**entry); !taken) return taken;
    }
  }

 private:
  Expected<void> take(TarEntry& entry) {
    while (entry.path.size() > 1 && entry.path.ends_with('/')) entry.path.pop_back();
    const std::string_view name = changes::name_of(entry.path);
    if (name.starts_with(kWhiteoutFile)) return take_mark(entry.path, name);
    const auto path = snapshots::checked_path(entry.path);
    if (!path) return leads_out(entry.path);
    const auto spot = sandbox_.find(*path);
    if (!spot) return std::unexpected(spot.error());
    snapshots::LayerEntry made{spot->path, entry.stat, {}, entry.link_target};
    if (!entry.hard_link.empty()) {
      auto link = below(entry.hard_link, *spot);
      if (!link) return std::unexpected(link.error());
      made.hard_link = std::move(*link);
    }
    if (auto read = read_xattrs(entry, *spot, made); !read) return read;
    const auto added = spot->where->upper->add_filled(
        made, [&](BorrowedFd file) { return reader_.copy_content(file, watch_.is_stopped); });
    return added ? Expected<void>() : cannot_import("/" + *path, added.error());
  }

  /// An empty file whose name says something.
  Expected<void> take_mark(const std::string& path, std::string_view name) {
    const auto parent = snapshots::checked_path(changes::parent_of(path));
    if (!parent || path.starts_with('/')) return leads_out(path);
    const bool is_opaque = name == kOpaqueFile;
    const std::string_view hidden = name.substr(std::string_view(kWhiteoutFile).size());
    // Other programs' own names of that kind say nothing of files.
    if (!is_opaque && hidden.starts_with(kWhiteoutFile)) return {};
    if (!is_opaque && (hidden.empty() || hidden == "." || hidden == "..")) return leads_out(path);
    const std::string place = is_opaque ? *parent : check::joined(*parent, hidden);
    const auto spot = sandbox_.find(place);
    if (!spot) return std::unexpected(spot.error());
    snapshots::UpperBuilder& upper = *spot->where->upper;
    const auto done = is_opaque ? upper.hide_below(spot->path) : upper.hide(spot->path);
    return done ? Expected<void>() : cannot_import("/" + place, done.error());
  }

  /// Another path of the archive, in the same union.
  Expected<std::string> below(const std::string& text, const ImportedSandbox::Spot& spot) {
    const auto path = snapshots::checked_path(text);
    if (!path || path->empty()) return leads_out(text);
    auto other = sandbox_.find(*path);
    if (!other) return std::unexpected(other.error());
    if (other->where == spot.where) return std::move(other->path);
    return problem(cli::shown_path("/" + *path) + " and what refers to it lie on two file systems",
                   "import it where they are one; nothing has been imported");
  }

  Expected<void> read_xattrs(TarEntry& entry, const ImportedSandbox::Spot& spot,
                             snapshots::LayerEntry& made) {
    if (marks_ == Marks::OfImages) {
      made.xattrs = std::move(entry.xattrs);
      return {};
    }
    constexpr auto kPrefix = layer::Prefix::User;
    for (auto& [name, value] : entry.xattrs) {
      if (name == layer::name_of(layer::Mark::Redirect, kPrefix)) {
        if (!S_ISDIR(entry.stat.stx_mode) || !value.starts_with('/')) return leads_out(value);
        auto from = below(value.substr(1), spot);
        if (!from) return std::unexpected(from.error());
        made.moved_from = std::move(*from);
      } else if (const auto shown = layer::shown_xattr_name(name, kPrefix)) {
        made.xattrs.emplace(*shown, std::move(value));
      }
    }
    return {};
  }

  TarReader& reader_;
  const Marks marks_;
  ImportedSandbox& sandbox_;
  const snapshots::Watch& watch_;
};

}  // namespace

Expected<void> read_archive(TarReader& reader, Marks marks, ImportedSandbox& sandbox,
                            const snapshots::Watch& watch) {
  return Reading(reader, marks, sandbox, watch).run();
}

}  // namespace overpass::archive
