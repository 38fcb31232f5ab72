// SPDX-License-Identifier: MIT
//
// One of the daemons that serve a mount, one after another (survive=on), and what it and the keeper
// (mount_keeper.h) tell each other. Both may be of different versions of this program: what a
// message says never changes, and one that is not known is passed over.

#ifndef OVERPASS_FUSE_LIFE_H_
#define OVERPASS_FUSE_LIFE_H_

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/log.h"
#include "base/problem.h"
#include "base/unique_fd.h"
#include "sys/unix_socket.h"

namespace overpass::fuse {

/// What a message to the keeper says: the first byte of a packet.
enum class ToKeeper : char {
  Options = 'O',  ///< A program was executed: the options come along that it goes by (handover.h).
  Able = 'A',     ///< It waits for Begin; its own file comes along.
  Ready = 'R',    ///< Callers are answered.
  Keep = 'K',     ///< Hold the file that comes along, of the node that follows.
  Drop = 'D',     ///< The file of the node that follows is not needed any more.
  /// Have the program executed anew: the kernel's number of the request that asks for it, and
  /// options that change, as in -o.
  Replace = 'X',
  /// As Replace, with one more lower: the request's number, and the directory's path.
  AddLayer = 'Y',
  /// Of the program that was executed for that: it has the lower, whose root comes along, described
  /// as in handover.h.
  Layer = 'S',
  Stays = 'T',    ///< It does not leave, for it is ending the mount: a signal came to it.
  End = 'E',      ///< The mount has ended in good order.
  Problem = 'P',  ///< It has ended, or cannot begin, for a reason: cause, a zero, remedy.
};

/// What a message of the keeper says.
enum class ToDaemon : char {
  Keep = 'K',     ///< To one that is to begin: the file of the node that follows.
  Begin = 'B',    ///< There is no other daemon any more: take the mount over.
  Leave = 'L',    ///< Another daemon waits: end, and leave the mount to it.
  Refused = 'F',  ///< No other daemon can take the mount over: cause, a zero, remedy.
};

/// The longest message.
inline constexpr size_t kLongestToKeeper = 4096;

/// Files without a name that are open, by node id.
using KeptFiles = std::map<uint64_t, UniqueFd>;

/// Which of a mount's daemons it is.
struct LifeNumber {
  unsigned lives = 0;           ///< Daemons before it.
  unsigned replacements = 0;    ///< How many of these were replaced, and did not die.
  bool is_replacement = false;  ///< It replaces one itself,
  uint64_t asked_by = 0;        ///< for the request of this number; 0 for none.
};

/// A message of either of them: `What` is ToKeeper or ToDaemon.
template <class What>
struct Word {
  What what = {};
  std::string content = {};
  UniqueFd file = {};
};

/// The number that the content of a message begins with, as of a node; 0 for none.
uint64_t number_in(std::string_view content);
std::string_view bytes_of(const uint64_t& node);

/// The next message; nothing when there is none, or the other end is gone.
template <class What>
std::optional<Word<What>> receive_message(BorrowedFd link, sys::Wait wait) {
  std::array<std::byte, kLongestToKeeper> buffer;
  auto packet = sys::receive_packet(link, buffer, wait);
  if (!packet || packet->size == 0) return {};
  const std::string_view text(reinterpret_cast<const char*>(buffer.data()), packet->size);
  return Word<What>{What{text.front()}, std::string(text.substr(1)), std::move(packet->fds[0])};
}

/// Holds the file of a Keep. Without it there was no descriptor left to receive it: the log says
/// so, since the file is lost then when the daemon that has it open ends.
template <class What>
void keep_file(KeptFiles& files, Word<What> word) {
  if (word.file) {
    files[number_in(word.content)] = std::move(word.file);
  } else {
    log::error(
        "the limit of open files is reached: a removed file that is open is lost if the "
        "daemon dies");
  }
}

/// A daemon of the mount, in its own process: what it can tell the keeper.
/// Threads: any, but for files(), which is for the one that starts the others, and hear(), which is
/// for one at a time.
class Life {
 public:
  /// In the daemon's process, whose parent is the keeper.
  Life(LifeNumber number, BorrowedFd link, KeptFiles& files);

  const LifeNumber& number() const { return number_; }
  bool is_first() const { return number_.lives == 0; }
  /// Whether the keeper still lives.
  bool is_kept() const;

  /// Sends a message. A keeper that is gone needs to know nothing.
  void tell(ToKeeper what, std::string_view content = {}, BorrowedFd file = {}) const;
  /// Has the keeper hold a file that may lose its last name while it is open; or no more.
  void keep(uint64_t node, BorrowedFd file) const;
  void drop(uint64_t node) const;
  /// How the mount ended.
  void tell_end(const Expected<void>& served) const;

  /// Waits for a message; nothing when the keeper is gone.
  std::optional<Word<ToDaemon>> hear() const {
    return receive_message<ToDaemon>(link_, sys::Wait::Yes);
  }
  BorrowedFd link() const { return link_; }

  /// What former daemons had kept.
  KeptFiles& files() const { return files_; }

 private:
  const LifeNumber number_;
  const BorrowedFd link_;
  KeptFiles& files_;
  const pid_t keeper_;
};

/// Sends a message of either of them; `file` may be invalid. Needs no memory.
void send_message(BorrowedFd link, char what, std::string_view content, BorrowedFd file);

/// A problem as a message has it.
std::string text_of(const Problem& problem);
Problem problem_in(std::string_view text);

}  // namespace overpass::fuse

#endif  // OVERPASS_FUSE_LIFE_H_
