// SPDX-License-Identifier: MIT
//
// SOCK_SEQPACKET sockets of the local machine, and descriptors sent over them (SCM_RIGHTS).

#ifndef OVERPASS_SYS_UNIX_SOCKET_H_
#define OVERPASS_SYS_UNIX_SOCKET_H_

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <initializer_list>
#include <span>
#include <utility>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// A listening socket at `path`, which must be free, with permissions 0666; accepting from it does
/// not block. Its queue is short.
Result<UniqueFd> listen_at(const char* path);

/// A listening socket passed by the starter of this process (sd_listen_fds(3)). ENOENT when none
/// was passed, EINVAL when it is of another kind, or no socket.
Result<UniqueFd> passed_listener();

/// Connects; EAGAIN instead of waiting when the listener's queue is full. ENAMETOOLONG beyond 107
/// bytes. Receiving from it, and sending, fails with EAGAIN after `timeout_ms`.
Result<UniqueFd> connect_to(const char* path, int timeout_ms);

/// The next connection; EAGAIN when there is none on a non-blocking listener.
Result<UniqueFd> accept_connection(BorrowedFd listener);

Result<std::pair<UniqueFd, UniqueFd>> connected_pair();

/// The process that called connect(2), as it was then.
struct Peer {
  pid_t pid;  ///< 0 when it is outside of this pid namespace.
  uid_t uid;
  gid_t gid;
};
Result<Peer> peer_of(BorrowedFd connection);

/// A pidfd of that process (SO_PEERPIDFD, since 6.5). Before, one of the process that has its
/// number now.
Result<UniqueFd> peer_process(BorrowedFd connection, const Peer& peer);

/// Receiving from it fails with EAGAIN after `timeout_ms`; with EINTR when the process was stopped
/// meanwhile.
Result<void> set_receive_timeout(BorrowedFd socket, int timeout_ms);

inline constexpr size_t kMostDescriptors = 4;

/// One packet and its descriptors, which are close-on-exec.
struct Packet {
  size_t size = 0;         ///< Bytes in the buffer; 0 at the end of the connection.
  bool is_cut = false;     ///< It was longer than the buffer, or had more descriptors.
  size_t descriptors = 0;  ///< How many of `fds` are filled.
  std::array<UniqueFd, kMostDescriptors> fds;
};

enum class Wait { No, Yes };

Result<Packet> receive_packet(BorrowedFd socket, std::span<std::byte> buffer, Wait wait);

/// EPIPE when the other end is gone; EAGAIN when it does not read, and Wait::No or after the
/// socket's timeout.
Result<void> send_packet(BorrowedFd socket, std::span<const std::byte> bytes,
                         std::initializer_list<BorrowedFd> fds, Wait wait);

/// Sends `bytes` as packets of `size` bytes each, without descriptors: how many were sent. Fewer
/// than all when the other end is gone; or when it does not read, and Wait::No or after the
/// socket's timeout.
size_t send_packets(BorrowedFd socket, std::span<const std::byte> bytes, size_t size, Wait wait);

/// Tells the other end that nothing more will be sent; receiving goes on.
void end_sending(BorrowedFd socket);

/// Ends the connection in both directions, and with it what other threads wait for there.
void shut_down(BorrowedFd socket);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_UNIX_SOCKET_H_
