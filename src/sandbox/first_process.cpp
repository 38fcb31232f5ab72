// SPDX-License-Identifier: MIT
//
// The view is finished in a mount namespace that the keeper's user namespace owns. The one in which
// programs run belongs to a user namespace below: all mounts that come into it are locked, so that
// no capability a program may have there uncovers or changes any of them.

#include "sandbox/first_process.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstring>

#include "sandbox/message.h"
#include "sandbox/view.h"
#include "sys/children.h"
#include "sys/confinement.h"
#include "sys/mount_tree.h"
#include "sys/unix_socket.h"

namespace overpass::sandbox {

namespace {

constexpr std::byte kWantsMaps{'M'};
constexpr std::byte kHasMaps{'m'};
constexpr std::byte kDone{'D'};

Result<void> say(BorrowedFd connection, std::byte word) {
  return sys::send_packet(connection, std::span(&word, 1), {}, sys::Wait::Yes);
}

/// The next word; nothing if the other side is gone.
std::optional<std::byte> hear(BorrowedFd connection) {
  std::array<std::byte, 1> word;
  const auto packet = sys::receive_packet(connection, word, sys::Wait::Yes);
  if (!packet || packet->size == 0) return std::nullopt;
  return word[0];
}

std::unexpected<Problem> cannot(const char* what, Errno error) {
  return problem(std::string(what) + ": " + std::strerror(to_int(error)),
                 error == Errno{ENOSPC} ? "raise user.max_user_namespaces and its like"
                                        : "a container or a security module may forbid it");
}

Expected<void> enter_view(const std::string& view) {
  if (auto made = sys::unshare(CLONE_NEWNS); !made) {
    return cannot("the sandbox's mount namespace cannot be made", made.error());
  }
  if (auto mounted = mount_proc(view); !mounted) return mounted;
  if (auto changed = sys::change_root(view); !changed) {
    return cannot("the sandbox's view cannot become its root", changed.error());
  }
  return {};
}

Expected<void> give_up_view(BorrowedFd keeper) {
  if (auto made = sys::unshare(CLONE_NEWUSER | CLONE_NEWNS); !made) {
    return cannot("the sandbox's user namespace cannot be made", made.error());
  }
  (void)say(keeper, kWantsMaps);
  // Without a keeper this process is killed.
  if (hear(keeper) != kHasMaps) return problem("the sandbox's ids cannot be set");
  return {};
}

/// As commands are: with its rights, one that could trace it would do what they must not do.
Expected<void> confine(bool is_closed_to_debuggers) {
  sys::leave_keyring();
  auto done = sys::close_abstract_sockets();
  if (done) done = sys::filter_system_calls();
  if (!done) return cannot("the sandbox's first process cannot be confined", done.error());
  if (is_closed_to_debuggers) sys::close_to_debuggers();
  return {};
}

[[noreturn]] void reap_for_ever() {
  sigset_t ends;
  (void)::sigemptyset(&ends);
  (void)::sigaddset(&ends, SIGCHLD);
  (void)::sigprocmask(SIG_SETMASK, &ends, nullptr);
  while (true) {
    while (::waitpid(-1, nullptr, WNOHANG) > 0) {
    }
    (void)::sigwaitinfo(&ends, nullptr);
  }
}

}  // namespace

void run_first_process(const std::string& view, BorrowedFd keeper, bool is_closed_to_debuggers) {
  auto ready = enter_view(view);
  if (ready) ready = give_up_view(keeper);
  if (ready) ready = confine(is_closed_to_debuggers);
  if (!ready) {
    send_problem(keeper, ready.error());
    sys::end_process(1);
  }
  if (const UniqueFd null = sys::open_null()) sys::leave_standard_streams(null);
  (void)say(keeper, kDone);
  sys::close_others({});
  reap_for_ever();
}

Expected<void> await_first_process(BorrowedFd connection, pid_t process, const sys::IdMaps& maps,
                                   bool denies_groups) {
  std::array<std::byte, 4096> buffer;
  while (true) {
    const auto packet = sys::receive_packet(connection, buffer, sys::Wait::Yes);
    const auto word = packet && packet->size > 0 ? buffer[0] : std::byte{};
    if (word == kDone) return {};
    if (word != kWantsMaps) {
      const std::string text(reinterpret_cast<const char*>(buffer.data()),
                             packet ? packet->size : 0);
      return problem_in(text);
    }
    if (auto written = sys::write_id_maps(process, maps, denies_groups); !written) {
      return cannot("the ids of the sandbox cannot be mapped", written.error());
    }
    (void)say(connection, kHasMaps);
  }
}

}  // namespace overpass::sandbox
