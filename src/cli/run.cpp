// SPDX-License-Identifier: MIT
//
// `overpass run`: finds or makes the sandbox, joins it or starts its keeper, runs the command, and
// asks what becomes of the changes.

#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "apply/carry_out.h"
#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/daemon.h"
#include "cli/outside.h"
#include "cli/run_call.h"
#include "cli/run_end.h"
#include "fuse/control.h"
#include "sandbox/keeper.h"
#include "sandbox/layer_store.h"
#include "sandbox/message.h"
#include "sandbox/streams.h"
#include "sandbox/visit.h"
#include "snapshots/held_sandbox.h"
#include "sys/accounts.h"
#include "sys/children.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/mount_tree.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::cli {

namespace {

namespace fs = std::filesystem;
using command_line::Value;
using sandbox::Sandbox;

constexpr command_line::Flag kViewFlags[] = {
    {"--here", '\0', "", "only the current directory is a union; all else is read-only"},
    {"--rw", '\0', "DIR", "what is written in DIR is written outside", Value::Directory},
    {"--ro", '\0', "PATH", "PATH cannot be changed", Value::File},
    {"--hide", '\0', "PATH", "PATH does not exist inside", Value::File},
    {"--socket", '\0', "PATH", "a socket of the outside that can be used", Value::File},
    {"--rule", '\0', "RULE", "a rule of overpass-rules(5); may be repeated"},
    {"--log", '\0', "FILE", "append a line for each event of a rule to FILE, outside", Value::File},
    {"--tmp", '\0', "WHICH", "/tmp is private (empty, in memory) or shared (a union; the default)"},
    {"--no-net", '\0', "", "no network but a loopback of the sandbox's own"},
    {"--root", '\0', "", "the command has the ids and rights of root, inside"},
};

constexpr command_line::Flag kChangeFlags[] = {
    {"--keep-bases", '\0', "", "keep what is changed as it was, for 'overpass apply --merge'"},
};

constexpr command_line::Flag kEndFlags[] = {
    {"--keep", '\0', "", "keep the changes, and ask nothing at the end"},
    {"--discard", '\0', "", "remove the sandbox at the end"},
    command_line::kHelpFlag,
};

constexpr command_line::FlagGroup kGroups[] = {{"What is seen", kViewFlags},
                                               {"What is kept of changes", kChangeFlags},
                                               {"At the end", kEndFlags}};

constexpr command_line::Example kExamples[] = {
    {"overpass run npm install", "Try it; '@last' then has what it changed."},
    {"overpass run --here --no-net make", "Only this directory can be changed, in the sandbox."},
    {"overpass run try1", "A shell in the sandbox try1, which is made if it is new."},
    {"overpass diff try1", "What was changed in it."},
};

/// How long a sandbox that is beginning or ending is waited for.
constexpr uint64_t kPatienceMs = 90'000;
constexpr int kPauseMs = 20;

std::string terminal() {
  for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; ++stream) {
    if (const char* name = ::ttyname(stream)) return name;
  }
  return "";
}

sandbox::Record record_of(const RunCall& call) {
  sandbox::Record record = sandbox::new_record();
  record.scope = call.scope;
  record.is_root = call.is_root;
  record.has_network = call.has_network;
  record.keeps_bases = call.keeps_bases;
  record.has_one_owner = needs_one_owner();
  return record;
}

/// The sandbox's record: as it was made, or as the call wants it.
Expected<sandbox::Record> settle(const Sandbox& sandbox, const RunCall& call) {
  if (!sandbox::has_record(sandbox)) return record_of(call);
  if (call.has_settings()) {
    return problem(
        "the sandbox " + in_quotes(sandbox.name()) + " exists, and shows what it was made to show",
        "leave the options out, or remove it: overpass rm " + sandbox.name());
  }
  return sandbox::read_record(sandbox);
}

/// What a visit needs of a sandbox that can be entered.
struct Entered {
  Sandbox sandbox;
  UniqueFd connection;
};

Expected<Entered> begin(Context& context, const RunCall& call, Sandbox sandbox, UniqueFd lock) {
  auto record = settle(sandbox, call);
  if (!record) return std::unexpected(record.error());
  // What comes to be in the sandbox now would be taken for what has been applied.
  if (auto free = apply::check_not_interrupted(sandbox); !free) {
    return std::unexpected(free.error());
  }
  if (auto settled = snapshots::settle(sandbox, *record); !settled) {
    return std::unexpected(settled.error());
  }
  auto planned = plan_outside(record->scope);
  if (!planned) return std::unexpected(planned.error());
  auto again = Sandbox::open(sandbox::store_path(), sandbox.name());
  if (!again) return problem("the sandbox is gone", "try again");
  const sandbox::StartUnions start = [&](std::span<const config::Options> unions) {
    return serve_all(unions, context.serve);
  };
  auto connection = sandbox::start_keeper({.sandbox = std::move(*again),
                                           .lock = std::move(lock),
                                           .record = *record,
                                           .plan = std::move(*planned),
                                           .terminal = terminal(),
                                           .start = start,
                                           .control = fuse::send_control});
  if (!connection) return std::unexpected(connection.error());
  return Entered{std::move(sandbox), std::move(*connection)};
}

Expected<Entered> join(const RunCall& call, Sandbox sandbox, UniqueFd connection) {
  if (call.has_settings()) {
    return problem("the sandbox " + in_quotes(sandbox.name()) + " runs already, as it was begun",
                   "leave the options out");
  }
  return Entered{std::move(sandbox), std::move(connection)};
}

