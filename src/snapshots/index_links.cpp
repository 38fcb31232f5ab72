// SPDX-License-Identifier: MIT
//
// While names are linked, the nlink mark counts from the lower's links, which stay, if this user
// can read these.

#include "snapshots/index_links.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <map>
#include <set>
#include <vector>

#include "changes/layers.h"
#include "changes/view.h"
#include "check/tree.h"
#include "layer/mark_values.h"
#include "layer/markers.h"
#include "layer/origin.h"
#include "layer/remove_tree.h"
#include "overpass/layer_format.h"
#include "snapshots/upper_writer.h"
#include "sys/attributes.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::snapshots {

namespace {

using changes::Stack;
using changes::View;
using layer::LayerIndex;
using layer::NlinkMark;

/// The directories between two calls of Watch::progress.
constexpr size_t kOften = 1000;

Result<UniqueFd> open_index(BorrowedFd home) {
  const UniqueFd work = TRY(sys::open_at(home, "work", O_RDONLY | O_DIRECTORY));
  return sys::open_at(work, format::kIndexName, O_RDONLY | O_DIRECTORY);
}

std::optional<NlinkMark> nlink_mark(sys::Place entry, layer::Prefix prefix) {
  const auto value = sys::get_xattr(entry, layer::name_of(layer::Mark::Nlink, prefix));
  return value ? layer::decode_nlink(*value) : std::nullopt;
}

/// Users' attributes take permission to write, which the owner can give.
template <class Change>
Result<void> with_permission(sys::Place file, Change change) {
  auto done = change();
  if (!done.failed_with(EACCES)) return done;
  const mode_t mode = TRY(sys::stat(file)).stx_mode & 07777;
  TRY(sys::change_mode(file, mode | S_IWUSR));
  done = change();
  TRY(sys::change_mode(file, mode));
  return done;
}

Result<void> write_mark(sys::Place entry, layer::Prefix prefix, NlinkMark mark) {
  return with_permission(entry, [&] {
    return sys::set_xattr(entry, layer::name_of(layer::Mark::Nlink, prefix),
                          layer::encode_nlink(mark));
  });
}

/// An entry of the index whose file has names that the upper lacks.
struct Entry {
  NlinkMark mark;
  int64_t missing = 0;   ///< How many; the lower's links tell it if the mark counts from these.
  int64_t count = 0;     ///< Of the union, once a name of the lower file has been found.
  bool follows = false;  ///< The mark counts from the upper's links all the time.
};

/// The walk through the union. Invariant: `missing_` is the sum of those of `entries_` that are
/// known; `unknown_` is how many are not.
class Linking {
 public:
  Linking(const UpperPlaces& upper, const Watch& watch, layer::LayerStack& stack, BorrowedFd index,
          BorrowedFd root)
      : watch_(watch),
        hidden_(upper.hidden),
        stack_(stack),
        index_(index),
        merged_(stack, layer::kUpper),
        writer_(upper.home, root, merged_) {}

  Result<void> run() {
    TRY(read_index());
    if (entries_.empty()) return {};
    std::vector<Pending> pending = {{"", merged_.roots()}};
    for (size_t count = 0; !pending.empty() && is_wanting(); ++count) {
      if (watch_.is_stopped()) return fail(ECANCELED);
      if (count % kOften == 0) watch_.progress(count);
      const Pending directory = std::move(pending.back());
      pending.pop_back();
      TRY(visit(directory, pending));
    }
    for (const auto& [name, entry] : entries_) {
      if (entry.count != 0) TRY(finish(name, entry));
    }
    return {};
  }

 private:
  struct Pending {
    std::string path;
    Stack directories;
  };

  bool is_wanting() const { return missing_ > 0 || unknown_ > 0; }

  Result<void> read_index() {
    return sys::for_each_entry(index_, [this](const sys::DirectoryEntry& found) -> Result<void> {
      if (!layer::origin_of_index_name(found.name)) return {};
      const sys::Place place = {index_, found.name.data()};
      const sys::Stat stat = TRY(sys::stat(place));
      const auto mark = nlink_mark(place, stack_.prefix);
      if (sys::is_directory(stat) || layer::is_whiteout(stat) || !mark) return {};
      // The count of the union, less the names in the upper: all links but that of the entry.
      const int64_t missing = int64_t{mark->difference} + 1;
      const bool is_known = mark->base == NlinkMark::Base::Upper;
      if (is_known && missing <= 0) return {};
      entries_[std::string(found.name)] = {*mark, is_known ? missing : 0, 0};
      is_known ? missing_ += missing : unknown_ += 1;
      return {};
    });
  }

