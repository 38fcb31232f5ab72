// SPDX-License-Identifier: MIT
//
// One thread. Unions are served by children that were started before the pid namespace was made, so
// that no process of the sandbox sees them.

#include "sandbox/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <span>

#include "base/log.h"
#include "sandbox/first_process.h"
#include "sandbox/message.h"
#include "sys/children.h"
#include "sys/credentials.h"
#include "sys/inheritance.h"
#include "sys/mount_tree.h"
#include "sys/namespaces.h"
#include "sys/pidfd.h"
#include "sys/unix_socket.h"

namespace overpass::sandbox {

namespace {

constexpr char kControl[] = "control";
constexpr char kView[] = "view";
/// How long the end of the sandbox's processes, and then of the unions, is waited for.
constexpr int kEndOfProcessesMs = 5'000;
constexpr int kEndOfUnionsMs = 60'000;

std::unexpected<Problem> cannot(const std::string& what, Errno error) {
  return problem(what + ": " + std::strerror(to_int(error)),
                 error == Errno{EPERM} || error == Errno{EACCES}
                     ? "user namespaces are forbidden here; ask the administrator to allow them "
                       "(AppArmor, kernel.unprivileged_userns_clone), or run it as root"
                     : "raise the limits of processes and namespaces (user.max_user_namespaces)");
}

/// A path by which a socket in the sandbox's directory is reached, however long its own is.
std::string control_path(const Sandbox& sandbox) {
  return "/proc/self/fd/" + std::to_string(raw(sandbox.directory())) + "/" + kControl;
}

class Keeper {
 public:
  explicit Keeper(Keeping keeping, UniqueFd first_visitor)
      : keeping_(std::move(keeping)), has_rights_(sys::may_administer_own_namespace()) {
    visitors_.push_back(std::move(first_visitor));
  }

  int run() {
    const auto ready = set_up();
    if (!ready) {
      send_problem(visitors_.front(), ready.error());
      end();
      return 1;
    }
    send_ready(visitors_.front(), first_process_);
    log::configure(log::Target::Syslog, false);
    if (const UniqueFd null = sys::open_null()) sys::leave_standard_streams(null);
    while (!visitors_.empty() && wait()) {
    }
    end();
    return 0;
  }

 private:
  std::string view_path() const { return keeping_.sandbox.path() + "/" + kView; }

  Expected<void> set_up() {
    (void)::setsid();
    keeping_.sandbox.note_run();
    if (auto listening = listen(); !listening) return listening;
    if (auto entered = enter_namespaces(); !entered) return entered;
    if (const auto made = keeping_.sandbox.make_directory(kView, 0755); !made) {
      return cannot("the sandbox's view cannot be made", made.error());
    }
    if (auto mounted = mount_plan(keeping_.plan, view_path(), keeping_.sandbox, keeping_.record,
                                  keeping_.start, unions_);
        !mounted) {
      return mounted;
    }
    if (auto mounted = mount_devices(view_path(), keeping_.terminal); !mounted) return mounted;
    if (auto started = start_first_process(); !started) return started;
    // Once it can be used, and before anything is changed.
    return write_record(keeping_.sandbox, keeping_.record);
  }

  Expected<void> listen() {
    (void)::unlink(control_path(keeping_.sandbox).c_str());
    auto listener = sys::listen_at(control_path(keeping_.sandbox).c_str());
    if (!listener) return cannot("the sandbox's socket cannot be made", listener.error());
    listener_ = std::move(*listener);
    sigset_t ending;
    (void)::sigemptyset(&ending);
    for (const int signal : {SIGTERM, SIGINT, SIGHUP}) (void)::sigaddset(&ending, signal);
    (void)::sigprocmask(SIG_BLOCK, &ending, nullptr);
    auto signals = sys::signal_descriptor(ending);
    if (!signals) return cannot("signals cannot be waited for", signals.error());
    signals_ = std::move(*signals);
    return {};
  }