/// Makes the sandbox or joins it, whichever can be done first.
Expected<Entered> enter(Context& context, const RunCall& call, const std::string& name) {
  const uint64_t deadline = sys::monotonic_ms() + kPatienceMs;
  while (true) {
    auto sandbox = Sandbox::make(sandbox::store_path(), name);
    if (!sandbox) return std::unexpected(sandbox.error());
    auto lock = sandbox->lock();
    if (lock) return begin(context, call, std::move(*sandbox), std::move(*lock));
    auto connection = sandbox::connect_to_keeper(*sandbox);
    if (connection) return join(call, std::move(*sandbox), std::move(*connection));
    if (sys::monotonic_ms() > deadline) {
      return problem("the sandbox " + in_quotes(name) + " is neither usable nor ended",
                     "another process holds its lock: " + sandbox->path() + "/lock");
    }
    sys::pause_for(kPauseMs);
  }
}

/// The name for a run that has none: that of the last one, which is removed first; or another, if
/// the last one still runs.
Expected<std::string> name_of_unnamed() {
  const std::string store = sandbox::store_path();
  for (int number = 1;; ++number) {
    const std::string name =
        std::string(sandbox::kLast) + (number == 1 ? "" : "-" + std::to_string(number));
    const auto sandbox = Sandbox::open(store, name);
    if (sandbox.failed_with(ENOENT)) return name;
    if (!sandbox) return problem("the store " + in_quotes(store) + " cannot be used");
    const auto lock = sandbox->lock();
    if (lock.failed_with(EWOULDBLOCK)) continue;
    if (!lock) return name;
    // What an interrupted apply has left outside would be left for good.
    if (!apply::check_not_interrupted(*sandbox)) continue;
    if (auto removed = sandbox::remove_sandbox(store, *sandbox); !removed) {
      return std::unexpected(removed.error());
    }
    sandbox::collect_layers(store);
    return name;
  }
}

std::vector<std::string> shell() {
  if (const char* shell = std::getenv("SHELL"); shell != nullptr && *shell == '/') return {shell};
  const auto user = sys::find_account(::geteuid());
  return {user && user->shell.starts_with('/') ? user->shell : "/bin/sh"};
}

sandbox::Command command_of(const RunCall& call, const sandbox::Record& record) {
  std::error_code error;
  return {.words = call.command.empty() ? shell() : call.command,
          .directory = fs::current_path(error).string(),
          .keeps_rights = record.is_root || sys::may_administer_own_namespace(),
          .has_network = record.has_network};
}

/// A sandbox that could not be begun is not left behind empty.
void remove_unborn(const std::string& name) {
  const std::string store = sandbox::store_path();
  const auto sandbox = Sandbox::open(store, name);
  const auto lock = sandbox ? sandbox->lock() : Result<UniqueFd>(fail(sandbox.error()));
  if (lock && !sandbox::has_record(*sandbox)) (void)sandbox::remove_sandbox(store, *sandbox);
}

Expected<void> check_device() {
  std::error_code error;
  if (fs::exists("/dev/fuse", error)) return {};
  if (std::getenv("OVERPASS_SANDBOX") != nullptr) {
    return problem("in a sandbox no other one can be begun", "begin it outside");
  }
  return problem("/dev/fuse does not exist",
                 "load the fuse module (modprobe fuse), or give this container the device");
}

Expected<int> run_in(Context& context, const RunCall& call) {
  if (auto ok = check_device(); !ok) return std::unexpected(ok.error());
  if (auto ok = open_standard_streams(); !ok) return std::unexpected(ok.error());
  if (auto guarded = sandbox::guard_streams(); !guarded) return std::unexpected(guarded.error());
  Expected<std::string> name = call.name;
  if (call.name.empty()) name = name_of_unnamed();
  if (!name) return std::unexpected(name.error());
  auto entered = enter(context, call, *name);
  if (!entered) {
    remove_unborn(*name);
    return std::unexpected(entered.error());
  }
  const auto first_process = sandbox::receive_answer(entered->connection);
  if (!first_process) {
    sandbox::leave(entered->connection);
    remove_unborn(*name);
    return std::unexpected(first_process.error());
  }
  // The keeper has written it by now.
  const auto record = sandbox::read_record(entered->sandbox);
  if (!record) return std::unexpected(record.error());
  (void)::setenv("OVERPASS_SANDBOX", name->c_str(), 1);
  const size_t logged = size_of_log(record->scope.log);
  const auto status = sandbox::visit(*first_process, command_of(call, *record));
  sandbox::leave(entered->connection);
  while (sys::reap_child()) {  // The keeper, if this process began it.
  }
  if (!record->scope.log.empty()) tell_refusals(context, record->scope.log, logged);
  if (!status) return status;
  return end_run(context, call, entered->sandbox, *status);
}

}  // namespace

constexpr command_line::Command kRunCommand = {
    .name = "run",
    .synopsis = "overpass run [OPTIONS] [NAME [OPTIONS]] [--] [CMD...]",
    .summary = "run a command over a copy-on-write view of this machine",
    .description =
        "CMD sees the machine as it is, and what it changes stays in the sandbox NAME. Without\n"
        "CMD it is your shell. Without NAME the sandbox is '@last', until the next one.",
    .groups = kGroups,
    .examples = kExamples,
    .operand = Value::Sandbox,
    .help_call = "overpass help run",
    .ends_at_operand = true,
};

int run_run(Context& context, const ParsedArguments& parsed) {
  const std::string store = sandbox::store_path();
  const auto call = read_run_call(
      parsed, {[&](const std::string& name) { return Sandbox::open(store, name).has_value(); },
               is_program});
  if (!call) return fail_with(context, call.error(), kRunFailed);
  const auto status = run_in(context, *call);
  if (!status) return fail_with(context, status.error(), kRunFailed);
  return *status;
}

}  // namespace overpass::cli
