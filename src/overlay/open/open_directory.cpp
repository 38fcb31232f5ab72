// SPDX-License-Identifier: MIT
//
// Two sources of names, one way of listing them. A name that was read earlier may be gone, or have
// moved to another layer, by the time it is listed; when the directory's version says so, it is
// looked for again, since an inode handed out for a removed name would bring it back to life in
// the kernel's cache.

#include "overlay/open/open_directory.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <unordered_set>

#include "base/hash.h"
#include "layer/markers.h"
#include "overlay/find/attributes.h"
#include "overlay/find/list_lowers.h"
#include "overlay/find/locate.h"
#include "overlay/find/look_at_name.h"
#include "overlay/find/lower_changes.h"
#include "overlay/find/origin_number.h"
#include "overlay/find/ruling.h"
#include "overlay/find/scoped_readable.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/links.h"
#include "overlay/state/overlay.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

bool is_dot(const char* name) { return std::strcmp(name, ".") == 0; }
bool is_dot_dot(const char* name) { return std::strcmp(name, "..") == 0; }

/// The offset at which a listing continues after `name`. It is equal in every snapshot of the
/// directory, whatever else is in it. Below 2^62, since some programs do arithmetic with it.
int64_t offset_of(std::string_view name) {
  if (name == ".") return 1;
  if (name == "..") return 2;
  return static_cast<int64_t>(hash_bytes(name) >> 2 | 4);
}

InodeRef parent_of(const InodeRef& directory) {
  Lock lock(directory->mutex);
  return directory->link.parent ? directory->link.parent : directory;
}

unsigned char entry_type(mode_t mode) { return static_cast<unsigned char>(IFTODT(mode)); }

}  // namespace

Result<void> OpenDirectory::rewind(Overlay& overlay) {
  position_ = cursor_ = 0;
  pushed_back_.reset();
  snapshot_.clear();
  names_.clear();
  may_lose_impure_ = false;
  version_ = directory_->directory->version;
  if (look_at_listing(overlay, *directory_)) {
    overlay.mount.listing_changed_later(directory_->id);
  }
  // One of a single lower becomes merged as soon as a name in it is changed.
  const Directory& directory = *directory_->directory;
  const bool may_get_lower = !directory.lowers.empty() || overlay.settings.may_be_frozen;
  is_snapshot_ = directory.layer_count() > 1 || (may_get_lower && overlay.is_writable());
  if (is_snapshot_) return take_snapshot(overlay);
  layer_ = top_layer(*directory_);
  fd_ = TRY(open_top(overlay));
  stream_.emplace(fd_);
  may_lose_impure_ =
      layer_ == layer::kUpper && overlay.is_writable() && is_impure(overlay, *directory_, fd_);
  return {};
}

Result<void> OpenDirectory::take_snapshot(Overlay& overlay) {
  auto add = [&](std::string_view name, layer::LayerIndex layer, unsigned char type, uint64_t ino) {
    snapshot_.push_back({offset_of(name), static_cast<uint32_t>(names_.size()), layer, type, ino});
    names_.append(name).push_back('\0');
  };
  add(".", top_layer(*directory_), DT_DIR, 0);
  add("..", top_layer(*directory_), DT_DIR, 0);
  std::unordered_set<std::string> upper;
  if (directory_->directory->has_upper) {
    const SharedFd place = TRY(directory_fd(overlay, *directory_, layer::kUpper));
    const ScopedReadable sight(
        sys::place_of(place->fd));  // What it holds has to be told from whiteouts.
    const UniqueFd fd = TRY(sys::open_for_listing(place->fd));
    TRY(sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
      if (const auto hidden = layer::hidden_by(entry.name)) {
        upper.emplace(*hidden);
        return {};
      }
      upper.emplace(entry.name);
      if (entry.type == DT_CHR || entry.type == DT_UNKNOWN) {
        auto stat = sys::stat({fd, entry.name.data()});
        if (stat.failed_with(ENOENT) || layer::is_whiteout(TRY(std::move(stat)))) return {};
      }
      add(entry.name, layer::kUpper, entry.type, entry.ino);
      return {};
    }));
  }
  if (!directory_->directory->lowers.empty()) {
    const auto listing = TRY(lower_names_of(overlay, *directory_));
    for (const LowerName& name : listing->all()) {
      const std::string_view text = listing->text_of(name);
      if (!upper.contains(std::string(text))) add(text, name.layer, name.type, name.ino);
    }
  }
  sort_snapshot();
  return {};
}

