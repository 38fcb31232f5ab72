// SPDX-License-Identifier: MIT

#include "overlay/change/sent_again.h"

#include <fcntl.h>

#include <algorithm>
#include <string>

#include "overlay/change/remove.h"
#include "overlay/change/xattr.h"
#include "overlay/find/attributes.h"
#include "overlay/find/locate.h"
#include "overlay/find/lookup.h"
#include "overlay/find/search.h"
#include "overlay/open/open_file.h"
#include "overlay/state/links.h"
#include "overlay/state/overlay.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::overlay {

namespace {

/// The entry of a name; nothing without one.
Result<std::optional<Entry>> entry_at(Overlay& overlay, const InodeRef& directory,
                                      const char* name) {
  auto entry = lookup(overlay, directory, name);
  if (entry.failed_with(ENOENT)) return std::optional<Entry>();
  return std::optional(TRY(std::move(entry)));
}

}  // namespace

Result<std::optional<Entry>> made_before(Overlay& overlay, const Caller& caller,
                                         const InodeRef& directory, const char* name, mode_t type) {
  if (!caller.is_sent_again) return std::optional<Entry>();
  auto entry = TRY(entry_at(overlay, directory, name));
  if (entry && (entry->stat.stx_mode & S_IFMT) != type) entry.reset();
  return entry;
}

Result<std::optional<Created>> created_before(Overlay& overlay, const Caller& caller,
                                              const InodeRef& directory, const char* name,
                                              int flags) {
  auto made = TRY(made_before(overlay, caller, directory, name, S_IFREG));
  if (!made) return std::optional<Created>();
  constexpr int kDone = O_CREAT | O_EXCL | O_TRUNC;
  auto opened = open_file(overlay, caller, made->inode, flags & ~kDone);
  const bool is_untouched = made->stat.stx_size == 0 && made->stat.stx_nlink == 1;
  if (opened.failed_with(EACCES) && is_untouched) {
    // Its mode lets nobody open it, but for the call that makes it: it is made once more.
    made.reset();
    TRY(remove_file(overlay, caller, directory, name));
    return std::optional<Created>();
  }
  Opened file = TRY(std::move(opened));
  return std::optional(Created{*std::move(made), std::move(file)});
}

Result<std::optional<Entry>> linked_before(Overlay& overlay, const Caller& caller,
                                           const InodeRef& inode, const InodeRef& directory,
                                           const char* name) {
  if (!caller.is_sent_again || !directory->is_directory()) return std::optional<Entry>();
  const InodeRef target = current(inode);
  Lock names(directory->directory->names);
  const auto found = find_in_layers(overlay, *directory, name);
  if (found.failed_with(ENOENT)) return std::optional<Entry>();
  if (!found) return fail(found.error());
  {
    Lock lock(target->mutex);
    if (found->known.identity() != target->known.identity()) return std::optional<Entry>();
  }
  add_link(overlay, target, directory, name);
  (void)remember_key(overlay, target, {sys::device_of(found->stat), found->stat.stx_ino});
  return std::optional(TRY(entry_of(overlay, target)));
}

Result<bool> removed_before(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                            const char* name) {
  if (!caller.is_sent_again) return false;
  return !TRY(entry_at(overlay, directory, name));
}

bool renamed_before(const Overlay& overlay, const Caller& caller) {
  return caller.is_sent_again && overlay.renamed_before.contains(caller.request);
}

Result<void> hide_old_name(Overlay& overlay, const InodeRef& directory, const char* name) {
  if (!directory->is_directory()) return {};
  Lock names(directory->directory->names);
  const auto shown = find_in_layers(overlay, *directory, name);
  if (shown.failed_with(ENOENT)) return {};
  if (!shown) return fail(shown.error());
  if (shown->layer == layer::kUpper) return {};
  const SharedFd upper = TRY(directory_fd(overlay, *directory, layer::kUpper));
  return overlay.stack.workdir.place_whiteout(upper->fd, name);
}

bool set_before(Overlay& overlay, const Caller& caller, const InodeRef& inode, const char* name,
                std::string_view value) {
  if (!caller.is_sent_again) return false;
  std::string now(value.size() + 1, '\0');
  const auto length = get_xattr(overlay, inode, name, std::span(now));
  return length && std::string_view(now).substr(0, *length) == value;
}

size_t appended_before(Overlay& overlay, const Caller& caller, OpenFile& file,
                       std::span<const char> data, off_t offset) {
  if (!caller.is_sent_again || (file.flags() & O_APPEND) == 0) return 0;
  const auto content = file.content(overlay);
  if (!content) return 0;
  // The handle's own descriptor may be for writing alone.
  const auto readable = sys::reopen((*content)->fd, O_RDONLY | O_NONBLOCK);
  std::string now(data.size(), '\0');
  const auto got = readable ? sys::read_at(*readable, std::span(now), offset) : fail(EBADF);
  if (!got) return 0;
  now.resize(*got);
  return std::string_view(data.data(), data.size()).starts_with(now) ? *got : 0;
}

}  // namespace overpass::overlay
