// SPDX-License-Identifier: MIT
//
// socket(2), sendmsg(2), recvmsg(2), unix(7).

#include "sys/unix_socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>

#include "sys/errno_result.h"

namespace overpass::sys {

namespace {

#ifndef SO_PEERPIDFD
constexpr int SO_PEERPIDFD = 77;  // asm-generic/socket.h of 6.5.
#endif

/// Connections that wait to be accepted; further clients wait in connect(2). A connection stays in
/// the queue when its client has gone, so a client that comes and goes keeps it full: a longer
/// queue makes others wait longer.
constexpr int kMostWaiting = 128;

Result<UniqueFd> owned(int fd) {
  if (fd < 0) return fail(errno);
  return UniqueFd(fd);
}

Result<UniqueFd> new_socket() { return owned(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); }

Result<sockaddr_un> address_of(const char* path) {
  sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  if (std::strlen(path) >= sizeof address.sun_path) return fail(ENAMETOOLONG);
  std::strcpy(address.sun_path, path);
  return address;
}

/// A socket option that is a number; -1 when it cannot be read.
int option_of(BorrowedFd socket, int option) {
  int value = -1;
  socklen_t size = sizeof value;
  if (::getsockopt(raw(socket), SOL_SOCKET, option, &value, &size) < 0) return -1;
  return value;
}

Result<void> set_timeout(BorrowedFd socket, int option, int timeout_ms) {
  const timeval time = {timeout_ms / 1000, (timeout_ms % 1000) * 1000L};
  return checked_void(::setsockopt(raw(socket), SOL_SOCKET, option, &time, sizeof time));
}

/// Room for the descriptors of one packet.
struct alignas(cmsghdr) Control {
  std::byte bytes[CMSG_SPACE(kMostDescriptors * sizeof(int))] = {};
};

/// Takes the descriptors that came, even if the message is bad: they would stay open otherwise.
void take_descriptors(msghdr& header, Packet& packet) {
  for (cmsghdr* part = CMSG_FIRSTHDR(&header); part != nullptr; part = CMSG_NXTHDR(&header, part)) {
    if (part->cmsg_level != SOL_SOCKET || part->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (part->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(part) + i * sizeof fd, sizeof fd);
      UniqueFd owner(fd);
      if (packet.descriptors < packet.fds.size()) {
        packet.fds[packet.descriptors++] = std::move(owner);
      } else {
        packet.is_cut = true;
      }
    }
  }
}

}  // namespace

Result<UniqueFd> listen_at(const char* path) {
  const sockaddr_un address = TRY(address_of(path));
  UniqueFd socket = TRY(new_socket());
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  TRY(checked_void(::bind(raw(socket), generic, sizeof address)));
  TRY(checked_void(::chmod(path, 0666)));
  TRY(checked_void(::listen(raw(socket), kMostWaiting)));
  TRY(checked_void(::fcntl(raw(socket), F_SETFL, O_NONBLOCK)));
  return socket;
}

Result<UniqueFd> passed_listener() {
  const char* pid = std::getenv("LISTEN_PID");
  const char* count = std::getenv("LISTEN_FDS");
  if (pid == nullptr || count == nullptr) return fail(ENOENT);
  if (std::strtol(pid, nullptr, 10) != ::getpid()) return fail(ENOENT);
  if (std::strcmp(count, "1") != 0) return fail(EINVAL);
  UniqueFd listener(3);
  if (option_of(listener, SO_DOMAIN) != AF_UNIX || option_of(listener, SO_TYPE) != SOCK_SEQPACKET ||
      option_of(listener, SO_ACCEPTCONN) != 1) {
    return fail(EINVAL);
  }
  TRY(checked_void(::listen(raw(listener), kMostWaiting)));
  TRY(checked_void(::fcntl(raw(listener), F_SETFD, FD_CLOEXEC)));
  TRY(checked_void(::fcntl(raw(listener), F_SETFL, O_NONBLOCK)));
  return listener;
}

Result<UniqueFd> connect_to(const char* path, int timeout_ms) {
  const sockaddr_un address = TRY(address_of(path));
  UniqueFd socket = TRY(new_socket());
  TRY(set_timeout(socket, SO_SNDTIMEO, timeout_ms));
  TRY(set_timeout(socket, SO_RCVTIMEO, timeout_ms));
  const auto* generic = reinterpret_cast<const sockaddr*>(&address);
  TRY(checked_void(::connect(raw(socket), generic, sizeof address)));
  return socket;
}

Result<UniqueFd> accept_connection(BorrowedFd listener) {
  return owned(::accept4(raw(listener), nullptr, nullptr, SOCK_CLOEXEC));
}

Result<std::pair<UniqueFd, UniqueFd>> connected_pair() {
  int ends[2];
  TRY(checked_void(::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends)));
  return std::pair(UniqueFd(ends[0]), UniqueFd(ends[1]));
}