  Result<void> visit(const Pending& directory, std::vector<Pending>& pending) {
    std::set<std::string> below;
    for (const changes::Place& place : directory.directories) {
      const auto opened = open_directory(place);
      // The union shows this user nothing of it either.
      if (opened.failed_with(EACCES)) continue;
      if (!opened) return fail(opened.error());
      const BorrowedFd fd = *opened;
      if (is_left_out(TRY(sys::stat(sys::place_of(fd))), place)) return {};
      TRY(sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
        if (entry.type == DT_DIR || entry.type == DT_UNKNOWN) below.emplace(entry.name);
        if (entry.type == DT_DIR || place.layer == layer::kUpper) return {};
        return look_at(directory, place, fd, std::string(entry.name));
      }));
    }
    for (const std::string& name : below) {
      auto found = merged_.look_up(directory.directories, name);
      if (found.failed_with(EACCES)) continue;
      if (!found) return fail(found.error());
      if (found->directories.empty()) continue;
      pending.push_back({check::joined(directory.path, name), std::move(found->directories)});
    }
    return {};
  }

  Result<UniqueFd> open_directory(const changes::Place& place) {
    return sys::open_for_listing(TRY(merged_.directory(place.layer, place.path)));
  }

  /// What is mounted in a lower is none of its files.
  bool is_left_out(const sys::Stat& stat, const changes::Place& place) const {
    if (place.path.empty()) return false;
    const bool is_hidden =
        stat.stx_ino == hidden_.stx_ino && sys::device_of(stat) == sys::device_of(hidden_);
    return is_hidden || (stat.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
  }

  Result<void> look_at(const Pending& directory, const changes::Place& place, BorrowedFd fd,
                       const std::string& name) {
    const sys::Place file = {fd, name.c_str()};
    const auto stat = sys::stat(file);
    if (!stat || sys::is_directory(*stat) || stat->stx_nlink < 2) return {};
    const std::string origin = TRY(layer::encode_origin(stack_.layers[place.layer], file));
    const auto index_name = layer::index_name_of(origin);
    const auto entry = index_name ? entries_.find(*index_name) : entries_.end();
    if (entry == entries_.end()) return {};
    TRY(count_names(entry->first, entry->second, place.layer, stat->stx_nlink));
    // The union may show another file under the name, or none.
    const changes::Found found = TRY(merged_.look_up(directory.directories, name));
    if (!found.file || found.file->layer != place.layer ||
        found.file->path != check::joined(place.path, name)) {
      return {};
    }
    TRY(writer_.link({index_, entry->first.c_str()}, check::joined(directory.path, name)));
    if (entry->second.follows) TRY(finish(entry->first, entry->second));
    if (entry->second.missing == 0) return {};
    entry->second.missing -= 1;
    missing_ -= 1;
    return {};
  }

  /// Before the first name is linked: how many names the union has.
  Result<void> count_names(const std::string& name, Entry& entry, LayerIndex layer,
                           uint32_t lower_nlink) {
    if (entry.count != 0) return {};
    const sys::Place place = {index_, name.c_str()};
    const int64_t nlink = TRY(sys::stat(place)).stx_nlink;
    const bool is_known = entry.mark.base == NlinkMark::Base::Upper;
    entry.count = (is_known ? nlink : int64_t{lower_nlink}) + entry.mark.difference;
    if (!is_known) {
      entry.missing = std::max(entry.count - (nlink - 1), int64_t{0});
      missing_ += entry.missing;
      unknown_ -= 1;
    }
    // Who may not open files by handles cannot ask for the lower's links; for such a user the mark
    // follows each link.
    const auto origin = layer::decode_origin(*layer::origin_of_index_name(name));
    const layer::Layer& lower = stack_.layers[layer];
    entry.follows = !origin || !layer::find_origin(lower, lower.root, *origin);
    if (entry.follows) return finish(name, entry);
    const auto difference = static_cast<int32_t>(entry.count - int64_t{lower_nlink});
    return write_mark(place, stack_.prefix, {NlinkMark::Base::Lower, difference});
  }

  /// From now on the mark counts from the upper's links, as dissolve_index() reads it.
  Result<void> finish(const std::string& name, const Entry& entry) {
    const sys::Place place = {index_, name.c_str()};
    const int64_t nlink = TRY(sys::stat(place)).stx_nlink;
    // Names that were linked into the lower since it was counted are the union's, too.
    const int64_t difference = std::max(entry.count, nlink - 1) - nlink;
    return write_mark(place, stack_.prefix,
                      {NlinkMark::Base::Upper, static_cast<int32_t>(difference)});
  }

  const Watch& watch_;
  const sys::Stat& hidden_;
  layer::LayerStack& stack_;
  BorrowedFd index_;
  View merged_;
  UpperWriter writer_;
  std::map<std::string, Entry, std::less<>> entries_;
  int64_t missing_ = 0;
  int64_t unknown_ = 0;
};

