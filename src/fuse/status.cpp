// SPDX-License-Identifier: MIT
//
// The keys are what scripts rely on; new ones may be added, none changed.

#include "fuse/status.h"

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "fuse/daemon.h"
#include "overlay/union_path.h"
#include "sys/process.h"

namespace overpass::fuse {

namespace {

nlohmann::json layers_of(const Daemon& daemon) {
  auto layers = nlohmann::json::array();
  for (const layer::Layer& layer : daemon.overlay.stack.layers) {
    if (!layer.is_present) continue;
    const bool is_upper = &layer == &daemon.overlay.stack.upper();
    const bool is_data_only =
        &layer - daemon.overlay.stack.layers.data() >= daemon.overlay.stack.lowers_end();
    layers.push_back({{"role", is_upper       ? "upper"
                               : is_data_only ? "data"
                                              : "lower"},
                      {"path", layer.path},
                      {"write_protected", layer.write_protected}});
  }
  return layers;
}

const char* word_of(const layer::FormatSettings& format) {
  if (format.writes_redirects) return "on";
  return format.follows_redirects ? "follow" : "nofollow";
}

const char* word_of(layer::Verity verity) {
  if (verity == layer::Verity::Require) return "require";
  return verity == layer::Verity::On ? "on" : "off";
}

const char* word_of(layer::Uuid uuid) {
  if (uuid == layer::Uuid::On) return "on";
  return uuid == layer::Uuid::Off ? "off" : "null";
}

/// What of overlayfs's format is in use, in the words of its mount options.
void add_format(nlohmann::json& status, const layer::LayerStack& stack) {
  const layer::FormatSettings& format = stack.format;
  const layer::FormatReasons& reasons = stack.format_reasons;
  status["redirect_dir"] = word_of(format);
  status["redirect_dir_reason"] = reasons.redirect_dir;
  status["index"] = {{"active", format.index}, {"reason", reasons.index}};
  status["metacopy"] = {{"active", format.follows_metacopy}, {"reason", reasons.metacopy}};
  status["verity"] = word_of(format.verity);
  status["xino"] = {{"active", format.xino == layer::Xino::On}, {"reason", reasons.xino}};
  status["uuid"] = word_of(format.uuid);
  status["uuid_reason"] = reasons.uuid;
  status["nfs_export"] = {{"active", format.nfs_export}, {"reason", reasons.nfs_export}};
}

std::string path_of(overlay::Inode& inode) {
  std::string path;
  for (const std::string& name : overlay::names_to(inode)) path += "/" + name;
  return path;
}

/// The copy-ups under way, the oldest first. Read without stopping them.
nlohmann::json copies_of(const Daemon& daemon) {
  auto copies = nlohmann::json::array();
  for (const auto& copy : daemon.overlay.copies.all()) {
    const std::chrono::duration<double> age = copy->age();
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto since = std::chrono::duration_cast<std::chrono::seconds>(now - copy->age());
    copies.push_back({{"file", path_of(*copy->file())},
                      {"phase", overlay::word_of(copy->phase())},
                      {"done", copy->done()},
                      {"total", copy->total()},
                      {"waiting", copy->waiters()},
                      {"since", since.count()},
                      {"seconds", age.count()}});
  }
  return copies;
}

/// Without a broker what was passed through goes on being so.
nlohmann::json passthrough_of(const Daemon& daemon) {
  const Negotiated& agreed = daemon.negotiated;
  const passthrough::Registrar& registrar = daemon.backing_files.registrar;
  const bool is_cut_off = agreed.passthrough && !registrar.is_usable();
  return {{"active", agreed.passthrough && !is_cut_off},
          {"reason", is_cut_off ? registrar.why_not() : agreed.passthrough_reason}};
}

nlohmann::json requests_of(const Counters& counters) {
  auto requests = nlohmann::json::object();
  for (size_t opcode = 0; opcode < kOpcodeNames.size(); ++opcode) {
    requests[kOpcodeNames[opcode]] = counters.of(opcode);
  }
  return requests;
}

}  // namespace

std::string status(const Daemon& daemon) {
  const Negotiated& agreed = daemon.negotiated;
  nlohmann::json result = {
      {"version", OVERPASS_VERSION},
      {"pid", ::getpid()},
      {"mountpoint", daemon.options.mountpoint},
      {"layers", layers_of(daemon)},
      {"read_only", !daemon.overlay.is_writable()},
      {"volatile", daemon.overlay.settings.is_volatile},
      {"mark_prefix", daemon.overlay.stack.prefix == layer::Prefix::Trusted ? "trusted.overlay."
                                                                            : "user.overlay."},
      {"lower_io", daemon.overlay.settings.cached_lower_io ? "cached" : "passthrough"},
      {"transport", agreed.io_uring ? "io_uring" : "/dev/fuse"},
      {"transport_reason", agreed.io_uring_reason},
      {"threads", daemon.threads},
      {"passthrough", passthrough_of(daemon)},
      {"files_registered_by", daemon.backing_files.registrar.name()},
      {"writeback", {{"active", agreed.writeback}, {"reason", agreed.writeback_reason}}},
      {"transfers", daemon.overlay.transfers.describe()},
      {"requests", requests_of(daemon.counters)},
      {"inodes", daemon.overlay.table.size()},
      {"max_idle_inodes", daemon.options.max_idle_inodes},
      {"max_idle_inodes_reason",
       daemon.housekeeping->can_prune() ? "" : "the kernel cannot be asked to forget inodes"},
      {"open_handles", daemon.counters.open_files.load()},
      {"backing_ids", daemon.counters.backing_ids.load()},
      {"cached_directory_fds", daemon.overlay.directory_fds.size()},
      {"open_fds", sys::count_open_descriptors().value_or(0)},
      {"worker_tasks", daemon.workers->pending()},
      {"copies", copies_of(daemon)},
  };
  add_format(result, daemon.overlay.stack);
  // Paths may be any bytes; what is no UTF-8 is shown replaced.
  return result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace overpass::fuse
