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

/// Nobody who waits for the mount, or for another daemon, waits longer.
constexpr uint64_t kStartPatienceMs = 20'000;
/// How long a daemon may take to leave; killed, it leaves as well.
constexpr uint64_t kLeavePatienceMs = 2000;

std::string described(int status) {
  if (WIFSIGNALED(status)) return "was ended by signal " + std::to_string(WTERMSIG(status));
  return "ended with status " + std::to_string(WEXITSTATUS(status));
}

/// A process that serves, or waits to.
struct Child {
  pid_t number = 0;
  UniqueFd process;
  UniqueFd link;
  uint64_t began = 0;

  bool lives() const { return number != 0; }
  bool is_overdue(uint64_t patience_ms) const {
    return lives() && sys::monotonic_ms() - began >= patience_ms;
  }
};

/// A program that is executed for a daemon, in place of the one that made the mount.
struct Program {
  UniqueFd file;
  std::string changes;  ///< Of options.
};

class Keeper {
 public:
  Keeper(const DaemonStart& start, bool hangup_replaces, const std::function<void()>& on_ready)
      : start_(start), hangup_replaces_(hangup_replaces), on_ready_(on_ready) {}

  KeptEnd run() {
    auto signals = sys::signal_descriptor(ending_signals());
    if (!signals) return {problem("signals cannot be received", "raise the limit of open files")};
    signals_ = std::move(*signals);
    if (auto begun = begin(daemon_, nullptr, number_); !begun)
      return {std::unexpected(begun.error())};
    for (;;) {
      attend();
      const int status = sys::wait_for_child(std::exchange(daemon_.number, 0));
      if (end_) {
        drop_candidate();
        return std::move(*end_);
      }
      if (!has_been_ready_) {
        return {problem("the daemon " + described(status) + " before the mount was usable",
                        "try again with -f or -d")};
      }
      if (is_leaving_) {
        take_candidate();
        continue;
      }
      if (auto followed = follow(status); !followed) return {std::unexpected(followed.error())};
    }
  }

 private:
  /// Starts a daemon: one that waits for Begin, if `program` is not null.
  Expected<void> begin(Child& child, const Program* program, LifeNumber number) {
    constexpr char kRemedy[] = "raise the limits of processes and of open files";
    auto pair = sys::connected_pair();
    if (!pair) return problem("no socket to the daemon can be made", kRemedy);
    const auto proc = sys::proc_for_child();
    if (!proc) return problem("/proc cannot be kept for the daemon", kRemedy);
    const auto forked = sys::fork_process();
    if (!forked) return problem("the daemon cannot be started", kRemedy);
    if (*forked == 0) {
      pair->second.reset();
      signals_.reset();
      if (!sys::keep_proc_of_parent(*proc)) sys::end_process(1);
      Life life(number, pair->first, files_);
      program == nullptr ? serve(life) : execute(life, *program);
    }
    child = {};
    child.number = *forked;
    child.link = std::move(pair->second);
    child.began = sys::monotonic_ms();
    auto process = sys::open_process(*forked);
    if (!process) {
      sys::kill_child(*forked);
      child = {};
      return problem("the daemon cannot be watched", kRemedy);
    }
    child.process = std::move(*process);
    if (ending_signal_ != 0) (void)sys::send_signal(child.process, ending_signal_);
    return {};
  }

  /// In the child.
  [[noreturn]] void serve(Life& life) {
    const auto served = [&]() -> Expected<void> {
      try {
        return start_.serve(life);
      } catch (const std::exception& reason) {  // A thread that cannot be started, no memory.
        return problem(std::string("the mount cannot be served: ") + reason.what(),
                       "raise the limits of processes and of memory");
      }
    }();
    life.tell_end(served);
    sys::end_process(served ? 0 : 1);
  }

  [[noreturn]] void execute(const Life& life, const Program& program) {
    life.tell_end(std::unexpected(start_.execute(life, program.file, program.changes)));
    sys::end_process(1);
  }

