// SPDX-License-Identifier: MIT
//
// Three processes on the way: the first enters the namespaces, of which that for processes counts
// for its children only. The second is in all of them; when it ends, its child, the attendant, is
// adopted by the first process of the sandbox, not by one outside.

#include "sandbox/attendant.h"

#include <poll.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstring>

#include "base/log.h"
#include "base/nearest.h"
#include "sandbox/message.h"
#include "sys/children.h"
#include "sys/confinement.h"
#include "sys/namespaces.h"
#include "sys/pidfd.h"
#include "sys/program.h"
#include "sys/unix_socket.h"

namespace overpass::sandbox {

namespace {

/// What an attendant says. Its first byte differs from that of a problem (message.h).
struct Word {
  enum class Kind : int {
    Runs = 'r',         ///< With a pidfd.
    NotExecuted = 'n',  ///< `number` is an error.
    Ended = 'e',        ///< `number` is an exit status.
  } kind;
  int number;
};

void say(BorrowedFd visitor, Word word, std::initializer_list<BorrowedFd> fds = {}) {
  (void)sys::send_packet(visitor, std::as_bytes(std::span(&word, 1)), fds, sys::Wait::Yes);
}

Expected<void> enter(BorrowedFd first_process, const Command& command) {
  constexpr int kSpaces = CLONE_NEWUSER | CLONE_NEWNS | CLONE_NEWPID | CLONE_NEWIPC;
  const int network = command.has_network ? 0 : CLONE_NEWNET;
  const auto entered = sys::enter_namespaces(first_process, kSpaces | network);
  if (entered) return {};
  return problem(
      std::string("the sandbox cannot be entered: ") + std::strerror(to_int(entered.error())),
      "it may be ending; try again");
}

Expected<void> confine(bool keeps_rights) {
  sys::leave_keyring();
  Result<void> done;
  if (!keeps_rights) done = sys::give_up_privileges();
  if (done) done = sys::close_abstract_sockets();
  if (done) done = sys::filter_system_calls();
  if (done) return {};
  return problem(std::string("the command cannot be confined: ") +
                 std::strerror(to_int(done.error())));
}

void go_to(const std::string& directory) {
  if (::chdir(directory.c_str()) == 0) return;
  (void)!::chdir("/");
  log::warn("the sandbox does not show %s: the command begins in /", in_quotes(directory).c_str());
}

/// The child: does not return.
[[noreturn]] void execute(const Command& command, BorrowedFd failure) {
  const int error = to_int(sys::execute(command.words));
  (void)sys::send_packet(failure, std::as_bytes(std::span(&error, 1)), {}, sys::Wait::Yes);
  sys::end_process(kNotFound);
}

/// Why the child did not execute the program; nothing if it did.
std::optional<int> failure_of(BorrowedFd child) {
  int error = 0;
  const auto packet =
      sys::receive_packet(child, std::as_writable_bytes(std::span(&error, 1)), sys::Wait::Yes);
  if (packet && packet->size == sizeof error) return error;
  return std::nullopt;
}

/// Until the command ends, or the visitor does, who must not leave it behind.
void attend(BorrowedFd visitor, pid_t child, BorrowedFd process) {
  std::array<pollfd, 2> polled = {pollfd{raw(process), POLLIN, 0}, pollfd{raw(visitor), 0, 0}};
  (void)sys::wait_for(polled, -1);
  if (polled[0].revents == 0) sys::kill_child(child);
  int status = 0;
  if (::waitpid(child, &status, 0) != child) return;
  const int code = WIFSIGNALED(status) ? kSignalled + WTERMSIG(status) : WEXITSTATUS(status);
  say(visitor, {Word::Kind::Ended, code});
}

Expected<void> run_attendant(BorrowedFd visitor, const Command& command) {
  go_to(command.directory);
  auto failure = sys::connected_pair();
  const auto child = failure ? sys::fork_process() : Result<pid_t>(fail(failure.error()));
  if (!child) {
    return problem(
        std::string("the command cannot be started: ") + std::strerror(to_int(child.error())),
        "raise the limit of processes");
  }
  if (*child == 0) execute(command, failure->second);
  failure->second.reset();
  const auto process = sys::open_process(*child);
  if (const auto error = failure_of(failure->first)) {
    say(visitor, {Word::Kind::NotExecuted, *error});
    return {};
  }
  if (!process) return problem("the command cannot be watched");
  say(visitor, {Word::Kind::Runs, 0}, {*process});
  attend(visitor, *child, *process);
  return {};
}

/// The first child of the visitor.
[[noreturn]] void lead_in(BorrowedFd first_process, BorrowedFd visitor, const Command& command) {
  sys::close_others({first_process, visitor});
  sys::close_to_debuggers();
  auto ready = enter(first_process, command);
  // This process is not in the pid namespace: nobody inside has seen it before it is confined.
  if (ready) ready = confine(command.keeps_rights);
  if (!ready) {
    send_problem(visitor, ready.error());
    sys::end_process(kNotRun);
  }
  const auto second = sys::fork_process();
  if (second && *second > 0) {
    (void)::waitpid(*second, nullptr, 0);
    sys::end_process(0);
  }
  const auto attendant = second ? sys::fork_process() : second;
  if (!attendant) send_problem(visitor, {"no process can be started", "raise the limit of them"});
  if (attendant && *attendant == 0) {
    sys::close_others({visitor});
    const auto attended = run_attendant(visitor, command);
    if (!attended) send_problem(visitor, attended.error());
  }
  sys::end_process(0);
}

/// The program cannot be executed.
Attended not_executed(const Command& command, int error) {
  log::error("%s cannot be executed: %s", in_quotes(command.words[0]).c_str(),
             error == ENOENT ? "the sandbox has no such program" : std::strerror(error));
  return {{}, {}, error == ENOENT ? kNotFound : kNotExecuted};
}

}  // namespace

Expected<Attended> start_attended(BorrowedFd first_process, const Command& command) {
  auto pair = sys::connected_pair();
  if (!pair) return problem("no socket can be made", "raise the limit of open files");
  (void)std::fflush(nullptr);  // What stands in a buffer would be written by both.
  const auto child = sys::fork_process();
  if (!child) return problem("no process can be started", "raise the limit of processes");
  if (*child == 0) lead_in(first_process, pair->second, command);
  pair->second.reset();
  (void)::waitpid(*child, nullptr, 0);
  std::array<std::byte, 4096> buffer;
  auto packet = sys::receive_packet(pair->first, buffer, sys::Wait::Yes);
  const size_t size = packet ? packet->size : 0;
  Word word = {};
  if (size == sizeof word) std::memcpy(&word, buffer.data(), sizeof word);
  if (word.kind == Word::Kind::NotExecuted) return not_executed(command, word.number);
  if (word.kind == Word::Kind::Runs && packet->descriptors == 1) {
    return Attended{std::move(pair->first), std::move(packet->fds[0])};
  }
  return problem_in({reinterpret_cast<const char*>(buffer.data()), size});
}

std::optional<int> read_status(BorrowedFd connection) {
  Word word = {};
  const auto packet =
      sys::receive_packet(connection, std::as_writable_bytes(std::span(&word, 1)), sys::Wait::Yes);
  if (!packet || packet->size != sizeof word || word.kind != Word::Kind::Ended) return std::nullopt;
  return word.number;
}

}  // namespace overpass::sandbox
