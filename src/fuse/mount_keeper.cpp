// SPDX-License-Identifier: MIT
//
// A daemon that dies has sent its messages, so they are read before its end is judged.

#include "fuse/mount_keeper.h"

#include <sys/wait.h>

#include <algorithm>
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

/// Nobody who waits for the mount, or for another daemon, waits longer.
constexpr uint64_t kStartPatienceMs = 20'000;
/// How long a program that was executed may take until it answers callers: it makes all nodes.
constexpr uint64_t kBeginPatienceMs = 60'000;
/// How long a daemon may take to leave; killed, it leaves as well.
constexpr uint64_t kLeavePatienceMs = 2000;
/// How often it is looked whether a patience has come to its end.
constexpr int kLookMs = 1000;

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

/// A program that was executed for a daemon, as it was when it said that it is able.
struct Program {
  UniqueFd file;
  UniqueFd options;
  bool has_changes = false;  ///< Options or layers are not those that the mount was made with.
  AddedLayers layers;

  ProgramStart start() const {
    return {.program = file, .options = options, .changes = {}, .layers = layers, .lower = {}};
  }
};

class Keeper {
 public:
  Keeper(const DaemonStart& start, bool hangup_replaces, const std::function<void()>& on_ready)
      : start_(start), hangup_replaces_(hangup_replaces), on_ready_(on_ready) {}

