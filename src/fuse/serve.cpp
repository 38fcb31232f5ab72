// SPDX-License-Identifier: MIT
//
// The story of a mount, from options to the end.

#include "fuse/serve.h"

#include <fcntl.h>

#include <cstring>

#include "base/log.h"
#include "fuse/daemon.h"
#include "fuse/session.h"
#include "layer/open_layers.h"
#include "passthrough/backing_ids.h"
#include "sys/credentials.h"
#include "sys/open.h"
#include "sys/process.h"

namespace overpass::fuse {

namespace {

layer::LayerPaths paths_of(const config::Options& options) {
  return {.lower = options.lower,
          .data_only = options.data_only,
          .upper = options.upper,
          .work = options.work,
          .mountpoint = options.mountpoint,
          .userxattr = options.userxattr,
          .format = options.format};
}

overlay::Settings settings_of(const config::Options& options) {
  return {options.read_only, options.is_volatile, options.lower_io == config::LowerIo::Cached};
}

/// Whether files may be registered for passthrough. It excludes other ways of caching, so this must
/// be known before INIT.
void decide_passthrough(Daemon& daemon) {
  std::string& reason = daemon.negotiated.passthrough_reason;
  if (daemon.options.passthrough == config::Switch::Off) {
    reason = "switched off by option";
  } else if (!sys::is_privileged_in_initial_namespace()) {
    reason = "needs CAP_SYS_ADMIN in the initial user namespace";
  } else {
    daemon.may_register = true;
  }
}

Expected<void> check_mountpoint(const std::string& path) {
  auto fd = sys::open_path(path.c_str(), O_PATH | O_DIRECTORY);
  if (fd) return {};
  const bool is_absent = fd.failed_with(ENOENT);
  return problem("mountpoint '" + path + "': " + std::strerror(to_int(fd.error())),
                 is_absent ? "create the directory first" : "it has to be a directory");
}

}  // namespace

Result<int32_t> DirectBackingFiles::open(BorrowedFd fd) {
  auto id = passthrough::open_backing(connection_, fd);
  if (id) ++counters_.backing_ids;
  if (!id) log::debug("a file is not passed through: errno %d", to_int(id.error()));
  return id;
}

void DirectBackingFiles::close(int32_t id) {
  passthrough::close_backing(connection_, id);
  --counters_.backing_ids;
}

Expected<void> serve(const config::Options& options, const std::function<void()>& on_ready) {
  if (auto blocked = sys::block_signals(ending_signals()); !blocked) {
    return problem("signals cannot be blocked");
  }
  if (auto usable = check_mountpoint(options.mountpoint); !usable) return usable;
  sys::raise_descriptor_limit();
  sys::trim_capabilities();
  // Layers before the mount: it may cover them.
  auto stack = layer::open_layers(paths_of(options));
  if (!stack) return std::unexpected(stack.error());
  Session session;
  Daemon daemon(options, std::move(*stack), settings_of(options));
  daemon.threads = options.threads != 0 ? options.threads : sys::usable_processors();
  daemon.on_ready = on_ready;
  decide_passthrough(daemon);
  if (auto mounted = session.mount(daemon, options); !mounted) return mounted;
  // Beyond this point callers may wait for answers.
  daemon.backing_files.connect(session.connection());
  daemon.notifier.emplace(session.get());
  daemon.overlay.invalidator = &*daemon.notifier;
  daemon.workers.emplace();
  daemon.overlay.background = &*daemon.workers;
  auto served = session.serve(daemon);
  // No request arrives any more; those that are under way are answered first.
  daemon.overlay.transfers.stop();
  daemon.overlay.background = nullptr;
  daemon.workers.reset();
  daemon.notifier.reset();
  daemon.overlay.invalidator = nullptr;
  if (daemon.failed) return std::unexpected(*daemon.failed);
  return served;
}

}  // namespace overpass::fuse
