// SPDX-License-Identifier: MIT
//
// Parent and child share a pipe. The child writes kReady when the mount is usable, or kProblem and
// the two parts of its problem; an end without either means that it died.
//
// What belongs to the terminal (directory, standard streams, inherited descriptors) is given up
// only at readiness: until then layers may be named by it (/proc/self/fd/N) and warnings go to it.

#include "cli/daemon.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

#include "base/log.h"
#include "cli/process.h"
#include "sys/children.h"
#include "sys/file_io.h"
#include "sys/inheritance.h"
#include "sys/namespaces.h"
#include "sys/proc.h"

namespace overpass::cli {

namespace {

constexpr char kReady = 'R';
constexpr char kProblem = 'P';
constexpr char kSeparator = '\0';

/// Points descriptors 0, 1 and 2 to `null` and closes those that the caller left open. The union
/// may lie over /dev or / by now, and answers no request yet: no path is looked up here.
void leave_the_terminal(const std::vector<int>& inherited, BorrowedFd null) {
  // No failure here can be reported any more, and the mount is usable without them.
  sys::leave_standard_streams(null);
  for (const int number : inherited) (void)::close(number);
  if (sys::stands_in_own_files()) return;
  if (::chdir("/") < 0) log::warn("the daemon stays in its current directory");
}

/// The child's side of the pipe.
class Starter {
 public:
  Starter(UniqueFd pipe, std::vector<int> inherited, bool debug)
      : pipe_(std::move(pipe)), inherited_(std::move(inherited)), debug_(debug) {
    log::connect_to_system_log();
  }

  bool is_ready() const { return is_ready_; }

  void tell_ready() {
    log::configure(log::Target::Syslog, debug_);
    leave_the_terminal(inherited_, null_);
    null_.reset();
    is_ready_ = true;
    const bool told = write_all(pipe_, std::string_view(&kReady, 1)).has_value();
    pipe_.reset();
    // No caller waits for this mount any more, so no caller knows of it: end as by a signal.
    if (!told) (void)::kill(::getpid(), SIGTERM);
  }

  void tell_problem(const Problem& problem) {
    // A parent that is gone needs no reason.
    (void)write_all(pipe_, kProblem + problem.cause + kSeparator + problem.remedy);
    pipe_.reset();
  }

 private:
  UniqueFd pipe_;
  std::vector<int> inherited_;
  UniqueFd null_ = sys::open_null();
  bool debug_;
  bool is_ready_ = false;
};

/// The child: its exit code.
int serve_as_daemon(const config::Options& options, const Serve& serve, UniqueFd pipe) {
  (void)::setsid();  // Fails only for a leader of a process group, which a fresh child is not.
  sys::reset_terminal_signals();
  (void)::signal(SIGPIPE, SIG_IGN);
  std::vector<int> inherited = open_descriptors();
  std::erase_if(inherited, [&](int number) { return number <= 2 || number == raw(pipe); });
  Starter starter(std::move(pipe), std::move(inherited), options.debug);
  const auto served = serve(options, [&] { starter.tell_ready(); });
  if (served) return kSuccess;
  if (starter.is_ready()) {
    log::error("%s", served.error().line().c_str());
  } else {
    starter.tell_problem(served.error());
  }
  return kFailure;
}

/// The parent: what came over the pipe, understood.
Expected<void> outcome(const std::string& message, pid_t child) {
  if (message.starts_with(kReady)) return {};
  const auto status = wait_for(child);
  if (message.starts_with(kProblem)) {
    const size_t separator = message.find(kSeparator);
    const std::string remedy = separator == std::string::npos ? "" : message.substr(separator + 1);
    return problem(message.substr(1, separator - 1), remedy);
  }
  const std::string how = status ? describe_wait_status(*status) : "disappeared";
  return problem("the daemon " + how + " before the mount was usable", "try again with -f or -d");
}

/// A daemon that has been started and has not told yet how it went.
struct Starting {
  pid_t child;
  UniqueFd pipe;

  Expected<void> await() const {
    const auto message = sys::read_to_end(pipe);
    return outcome(message.value_or(""), child);
  }
};

Expected<Starting> start(const config::Options& options, const Serve& serve) {
  auto pipe = make_pipe();
  if (!pipe) return problem("no pipe to the daemon can be made", "raise the limit of open files");
  (void)std::fflush(nullptr);  // What stands in a buffer would be written by both.
  const auto child = fork_process();
  if (!child) {
    return problem("the daemon cannot be started", "raise the limit of processes, or use -f");
  }
  if (*child == 0) {
    pipe->read.reset();
    std::exit(serve_as_daemon(options, serve, std::move(pipe->write)));
  }
  return Starting{*child, std::move(pipe->read)};
}

}  // namespace

Expected<void> serve_in_background(const config::Options& options, const Serve& serve) {
  auto starting = start(options, serve);
  if (!starting) return std::unexpected(starting.error());
  return starting->await();
}

std::vector<Expected<pid_t>> serve_all(std::span<const config::Options> unions,
                                       const Serve& serve) {
  const pid_t parent = ::getpid();
  const Serve bound = [&](const config::Options& options, const std::function<void()>& on_ready) {
    if (!sys::end_with_parent(parent, SIGTERM)) return Expected<void>(problem("nobody waits"));
    return serve(options, on_ready);
  };
  std::vector<Expected<Starting>> starting;
  for (const config::Options& options : unions) starting.push_back(start(options, bound));
  std::vector<Expected<pid_t>> started;
  for (const Expected<Starting>& one : starting) {
    const auto ready = one ? one->await() : std::unexpected(one.error());
    started.push_back(ready ? Expected<pid_t>(one->child) : std::unexpected(ready.error()));
  }
  return started;
}

Expected<void> open_standard_streams() {
  for (;;) {
    const int null = ::open("/dev/null", O_RDWR);
    if (null < 0) return problem("/dev/null cannot be opened", "make it: mknod /dev/null c 1 3");
    if (null > 2) {
      (void)::close(null);
      return {};
    }
  }
}

}  // namespace overpass::cli
