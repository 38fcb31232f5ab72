// SPDX-License-Identifier: MIT
//
// The running mount: what every handler finds behind its request.

#ifndef OVERPASS_FUSE_DAEMON_H_
#define OVERPASS_FUSE_DAEMON_H_

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <unordered_set>

#include "base/problem.h"
#include "config/options.h"
#include "fuse/caller_watch.h"
#include "fuse/counters.h"
#include "fuse/files_by_node.h"
#include "fuse/gate.h"
#include "fuse/handles.h"
#include "fuse/housekeeping.h"
#include "fuse/libfuse.h"
#include "fuse/life.h"
#include "fuse/listings.h"
#include "fuse/lost_forgets.h"
#include "fuse/notifier.h"
#include "fuse/registrar.h"
#include "fuse/replacement.h"
#include "fuse/request_trace.h"
#include "fuse/rule_log.h"
#include "fuse/survival.h"
#include "fuse/workers.h"
#include "overlay/open/open_file.h"
#include "overlay/state/overlay.h"
#include "sys/random.h"

namespace overpass::fuse {

/// What was agreed with the kernel at INIT, and why something was not; for `overpass status`.
struct Negotiated {
  bool io_uring = false;
  std::string io_uring_reason;  ///< Why not.
  bool passthrough = false;
  std::string passthrough_reason;  ///< Why not.
  bool writeback = false;
  std::string writeback_reason;  ///< Why not.
  unsigned protocol_minor = 0;
  bool needs_open = true;     ///< Files are opened before they are read.
  bool needs_opendir = true;  ///< The kernel insists on opening directories (before Linux 5.1).
};

/// The nodes whose files the keeper holds. Threads: any.
class KeptByKeeper {
 public:
  void keep(const Life& life, overlay::NodeId node, BorrowedFd file) {
    Lock lock(mutex_);
    if (nodes_.insert(node).second) life.keep(static_cast<uint64_t>(node), file);
  }
  void drop(const Life& life, overlay::NodeId node) {
    Lock lock(mutex_);
    if (nodes_.erase(node) != 0) life.drop(static_cast<uint64_t>(node));
  }

 private:
  Mutex<LockRank::KeptFiles> mutex_;
  std::unordered_set<overlay::NodeId> nodes_ GUARDED_BY(mutex_);
};

/// The mount as long as it is served. Before and after that nothing is told, and what is submitted
/// is done at once.
class ServedMount : public overlay::Mount {
 public:
  void attributes_changed(overlay::NodeId node) override {
    if (notifier != nullptr) notifier->attributes_changed(node);
  }
  void attributes_changed_later(overlay::NodeId node) override {
    if (notifier != nullptr) notifier->attributes_changed_later(node);
  }
  void listing_changed_later(overlay::NodeId node) override {
    if (notifier != nullptr) notifier->listing_changed_later(node);
  }
  void submit(std::move_only_function<void()> task) override {
    if (workers == nullptr) return task();
    workers->submit([this, task = std::move(task)]() mutable {
      const Gate::Pass pass(*gate);
      task();
      task = nullptr;  // What it owned may be of the union.
    });
  }

  void keep_file(overlay::NodeId node, BorrowedFd file) override {
    if (life != nullptr) kept_files.keep(*life, node, file);
  }
  void drop_file(overlay::NodeId node) override {
    if (life != nullptr) kept_files.drop(*life, node);
  }

  void note_done(uint64_t request) override {
    if (life != nullptr) survival->note_done(request);
  }

  void tell(const overlay::RuleEvent& event) override { rule_log.write(event); }

  RuleLog rule_log;  ///< Opened before the mount.

  // Set before the first request is served, cleared after what they point to has ended.
  Notifier* notifier = nullptr;
  Workers* workers = nullptr;
  Gate* gate = nullptr;
  // With survive=on.
  const Life* life = nullptr;
  Survival* survival = nullptr;

 private:
  KeptByKeeper kept_files;
};

struct Daemon {
  Daemon(const config::Options& chosen, layer::LayerStack stack, overlay::Settings settings)
      : options(chosen), overlay(std::move(stack), std::move(settings), mount, registrar) {
    mount.gate = &gate;
  }

  const config::Options& options;
  /// Of every node but the root, so that a file handle of another daemon is told apart.
  uint32_t generation = sys::random_number();
  unsigned threads = 1;
  fuse_session* session = nullptr;  ///< Set once made, before it is mounted.
  /// Passthrough was asked for and the daemon may register files; set before INIT.
  bool may_register = false;
  bool registers_itself = false;  ///< The daemon has the right to; set before mounting.
  std::function<void()> on_ready;
  Negotiated negotiated;          ///< Constant from INIT on.
  std::optional<Problem> failed;  ///< Why the mount must not go on; set at INIT.

  std::atomic<bool> is_freezing = false;
  Gate gate;  ///< Passed by every thread that works on the union.

  /// With survive=on; its memory outlives the daemon.
  std::unique_ptr<Survival> survival;
  const Life* life = nullptr;    ///< Set while a survivor's daemon serves.
  bool has_other_rules = false;  ///< Than the mount began with.
  /// It is to end without the mount; the thread that waits for signals decides, since one that has
  /// come ends the mount. Then, or when the mount ends by itself, it stays.
  std::atomic<bool> wants_to_leave = false, stays = false;
  bool has_other_layers = false;  ///< Than a former daemon, and the kernel may not know of it.

  // Order matters at the end: tasks and notifications before the overlay, that before the ids'
  // owner and the counters.
  Counters counters;
  RequestTrace trace;
  Registrar registrar;  ///< Set up before INIT.
  ServedMount mount;
  overlay::Overlay overlay;
  Handles<overlay::OpenFile> files;
  FilesByNode files_by_node{overlay};
  Listings listings{overlay.descriptors.listings()};
  std::optional<Notifier> notifier;
  std::optional<Housekeeping> housekeeping;
  std::optional<LostForgets> lost_forgets;  ///< With a keeper.
  std::optional<CallerWatch> flock_watch;
  std::optional<CallerWatch> call_watch;
  std::optional<Workers> workers;
  std::optional<Replacement> replacement;  ///< With a keeper.
};

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_DAEMON_H_
