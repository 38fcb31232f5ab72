// SPDX-License-Identifier: MIT
//
// The features and why each is wanted.

#include "fuse/negotiate.h"

#include <algorithm>

#include "base/log.h"
#include "fuse/daemon.h"
#include "overlay/find/layer_stat.h"
#include "sys/calls.h"

namespace overpass::fuse {

namespace {

struct Feature {
  uint64_t capability;
  bool wanted;
};

constexpr Feature kFeatures[] = {
    // The upper's file system applies the umask, for it knows whether a default ACL replaces it.
    {FUSE_CAP_DONT_MASK, true},
    // Listings carry attributes always: a walk needs no LOOKUP. The automatic mode would go back to
    // bare names in the middle of a directory.
    {FUSE_CAP_READDIRPLUS, true},
    {FUSE_CAP_READDIRPLUS_AUTO, false},
    {FUSE_CAP_PARALLEL_DIROPS, true},
    {FUSE_CAP_CACHE_SYMLINKS, true},
    {FUSE_CAP_ASYNC_READ, true},
    {FUSE_CAP_ASYNC_DIO, true},
    {FUSE_CAP_DIRECT_IO_ALLOW_MMAP, true},
    {FUSE_CAP_IOCTL_DIR, true},
    // Requests are small and replies short: splicing them costs more system calls than it saves.
    {FUSE_CAP_SPLICE_READ, false},
    {FUSE_CAP_SPLICE_WRITE, false},
    {FUSE_CAP_SPLICE_MOVE, false},
    // Locks of fcntl(2) are the kernel's own: kept here, each close(2) would cost a FLUSH.
    {FUSE_CAP_POSIX_LOCKS, false},
};

/// Where it is offered.
void ask_for(const Feature& feature, fuse_conn_info& connection) {
  if (feature.wanted) {
    (void)fuse_set_feature_flag(&connection, feature.capability);
  } else {
    fuse_unset_feature_flag(&connection, feature.capability);
  }
}

/// Of what decides about access: who checks ACLs, and who drops set-id bits of what is written to.
void negotiate_permissions(const Daemon& daemon, fuse_conn_info& connection) {
  // Set-id bits fall with the daemon's own system calls, which lack CAP_FSETID: no request for
  // security.capability before each write. Where modes are kept in attributes, no system call drops
  // any: the kernel does, by changing the mode; of a truncation only if it comes by itself.
  const bool in_inodes = !overlay::upper_overrides(daemon.overlay);
  const Feature features[] = {
      {FUSE_CAP_POSIX_ACL, daemon.overlay.settings.acls},
      {FUSE_CAP_HANDLE_KILLPRIV_V2, in_inodes},
      // OPEN truncates by itself: one request less, and a copy-up that copies nothing.
      {FUSE_CAP_ATOMIC_O_TRUNC, in_inodes},
  };
  for (const Feature& feature : features) ask_for(feature, connection);
}

void negotiate_passthrough(Daemon& daemon, fuse_conn_info& connection) {
  Negotiated& result = daemon.negotiated;
  if (!daemon.may_register) {
    fuse_unset_feature_flag(&connection, FUSE_CAP_PASSTHROUGH);
    return;  // The reason is known already.
  }
  if (!fuse_set_feature_flag(&connection, FUSE_CAP_PASSTHROUGH)) {
    result.passthrough_reason = "the kernel has no FUSE passthrough (it came with Linux 6.9)";
    return;
  }
  // Depth 0 lets another overlay be mounted on this one; depth 1 is needed to pass through to
  // layers that are themselves stacked.
  connection.max_backing_stack_depth = daemon.overlay.stack.has_stacked_layer
                                           ? FUSE_BACKING_STACKED_OVER
                                           : FUSE_BACKING_STACKED_UNDER;
  result.passthrough = true;
  daemon.registrar.set_available();
  daemon.registrar.start_asking();
}

/// The kernel has either passthrough or a write-back cache. With the latter it goes by its own idea
/// of sizes and times, and by that of appends only in part (overpass(1)), so it has to be asked
/// for. After negotiate_passthrough().
void negotiate_writeback(Daemon& daemon, fuse_conn_info& connection) {
  Negotiated& result = daemon.negotiated;
  const bool is_wanted = daemon.options.writeback == config::Switch::On;
  if (!is_wanted || !daemon.overlay.is_writable()) {
    fuse_unset_feature_flag(&connection, FUSE_CAP_WRITEBACK_CACHE);
    result.writeback_reason = is_wanted ? "the mount is read-only" : "not asked for";
    return;
  }
  result.writeback = fuse_set_feature_flag(&connection, FUSE_CAP_WRITEBACK_CACHE);
  if (!result.writeback) result.writeback_reason = "the kernel does not offer it";
  daemon.overlay.writeback = result.writeback;
}

/// Reading without opening saves a request, and takes what passthrough gives and rules forbid.
/// After negotiate_passthrough().
void negotiate_opens(Daemon& daemon, const fuse_conn_info& connection) {
  Negotiated& result = daemon.negotiated;
  const overlay::Overlay& overlay = daemon.overlay;
  const bool can_do_without = !overlay.is_writable() && overlay.settings.rules.rules().empty() &&
                              (connection.capable_ext & FUSE_CAP_NO_OPEN_SUPPORT) != 0;
  const bool looks = overlay.settings.lower_changes != overlay::LowerChanges::Warn;
  result.needs_open =
      result.passthrough || !can_do_without || looks || daemon.options.opens == config::Opens::Ask;
}

/// The kernel keeps locks with its own inode. Where a file may get a second one
/// (overlay/state/flocks.h) those of flock(2) are kept here, which costs a request for each use and
/// nothing else. After negotiate_passthrough().
void negotiate_locks(const Daemon& daemon, fuse_conn_info& connection) {
  // Those would end with the daemon, where the mount does not.
  const bool may_split = !daemon.options.survives && daemon.negotiated.passthrough &&
                         daemon.overlay.is_writable() && !daemon.overlay.settings.cached_lower_io;
  ask_for({FUSE_CAP_FLOCK_LOCKS, may_split}, connection);
}

/// A handle (name_to_handle_at(2)) is a node id, which the next daemon may give to another file:
/// a program that keeps handles, as another overlay's index does, must not get any. FUSE gives them
/// out unless told not to.
void negotiate_export(const Daemon& daemon, fuse_conn_info& connection) {
  const bool wanted = daemon.overlay.stack.format.nfs_export;
  ask_for({FUSE_CAP_EXPORT_SUPPORT, wanted}, connection);
  ask_for({FUSE_CAP_NO_EXPORT_SUPPORT, !wanted}, connection);
  if (wanted) {
    log::warn(
        "nfs_export=on: file handles of this mount last while the kernel remembers the file, and "
        "end with the mount");
  }
}

void negotiate_transport(Daemon& daemon, fuse_conn_info& connection) {
  Negotiated& result = daemon.negotiated;
  if (daemon.options.io_uring == config::Switch::Off) {
    fuse_unset_feature_flag(&connection, FUSE_CAP_OVER_IO_URING);
    result.io_uring_reason = "switched off by option";
    return;
  }
  if (daemon.options.survives) {
    fuse_unset_feature_flag(&connection, FUSE_CAP_OVER_IO_URING);
    result.io_uring_reason =
        "survive=on: the kernel does not send requests again that were taken over io_uring";
    return;
  }
  // Where one is refused after INIT, libfuse goes on, and the kernel waits for its queues for good.
  if (!sys::newer_calls().io_uring) {
    fuse_unset_feature_flag(&connection, FUSE_CAP_OVER_IO_URING);
    result.io_uring_reason =
        "its system calls are refused here (allow io_uring_register and io_uring_enter in the "
        "seccomp profile)";
    return;
  }
  // A queue has one thread, and all callers of a processor wait for it.
  const auto& layers = daemon.overlay.stack.layers;
  if (daemon.options.io_uring != config::Switch::On &&
      std::ranges::any_of(layers, [](const layer::Layer& layer) { return layer.is_remote; })) {
    fuse_unset_feature_flag(&connection, FUSE_CAP_OVER_IO_URING);
    result.io_uring_reason =
        "a layer is on a file server, which could hold up all callers (io_uring=on takes the risk)";
    return;
  }
  result.io_uring = fuse_set_feature_flag(&connection, FUSE_CAP_OVER_IO_URING);
  if (!result.io_uring) {
    result.io_uring_reason =
        "the kernel does not offer it (Linux 6.14 and /sys/module/fuse/parameters/enable_uring)";
  }
}

/// A feature that was switched on must be had.
void require(Daemon& daemon, config::Switch wanted, bool active, const char* option,
             const std::string& reason) {
  if (wanted != config::Switch::On || active || daemon.failed) return;
  daemon.failed = Problem{std::string(option) + "=on cannot be had: " + reason,
                          std::string("leave the option out to do without it")};
}

}  // namespace

void negotiate(Daemon& daemon, fuse_conn_info& connection) {
  const Negotiated& agreed = daemon.negotiated;
  daemon.negotiated.protocol_minor = connection.proto_minor;
  for (const Feature& feature : kFeatures) ask_for(feature, connection);
  negotiate_permissions(daemon, connection);
  daemon.negotiated.needs_opendir = (connection.capable_ext & FUSE_CAP_NO_OPENDIR_SUPPORT) == 0;
  connection.time_gran = 1;
  // Callers who are being killed are found by other means (overlay/state/copy_up_progress.h).
  connection.no_interrupt = 1;
  negotiate_passthrough(daemon, connection);
  negotiate_opens(daemon, connection);
  negotiate_writeback(daemon, connection);
  negotiate_locks(daemon, connection);
  negotiate_export(daemon, connection);
  negotiate_transport(daemon, connection);
  require(daemon, daemon.options.passthrough, agreed.passthrough, "passthrough",
          agreed.passthrough_reason);
  require(daemon, daemon.options.writeback, agreed.writeback || !daemon.overlay.is_writable(),
          "writeback", agreed.writeback_reason);
  require(daemon, daemon.options.io_uring, agreed.io_uring, "io_uring", agreed.io_uring_reason);
}

void agree_as_before(Daemon& daemon, const fuse_conn_info& connection) {
  if (daemon.survival == nullptr) return;
  Survival& survival = *daemon.survival;
  if (daemon.life == nullptr || daemon.life->is_first()) {
    return survival.keep_agreed(connection.want_ext);
  }
  if (survival.agreed() == connection.want_ext || daemon.failed) return;
  daemon.failed = Problem{
      "this program would agree with the kernel on other features of FUSE than "
      "those the mount has",
      "unmount, and mount anew"};
}

}  // namespace overpass::fuse
