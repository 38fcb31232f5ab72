// SPDX-License-Identifier: MIT
//
// A parent is made before its children, and a successor before what it superseded. A record that
// says all there is to know (NodeRecord::kPlain) costs no system call; others, and directories, are
// looked up under their names. Whatever is found has to be the object that the kernel was told of.
// Where a lower has been added since, all are looked up.

#include "overlay/find/restore.h"

#include <algorithm>
#include <cerrno>
#include <map>
#include <memory>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "base/log.h"
#include "overlay/find/lookup.h"
#include "overlay/find/lower_location.h"
#include "overlay/find/ruling.h"
#include "overlay/find/search.h"
#include "overlay/state/hidden_names.h"
#include "overlay/state/links.h"
#include "overlay/state/open_mode.h"
#include "sys/children.h"

namespace overpass::overlay {

namespace {

using enum NodeRecord::Flag;

/// For what cannot be looked at for want of something: together two seconds.
constexpr int kAttempts = 20;
constexpr int kBetweenAttemptsMs = 100;

class Restorer {
 public:
  Restorer(Overlay& overlay, NodeRecords& records, std::span<const UnansweredRename> renames,
           const KeptOrphan& orphan_of)
      : overlay_(overlay),
        records_(records),
        orphan_of_(orphan_of),
        has_other_layers_(records.layers() != overlay.stack.size()) {
    restored_.has_other_layers = has_other_layers_;
    for (const UnansweredRename& rename : renames) {
      renames_.emplace(std::pair(rename.parent, rename.name), &rename);
    }
  }

  Restored run() {
    overlay_.table.begin_again();
    uint32_t most = 0;
    for (uint32_t shard = 0; shard < NodeRecords::kShards; ++shard) {
      most = std::max(most, records_.slots(shard));
    }
    is_done_.resize(size_t{most} * NodeRecords::kShards);
    // By index: neighbours were looked up one after another, and most have a parent in common.
    for (uint32_t index = 0; index < is_done_.size(); ++index) restore(index);
    overlay_.table.end_again();
    return restored_;
  }

 private:
  static NodeId node_of(uint32_t index, const NodeRecord& record) {
    return NodeId{uint64_t{record.generation} << 32 | index};
  }

  /// The node's record is still to be used.
  bool is_waiting(NodeId node) const {
    const uint32_t index = index_of(node);
    if (node == NodeId{0} || index >= is_done_.size() || is_done_[index]) return false;
    const auto record = records_.read(index);
    return record && record->generation == generation_of(node);
  }

  void restore(uint32_t index) {
    const auto record = records_.read(index);
    if (!record || is_done_[index]) return;
    const bool needs_others =
        is_waiting(NodeId{record->parent}) || is_waiting(NodeId{record->successor});
    return needs_others ? restore_after_others(index) : restore_now(index, *record);
  }

  void restore_now(uint32_t index, const NodeRecord& record) {
    InodeRef made = make(index, record);
    is_done_[index] = true;
    ++(made ? restored_.nodes : restored_.lost);
    if (!made) return records_.erase(index);
    if (record.lookups == 0) unknown_.push_back(std::move(made));
  }

  void restore_after_others(uint32_t first) {
    std::vector<uint32_t> wanted = {first};
    while (!wanted.empty()) {
      const uint32_t index = wanted.back();
      const auto record = records_.read(index);
      if (!record || is_done_[index]) {
        wanted.pop_back();
        continue;
      }
      const size_t before = wanted.size();
      for (const uint64_t other : {record->parent, record->successor}) {
        if (!is_waiting(NodeId{other})) continue;
        // In a circle, which only a damaged record makes, it goes without.
        const uint32_t needed = index_of(NodeId{other});
        if (std::ranges::find(wanted, needed) == wanted.end()) wanted.push_back(needed);
      }
      if (wanted.size() > before) continue;
      wanted.pop_back();
      restore_now(index, *record);
    }
  }

  InodeRef made(uint64_t node) const { return overlay_.table.find(NodeId{node}); }

