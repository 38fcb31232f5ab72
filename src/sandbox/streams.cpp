// SPDX-License-Identifier: MIT
//
// A clone of a mount needs a mount namespace of one's own. A child makes one and sends the file
// back; the clone lives as long as the file is open.

#include "sandbox/streams.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <string>

#include "sys/children.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/mount_api.h"
#include "sys/names.h"
#include "sys/namespaces.h"
#include "sys/open.h"
#include "sys/stat.h"
#include "sys/unix_socket.h"

namespace overpass::sandbox {

namespace {

constexpr const char* kNames[] = {"standard input", "standard output", "standard error"};

/// Of the process that asks, which may be a child of the one that asked before.
std::string path_of(BorrowedFd fd) { return "/proc/self/fd/" + std::to_string(raw(fd)); }

/// The file that is open as `stream`, read-only for good. In the child.
Result<UniqueFd> open_read_only(BorrowedFd stream) {
  const std::string path = TRY(sys::read_link({BorrowedFd{AT_FDCWD}, path_of(stream).c_str()}));
  const int more = sys::may_administer_own_namespace() ? 0 : CLONE_NEWUSER;
  TRY(sys::unshare(CLONE_NEWNS | more));
  const UniqueFd file = TRY(sys::open_path(path.c_str(), O_PATH | O_NOFOLLOW));
  const auto found = TRY(sys::stat(sys::place_of(file)));
  const auto wanted = TRY(sys::stat(sys::place_of(stream)));
  if (found.stx_ino != wanted.stx_ino || sys::device_of(found) != sys::device_of(wanted)) {
    return fail(ESTALE);  // Another file has its name now.
  }
  const UniqueFd clone = TRY(sys::clone_read_only(file));
  return sys::open_path(path_of(clone).c_str(), O_RDONLY);
}

Result<UniqueFd> open_in_child(BorrowedFd stream) {
  auto pair = TRY(sys::connected_pair());
  const pid_t child = TRY(sys::fork_process());
  std::byte word{};
  if (child == 0) {
    const auto opened = open_read_only(stream);
    if (opened) (void)sys::send_packet(pair.second, std::span(&word, 1), {*opened}, sys::Wait::Yes);
    sys::end_process(0);
  }
  pair.second.reset();
  auto packet = sys::receive_packet(pair.first, std::span(&word, 1), sys::Wait::Yes);
  (void)::waitpid(child, nullptr, 0);
  if (!packet || packet->descriptors != 1) return fail(EACCES);
  return std::move(packet->fds[0]);
}

Expected<void> replace(int number) {
  const BorrowedFd stream{number};
  const auto offset = sys::seek(stream, 0, SEEK_CUR);
  const auto file = open_in_child(stream);
  if (!file) {
    return problem(std::string(kNames[number]) +
                       " is a file that cannot be made read-only for the "
                       "sandbox",
                   "give it by a pipe: cat FILE | overpass run ...");
  }
  if (offset) (void)sys::seek(*file, *offset, SEEK_SET);
  (void)::dup2(raw(*file), number);
  return {};
}

}  // namespace

Expected<void> guard_streams() {
  for (int number = STDIN_FILENO; number <= STDERR_FILENO; ++number) {
    const BorrowedFd stream{number};
    const auto found = sys::stat(sys::place_of(stream));
    const auto flags = sys::status_flags(stream);
    if (!found || !flags) continue;
    if (S_ISDIR(found->stx_mode) || (*flags & O_PATH) != 0) {
      return problem(
          std::string(kNames[number]) + " is a directory, which leads out of the sandbox",
          "redirect it from or to a file, a pipe or /dev/null");
    }
    if (S_ISBLK(found->stx_mode) && (*flags & O_ACCMODE) == O_RDONLY) {
      // A read-only mount does not keep a device from being written.
      return problem(std::string(kNames[number]) + " is a disk, which could be written to",
                     "give it by a pipe: cat DISK | overpass run ...");
    }
    if (!S_ISREG(found->stx_mode) || (*flags & O_ACCMODE) != O_RDONLY) continue;
    if (auto replaced = replace(number); !replaced) return replaced;
  }
  return {};
}

}  // namespace overpass::sandbox