Result<Peer> peer_of(BorrowedFd connection) {
  ucred credentials = {};
  socklen_t size = sizeof credentials;
  TRY(checked_void(::getsockopt(raw(connection), SOL_SOCKET, SO_PEERCRED, &credentials, &size)));
  return Peer{credentials.pid, credentials.uid, credentials.gid};
}

Result<UniqueFd> peer_process(BorrowedFd connection, const Peer& peer) {
  int fd = -1;
  socklen_t size = sizeof fd;
  if (::getsockopt(raw(connection), SOL_SOCKET, SO_PEERPIDFD, &fd, &size) == 0) {
    return UniqueFd(fd);
  }
  if (errno != ENOPROTOOPT) return fail(errno);
  return owned(static_cast<int>(::syscall(SYS_pidfd_open, peer.pid, 0)));
}

Result<void> set_receive_timeout(BorrowedFd socket, int timeout_ms) {
  return set_timeout(socket, SO_RCVTIMEO, timeout_ms);
}

Result<Packet> receive_packet(BorrowedFd socket, std::span<std::byte> buffer, Wait wait) {
  iovec piece = {buffer.data(), buffer.size()};
  Control control;
  msghdr header = {};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  header.msg_control = control.bytes;
  header.msg_controllen = sizeof control.bytes;
  const int flags = MSG_CMSG_CLOEXEC | (wait == Wait::No ? MSG_DONTWAIT : 0);
  Packet packet;
  packet.size = static_cast<size_t>(TRY(checked(::recvmsg(raw(socket), &header, flags))));
  packet.is_cut = (header.msg_flags & (MSG_TRUNC | MSG_CTRUNC)) != 0;
  take_descriptors(header, packet);
  return packet;
}

Result<void> send_packet(BorrowedFd socket, std::span<const std::byte> bytes,
                         std::initializer_list<BorrowedFd> fds, Wait wait) {
  if (fds.size() > kMostDescriptors) return fail(EINVAL);
  iovec piece = {const_cast<std::byte*>(bytes.data()), bytes.size()};
  Control control;
  msghdr header = {};
  header.msg_iov = &piece;
  header.msg_iovlen = 1;
  if (fds.size() > 0) {
    header.msg_control = control.bytes;
    header.msg_controllen = CMSG_SPACE(fds.size() * sizeof(int));
    cmsghdr* part = CMSG_FIRSTHDR(&header);
    part->cmsg_level = SOL_SOCKET;
    part->cmsg_type = SCM_RIGHTS;
    part->cmsg_len = CMSG_LEN(fds.size() * sizeof(int));
    size_t at = 0;
    for (const BorrowedFd fd : fds) {
      const int number = raw(fd);
      std::memcpy(CMSG_DATA(part) + at, &number, sizeof number);
      at += sizeof number;
    }
  }
  const int flags = MSG_NOSIGNAL | (wait == Wait::No ? MSG_DONTWAIT : 0);
  return checked_void(::sendmsg(raw(socket), &header, flags));
}

size_t send_packets(BorrowedFd socket, std::span<const std::byte> bytes, size_t size, Wait wait) {
  constexpr size_t kAtOnce = 64;
  std::array<iovec, kAtOnce> pieces;
  std::array<mmsghdr, kAtOnce> headers;
  const int flags = MSG_NOSIGNAL | (wait == Wait::No ? MSG_DONTWAIT : 0);
  size_t done = 0;
  while (!bytes.empty()) {
    const size_t count = std::min(kAtOnce, bytes.size() / size);
    for (size_t i = 0; i < count; ++i) {
      pieces[i] = {const_cast<std::byte*>(bytes.data()) + i * size, size};
      headers[i] = {};
      headers[i].msg_hdr.msg_iov = &pieces[i];
      headers[i].msg_hdr.msg_iovlen = 1;
    }
    const int sent = ::sendmmsg(raw(socket), headers.data(), static_cast<unsigned>(count), flags);
    if (sent <= 0) break;
    done += static_cast<size_t>(sent);
    bytes = bytes.subspan(static_cast<size_t>(sent) * size);
  }
  return done;
}

void end_sending(BorrowedFd socket) { (void)::shutdown(raw(socket), SHUT_WR); }

void shut_down(BorrowedFd socket) { (void)::shutdown(raw(socket), SHUT_RDWR); }

}  // namespace overpass::sys
