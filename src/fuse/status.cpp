// SPDX-License-Identifier: MIT
//
// The keys are what scripts rely on; new ones may be added, none changed.

#include "fuse/status.h"

#include <unistd.h>

#include <chrono>
#include <nlohmann/json.hpp>

#include "fuse/daemon.h"
#include "overlay/find/union_path.h"
#include "overlay/state/copy_up_progress.h"
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

/// What is waited for before a copied-up file is shown, and why if it is not what was asked for.
void add_copy_up(nlohmann::json& status, const overlay::Overlay& overlay) {
  const bool is_ordered = overlay.stack.workdir.features().write_order.names_after_data;
  if (!overlay.is_writable() || overlay.settings.is_volatile) {
    status["copy_up"] = overlay.is_writable() ? "volatile" : "none";
  } else if (overlay.settings.durable_copies || !is_ordered) {
    status["copy_up"] = "durable";
    status["copy_up_reason"] = overlay.settings.durable_copies
                                   ? "asked for"
                                   : "the upper's file system is not known to give a file its name "
                                     "after its data";
  } else {
    status["copy_up"] = "ordered";
  }
}

std::string path_of(overlay::Inode& inode) {
  std::string path;
  for (const std::string& name : overlay::names_to(inode)) path += "/" + name;
  return path;
}

nlohmann::json shown(const overlay::CopyUnderWay& copy) {
  const std::chrono::duration<double> age = copy.age();
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto since = std::chrono::duration_cast<std::chrono::seconds>(now - copy.age());
  return {{"file", path_of(*copy.file())}, {"phase", overlay::word_of(copy.phase())},
          {"done", copy.done()},           {"total", copy.total()},
          {"since", since.count()},        {"seconds", age.count()}};
}

/// The copy-ups under way, the oldest first. Read without stopping them.
nlohmann::json all_copies(const Daemon& daemon) {
  auto copies = nlohmann::json::array();
  for (const auto& copy : daemon.overlay.copies.all()) {
    copies.push_back(shown(*copy));
    copies.back()["waiting"] = copy->waiters();
  }
  return copies;
}

/// Those that are made for `user`, without how many others wait for them.
nlohmann::json copies_for(const Daemon& daemon, uid_t user) {
  auto copies = nlohmann::json::array();
  for (const auto& copy : daemon.overlay.copies.all()) {
    if (copy->user() == user) copies.push_back(shown(*copy));
  }
  return copies;
}

