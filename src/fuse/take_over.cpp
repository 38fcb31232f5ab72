// SPDX-License-Identifier: MIT
//
// First what never reached the kernel is taken back from the records; then nodes are made from
// them, then open files.

#include "fuse/take_over.h"

#include <linux/fuse.h>

#include <cstring>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/log.h"
#include "fuse/daemon.h"
#include "fuse/request_origin.h"
#include "fuse/request_shape.h"
#include "overlay/find/restore.h"
#include "overlay/open/reopen.h"
#include "sys/file_io.h"
#include "sys/open.h"
#include "sys/process.h"

namespace overpass::fuse {

namespace {

constexpr int kNotifyResend = 7;  // FUSE_NOTIFY_RESEND; a system's <linux/fuse.h> may be older.

/// What the former daemon was about to give with answers that never arrived.
void take_back(Daemon& daemon, std::span<const RequestBytes> requests) {
  Survival& survival = *daemon.survival;
  overlay::NodeRecords& nodes = survival.nodes();
  const auto undo = [&](overlay::ReplyRecord& reply) {
    while (reply.nodes > 0) nodes.take_back(reply);
    if (const uint32_t handle = reply.handle) survival.handles().erase(handle - 1);
  };
  for (const RequestBytes& request : requests) {
    if (!is_sent_again(request)) continue;
    const uint64_t unique = header_of(request).unique;
    survival.sent_again(unique & ~kSentAgain, [&](overlay::ReplyRecord& reply) {
      undo(reply);
      if (reply.is_done != 0) daemon.overlay.renamed_before.insert(unique);
    });
  }
  survival.settle();
}

/// The rename that a request asks for, if it does. The request is well formed.
std::optional<overlay::UnansweredRename> rename_of(const RequestBytes& request) {
  const fuse_in_header header = header_of(request);
  size_t fixed = 0;
  if (header.opcode == FUSE_RENAME) fixed = sizeof(fuse_rename_in);
  if (header.opcode == FUSE_RENAME2) fixed = sizeof(fuse_rename2_in);
  if (fixed == 0 || !is_well_formed(request)) return {};
  uint64_t new_parent = 0;
  std::memcpy(&new_parent, request.data() + sizeof header, sizeof new_parent);
  const char* const name = request.data() + sizeof header + fixed;
  const char* const new_name = name + std::strlen(name) + 1;
  return overlay::UnansweredRename{overlay::NodeId{header.nodeid},
                                   name,
                                   overlay::NodeId{new_parent},
                                   new_name,
                                   true,
                                   header.unique};
}

std::vector<overlay::UnansweredRename> renames_of(std::span<const RequestBytes> requests) {
  std::vector<overlay::UnansweredRename> renames;
  for (const RequestBytes& request : requests) {
    auto rename = rename_of(request);
    if (!rename) continue;
    // An exchange moves the other name as well; for a plain rename nothing has that one any more.
    renames.push_back({rename->new_parent, rename->new_name, rename->parent, rename->name, false,
                       rename->request});
    renames.push_back(std::move(*rename));
  }
  return renames;
}

overlay::SharedFd kept_file(Daemon& daemon, overlay::NodeId node) {
  KeptFiles& kept = daemon.life->files();
  const auto found = kept.find(static_cast<uint64_t>(node));
  if (found == kept.end()) return nullptr;
  daemon.mount.keep_file(node, found->second);
  auto file = std::make_shared<overlay::CachedFd>(std::move(found->second));
  kept.erase(found);
  return file;
}

/// Files that no node has: of an answer that never arrived, or of a node that is lost.
void drop_other_files(Daemon& daemon) {
  KeptFiles& kept = daemon.life->files();
  for (const auto& [node, file] : kept) daemon.life->drop(node);
  kept.clear();
}

/// Backing ids, each with one owner from here on.
class Backings {
 public:
  explicit Backings(Daemon& daemon) : daemon_(daemon) {}

  overlay::SharedBacking at(int32_t id) {
    if (id <= 0) return nullptr;
    overlay::SharedBacking& owner = owners_[id];
    if (owner == nullptr) {
      daemon_.registrar.adopt(id);
      owner = std::make_shared<overlay::BackingId>(daemon_.registrar, id);
    }
    return owner;
  }

  /// What no open file has is given back.
  void close_others() {
    for (int32_t id = 1; id < Survival::kMostBackings; ++id) {
      if (!daemon_.survival->has_backing(id) || owners_.contains(id)) continue;
      daemon_.registrar.adopt(id);
      daemon_.registrar.close(id);
    }
  }

