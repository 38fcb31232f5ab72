// SPDX-License-Identifier: MIT
//
// The story of a mount, from options to the end.

#include "fuse/serve.h"

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>
#include <exception>
#include <string>

#include "base/log.h"
#include "base/nearest.h"
#include "base/scope_exit.h"
#include "fuse/daemon.h"
#include "fuse/death_report.h"
#include "fuse/executed_daemon.h"
#include "fuse/foreign_owners.h"
#include "fuse/handover.h"
#include "fuse/layer_paths_of.h"
#include "fuse/mount_keeper.h"
#include "fuse/preparation.h"
#include "fuse/refresh.h"
#include "fuse/session.h"
#include "layer/add_lower.h"
#include "layer/kept_base.h"
#include "layer/open_layers.h"
#include "overlay/open/keep_open_lowers.h"
#include "rules/compile.h"
#include "sys/children.h"
#include "sys/credentials.h"
#include "sys/event_fd.h"
#include "sys/file_io.h"
#include "sys/inheritance.h"
#include "sys/open.h"
#include "sys/process.h"
#include "sys/program.h"

namespace overpass::fuse {

namespace {

overlay::LowerChanges meaning_of(config::LowerChanges chosen) {
  switch (chosen) {
    case config::LowerChanges::Warn:
      return overlay::LowerChanges::Warn;
    case config::LowerChanges::Refuse:
      return overlay::LowerChanges::Refuse;
    case config::LowerChanges::Follow:
      break;
  }
  return overlay::LowerChanges::Follow;
}

overlay::Settings settings_of(const config::Options& options) {
  const auto squashed = [&](std::optional<uint32_t> id) {
    return !id && options.squash_to_root ? std::optional<uint32_t>(0) : id;
  };
  // Without attributes there is nowhere to keep an ACL; and an ACL changes the mode of an inode,
  // which is not the one that is shown where that is kept in an attribute.
  const bool has_override = options.xattr_permissions != layer::StatOverride::None;
  return {.read_only = options.read_only,
          .is_volatile = options.is_volatile,
          .durable_copies = options.durable_copies,
          .lower_changes = meaning_of(options.lower_changes),
          .cached_lower_io = options.lower_io == config::LowerIo::Cached,
          .cached_names = options.cached_names,
          .verifies_copies = options.verifies_copies,
          .acls = options.acl && options.xattrs && !has_override,
          .xattrs = options.xattrs,
          .static_nlink = options.static_nlink,
          .access_times = options.access_times != config::AccessTimes::Never,
          .owners = {.users = options.users,
                     .groups = options.groups,
                     .squash_user = squashed(options.squash_to_uid),
                     .squash_group = squashed(options.squash_to_gid)},
          .may_be_frozen = options.may_be_frozen};
}

Expected<rules::Table> rules_of(const config::Options& options) {
  std::vector<rules::RuleText> texts;
  for (const config::RuleSource& source : options.rules) texts.push_back(source.rule);
  return rules::compile(texts);
}

/// Finds somebody who may register the mount's files. To be called before mounting.
void find_registrar(Daemon& daemon) {
  std::string& reason = daemon.negotiated.passthrough_reason;
  if (daemon.options.passthrough == config::Switch::Off) {
    reason = "switched off by option";
    return;
  }
  if (daemon.options.opens == config::Opens::None) {
    reason = "open=none: what is passed through has to be opened";
    return;
  }
  if (daemon.options.writeback == config::Switch::On) {
    reason = "writeback=on, which excludes it";
    return;
  }
  daemon.registers_itself = sys::is_privileged_in_initial_namespace();
  if (daemon.registers_itself) return;
  if (daemon.options.broker == "off") {
    reason = "needs CAP_SYS_ADMIN in the initial user namespace, or the broker (broker=off)";
  } else {
    const bool is_usual = daemon.options.broker == "auto";
    // Who demands passthrough is not to have it later, perhaps. And the keeper has one connection.
    const bool is_once =
        daemon.options.passthrough == config::Switch::On || daemon.options.survives;
    const auto asking = is_once ? Registrar::Asking::Once : Registrar::Asking::Again;
    reason = daemon.registrar.find_broker(is_usual ? "" : daemon.options.broker, asking);
  }
}

std::vector<BorrowedFd> lowers_of(const overlay::Overlay& overlay) {
  std::vector<BorrowedFd> roots;
  for (size_t layer = layer::kUpper + 1; layer < overlay.roots.size(); ++layer) {
    roots.push_back(overlay.roots[layer]->fd);
  }
  return roots;
}

/// Makes the mount known to the registrar. Passthrough excludes other ways of caching, so this must
/// be settled before INIT.
void set_up_registrar(Daemon& daemon, BorrowedFd connection) {
  std::string& reason = daemon.negotiated.passthrough_reason;
  if (!reason.empty()) return;
  Registrar& registrar = daemon.registrar;
  if (daemon.registers_itself) {
    registrar.use_own_right(connection);
  } else {
    reason = registrar.use_broker(connection, lowers_of(daemon.overlay));
  }
  daemon.may_register = reason.empty();
}

/// Descriptors of the mount itself, of threads that wait for something and of the I/O engine; and
/// what libfuse has for each of its rings.
constexpr size_t kOfSession = 12;
constexpr size_t kOfRing = 2;

/// After the notifier is there.
void watch_callers(Daemon& daemon) {
  overlay::Flocks& flocks = daemon.overlay.flocks;
  daemon.flock_watch.emplace(*daemon.notifier, overlay::Flocks::kReleaseDelay,
                             [&flocks] { return flocks.attend(); });
  overlay::KillableCalls& calls = daemon.overlay.killable_calls;
  CallerWatch& watch = daemon.call_watch.emplace(
      *daemon.notifier, overlay::KillableCalls::kLookDelay, [&calls] { return calls.attend(); });
  calls.when_begun([&watch] { watch.begin(); });
}

/// After the workers have ended. Those that wait for a lock are answered.
void stop_watching_callers(Daemon& daemon) {
  daemon.overlay.killable_calls.when_begun(nullptr);
  daemon.call_watch.reset();
  daemon.flock_watch.reset();
  daemon.overlay.flocks.end();
}

/// What the daemon writes beside the upper.
Expected<void> open_logs(Daemon& daemon) {
  const config::Options& options = daemon.options;
  daemon.mount.rule_log.show_at(options.shown_at);
  if (options.rules_log) {
    if (auto opened = daemon.mount.rule_log.open(*options.rules_log); !opened) return opened;
  }
  if (options.base_log.empty()) return {};
  auto opened = sys::open_file_for_appending(options.base_log.c_str());
  if (!opened) {
    return problem(
        in_quotes(options.base_log) + " cannot be opened: " + std::strerror(to_int(opened.error())),
        "make room or correct the permissions");
  }
  UniqueFd bases;
  if (options.keeps_bases) {
    bases = layer::open_bases_if_possible(options.base_log);
  }
  daemon.overlay.base.keep_in(std::move(*opened), std::move(bases));
  return {};
}

/// How long a daemon that is replaced waits for requests under way, and for notes to the kernel.
constexpr std::chrono::milliseconds kForRequests{100};
constexpr std::chrono::milliseconds kForNotes{50};

/// A daemon that leaves ends as by a death, at a moment when little is under way.
Replacement::Work work_of(Daemon& daemon) {
  return {.leave =
              [&daemon](bool has_other_layers) {
                daemon.notifier->settle(kForNotes);
                // What is not answered by then the other daemon gets again.
                const auto closed = daemon.gate.close(kForRequests);
                if (has_other_layers) overlay::keep_open_lowers(daemon.overlay);
                daemon.notifier->settle(kForNotes);
                daemon.wants_to_leave = true;
                (void)::kill(::getpid(), kLeaveSignal);
                daemon.stays.wait(false);
              },
          .forget_names =
              [&daemon] {
                forget_names(daemon);
                daemon.survival->nodes().set_layers(daemon.overlay.stack.size());
              }};
}

/// What only a daemon with a keeper has to do. After the notifier is there.
Expected<void> attend_to_keeper(Daemon& daemon, BorrowedFd connection) {
  auto end = sys::make_event_fd();
  auto names = sys::make_event_fd();
  if (!end || !names) {
    return problem("the keeper cannot be heard", "raise the limit of open files");
  }
  Notifier& notifier = *daemon.notifier;
  daemon.lost_forgets.emplace(
      daemon.overlay.table, notifier,
      LostForgets::Kernel{
          .has_node = [&notifier](overlay::NodeId node) { return notifier.is_known(node); },
          .has_waiting =
              [connection, &survival = *daemon.survival] {
                return sys::has_input(connection) || survival.has_replies();
              }});
  daemon.replacement.emplace(*daemon.life, work_of(daemon),
                             Replacement::Events{std::move(*end), std::move(*names)});
  return {};
}

/// Serves until the end. Callers may wait for answers already.
Expected<void> serve_connected(Session& session, Daemon& daemon) {
  daemon.notifier.emplace(session.get());
  daemon.housekeeping.emplace(daemon.overlay.table, *daemon.notifier,
                              daemon.options.max_idle_inodes);
  watch_callers(daemon);
  daemon.mount.notifier = &*daemon.notifier;
  daemon.workers.emplace(daemon.overlay.descriptors.workers());
  daemon.mount.workers = &*daemon.workers;
  auto served =
      daemon.life == nullptr ? Expected<void>() : attend_to_keeper(daemon, session.connection());
  if (served) served = session.serve(daemon);
  daemon.replacement.reset();
  daemon.registrar.stop_asking();
  // No request arrives any more; those that are under way are answered first.
  daemon.overlay.transfers.stop();
  daemon.workers.reset();
  daemon.mount.workers = nullptr;  // Workers have read it up to their end.
  stop_watching_callers(daemon);
  daemon.lost_forgets.reset();
  daemon.housekeeping.reset();
  daemon.notifier.reset();
  daemon.mount.notifier = nullptr;
  if (daemon.failed) return std::unexpected(*daemon.failed);
  return served;
}

void use_records(Daemon& daemon, std::unique_ptr<Survival> survival) {
  daemon.survival = std::move(survival);
  daemon.trace.write_to(daemon.survival->trace());
  daemon.registrar.note_in(*daemon.survival);
}

/// Before the mount.
Expected<void> set_up_survival(Daemon& daemon) {
  auto survival = Survival::make();
  if (!survival) {
    return problem(std::string("survive=on: ") + std::strerror(to_int(survival.error())),
                   "raise the limit of memory (ulimit -v)");
  }
  use_records(daemon, std::move(*survival));
  daemon.overlay.table.keep_records(daemon.survival->nodes(), daemon.overlay.stack.size());
  daemon.survival->nodes().set_layers(daemon.overlay.stack.size());
  if (!daemon.files.expect_records(HandleRecords::kMost)) return problem("out of memory");
  return {};
}

/// Serves as one of the daemons of a mount. A program that was executed for it leaves the mount to
/// another if it does not come to answer callers.
Expected<void> serve_life(Session& session, Daemon& daemon, Life& life, bool is_executed,
                          const std::function<void()>& on_ready) {
  bool may_end_mount = !is_executed;
  daemon.life = &life;
  daemon.mount.life = &life;
  daemon.mount.survival = daemon.survival.get();
  daemon.on_ready = [&life, &may_end_mount, on_ready] {
    may_end_mount = true;
    // The keeper is the process that the service manager knows.
    (void)::unsetenv("NOTIFY_SOCKET");
    if (life.is_first()) on_ready();
    life.tell(ToKeeper::Ready);
  };
  if (!life.is_first()) {
    daemon.registrar.go_on_after(life.number().lives);
    daemon.survival->begin();
    daemon.overlay.table.keep_records(daemon.survival->nodes(), daemon.overlay.stack.size());
  }
  const ScopeExit end(
      [&session, &may_end_mount] { may_end_mount ? session.end() : session.leave_mounted(); });
  return serve_connected(session, daemon);
}

/// Serves by daemons in processes of their own, one after another.
Expected<void> serve_kept(Session& session, Daemon& daemon) {
  const std::function<void()> on_ready = daemon.on_ready;
  const std::string path = sys::own_program();
  const DaemonStart start = {.serve =
                                 [&](Life& life) {
                                   return serve_life(session, daemon, life, /*is_executed=*/false,
                                                     on_ready);
                                 },
                             .execute =
                                 [&](const Life& life, const ProgramStart& program) {
                                   (void)::unsetenv("NOTIFY_SOCKET");
                                   return execute_daemon(daemon, session, life, program, path);
                                 },
                             .ended =
                                 [&](bool has_died) {
                                   if (has_died) log_last_requests(daemon.trace);
                                   daemon.trace.end_all();
                                 }};
  const bool hangup_replaces = !sys::has_terminal();
  KeptEnd end = keep_mount(start, hangup_replaces, on_ready);
  if (end.is_unmounted) session.leave_mounted();
  return end.outcome;
}

/// Gives a session the connection that it serves, by a mount or otherwise.
using Connect = std::function<Expected<void>(Session&, Daemon&)>;

/// With rules.
Expected<overlay::Settings> all_settings_of(const config::Options& options) {
  auto rules = rules_of(options);
  if (!rules) return std::unexpected(rules.error());
  overlay::Settings settings = settings_of(options);
  settings.tells_of_rules = rules->uses(rules::Action::Log) || options.rules_log.has_value();
  settings.rules = std::move(*rules);
  return settings;
}

/// What a daemon settles before it has a connection, but for its layers and logs.
void prepare_daemon(Daemon& daemon) {
  daemon.threads = daemon.options.threads != 0 ? daemon.options.threads : sys::usable_processors();
  daemon.overlay.descriptors.set_fixed(sys::count_open_descriptors().value_or(0) + kOfSession +
                                       kOfRing * daemon.threads);
}

Expected<void> serve_union(const config::Options& options, const Connect& connect,
                           const std::function<void()>& on_ready) {
  auto settings = all_settings_of(options);
  if (!settings) return std::unexpected(settings.error());
  // Layers before the mount: it may cover them.
  auto stack = layer::open_layers(layer_paths_of(options));
  if (!stack) return std::unexpected(stack.error());
  warn_of_foreign_owners(*stack, options);
  Session session;
  Daemon daemon(options, std::move(*stack), std::move(*settings));
  if (auto opened = open_logs(daemon); !opened) return opened;
  daemon.on_ready = on_ready;
  find_registrar(daemon);
  prepare_daemon(daemon);
  if (options.survives) {
    if (auto set_up = set_up_survival(daemon); !set_up) return set_up;
  }
  if (auto connected = connect(session, daemon); !connected) return connected;
  set_up_registrar(daemon, session.connection());
  return options.survives ? serve_kept(session, daemon) : serve_connected(session, daemon);
}

Expected<void> serve_mount(const config::Options& chosen, const std::function<void()>& on_ready) {
  if (auto prepared = prepare_process(chosen); !prepared) return prepared;
  auto mountpoint = resolve_mountpoint(chosen.mountpoint);
  if (!mountpoint) return std::unexpected(mountpoint.error());
  config::Options options = chosen;
  options.mountpoint = std::move(*mountpoint);
  const Connect mount = [&](Session& session, Daemon& daemon) {
    return session.mount(daemon, options);
  };
  return serve_union(options, mount, on_ready);
}

}  // namespace

Expected<void> serve_connection(const config::Options& options, UniqueFd connection,
                                const fuse_custom_io& io, const std::function<void()>& on_ready) {
  const Connect attach = [&](Session& session, Daemon& daemon) {
    return session.attach(daemon, options, std::move(connection), io);
  };
  return serve_union(options, attach, on_ready);
}

namespace {

bool are_same(const std::vector<config::RuleSource>& some,
              const std::vector<config::RuleSource>& others) {
  return std::ranges::equal(some, others, {}, &config::RuleSource::rule, &config::RuleSource::rule);
}

/// Opens the lower that the daemon is to be replaced for, and has the keeper hold it.
Expected<void> add_layer(Handover& handover, config::Options& options, const Life& life) {
  if (!handover.mount) return problem("it cannot be told whether the directory lies in the mount");
  auto added = layer::add_lower(handover.stack, layer_paths_of(options), handover.lower,
                                handover.mount->device);
  if (!added) return added;
  const auto description = describe_topmost_lower(handover.stack);
  if (!description) return problem("the path of the directory is too long", "use a shorter one");
  life.tell(ToKeeper::Layer, *description, handover.stack.layers[layer::kUpper + 1].root);
  options.lower.insert(options.lower.begin(), handover.lower);
  warn_of_foreign_owners(handover.stack, options);
  return {};
}

/// In a program that was executed for a daemon.
Expected<void> serve_after(Handover& handover, Life& life, const ChangeOptions& change) {
  auto changed = handover.changes.empty() ? Expected<config::Options>(handover.options)
                                          : change(handover.options, handover.changes);
  if (!changed) return std::unexpected(changed.error());
  if (auto may = check_change(handover.options, *changed); !may) return may;
  const config::Options& options = *changed;
  const auto target = options.foreground ? log::Target::StandardError : log::Target::Syslog;
  log::connect_to_system_log();
  log::configure(target, options.debug);
  if (auto prepared = prepare_process(options); !prepared) return prepared;
  if (!handover.lower.empty()) {
    if (auto added = add_layer(handover, *changed, life); !added) return added;
  }
  auto settings = all_settings_of(options);
  if (!settings) return std::unexpected(settings.error());
  // Also where they are those of the beginning again: others may have been in force meanwhile.
  const bool has_other_rules = !are_same(options.rules, handover.first_options.rules) ||
                               !are_same(options.rules, handover.options.rules);
  settings->judges_known_names = settings->rules.uses(rules::Action::Hide);
  Session session;
  Daemon daemon(options, std::move(handover.stack), std::move(*settings));
  daemon.generation = handover.generation;
  daemon.overlay.table.root().ino = handover.root_number;
  daemon.has_other_rules = has_other_rules;
  daemon.mount.rule_log.show_at(options.shown_at);
  daemon.mount.rule_log.adopt(std::move(handover.rule_log));
  prepare_daemon(daemon);
  if (handover.broker) daemon.registrar.adopt_broker(std::move(handover.broker));
  if (handover.registers_itself) daemon.registrar.use_own_right(handover.connection);
  daemon.registers_itself = handover.registers_itself;
  daemon.may_register = handover.may_register;
  daemon.negotiated.passthrough_reason = handover.passthrough_reason;
  auto survival = adopt_records(std::move(handover.records));
  if (!survival) return std::unexpected(survival.error());
  use_records(daemon, std::move(*survival));
  daemon.survival->prepare_to_begin();
  if (!daemon.files.expect_records(HandleRecords::kMost)) return problem("out of memory");
  if (auto taken = session.take(daemon, options, std::move(handover.connection), handover.mount);
      !taken) {
    return taken;
  }
  // The mount is another daemon's until it has left.
  session.leave_mounted();
  if (auto able = check_place(handover.mount); !able) return able;
  const auto begins = wait_for_begin(life, options);
  if (!begins) return std::unexpected(begins.error());
  if (!*begins) return {};
  session.take_mounted();
  return serve_life(session, daemon, life, /*is_executed=*/true, [] {});
}

}  // namespace

Expected<void> serve_handover(UniqueFd handover, UniqueFd link, const ChangeOptions& change) {
  sys::end_inheritance(handover);
  sys::end_inheritance(link);
  auto read = read_handover(handover);
  handover.reset();
  KeptFiles files;
  Life life(read ? read->life : LifeNumber(), link, files);
  const auto served = [&]() -> Expected<void> {
    if (!read) return std::unexpected(read.error());
    try {
      return serve_after(*read, life, change);
    } catch (const std::exception& reason) {
      return problem(std::string("the mount cannot be served: ") + reason.what(),
                     "raise the limits of processes and of memory");
    }
  }();
  life.tell_end(served);
  return served;
}

Expected<void> serve(const config::Options& options, const std::function<void()>& on_ready) {
  try {
    return serve_mount(options, on_ready);
  } catch (const std::exception& reason) {  // A thread that cannot be started, no memory.
    return problem(std::string("the mount cannot be served: ") + reason.what(),
                   "raise the limits of processes and of memory");
  }
}

}  // namespace overpass::fuse