  Expected<void> enter_namespaces() {
    const uid_t user = ::geteuid();
    const gid_t group = ::getegid();
    if (const auto made = sys::unshare(CLONE_NEWNS | (has_rights_ ? 0 : CLONE_NEWUSER)); !made) {
      return cannot("the sandbox's namespaces cannot be made", made.error());
    }
    if (!has_rights_) {
      const auto maps = sys::map_of_one(user, user, group, group);
      if (const auto written = sys::write_id_maps(::getpid(), maps, true); !written) {
        return cannot("the user's ids cannot be mapped", written.error());
      }
    }
    if (const auto done = sys::make_mounts_private(); !done) {
      return cannot("the mounts cannot be made private", done.error());
    }
    return {};
  }

  Expected<sys::IdMaps> maps() const {
    if (!has_rights_) {
      const uid_t user = ::geteuid();
      const gid_t group = ::getegid();
      return keeping_.record.is_root ? sys::map_of_one(0, user, 0, group)
                                     : sys::map_of_one(user, user, group, group);
    }
    auto identity = sys::identity_maps();
    if (!identity) return cannot("the ids of this namespace cannot be read", identity.error());
    return std::move(*identity);
  }

  Expected<void> start_first_process() {
    const auto ids = maps();
    if (!ids) return std::unexpected(ids.error());
    const int network = keeping_.record.has_network ? 0 : CLONE_NEWNET;
    if (const auto made = sys::unshare(CLONE_NEWPID | CLONE_NEWIPC | network); !made) {
      return cannot("the sandbox's namespaces cannot be made", made.error());
    }
    if (network != 0) (void)sys::bring_up_loopback();
    auto pair = sys::connected_pair();
    if (!pair) return cannot("no socket can be made", pair.error());
    const auto child = sys::fork_process();
    if (!child) return cannot("the sandbox's first process cannot be started", child.error());
    if (*child == 0) {
      (void)sys::end_with_parent(0, SIGKILL);
      sys::reset_terminal_signals();
      pair->first.reset();
      run_first_process(view_path(), pair->second, has_rights_);
    }
    pair->second.reset();
    auto process = sys::open_process(*child);
    if (!process) return cannot("the sandbox's first process is gone", process.error());
    first_process_ = std::move(*process);
    return await_first_process(pair->first, *child, *ids, !has_rights_);
  }

  /// Waits for one event; false when the sandbox has to end.
  bool wait() {
    std::vector<pollfd> polled;
    const auto add = [&](BorrowedFd fd) { polled.push_back({raw(fd), POLLIN, 0}); };
    add(first_process_);
    add(signals_);
    add(listener_);
    for (const UniqueFd& visitor : visitors_) add(visitor);
    if (!sys::wait_for(polled, -1)) return false;
    if (polled[0].revents != 0 || polled[1].revents != 0) return false;
    // From the end on: an element that is removed moves only those behind it.
    for (size_t i = visitors_.size(); i-- > 0;) {
      if (polled[i + 3].revents == 0 || stays(visitors_[i])) continue;
      if (visitors_.size() == 1) return false;
      visitors_.erase(visitors_.begin() + static_cast<ptrdiff_t>(i));
    }
    if (polled[2].revents != 0) accept();
    return true;
  }

  /// Does what a visitor asks for; false when it has left.
  bool stays(BorrowedFd visitor) {
    std::array<char, kLongestPacket> buffer;
    const auto packet =
        sys::receive_packet(visitor, std::as_writable_bytes(std::span(buffer)), sys::Wait::No);
    if (packet.failed_with(EAGAIN) || packet.failed_with(EINTR)) return true;
    if (!packet || packet->size == 0) return false;
    const auto message =
        packet->is_cut ? std::nullopt : read_control({buffer.data(), packet->size});
    send_outcome(visitor, message ? control(*message) : Result<void>(fail(EPROTO)));
    return true;
  }

