// SPDX-License-Identifier: MIT
//
// Files of the upper that are open while it is frozen. The kernel writes to such a file without the
// daemon, by descriptors that cannot be exchanged. So the file itself moves on to the new upper,
// and the frozen layer gets a copy of it.
//
// On disk: the copy is made under a temporary name. The file gets its name in the new upper, too.
// Then the copy takes the place of its name in the frozen layer. The new upper above the frozen
// layer shows the file's own bytes before and after each step; the old upper alone does until the
// last one.

#ifndef OVERPASS_OVERLAY_FREEZE_KEPT_FILES_H_
#define OVERPASS_OVERLAY_FREEZE_KEPT_FILES_H_

#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "overlay/freeze/new_upper.h"
#include "overlay/state/inode.h"
#include "sys/stat.h"

namespace overpass::overlay {

struct Overlay;

/// Unless finished, takes back what it did at its end, also what else is in the new upper.
/// Threads and REQUIRES: as LayerShift.
class KeptFiles {
 public:
  /// `fresh` outlives this.
  KeptFiles(Overlay& overlay, const NewUpper& fresh) : overlay_(overlay), fresh_(fresh) {}
  KeptFiles(const KeptFiles&) = delete;
  KeptFiles& operator=(const KeptFiles&) = delete;
  ~KeptFiles();

  /// Copies `inode`'s file to a temporary. Before the layers are exchanged. EBUSY if the file has
  /// names that are not known, or one that leads elsewhere.
  Result<void> copy(const InodeRef& inode);

  /// Moves all of them. After the layers were exchanged.
  Result<void> move();

  void finish() { is_finished_ = true; }

  /// The copies, which are on no disk yet.
  std::vector<UniqueFd> take_copies() { return std::move(copies_); }

  size_t count() const { return count_; }
  /// How many changed while they were copied: their copies may hold a part of a write.
  size_t torn() const { return torn_; }

 private:
  /// A name of such a file.
  struct Name {
    InodeRef inode, parent;
    std::string name;
    std::string temporary;  ///< Of the copy.
    UniqueFd frozen;        ///< The directory in the frozen layer.
    UniqueFd upper = {};    ///< That in the new upper, once it is there.
    bool is_linked = false;
    bool is_replaced = false;
  };

  Result<UniqueFd> open_file(const InodeRef& inode, const Name& name, uint32_t links);
  Result<void> copy_to(BorrowedFd from, const sys::Stat& stat, const std::string& temporary);
  Result<void> move(Name& name);
  Result<void> link_index(const Name& name);
  bool take_back(Name& name);
  void empty_upper();
  std::string next_temporary() { return "frozen-" + std::to_string(names_.size()); }

  Overlay& overlay_;
  const NewUpper& fresh_;
  std::vector<Name> names_;
  std::vector<std::string> entries_;  ///< Made in the new index.
  std::vector<UniqueFd> copies_;
  size_t count_ = 0;
  size_t torn_ = 0;
  bool has_moved_ = false;
  bool is_finished_ = false;
};

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FREEZE_KEPT_FILES_H_