  InodeRef make(uint32_t index, const NodeRecord& record) {
    const InodeRef parent = made(record.parent);
    if (record.has(kSuperseded)) {
      return make_superseded(index, record, parent, records_.name(index));
    }
    // In a directory that is removed, or hidden by another layer, nothing is found.
    const bool has_name =
        record.has(kLinked) && parent && parent->is_directory() && !parent->is_stale;
    const std::string name(records_.name(index));
    const bool is_asked_for =
        has_name && !renames_.empty() && renames_.contains({parent->id, name});
    const bool is_directory = record.type == S_IFDIR;
    // An open file is kept before its last name goes.
    SharedFd kept = orphan_of_(node_of(index, record));
    const bool is_told = record.has(kPlain) && !record.has(kCopying) && !is_asked_for &&
                         kept == nullptr && !has_other_layers_;
    if (has_name && is_told) return make_named(index, record, parent, name);
    if (has_name) {
      if (InodeRef found = look_up(index, record, parent, name)) {
        // Of a lower's file that might have lost its name, and has not.
        if (kept != nullptr && record.layer != 0) overlay_.mount.drop_file(found->id);
        return found;
      }
    }
    if (is_asked_for) {
      if (InodeRef found = look_up_renamed(index, record, parent, name)) return found;
    }
    if (is_directory) return make_removed_directory(index, record, parent, name);
    InodeRef nameless = make_plain(index, record, parent, name);
    leave_nameless(*nameless, parent, name);
    keep_orphan(*nameless, std::move(kept));
    if (has_other_layers_ || !parent) displace(*nameless, record, parent);
    return nameless;
  }

  /// It may have the name already that a rename gives it.
  InodeRef look_up_renamed(uint32_t index, const NodeRecord& record, const InodeRef& parent,
                           const std::string& name) {
    const UnansweredRename& rename = *renames_.find({parent->id, name})->second;
    const InodeRef new_parent = parent_of(rename);
    if (!new_parent || !new_parent->is_directory()) return {};
    if (rename.is_source && leads_to(record, new_parent, rename.new_name)) {
      // Noted before the record has the new place, which says no more what was asked for.
      overlay_.mount.note_done(rename.request);
      overlay_.renamed_before.insert(rename.request);
    }
    return look_up(index, record, new_parent, rename.new_name);
  }

  /// The directory that a rename leads to. It may not have been made yet.
  InodeRef parent_of(const UnansweredRename& rename) {
    if (is_waiting(rename.new_parent)) restore(index_of(rename.new_parent));
    return made(static_cast<uint64_t>(rename.new_parent));
  }

  /// Whether what was found is the object that the kernel knows; a copy has the number of what it
  /// was copied from.
  bool is_it(const NodeRecord& record, const Found& found) const {
    if ((found.stat.stx_mode & S_IFMT) != record.type) return false;
    if (found.known.identity() == record.known.identity()) return true;
    // A lower that was added may have put a directory of its own on top of it.
    const auto& merged = found.lower_identities;
    if (has_other_layers_ && std::ranges::find(merged, record.known.identity()) != merged.end()) {
      return true;
    }
    return found.layer == layer::kUpper &&
           overlay_.numbers.number(found.origin.device, found.origin.ino) == record.number;
  }

  /// What the layers have under the name. What cannot be looked at now is tried again for a while,
  /// for it may be there.
  std::optional<Found> find(const InodeRef& parent, const std::string& name) {
    for (int attempt = 1;; ++attempt) {
      auto found = [&] {
        SharedLock lock(parent->directory->names);
        return find_in_layers(overlay_, *parent, name.c_str());
      }();
      if (found) return *std::move(found);
      const int error = to_int(found.error());
      if (error == ENOENT || error == ENOTDIR || error == ENAMETOOLONG) return {};
      // A mark that cannot be followed hides the object from everybody.
      if (error == EPERM || error == EACCES || attempt == kAttempts) {
        log::error("'%s' cannot be looked at (errno %d)", name.c_str(), error);
        return {};
      }
      sys::pause_for(kBetweenAttemptsMs);
    }
  }

  bool leads_to(const NodeRecord& record, const InodeRef& parent, const std::string& name) {
    const auto found = find(parent, name);
    return found && is_it(record, *found);
  }

  InodeRef look_up(uint32_t index, const NodeRecord& record, const InodeRef& parent,
                   const std::string& name) {
    auto found = find(parent, name);
    if (!found || !is_it(record, *found)) return {};
    const FileKey key = shared_key_of(*found);
    const InodeRef inode = overlay_.table.make_again(index, record);
    const bool is_where_it_was =
        found->layer == overlay_.table.layer_of(record.layer) && !record.has(kCopying);
    describe(*inode, *found);
    if (is_where_it_was && !inode->is_directory()) {
      // The kernel goes by what it was told, and changes since then are still to be noticed.
      Lock lock(inode->mutex);
      inode->known = record.known;
      inode->lower_version = record.lower_version;
    }
    add_rules(parent, name, *inode);
    (void)add_first_link(overlay_, inode, parent, name, key);
    finish(*inode, record);
    Lock lock(inode->mutex);
    overlay_.table.record(*inode);
    return inode;
  }

  /// What rules, and names that lowers hide, say of a new inode.
  void add_rules(const InodeRef& parent, const std::string& name, Inode& inode) {
    const auto verdict = verdict_of_name(overlay_, *parent, name, inode.is_directory());
    pass_on_rules(overlay_, *parent, name, verdict, inode);
    if (!inode.is_directory()) return;
    pass_on_hidden(overlay_.table.root().directory->hidden.get(), *parent, name, inode);
  }