  /// Every union that is meant is told, whatever another answers. ENOENT if there is none.
  Result<void> control(const ControlMessage& message) const {
    Result<void> result;
    bool is_there = message.at.empty();
    for (const RunningUnion& one : unions_) {
      if (!message.at.empty() && one.at != message.at) continue;
      is_there = true;
      const auto done = one.root ? keeping_.control(one.root, message.name, message.value)
                                 : Result<void>(fail(EBADF));
      if (result && !done) result = done;
    }
    return is_there ? result : Result<void>(fail(ENOENT));
  }

  void accept() {
    auto visitor = sys::accept_connection(listener_);
    if (!visitor) return;
    const auto peer = sys::peer_of(*visitor);
    if (!peer || peer->uid != ::geteuid()) return;
    send_ready(*visitor, first_process_);
    visitors_.push_back(std::move(*visitor));
  }

  /// Ends processes, then unions, then lets others begin anew, and then tells those who wait.
  void end() {
    listener_.reset();
    (void)::unlink(control_path(keeping_.sandbox).c_str());
    if (first_process_) {
      (void)sys::send_signal(first_process_, SIGKILL);
      pollfd ended = {raw(first_process_), POLLIN, 0};
      (void)sys::wait_for(std::span(&ended, 1), kEndOfProcessesMs);
    }
    // Those that lie in others first.
    std::ranges::reverse(unions_);
    for (RunningUnion& one : unions_) {
      one.root.reset();
      (void)::kill(one.daemon, SIGTERM);
    }
    const uint64_t deadline = sys::monotonic_ms() + kEndOfUnionsMs;
    for (const RunningUnion& one : unions_) await(one.daemon, deadline);
    reap();
    keeping_.lock.reset();
    visitors_.clear();
  }

  static void await(pid_t daemon, uint64_t deadline) {
    const auto process = sys::open_process(daemon);
    if (!process) return;
    const uint64_t now = sys::monotonic_ms();
    pollfd ended = {raw(*process), POLLIN, 0};
    const int left = now < deadline ? static_cast<int>(deadline - now) : 0;
    const auto count = sys::wait_for(std::span(&ended, 1), left);
    if (count && *count > 0) return;
    log::error("a union of the sandbox did not end, and is killed");
    (void)::kill(daemon, SIGKILL);
  }

  static void reap() {
    while (sys::reap_child()) {
    }
  }

  Keeping keeping_;
  const bool has_rights_;  ///< To make mounts, without a user namespace.
  std::vector<UniqueFd> visitors_;
  UniqueFd listener_, signals_;
  UniqueFd first_process_;  ///< A pidfd.
  std::vector<RunningUnion> unions_;
};

}  // namespace

Expected<UniqueFd> start_keeper(Keeping keeping) {
  auto pair = sys::connected_pair();
  if (!pair) return cannot("no socket can be made", pair.error());
  (void)std::fflush(nullptr);  // What stands in a buffer would be written by both.
  const auto child = sys::fork_process();
  if (!child) return cannot("the sandbox's keeper cannot be started", child.error());
  if (*child == 0) {
    pair->first.reset();
    sys::reset_terminal_signals();
    const int status = Keeper(std::move(keeping), std::move(pair->second)).run();
    sys::end_process(status);
  }
  return std::move(pair->first);
}

Result<UniqueFd> connect_to_keeper(const Sandbox& sandbox) {
  // A keeper is as quick as its unions are, and sends nothing else.
  constexpr int kPatienceMs = 120'000;
  return sys::connect_to(control_path(sandbox).c_str(), kPatienceMs);
}

Result<void> control_unions(const Sandbox& sandbox, const std::string& name,
                            const std::string& value, const std::string& at) {
  const UniqueFd keeper = TRY(connect_to_keeper(sandbox));
  if (!receive_answer(keeper)) return fail(ECONNREFUSED);
  return send_control(keeper, {name, value, at});
}

}  // namespace overpass::sandbox