/// Without a broker what was passed through goes on being so.
nlohmann::json passthrough_of(const Daemon& daemon) {
  const Negotiated& agreed = daemon.negotiated;
  const Registrar& registrar = daemon.registrar;
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

/// For each type that there was: how long half of the requests took at most, and 99 of 100.
nlohmann::json latencies_of(const RequestTrace& trace) {
  using Microseconds = std::chrono::duration<double, std::micro>;
  auto types = nlohmann::json::object();
  for (size_t opcode = 0; opcode < kOpcodeNames.size(); ++opcode) {
    const Latencies& latencies = trace.latencies(static_cast<Opcode>(opcode));
    if (latencies.count() == 0) continue;
    types[kOpcodeNames[opcode]] = {{"median_us", Microseconds(latencies.quantile(0.5)).count()},
                                   {"p99_us", Microseconds(latencies.quantile(0.99)).count()}};
  }
  return types;
}

nlohmann::json rules_of(const overlay::Overlay& overlay, const RuleLog& log) {
  return {{"count", overlay.settings.rules.rules().size()},
          {"lost_lines", log.lost()},
          {"refused", overlay.refused_by_rules.load(std::memory_order_relaxed)}};
}

/// All rules in their order, sets taken apart; null if they are too long for an attribute.
nlohmann::json rule_texts_of(const overlay::Overlay& overlay) {
  constexpr size_t kMostBytes = 40'000;
  auto texts = nlohmann::json::array();
  size_t bytes = 0;
  for (const rules::Rule& rule : overlay.settings.rules.rules()) {
    // 24 for the keys; a byte may take six as an escape.
    for (const char byte : rule.text + rule.where) bytes += byte < ' ' || byte == '\\' ? 6 : 1;
    bytes += 24;
    if (bytes > kMostBytes) return nullptr;
    texts.push_back({{"rule", rule.text}, {"where", rule.where}});
  }
  return texts;
}

const char* word_of(overlay::LowerChanges changes) {
  if (changes == overlay::LowerChanges::Warn) return "warn";
  return changes == overlay::LowerChanges::Refuse ? "refuse" : "follow";
}

/// Whether another daemon takes over when this one dies, and which one this is.
nlohmann::json survival_of(const Daemon& daemon) {
  const bool is_asked_for = daemon.life != nullptr;
  const bool is_kept = is_asked_for && daemon.life->is_kept();
  const char* const reason = is_kept        ? ""
                             : is_asked_for ? "the keeper has died: mount anew to have one again"
                                            : "not asked for (survive=on)";
  const LifeNumber number = is_asked_for ? daemon.life->number() : LifeNumber{};
  return {{"active", is_kept},
          {"reason", reason},
          {"deaths", number.lives - number.replacements},
          {"replacements", number.replacements}};
}

/// What the mount can do, from which nothing can be told of its layers or its users.
nlohmann::json features_of(const Daemon& daemon) {
  const Negotiated& agreed = daemon.negotiated;
  nlohmann::json features = {
      {"version", OVERPASS_VERSION},
      {"read_only", !daemon.overlay.is_writable()},
      {"volatile", daemon.overlay.settings.is_volatile},
      {"mark_prefix", daemon.overlay.stack.prefix == layer::Prefix::Trusted ? "trusted.overlay."
                                                                            : "user.overlay."},
      {"open", daemon.negotiated.needs_open ? "ask" : "none"},
      {"lower_changes", word_of(daemon.overlay.settings.lower_changes)},
      {"lower_io", daemon.overlay.settings.cached_lower_io ? "cached" : "passthrough"},
      {"transport", agreed.io_uring ? "io_uring" : "/dev/fuse"},
      {"transport_reason", agreed.io_uring_reason},
      {"survives", survival_of(daemon)},
      {"threads", daemon.threads},
      {"passthrough", passthrough_of(daemon)},
      {"files_registered_by", daemon.registrar.name()},
      {"writeback", {{"active", agreed.writeback}, {"reason", agreed.writeback_reason}}},
      {"transfers", daemon.overlay.transfers.describe()},
      {"max_idle_inodes", daemon.options.max_idle_inodes},
      {"max_idle_inodes_reason",
       daemon.housekeeping->can_prune() ? "" : "the kernel cannot be asked to forget inodes"},
  };
  add_copy_up(features, daemon.overlay);
  add_format(features, daemon.overlay.stack);
  return features;
}

/// Of the process, and what of them open files have.
nlohmann::json descriptors_of(Daemon& daemon) {
  overlay::DescriptorBudget& budget = daemon.overlay.descriptors;
  budget.refresh();
  return {{"in_use", sys::count_open_descriptors().value_or(0)},
          {"limit", budget.limit()},
          {"of_open_files", budget.leased()},
          {"most_of_open_files", budget.most()},
          {"refused_opens", budget.refused()}};
}

/// Paths, process number, and what all users together have done.
void add_details(nlohmann::json& status, Daemon& daemon) {
  status["pid"] = ::getpid();
  status["mountpoint"] = daemon.options.mountpoint;
  status["layers"] = layers_of(daemon);
  status["requests"] = requests_of(daemon.counters);
  status["latencies"] = latencies_of(daemon.trace);
  status["rules"] = rules_of(daemon.overlay, daemon.mount.rule_log);
  status["rule_texts"] = rule_texts_of(daemon.overlay);
  status["inodes"] = daemon.overlay.table.size();
  status["open_handles"] = daemon.counters.open_files.load();
  status["backing_ids"] = daemon.registrar.count();
  status["cached_directory_fds"] = daemon.overlay.directory_fds.size();
  status["open_fds"] = sys::count_open_descriptors().value_or(0);
  status["descriptors"] = descriptors_of(daemon);
  status["worker_tasks"] = daemon.workers->pending();
  status["copies"] = all_copies(daemon);
  // It may have paths and rules.
  status["survives"]["not_replaced"] = daemon.replacement ? daemon.replacement->why_not() : "";
}

}  // namespace

bool may_see_all(uid_t user) { return user == 0 || user == ::geteuid(); }

std::string status(Daemon& daemon, uid_t asker) {
  nlohmann::json result = features_of(daemon);
  const bool is_complete = may_see_all(asker);
  result["complete"] = is_complete;
  if (is_complete) {
    add_details(result, daemon);
  } else {
    result["complete_reason"] = "the rest is shown to root and to the user who mounted it";
    result["passthrough"].erase("reason");  // It may have the path of the broker's socket.
    result["copies"] = copies_for(daemon, asker);
  }
  // Paths may be any bytes; what is no UTF-8 is shown replaced.
  return result.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace overpass::fuse
