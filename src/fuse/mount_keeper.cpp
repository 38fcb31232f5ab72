// SPDX-License-Identifier: MIT
//
// A daemon that dies has sent its messages, so they are read before its end is judged.

#include "fuse/mount_keeper.h"

#include <sys/wait.h>

#include <array>
#include <csignal>
#include <cstring>
#include <deque>
#include <exception>
#include <optional>
#include <utility>
#include <vector>

#include "base/log.h"
#include "fuse/session.h"
#include "sys/children.h"
#include "sys/pidfd.h"
#include "sys/proc.h"
#include "sys/unix_socket.h"

namespace overpass::fuse {

namespace {

/// So many deaths within so long a time end the mount.
constexpr size_t kMostDeaths = 16;
constexpr uint64_t kDeathsWithinMs = 16'000;

/// How long a daemon has to end by a signal that it got itself.
constexpr int kDaemonsOwnMs = 300;

/// Nobody who waits for the mount waits longer for the first answer.
constexpr uint64_t kStartPatienceMs = 20'000;

std::string described(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

class Keeper {
 public:
  Keeper(const ServeLife& serve, const std::function<void()>& on_ready)
      : serve_(serve), on_ready_(on_ready) {}

  KeptEnd run() {
    auto signals = sys::signal_descriptor(ending_signals());
    if (!signals) return {problem("signals cannot be received", "raise the limit of open files")};
    signals_ = std::move(*signals);
    for (;; ++lives_) {
      if (auto begun = begin(); !begun) return {std::unexpected(begun.error())};
      attend();
      const int status = sys::wait_for_child(child_);
      if (end_) return std::move(*end_);
      if (!is_ready_) {
        return {problem("the daemon " + described(status) + " before the mount was usable",
                        "try again with -f or -d")};
      }
      if (!may_go_on()) {
        log::error("the daemon %s; it has died too often, and the mount ends",
                   described(status).c_str());
        return {problem("the daemon died too often")};
      }
      log::error("the daemon %s; another takes over", described(status).c_str());
    }
  }

 private:
  Expected<void> begin() {
    constexpr char kRemedy[] = "raise the limits of processes and of open files";
    auto pair = sys::connected_pair();
    if (!pair) return problem("no socket to the daemon can be made", kRemedy);
    const auto proc = sys::proc_for_child();
    if (!proc) return problem("/proc cannot be kept for the daemon", kRemedy);
    const auto child = sys::fork_process();
    if (!child) return problem("the daemon cannot be started", kRemedy);
    if (*child == 0) {
      pair->second.reset();
      signals_.reset();
      if (!sys::keep_proc_of_parent(*proc)) sys::end_process(1);
      live(pair->first);
    }
    link_ = std::move(pair->second);
    child_ = *child;
    began_ = sys::monotonic_ms();
    auto process = sys::open_process(child_);
    if (!process) {
      sys::kill_child(child_);
      return problem("the daemon cannot be watched", kRemedy);
    }
    process_ = std::move(*process);
    if (ending_signal_ != 0) (void)sys::send_signal(process_, ending_signal_);
    return {};
  }

  /// In the child.
  [[noreturn]] void live(BorrowedFd link) {
    Life life(lives_, link, files_);
    const auto served = [&]() -> Expected<void> {
      try {
        return serve_(life);
      } catch (const std::exception& reason) {  // A thread that cannot be started, no memory.
        return problem(std::string("the mount cannot be served: ") + reason.what(),
                       "raise the limits of processes and of memory");
      }
    }();
    if (served) {
      life.tell(ToKeeper::End);
    } else {
      life.tell(ToKeeper::Problem, served.error().cause + '\0' + served.error().remedy);
    }
    sys::end_process(served ? 0 : 1);
  }

  /// Until the child has ended.
  void attend() {
    for (;;) {
      std::array<pollfd, 3> watched = {pollfd{raw(signals_), POLLIN, 0},
                                       pollfd{raw(link_), POLLIN, 0},
                                       pollfd{raw(process_), POLLIN, 0}};
      const int patience = is_ready_ ? -1 : static_cast<int>(kStartPatienceMs);
      (void)sys::wait_for(watched, patience);
      if (!is_ready_ && sys::monotonic_ms() - began_ >= kStartPatienceMs) sys::kill_child(child_);
      while (const auto signal = sys::take_signal(signals_)) pass_on(*signal);
      while (take_message()) {
      }
      if (watched[2].revents != 0) return;
    }
  }

  /// A terminal, or a service manager, has sent it to the daemon as well, most often, for which a
  /// second one would mean to hurry. One that came while there was no daemon is for the next.
  void pass_on(int signal) {
    ending_signal_ = signal;
    std::array<pollfd, 1> watched = {pollfd{raw(process_), POLLIN, 0}};
    const auto ended = sys::wait_for(watched, kDaemonsOwnMs);
    if (ended && *ended == 0) (void)sys::send_signal(process_, signal);
  }

  bool take_message() {
    std::array<std::byte, kLongestToKeeper> buffer;
    auto packet = sys::receive_packet(link_, buffer, sys::Wait::No);
    if (!packet || packet->size == 0) return false;
    const std::string text(reinterpret_cast<const char*>(buffer.data()), packet->size);
    uint64_t node = 0;
    if (text.size() > sizeof node) std::memcpy(&node, text.data() + 1, sizeof node);
    switch (ToKeeper{text.front()}) {
      case ToKeeper::Ready:
        if (!std::exchange(is_ready_, true)) on_ready_();
        break;
      case ToKeeper::Keep:
        if (packet->descriptors == 1) files_[node] = std::move(packet->fds[0]);
        break;
      case ToKeeper::Drop:
        files_.erase(node);
        break;
      case ToKeeper::End:
        end_ = {.outcome = {}, .is_unmounted = true};
        break;
      case ToKeeper::Problem: {
        const size_t zero = text.find('\0');
        end_ = {.outcome = problem(text.substr(1, zero - 1), text.substr(zero + 1)),
                .is_unmounted = true};
        break;
      }
      default:
        break;
    }
    return true;
  }

  /// After a death: whether there have been too many.
  bool may_go_on() {
    const uint64_t now = sys::monotonic_ms();
    deaths_.push_back(now);
    if (deaths_.size() < kMostDeaths) return true;
    const uint64_t first = deaths_.front();
    deaths_.pop_front();
    return now - first > kDeathsWithinMs;
  }

  const ServeLife& serve_;
  const std::function<void()>& on_ready_;
  UniqueFd signals_;
  unsigned lives_ = 0;
  bool is_ready_ = false;
  int ending_signal_ = 0;  ///< The last that ends the mount.
  std::optional<KeptEnd> end_;
  KeptFiles files_;
  std::deque<uint64_t> deaths_;
  // Of the child that lives now.
  pid_t child_ = 0;
  UniqueFd process_;
  UniqueFd link_;
  uint64_t began_ = 0;
};

}  // namespace

KeptEnd keep_mount(const ServeLife& serve, const std::function<void()>& on_ready) {
  return Keeper(serve, on_ready).run();
}

}  // namespace overpass::fuse