void OpenDirectory::sort_snapshot() {
  const char* const names = names_.data();
  std::sort(snapshot_.begin(), snapshot_.end(),
            [names](const SnapshotEntry& a, const SnapshotEntry& b) {
              if (a.offset != b.offset) return a.offset < b.offset;
              return std::strcmp(names + a.name_offset, names + b.name_offset) < 0;
            });
  // If names share a hash, which hardly ever happens, the later ones move up.
  for (size_t i = 1; i < snapshot_.size(); ++i) {
    snapshot_[i].offset = std::max(snapshot_[i].offset, snapshot_[i - 1].offset + 1);
  }
}

Result<std::optional<OpenDirectory::RawEntry>> OpenDirectory::next_streamed() {
  while (true) {
    const auto entry = TRY(stream_->next());
    if (!entry) return std::optional<RawEntry>();
    if (layer::is_whiteout_name(entry->name)) continue;
    const HiddenName* hidden = find_hidden(*directory_->directory, layer_, entry->name);
    if (hidden != nullptr && hidden->beneath == nullptr) continue;
    if (hidden != nullptr) {
      return std::optional(
          RawEntry{entry->name.data(), DT_DIR, layer_, entry->ino, entry->next_offset});
    }
    if (entry->type == DT_CHR || entry->type == DT_UNKNOWN) {
      auto stat = sys::stat({fd_, entry->name.data()});
      if (stat.failed_with(ENOENT) || layer::is_whiteout(TRY(std::move(stat)))) continue;
    }
    return std::optional(
        RawEntry{entry->name.data(), entry->type, layer_, entry->ino, entry->next_offset});
  }
}

std::optional<OpenDirectory::RawEntry> OpenDirectory::next_of_snapshot() const {
  const auto entry = std::upper_bound(
      snapshot_.begin(), snapshot_.end(), cursor_,
      [](int64_t position, const SnapshotEntry& candidate) { return position < candidate.offset; });
  if (entry == snapshot_.end()) return {};
  return RawEntry{names_.data() + entry->name_offset, entry->type, entry->layer, entry->ino,
                  entry->offset};
}

Result<std::optional<OpenDirectory::RawEntry>> OpenDirectory::next() {
  if (pushed_back_) return std::exchange(pushed_back_, std::nullopt);
  if (is_snapshot_) return next_of_snapshot();
  return next_streamed();
}

Result<Found> OpenDirectory::find(Overlay& overlay, const RawEntry& raw) {
  const bool unchanged = directory_->directory->version == version_ && !follows(overlay);
  return find_in_layers(overlay, *directory_, raw.name, unchanged ? raw.layer : layer::kUpper);
}