  /// After a death: starts another daemon.
  Expected<void> follow(int status) {
    drop_candidate();
    if (!may_go_on()) {
      log::error("the daemon %s; it has died too often, and the mount ends",
                 described(status).c_str());
      start_.ended(/*has_died=*/true);
      return problem("the daemon died too often");
    }
    log::error("the daemon %s; another takes over", described(status).c_str());
    start_.ended(/*has_died=*/true);
    ++number_.lives;
    number_.is_replacement = false;
    if (program_ && !is_ready_) {
      log::error("the program that was executed for it fails; the former one goes on");
      program_ = std::exchange(former_, {});
    }
    if (auto begun = begin(daemon_, program_ ? &*program_ : nullptr, number_); !begun) return begun;
    is_ready_ = false;
    if (program_) let_begin(daemon_);
    return {};
  }

  /// Until the daemon has ended.
  void attend() {
    for (;;) {
      std::array<pollfd, 5> watched = {
          pollfd{raw(signals_), POLLIN, 0}, pollfd{raw(daemon_.link), POLLIN, 0},
          pollfd{raw(daemon_.process), POLLIN, 0}, pollfd{raw(candidate_.link), POLLIN, 0},
          pollfd{raw(candidate_.process), POLLIN, 0}};
      (void)sys::wait_for(watched, patience());
      if (!has_been_ready_ && daemon_.is_overdue(kStartPatienceMs)) sys::kill_child(daemon_.number);
      if (is_leaving_ && sys::monotonic_ms() - left_at_ >= kLeavePatienceMs) {
        (void)sys::send_signal(daemon_.process, SIGKILL);
      }
      while (const auto signal = sys::take_signal(signals_)) take_signal(*signal);
      while (take_message()) {
      }
      while (candidate_.lives() && take_candidates_message()) {
      }
      if (candidate_.lives() && !is_leaving_) look_at_candidate();
      if (watched[2].revents != 0) return;
    }
  }

  int patience() const {
    if (is_leaving_) return kLeavePatienceMs;
    return has_been_ready_ && !candidate_.lives() ? -1 : static_cast<int>(kStartPatienceMs);
  }

  void take_signal(int signal) {
    if (signal == SIGHUP && hangup_replaces_) return replace("");
    pass_on(signal);
  }

  /// A terminal, or a service manager, has sent it to the daemon as well, most often, for which a
  /// second one would mean to hurry. One that came while there was no daemon is for the next.
  void pass_on(int signal) {
    ending_signal_ = signal;
    std::array<pollfd, 1> watched = {pollfd{raw(daemon_.process), POLLIN, 0}};
    const auto ended = sys::wait_for(watched, kDaemonsOwnMs);
    if (ended && *ended == 0) (void)sys::send_signal(daemon_.process, signal);
  }

  struct Message {
    char what;
    std::string content;
    UniqueFd file;
  };
  static std::optional<Message> receive(BorrowedFd link) {
    std::array<std::byte, kLongestToKeeper> buffer;
    auto packet = sys::receive_packet(link, buffer, sys::Wait::No);
    if (!packet || packet->size == 0) return {};
    const std::string_view text(reinterpret_cast<const char*>(buffer.data()), packet->size);
    return Message{text.front(), std::string(text.substr(1)), std::move(packet->fds[0])};
  }

  static void tell(const Child& child, ToDaemon what, std::string_view content = {},
                   BorrowedFd file = {}) {
    send_message(child.link, static_cast<char>(what), content, file);
  }

  bool take_message() {
    auto message = receive(daemon_.link);
    if (!message) return false;
    switch (ToKeeper{message->what}) {
      case ToKeeper::Ready:
        is_ready_ = true;
        former_.reset();
        if (!std::exchange(has_been_ready_, true)) on_ready_();
        break;
      case ToKeeper::Keep:
        if (message->file) files_[node_in(message->content)] = std::move(message->file);
        break;
      case ToKeeper::Drop:
        files_.erase(node_in(message->content));
        break;
      case ToKeeper::Replace:
        replace(message->content);
        break;
      case ToKeeper::End:
        end_ = {.outcome = {}, .is_unmounted = true};
        break;
      case ToKeeper::Problem:
        // The former program goes on, if there is one.
        if (program_ && !is_ready_) {
          log::error("%s", problem_in(message->content).line().c_str());
        } else {
          end_ = {.outcome = std::unexpected(problem_in(message->content)), .is_unmounted = true};
        }
        break;
      default:
        break;
    }
    return true;
  }

