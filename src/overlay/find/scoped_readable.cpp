// SPDX-License-Identifier: MIT
//
// One list has the objects being looked at, with their own modes. A thread that reads attributes
// meanwhile reads again until the list did not change in between, so that the disk's answer and the
// list belong together. Root's daemons never get here.

#include "overlay/find/scoped_readable.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <vector>

#include "base/mutex.h"
#include "overlay/find/scoped_writable.h"
#include "sys/attributes.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

constexpr mode_t kPermissions = 07777;

struct Seen {
  FileKey key;
  mode_t mode;  ///< Its own, outside such a moment.
  mode_t given;
  int lookers;
};

Mutex<LockRank::ScopedReadable> list_mutex;
std::vector<Seen> list GUARDED_BY(list_mutex);
std::atomic<uint64_t> list_version = 0;
std::atomic<size_t> list_size = 0;

FileKey key_of(const sys::Stat& stat) { return {sys::device_of(stat), stat.stx_ino}; }

std::vector<Seen>::iterator find(const FileKey& key) REQUIRES(list_mutex) {
  return std::find_if(list.begin(), list.end(), [&](const Seen& seen) { return seen.key == key; });
}

void list_has_changed() REQUIRES(list_mutex) {
  list_size = list.size();
  ++list_version;
}

}  // namespace

ScopedReadable::ScopedReadable(sys::Place place, const sys::Stat& stat) {
  if (keeps_modes()) begin(place, stat, S_IRUSR);
}

ScopedReadable::ScopedReadable(sys::Place directory) {
  if (!keeps_modes()) return;
  if (const auto stat = stat_with_kept_mode(directory)) begin(directory, *stat, S_IRWXU);
}

void ScopedReadable::begin(sys::Place place, const sys::Stat& stat, mode_t wanted) {
  const bool has_marks = S_ISREG(stat.stx_mode) || S_ISDIR(stat.stx_mode);
  if (!has_marks || (stat.stx_mode & wanted) == wanted || stat.stx_uid != ::geteuid()) return;
  auto object = sys::open_place(place, O_PATH | O_NOFOLLOW);
  if (!object) return;
  key_ = key_of(stat);
  Lock lock(list_mutex);
  auto seen = find(key_);
  if (seen == list.end()) {
    list.push_back({key_, static_cast<mode_t>(stat.stx_mode & kPermissions), 0, 0});
    list_has_changed();
    seen = list.end() - 1;
  }
  if (!sys::change_mode(sys::place_of(*object), seen->mode | seen->given | wanted)) {
    if (seen->lookers > 0) return;
    list.erase(seen);
    list_has_changed();
    return;
  }
  seen->given |= wanted;
  ++seen->lookers;
  object_ = std::move(*object);
}

ScopedReadable::~ScopedReadable() {
  if (object_.empty()) return;
  Lock lock(list_mutex);
  const auto seen = find(key_);
  if (--seen->lookers > 0) return;
  (void)sys::change_mode(sys::place_of(object_), seen->mode);
  list.erase(seen);
  list_has_changed();
}

Result<sys::Stat> stat_with_kept_mode(sys::Place place) {
  while (true) {
    const uint64_t version = list_version;
    auto stat = sys::stat(place);
    if (stat && list_size > 0) {
      Lock lock(list_mutex);
      if (const auto seen = find(key_of(*stat)); seen != list.end()) {
        stat->stx_mode = static_cast<uint16_t>((stat->stx_mode & S_IFMT) | seen->mode);
      }
    }
    if (version == list_version) return stat;
  }
}

void keep_new_mode(sys::Place place, mode_t mode) {
  if (list_size == 0) return;
  const auto stat = sys::stat(place);
  if (!stat) return;
  Lock lock(list_mutex);
  if (const auto seen = find(key_of(*stat)); seen != list.end()) {
    seen->mode = mode & kPermissions;
    list_has_changed();
  }
}

}  // namespace overpass::overlay