Result<std::optional<Listed>> OpenDirectory::listed(Overlay& overlay, const RawEntry& raw,
                                                    bool with_attributes) {
  Listed listed = {raw.name, 0, raw.type, raw.next_offset, {}, {}};
  if (is_dot(raw.name) || is_dot_dot(raw.name)) {
    listed.ino = is_dot(raw.name) ? directory_->ino : parent_of(directory_)->ino;
    return std::optional(std::move(listed));
  }
  const bool may_be_directory = raw.type == DT_DIR || raw.type == DT_UNKNOWN;
  const auto verdict = verdict_of_name(overlay, *directory_, raw.name, may_be_directory);
  const bool may_be_hidden = verdict.has(rules::Action::Hide);
  if (may_be_hidden) may_lose_impure_ = false;  // It is not looked at.
  if (may_be_hidden && raw.type != DT_UNKNOWN) return std::optional<Listed>();
  InodeRef known = overlay.table.find(*directory_, raw.name);
  if (!with_attributes && known) {
    listed.ino = known->ino;
    listed.type = entry_type(known->type);
    return std::optional(std::move(listed));
  }
  if (!with_attributes && raw.type != DT_DIR) {
    // The kernel asks for attributes always, so this need not be quick.
    auto found = find(overlay, raw);
    if (found.failed_with(ENOENT) || found.failed_with(ESTALE)) return std::optional<Listed>();
    const Found there = TRY(std::move(found));
    listed.ino = overlay.numbers.number(there.origin.device, there.origin.ino);
    listed.type = entry_type(there.stat.stx_mode);
    return std::optional(std::move(listed));
  }
  auto work_out = [&]() -> Result<Entry> {
    if (known) {
      // A file is looked at by its name below, and a directory by a descriptor that is kept.
      if (follows(overlay) && known->is_directory()) {
        look_at_name(overlay, *directory_, raw.name, *known);
      }
      auto entry = known_entry(overlay, known);
      if (!entry.failed_with(ENOENT)) return entry;
      return enter(overlay, directory_, raw.name,
                   TRY(find_in_layers(overlay, *directory_, raw.name)));
    }
    return enter(overlay, directory_, raw.name, TRY(find(overlay, raw)));
  };
  auto entry = work_out();
  const bool is_refused = overlay.settings.lower_changes == LowerChanges::Refuse;
  if (entry.failed_with(ENOENT) || (entry.failed_with(ESTALE) && !is_refused)) {
    return std::optional<Listed>();
  }
  if (!entry && may_be_hidden) return std::optional<Listed>();
  if (!entry) {
    // The name is there. If something is wrong with its object, a lookup will say so.
    listed.ino = overlay.numbers.number(overlay.stack.layers[raw.layer].device, raw.ino);
    return std::optional(std::move(listed));
  }
  listed.ino = entry->inode->ino;
  listed.type = entry_type(entry->stat.stx_mode);
  if (with_attributes && !is_stale_link(*entry->inode, *directory_, raw.name)) {
    listed.inode = entry->inode;
    listed.stat = entry->stat;
  }
  return std::optional(std::move(listed));
}

Result<void> OpenDirectory::read(Overlay& overlay, int64_t offset, bool with_attributes,
                                 ListingSink& sink) {
  TRY(check_deny_rule(overlay, *directory_));
  uint64_t version = 0;
  {
    Lock lock(mutex_);
    if (!TRY(read_entries(overlay, offset, with_attributes, sink))) return {};
    version = version_;
  }
  overlay.mount.submit(
      [&overlay, directory = directory_, version] { drop_impure(overlay, directory, version); });
  return {};
}

Result<bool> OpenDirectory::read_entries(Overlay& overlay, int64_t offset, bool with_attributes,
                                         ListingSink& sink) {
  SharedLock names(directory_->directory->names);
  if (position_ < 0 || (offset == 0 && position_ != 0)) TRY(rewind(overlay));
  if (offset != position_) {
    pushed_back_.reset();
    may_lose_impure_ = false;
    if (!is_snapshot_) TRY(stream_->seek(offset));
    position_ = cursor_ = offset;
  }
  while (true) {
    const auto raw = TRY(next());
    if (!raw) return std::exchange(may_lose_impure_, false);
    if (!sink.has_room(raw->name)) {
      if (!is_snapshot_) pushed_back_ = raw;
      return false;
    }
    cursor_ = raw->next_offset;
    if (auto entry = TRY(listed(overlay, *raw, with_attributes))) {
      if (may_lose_impure_ && !is_dot(raw->name) && !is_dot_dot(raw->name)) {
        const dev_t device = overlay.stack.upper().device;
        may_lose_impure_ = entry->ino == overlay.numbers.number(device, raw->ino);
      }
      sink.add(*entry);
      position_ = raw->next_offset;
    }
  }
}

int64_t OpenDirectory::position() const {
  Lock lock(mutex_);
  return std::max<int64_t>(position_, 0);
}

size_t OpenDirectory::weight() const {
  Lock lock(mutex_);
  return sizeof *this + snapshot_.capacity() * sizeof(SnapshotEntry) + names_.capacity();
}

Result<UniqueFd> OpenDirectory::open_top(Overlay& overlay) const {
  const SharedFd place = TRY(directory_fd(overlay, *directory_, top_layer(*directory_)));
  return sys::open_for_listing(place->fd);
}

}  // namespace overpass::overlay