  // The program that is to replace the daemon.

  void replace(const std::string& changes) {
    if (!has_been_ready_ || candidate_.lives()) {
      return refuse(Problem{"the daemon is being replaced already", "wait a moment"});
    }
    proposed_ = Program{{}, program_ ? program_->changes : std::string()};
    if (!changes.empty()) proposed_.changes += changes + kEndOfChanges;
    const LifeNumber number = {number_.lives + 1, number_.replacements + 1, true};
    if (auto begun = begin(candidate_, &proposed_, number); !begun) refuse(begun.error());
  }

  bool take_candidates_message() {
    auto message = receive(candidate_.link);
    if (!message) return false;
    if (ToKeeper{message->what} == ToKeeper::Able && message->file) {
      proposed_.file = std::move(message->file);
      is_leaving_ = true;
      left_at_ = sys::monotonic_ms();
      tell(daemon_, ToDaemon::Leave);
    } else if (ToKeeper{message->what} == ToKeeper::Problem) {
      refuse(problem_in(message->content));
      drop_candidate();
    }
    return true;
  }

  void look_at_candidate() {
    if (!sys::is_running(candidate_.process)) {
      const int status = sys::wait_for_child(std::exchange(candidate_.number, 0));
      candidate_ = {};
      refuse(Problem{"the program that was executed " + described(status), "try it by itself"});
    } else if (candidate_.is_overdue(kStartPatienceMs)) {
      drop_candidate();
      refuse(Problem{"the program that was executed does not answer", "try it by itself"});
    }
  }

  void refuse(const Problem& reason) {
    log::error("the daemon is not replaced: %s", reason.line().c_str());
    tell(daemon_, ToDaemon::Refused, text_of(reason));
  }

  void drop_candidate() {
    if (candidate_.lives()) sys::kill_child(candidate_.number);
    candidate_ = {};
    is_leaving_ = false;
  }

  /// The daemon has left.
  void take_candidate() {
    start_.ended(/*has_died=*/false);
    is_leaving_ = false;
    is_ready_ = false;
    former_ = std::exchange(program_, std::move(proposed_));
    number_ = {number_.lives + 1, number_.replacements + 1, true};
    daemon_ = std::exchange(candidate_, {});
    if (ending_signal_ != 0) (void)sys::send_signal(daemon_.process, ending_signal_);
    let_begin(daemon_);
  }

  void let_begin(const Child& child) {
    for (const auto& [node, file] : files_) tell(child, ToDaemon::Keep, bytes_of(node), file);
    tell(child, ToDaemon::Begin);
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

  const DaemonStart& start_;
  const bool hangup_replaces_;
  const std::function<void()>& on_ready_;
  UniqueFd signals_;
  bool has_been_ready_ = false;  ///< The first daemon.
  int ending_signal_ = 0;        ///< The last that ends the mount.
  std::optional<KeptEnd> end_;
  KeptFiles files_;
  std::deque<uint64_t> deaths_;
  // The daemon that serves now.
  Child daemon_;
  LifeNumber number_;
  bool is_ready_ = false;
  std::optional<Program> program_;  ///< Nothing: this one.
  std::optional<Program> former_;   ///< What it was before, until the daemon is ready.
  // The one that is to replace it.
  Child candidate_;
  Program proposed_;
  bool is_leaving_ = false;  ///< The daemon, since the candidate is able.
  uint64_t left_at_ = 0;
};

}  // namespace

KeptEnd keep_mount(const DaemonStart& start, bool hangup_replaces,
                   const std::function<void()>& on_ready) {
  return Keeper(start, hangup_replaces, on_ready).run();
}

}  // namespace overpass::fuse