/// Origins name the file system by its UUID.
void read_uuids(layer::LayerStack& stack) {
  for (layer::Layer& layer : stack.layers) {
    if (!layer.is_present) continue;
    const auto root = sys::open_for_listing(layer.root);
    if (!root) continue;
    layer.uuid = sys::file_system_uuid(*root).value_or(sys::FileSystemUuid{});
  }
}

/// Keeps links for the names that the union counts and does not show, and removes the entry.
Result<void> dissolve_entry(BorrowedFd index, const char* name, BorrowedFd layer) {
  const sys::Place entry = {index, name};
  for (const layer::Prefix prefix : {layer::Prefix::Trusted, layer::Prefix::User}) {
    const auto mark = nlink_mark(entry, prefix);
    if (!mark) continue;
    const bool is_from_upper = mark->base == NlinkMark::Base::Upper;
    const int64_t kept = is_from_upper ? int64_t{mark->difference} + 1 : 0;
    for (int64_t i = 0; i < kept; ++i) {
      auto made = sys::make_directory(layer, "links", 0700);
      if (!made && !made.failed_with(EEXIST)) return made;
      const UniqueFd links = TRY(sys::open_at(layer, "links", O_PATH | O_DIRECTORY));
      const std::string link =
          std::to_string(TRY(sys::stat(entry)).stx_ino) + "." + std::to_string(i);
      made = sys::make_link(entry, links, link.c_str());
      if (made.failed_with(EMLINK)) break;  // The count was beyond what a file system has.
      if (!made && !made.failed_with(EEXIST)) return made;
    }
    // The mark means nothing in a lower.
    (void)with_permission(entry, [&] {
      return sys::remove_xattr(entry, layer::name_of(layer::Mark::Nlink, prefix));
    });
  }
  return layer::remove_tree(index, name);
}

}  // namespace

Result<void> link_indexed_names(const UpperPlaces& upper, const Watch& watch) {
  const auto index = open_index(upper.home);
  if (index.failed_with(ENOENT)) return {};
  if (!index) return fail(index.error());
  auto stack = changes::open_layers(upper.layers);
  if (!stack) return fail(EIO);
  read_uuids(*stack);
  // That of the stack is a read-only clone where that is permitted.
  const UniqueFd root = TRY(sys::open_at(upper.home, "upper", O_PATH | O_DIRECTORY));
  return Linking(upper, watch, *stack, *index, root).run();
}

Result<void> dissolve_index(BorrowedFd home, BorrowedFd layer) {
  const auto index = open_index(home);
  if (index) {
    TRY(sys::for_each_entry(*index, [&](const sys::DirectoryEntry& entry) -> Result<void> {
      return dissolve_entry(*index, entry.name.data(), layer);
    }));
  } else if (!index.failed_with(ENOENT)) {
    return fail(index.error());
  }
  auto removed = layer::remove_tree(home, "work");
  if (removed.failed_with(ENOENT)) return {};
  return removed;
}

}  // namespace overpass::snapshots