 private:
  Daemon& daemon_;
  std::unordered_map<int32_t, overlay::SharedBacking> owners_;
};

size_t restore_handles(Daemon& daemon) {
  HandleRecords& records = daemon.survival->handles();
  Backings backings(daemon);
  size_t restored = 0;
  for (uint32_t index = 0; index < records.end(); ++index) {
    const HandleRecord& record = records.at(index);
    if (record.is_used == 0) continue;
    const overlay::InodeRef inode = daemon.overlay.table.find(overlay::NodeId{record.node});
    if (!inode) continue;
    auto file = overlay::reopen(daemon.overlay, inode,
                                {.flags = record.flags,
                                 .backing = backings.at(record.backing_id),
                                 .side = record.side,
                                 .user = record.user});
    (void)daemon.files.add_recorded(index, record.turn, std::move(file));
    ++daemon.counters.open_files;
    ++restored;
  }
  backings.close_others();
  return restored;
}

/// What the former daemon was about to tell the kernel is told again: of nodes that requests under
/// way name, and of those that are open.
void tell_anew(Daemon& daemon, std::span<const RequestBytes> requests) {
  const auto tell = [&daemon](overlay::NodeId node) {
    const overlay::InodeRef inode = daemon.overlay.table.find(node);
    if (!inode) return;
    if (inode->is_directory() && daemon.has_other_layers) return;  // forget_directories()
    daemon.mount.attributes_changed_later(node);
    if (inode->is_directory()) daemon.mount.listing_changed_later(node);
  };
  for (const RequestBytes& request : requests) {
    if (is_forget(request)) continue;
    tell(overlay::NodeId{header_of(request).nodeid});
    if (const auto rename = rename_of(request)) tell(rename->new_parent);
  }
  HandleRecords& handles = daemon.survival->handles();
  for (uint32_t index = 0; index < handles.end(); ++index) {
    if (handles.at(index).is_used != 0) tell(overlay::NodeId{handles.at(index).node});
  }
}

}  // namespace

Expected<void> ask_for_unanswered(BorrowedFd connection) {
  const fuse_out_header notice = {sizeof notice, kNotifyResend, 0};
  if (sys::write_message(connection, {reinterpret_cast<const char*>(&notice), sizeof notice})) {
    return {};
  }
  return problem("the kernel does not send unanswered requests again",
                 "Linux 6.9 and later do; mount anew");
}

bool is_sent_again(std::span<const char> request) {
  return (header_of(request).unique & kSentAgain) != 0;
}

void forget_directories(Daemon& daemon) {
  for (const overlay::NodeId node : daemon.overlay.table.known_nodes()) {
    const overlay::InodeRef inode = daemon.overlay.table.find(node);
    if (inode && inode->is_directory()) daemon.notifier->pages_changed(node);
  }
}

bool is_getattr(std::span<const char> request) { return header_of(request).opcode == FUSE_GETATTR; }

bool is_lookup(std::span<const char> request) { return header_of(request).opcode == FUSE_LOOKUP; }

bool is_forget(std::span<const char> request) {
  const uint32_t opcode = header_of(request).opcode;
  return opcode == FUSE_FORGET || opcode == FUSE_BATCH_FORGET;
}

bool is_release(std::span<const char> request) { return header_of(request).opcode == FUSE_RELEASE; }

void take_over(Daemon& daemon, std::span<const RequestBytes> requests) {
  daemon.overlay.stack.workdir.discard_all();
  take_back(daemon, requests);
  const auto renames = renames_of(requests);
  const overlay::Restored restored =
      overlay::restore_nodes(daemon.overlay, daemon.survival->nodes(), renames,
                             [&daemon](overlay::NodeId node) { return kept_file(daemon, node); });
  daemon.has_other_layers = restored.has_other_layers;
  sys::bound_kept_memory();  // After Survival::prepare_to_begin().
  drop_other_files(daemon);
  const size_t files = restore_handles(daemon);
  tell_anew(daemon, requests);
  log::warn("daemon number %u of this mount takes over: %zu nodes, %zu open files, %zu requests",
            daemon.life->number().lives + 1, restored.nodes, files, requests.size());
  if (restored.lost > 0) {
    log::warn("%zu files are not there any more as they were known (ESTALE)", restored.lost);
  }
}

}  // namespace overpass::fuse