  /// By the record alone, which says that it has the name.
  InodeRef make_named(uint32_t index, const NodeRecord& record, const InodeRef& parent,
                      const std::string& name) {
    InodeRef inode = make_plain(index, record, parent, name);
    Lock lock(inode->mutex);
    overlay_.table.name_again(inode, parent, name);
    return inode;
  }

  /// By the record alone, and without a name so far.
  InodeRef make_plain(uint32_t index, const NodeRecord& record, const InodeRef& parent,
                      const std::string& name) {
    InodeRef inode = overlay_.table.make_again(index, record);
    inode->is_immutable = record.has(kImmutable);
    inode->is_append_only = record.has(kAppendOnly);
    {
      Lock lock(inode->mutex);
      inode->layer = overlay_.table.layer_of(record.layer);
      inode->known = record.known;
      inode->lower_version = record.lower_version;
    }
    if (parent && parent->is_directory()) add_rules(parent, name, *inode);
    finish(*inode, record);
    return inode;
  }

  /// It has no name yet, and gets none.
  void leave_nameless(Inode& inode, const InodeRef& parent, const std::string& name) {
    Lock lock(inode.mutex);
    inode.link.parent = parent;
    inode.link.name = name;
    inode.linked = false;
    overlay_.table.record(inode);
  }

  /// A lower's file whose name leads elsewhere by now. If its directory shows nothing of that lower
  /// any more, it is reached by its descriptor alone.
  void displace(Inode& inode, const NodeRecord& record, const InodeRef& parent) const {
    Lock lock(inode.mutex);
    if (inode.layer == layer::kUpper) return;
    const bool is_shown =
        parent && parent->is_directory() && is_lower_of(*parent->directory, inode.layer);
    if (is_shown && !record.has(kLinked)) return;
    inode.is_displaced = true;
    if (!is_shown) {
      inode.layer = layer::kUpper;
      inode.lower_version = 0;
    }
    overlay_.table.record(inode);
  }

  static void keep_orphan(Inode& inode, SharedFd orphan) {
    if (orphan == nullptr) return;
    Lock lock(inode.mutex);
    inode.make_extras().orphan = orphan;
    inode.make_extras().pinned_orphan = std::move(orphan);
  }

  /// It is empty and takes nothing, like one in the upper that was removed and is not held open.
  InodeRef make_removed_directory(uint32_t index, const NodeRecord& record, const InodeRef& parent,
                                  const std::string& name) {
    InodeRef inode = overlay_.table.make_again(index, record);
    inode->directory = std::make_unique<Directory>();
    inode->directory->has_upper = true;
    inode->is_stale = true;
    leave_nameless(*inode, parent, name);
    finish(*inode, record);
    return inode;
  }

  /// Its names and its file are the successor's.
  InodeRef make_superseded(uint32_t index, const NodeRecord& record, const InodeRef& parent,
                           std::string_view name) {
    const InodeRef successor = made(record.successor);
    if (!successor) return {};
    InodeRef inode = overlay_.table.make_again(index, record);
    Lock lock(inode->mutex);
    inode->layer = overlay_.table.layer_of(record.layer);
    inode->known = record.known;
    inode->link.parent = parent;
    inode->link.name = name;
    inode->linked = record.has(kLinked);
    inode->make_extras().successor = successor;
    inode->superseded = true;
    successor->has_predecessor = true;
    return inode;
  }

  /// What is true of it however it was made.
  void finish(Inode& inode, const NodeRecord& record) {
    Lock lock(inode.mutex);
    inode.diverged = record.has(kDiverged);
    if (record.has(kDisplaced)) inode.is_displaced = true;
    if (record.has(kMayBeMapped)) {
      // It was passed through, so its lower was not to be cached (OpenMode::caches_lower).
      inode.opens = std::make_unique<OpenMode>();
      inode.may_be_mapped = true;
    }
    if (record.has(kStaleName) && inode.linked) {
      inode.link.is_stale = true;
      ++inode.stale_links;
    }
  }

  Overlay& overlay_;
  NodeRecords& records_;
  const KeptOrphan& orphan_of_;
  const bool has_other_layers_;
  std::map<std::pair<NodeId, std::string>, const UnansweredRename*> renames_;
  std::vector<bool> is_done_;  ///< By index.
  /// Nodes that the kernel does not know: others may need them.
  std::vector<InodeRef> unknown_;
  Restored restored_;
};

}  // namespace

Restored restore_nodes(Overlay& overlay, NodeRecords& records,
                       std::span<const UnansweredRename> renames, const KeptOrphan& orphan_of) {
  return Restorer(overlay, records, renames, orphan_of).run();
}

}  // namespace overpass::overlay
