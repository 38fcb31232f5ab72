// SPDX-License-Identifier: MIT
//
// Paths are put together from the names in memory, after the operation and without its locks. The
// directory may be renamed meanwhile, and then the path is an old or a new one. Either does: that
// rename is recorded as one of everything once it has happened, which is after this look at the old
// name.

#include "overlay/change/note_removal.h"

#include <stdio.h>

#include <algorithm>
#include <cerrno>
#include <new>

#include "overlay/find/union_path.h"

namespace overpass::overlay {

namespace {

/// Refusals, after which everything is as before.
constexpr int kRefusals[] = {kMustWait, ENOENT, EEXIST, ENOTEMPTY, ENOTDIR, EISDIR,
                             EXDEV,     EPERM,  EROFS,  EINVAL,    ESTALE};

bool may_have_happened(int error) {
  return std::ranges::find(kRefusals, error) == std::end(kRefusals);
}

/// git, which is the one that asks, lets no tracked file have such a name in its path. Its own
/// temporary files come and go there, by the thousand.
constexpr std::string_view kNotTracked = ".git";

void add(Overlay& overlay, const InodeRef& directory, const char* name) {
  std::string path;
  for (const std::string& above : names_to(*directory)) {
    if (above == kNotTracked) return;
    path += above + "/";
  }
  if (name != kNotTracked) overlay.removals.add(path + name);
}

/// Whether a file has the name, and no directory. False if nothing has it by now.
bool is_file(Overlay& overlay, const InodeRef& directory, const char* name) {
  const InodeRef inode = overlay.table.find(*directory, name);
  return inode && !inode->is_directory();
}

/// Where a path cannot be put together, all of them have to be taken for gone.
template <class Note>
void note(Overlay& overlay, Note make_note) {
  try {
    make_note();
  } catch (const std::bad_alloc&) {
    overlay.removals.add_all();
  }
}

}  // namespace

void note_removal(Overlay& overlay, const InodeRef& directory, const char* name, int error) {
  if (!overlay.removals.are_wanted() || !may_have_happened(error)) return;
  note(overlay, [&] { add(overlay, directory, name); });
}

void note_rename(Overlay& overlay, const InodeRef& directory, const char* name,
                 const InodeRef& new_directory, const char* new_name, unsigned flags, int error) {
  if (!overlay.removals.are_wanted() || !may_have_happened(error)) return;
  const bool is_exchange = (flags & RENAME_EXCHANGE) != 0;
  note(overlay, [&] {
    const bool are_files = is_file(overlay, new_directory, new_name) &&
                           (!is_exchange || is_file(overlay, directory, name));
    if (error != 0 || !are_files) return overlay.removals.add_all();
    add(overlay, directory, name);
  });
}

}  // namespace overpass::overlay