  KeptEnd run() {
    auto signals = sys::signal_descriptor(ending_signals());
    if (!signals) return {problem("signals cannot be received", "raise the limit of open files")};
    signals_ = std::move(*signals);
    if (auto begun = begin(daemon_, std::nullopt, number_); !begun)
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
  /// Starts a daemon: one that waits for Begin, if a program is executed for it.
  Expected<void> begin(Child& child, const std::optional<ProgramStart>& program,
                       LifeNumber number) {
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
      program ? execute(life, *program) : serve(life);
    }
    child = {};
    child.number = *forked;
    child.link = std::move(pair->second);
    child.began = sys::monotonic_ms();
    auto process = sys::open_process(*forked);
    if (!process) {
      drop(child);
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

  [[noreturn]] void execute(const Life& life, const ProgramStart& program) {
    try {
      life.tell_end(std::unexpected(start_.execute(life, program)));
    } catch (const std::exception&) {
      life.tell_end(problem("out of memory"));
    }
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
    number_ = {.lives = number_.lives + 1, .replacements = number_.replacements};
    if (program_ && !is_ready_) go_back();
    const auto program = program_ ? std::optional(program_->start()) : std::nullopt;
    is_ready_ = false;
    return begin(daemon_, program, number_);
  }

  /// The program that was executed has not come to answer callers.
  void go_back() {
    // Who has been served by other options goes on with them, or not at all.
    if (!std::exchange(is_new_, false) && program_->has_changes) return;
    log::error("the program that was executed fails; the former one goes on");
    program_ = std::exchange(former_, {});
  }

  /// Until the daemon has ended.
  void attend() {
    for (;;) {
      const bool is_expected = !is_leaving_;
      std::array<pollfd, 5> watched = {
          pollfd{raw(signals_), POLLIN, 0}, pollfd{raw(daemon_.link), POLLIN, 0},
          pollfd{raw(daemon_.process), POLLIN, 0},
          pollfd{is_expected ? raw(candidate_.link) : -1, POLLIN, 0},
          pollfd{is_expected ? raw(candidate_.process) : -1, POLLIN, 0}};
      (void)sys::wait_for(watched, patience());
      if (is_overdue()) (void)sys::send_signal(daemon_.process, SIGKILL);
      while (const auto signal = sys::take_signal(signals_)) take_signal(*signal);
      while (take_message()) {
      }
      while (candidate_.lives() && take_candidates_message()) {
      }
      if (candidate_.lives() && !is_leaving_) look_at_candidate();
      std::erase_if(dropped_, sys::has_ended);
      if (watched[2].revents != 0) return;
    }
  }

  bool is_overdue() const {
    if (is_leaving_) return sys::monotonic_ms() - left_at_ >= kLeavePatienceMs;
    if (!has_been_ready_) return daemon_.is_overdue(kStartPatienceMs);
    return program_ && !is_ready_ && daemon_.is_overdue(kBeginPatienceMs);
  }

  int patience() const {
    if (is_leaving_) return kLeavePatienceMs;
    const bool is_quiet = is_ready_ && !candidate_.lives() && dropped_.empty();
    return is_quiet ? -1 : static_cast<int>(kLookMs);
  }

  void take_signal(int signal) {
    if (signal == SIGHUP && hangup_replaces_) return replace({}, 0);
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

  static std::optional<Word<ToKeeper>> receive(const Child& child) {
    return receive_message<ToKeeper>(child.link, sys::Wait::No);
  }

  static void tell(const Child& child, ToDaemon what, std::string_view content = {},
                   BorrowedFd file = {}) {
    send_message(child.link, static_cast<char>(what), content, file);
  }

  bool take_message() {
    auto message = receive(daemon_);
    if (!message) return false;
    switch (message->what) {
      case ToKeeper::Ready:
        is_ready_ = true;
        former_.reset();
        is_new_ = false;
        if (!std::exchange(has_been_ready_, true)) on_ready_();
        break;
      case ToKeeper::Keep:
        keep_file(files_, std::move(*message));
        break;
      case ToKeeper::Drop:
        files_.erase(number_in(message->content));
        break;
      case ToKeeper::Able:
        let_begin();
        break;
      case ToKeeper::Replace:
        replace({.changes = text_behind_number(message->content), .lower = {}},
                number_in(message->content));
        break;
      case ToKeeper::AddLayer:
        replace({.changes = {}, .lower = text_behind_number(message->content)},
                number_in(message->content));
        break;
      case ToKeeper::Stays:
        drop_candidate();
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

  /// What is to be different afterwards.
  struct Changes {
    std::string changes;  ///< Of the options, as in -o.
    std::string lower;    ///< One more.

    bool are_some() const { return !changes.empty() || !lower.empty(); }
  };

  static std::string text_behind_number(const std::string& content) {
    return content.substr(std::min(content.size(), sizeof(uint64_t)));
  }

  /// `asked_by`: the number of the request that asks for it; 0 for a signal.
  void replace(const Changes& wanted, uint64_t asked_by) {
    if (!is_ready_ || candidate_.lives()) {
      return refuse({"the daemon is being replaced already", "wait a moment"}, asked_by);
    }
    const BorrowedFd options = program_ ? program_->options.get() : BorrowedFd{-1};
    const LifeNumber number = {number_.lives + 1, number_.replacements + 1, true, asked_by};
    proposed_ = {};
    proposed_.has_changes = wanted.are_some() || (program_ && program_->has_changes);
    if (program_) proposed_.layers = program_->layers;
    asked_by_ = asked_by;
    const ProgramStart start = {.program = BorrowedFd{-1},
                                .options = options,
                                .changes = wanted.changes,
                                .layers = proposed_.layers,
                                .lower = wanted.lower};
    if (auto begun = begin(candidate_, start, number); !begun) refuse(begun.error(), asked_by);
  }

  bool take_candidates_message() {
    auto message = receive(candidate_);
    if (!message) return false;
    switch (message->what) {
      case ToKeeper::Options:
        proposed_.options = std::move(message->file);
        break;
      case ToKeeper::Layer:
        if (!message->file) {
          drop(candidate_);
          refuse({"the keeper cannot hold the layer", "raise the limit of open files"}, asked_by_);
          return false;
        }
        proposed_.layers.push_back(std::make_shared<const AddedLayer>(std::move(message->content),
                                                                      std::move(message->file)));
        break;
      case ToKeeper::Able:
        if (!message->file || !proposed_.options) break;
        proposed_.file = std::move(message->file);
        is_leaving_ = true;
        left_at_ = sys::monotonic_ms();
        tell(daemon_, ToDaemon::Leave);
        break;
      case ToKeeper::Problem:
        drop(candidate_);
        refuse(problem_in(message->content), asked_by_);
        break;
      default:
        break;
    }
    return true;
  }

  void look_at_candidate() {
    constexpr char kRemedy[] = "try it by itself";
    if (!sys::is_running(candidate_.process)) {
      const int status = sys::wait_for_child(candidate_.number);
      candidate_ = {};
      refuse({"the program that was executed " + described(status), kRemedy}, asked_by_);
    } else if (candidate_.is_overdue(kStartPatienceMs)) {
      drop(candidate_);
      refuse({"the program that was executed does not answer", kRemedy}, asked_by_);
    }
  }

  /// Nobody waits for the answer to a signal.
  void refuse(const Problem& reason, uint64_t asked_by) {
    log::error("the daemon is not replaced: %s", reason.line().c_str());
    if (asked_by != 0) tell(daemon_, ToDaemon::Refused, text_of(reason));
  }

  void drop_candidate() {
    drop(candidate_);
    is_leaving_ = false;
  }

  /// It may wait for something itself, so its end is not waited for.
  void drop(Child& child) {
    if (child.lives()) {
      sys::kill_child(child.number);
      dropped_.push_back(child.number);
    }
    child = {};
  }

  /// The daemon has left.
  void take_candidate() {
    start_.ended(/*has_died=*/false);
    is_leaving_ = false;
    is_ready_ = false;
    is_new_ = true;
    former_ = std::exchange(program_, std::move(proposed_));
    number_ = {number_.lives + 1, number_.replacements + 1, true, asked_by_};
    daemon_ = std::exchange(candidate_, {});
    daemon_.began = sys::monotonic_ms();
    if (ending_signal_ != 0) (void)sys::send_signal(daemon_.process, ending_signal_);
    let_begin();
  }

  /// The daemon, a program that was executed and is able.
  void let_begin() {
    for (const auto& [node, file] : files_) tell(daemon_, ToDaemon::Keep, bytes_of(node), file);
    tell(daemon_, ToDaemon::Begin);
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
  std::vector<pid_t> dropped_;  ///< Children that have been killed.
  // The daemon that serves now.
  Child daemon_;
  LifeNumber number_;
  bool is_ready_ = false;
  std::optional<Program> program_;  ///< Nothing: this one.
  bool is_new_ = false;             ///< And it has not been ready once.
  std::optional<Program> former_;   ///< What it was before, until then.
  // The one that is to replace it.
  Child candidate_;
  Program proposed_;
  uint64_t asked_by_ = 0;
  bool is_leaving_ = false;  ///< The daemon, since the candidate is able.
  uint64_t left_at_ = 0;
};

}  // namespace

KeptEnd keep_mount(const DaemonStart& start, bool hangup_replaces,
                   const std::function<void()>& on_ready) {
  return Keeper(start, hangup_replaces, on_ready).run();
}

}  // namespace overpass::fuse
