// SPDX-License-Identifier: MIT

#include "fuse/executed_daemon.h"

#include <sys/stat.h>

#include <cstring>
#include <utility>

#include "base/log.h"
#include "base/nearest.h"
#include "fuse/daemon.h"
#include "fuse/handover.h"
#include "fuse/records_version.h"
#include "fuse/session.h"
#include "sys/credentials.h"
#include "sys/inheritance.h"
#include "sys/proc.h"
#include "sys/process.h"
#include "sys/program.h"
#include "sys/stat.h"

namespace overpass::fuse {

namespace {

/// A copy of an open file that is inherited; empty for an empty one.
Result<UniqueFd> for_program(BorrowedFd file) {
  if (raw(file) < 0) return UniqueFd();
  return sys::inherited_copy(file);
}

/// The layers as they are open. The overlay has taken the roots and the index.
Result<layer::LayerStack> layers_for_program(const overlay::Overlay& overlay) {
  const layer::LayerStack& own = overlay.stack;
  layer::LayerStack stack;
  for (size_t i = 0; i < own.layers.size(); ++i) {
    layer::Layer layer;
    static_cast<layer::LayerProperties&>(layer) = own.layers[i];
    layer.root = TRY(for_program(overlay.roots[i]->fd));
    stack.layers.push_back(std::move(layer));
  }
  for (const layer::HiddenPath& hidden : own.hidden) {
    UniqueFd beneath = TRY(for_program(hidden.beneath));
    stack.hidden.push_back({hidden.layer, hidden.path, std::move(beneath)});
  }
  if (UniqueFd work = TRY(for_program(own.workdir.fd()))) {
    stack.workdir = layer::Workdir::adopt(std::move(work), own.workdir.settled());
  }
  if (overlay.index != nullptr) stack.index = TRY(for_program(overlay.index->fd));
  stack.upper_lock = TRY(for_program(own.upper_lock));
  stack.work_lock = TRY(for_program(own.work_lock));
  stack.first_data_only = own.first_data_only;
  stack.prefix = own.prefix;
  stack.format = own.format;
  stack.format_reasons = own.format_reasons;
  stack.has_stacked_layer = own.has_stacked_layer;
  return stack;
}

Result<Handover> handover_of(const Daemon& daemon, const Session& session, const Life& life) {
  Handover handover;
  handover.life = life.number();
  handover.options = daemon.options;
  handover.first_options = daemon.options;
  handover.stack = TRY(layers_for_program(daemon.overlay));
  handover.generation = daemon.generation;
  handover.root_number = daemon.overlay.table.root().ino;
  handover.mount = session.mounted_at();
  handover.connection = TRY(for_program(session.connection()));
  handover.records = TRY(for_program(daemon.survival->file()));
  handover.rule_log = TRY(for_program(daemon.mount.rule_log.file()));
  handover.guard = TRY(for_program(session.guard_link()));
  handover.broker = TRY(for_program(daemon.registrar.broker()));
  handover.may_register = daemon.may_register;
  handover.registers_itself = daemon.registers_itself;
  handover.passthrough_reason = daemon.negotiated.passthrough_reason;
  return handover;
}

/// The layers that the mount did not begin with.
Result<void> add_layers(Handover& handover, const AddedLayers& layers) {
  for (const auto& layer : layers) {
    UniqueFd root = TRY(for_program(layer->root));
    // This program's own, or a later one's.
    if (!put_described(handover.stack, layer->description, std::move(root))) return fail(EPROTO);
  }
  return {};
}

/// What a program looks up to begin: itself and its libraries, the system's log, the time zone.
constexpr const char* kNeeded[] = {
    "/usr/share", "/usr/share/zoneinfo", "/", "/dev", "/etc", "/lib", "/lib64", "/proc", "/usr",
    "/usr/lib"};

}  // namespace

namespace {

/// The file at the keeper's path. Not what a union shows there: who owns a layer would have his
/// program executed by the user who mounted. Nor what a symbolic link leads to, which could be in
/// one. The mount is being served.
Expected<UniqueFd> open_at_own_path(const std::string& path,
                                    const std::optional<sys::MountedAt>& mount) {
  const std::string what = "the program " + in_quotes(path);
  auto program = sys::open_program(path);
  if (!program) {
    return problem(what + " cannot be executed: " + std::strerror(to_int(program.error())),
                   "install overpass there again");
  }
  const auto stat = sys::stat(sys::place_of(*program));
  if (stat && mount && sys::device_of(*stat) != mount->device) return std::move(*program);
  return problem(what + " lies in the union itself", "unmount, and mount anew");
}

}  // namespace

Problem execute_daemon(const Daemon& daemon, const Session& session, const Life& life,
                       const ProgramStart& start, const std::string& path) {
  if (raw(daemon.survival->file()) < 0) {
    return {"the limit of file sizes (ulimit -f) allows no file for the records of the mount",
            "mount anew with a higher one"};
  }
  if (sys::stands_in_own_files()) return {"there is no /proc", "mount -t proc proc /proc"};
  UniqueFd at_path;
  if (raw(start.program) < 0) {
    auto opened = open_at_own_path(path, session.mounted_at());
    if (!opened) return opened.error();
    at_path = std::move(*opened);
  }
  auto handover = handover_of(daemon, session, life);
  if (handover && raw(start.options) >= 0) {
    auto options = read_options(start.options);
    if (!options) return options.error();
    handover->options = std::move(*options);
  }
  if (handover) {
    handover->changes = start.changes;
    handover->lower = start.lower;
    if (auto added = add_layers(*handover, start.layers); !added) handover = fail(added.error());
  }
  const auto file = handover ? write_handover(*handover) : fail(handover.error());
  const auto link = for_program(life.link());
  if (!file || !link) {
    const Errno reason = file ? link.error() : file.error();
    return {std::string("the mount cannot be handed on: ") + std::strerror(to_int(reason)),
            "raise the limit of open files"};
  }
  // Inherited as well: a sanitizer's build executes itself once more, by the name that it then has.
  const auto program = for_program(at_path ? at_path.get() : start.program);
  if (!program) return {"the program cannot be handed on", "raise the limit of open files"};
  sys::keep_capabilities_at_execution();
  const std::vector<std::string> words = {"overpass",
                                          kTakeOverWord,
                                          std::to_string(raw(*file)),
                                          std::to_string(raw(*link)),
                                          std::to_string(raw(*program)),
                                          daemon.options.mountpoint};
  const Errno failed = sys::execute_file(*program, words);
  return {
      "the program " + in_quotes(path) + " cannot be executed: " + std::strerror(to_int(failed)),
      "install overpass there again"};
}

Expected<void> check_place(const std::optional<sys::MountedAt>& mount) {
  if (!mount) return problem("it cannot be told whether the program lies in the mount");
  bool is_inside = sys::maps_file_of(mount->device);
  for (const char* path : kNeeded) {
    struct stat stat;
    is_inside = is_inside || (::stat(path, &stat) == 0 && stat.st_dev == mount->device);
  }
  if (!is_inside) return {};
  return problem("the union covers the program itself, or what it needs to begin",
                 "unmount, and mount anew");
}

Expected<std::unique_ptr<Survival>> adopt_records(UniqueFd file) {
  const uint32_t version = Survival::version_in(file);
  auto records = Survival::adopt(std::move(file));
  if (records) return std::move(*records);
  if (records.failed_with(EPROTONOSUPPORT)) {
    return problem("the records of the mount are of version " + std::to_string(version) +
                       ", and this program has version " + std::to_string(records_version()),
                   "unmount, and mount anew");
  }
  return problem(std::string("the records of the mount cannot be read: ") +
                     std::strerror(to_int(records.error())),
                 "raise the limit of memory (ulimit -v)");
}

Expected<bool> wait_for_begin(Life& life, const config::Options& options) {
  const auto program = sys::open_own_program();
  const auto understood = write_options(options);
  if (!program || !understood) {
    return problem("the program cannot tell of itself", "raise the limit of open files");
  }
  life.tell(ToKeeper::Options, {}, *understood);
  life.tell(ToKeeper::Able, {}, *program);
  while (auto word = life.hear()) {
    if (word->what == ToDaemon::Begin) return true;
    if (word->what == ToDaemon::Keep) keep_file(life.files(), std::move(*word));
  }
  return false;
}

}  // namespace overpass::fuse
