// SPDX-License-Identifier: MIT
//
// A descriptor is closed in the order that cannot hang: closing a file of a FUSE waits for its
// server (FLUSH), and that server may be the client, whose connection ends only when this process
// lets go of its /dev/fuse. So whenever a client offers what is not served, /dev/fuse goes first,
// then the rest, and with it the connection.

#include "broker/client_process.h"

#include <poll.h>

#include <cstring>
#include <unordered_set>

#include "base/log.h"
#include "broker/allowance.h"
#include "broker/confinement.h"
#include "broker/greeting.h"
#include "broker/offered_file.h"
#include "sys/children.h"
#include "sys/fuse_backing.h"
#include "sys/stat.h"

namespace overpass::broker {

namespace {

constexpr int kTellAfterMs = 1000;
/// After a request the next one is waited for alone so long: a client that opens one file after the
/// other then costs one system call per request less.
constexpr int kLingerMs = 10;
/// But after so many requests without a pause it is asked whether somebody has gone.
constexpr unsigned kLookEvery = 64;
/// A client that asks too much gets its refusals slowly.
constexpr int kBrakeMs = 20;

/// Closes what came with a packet: regular files last, for they may hang as long as another of the
/// descriptors keeps their server's connection open.
void discard(sys::Packet& packet) {
  if (packet.descriptors > 1) {
    for (UniqueFd& fd : packet.fds) {
      if (fd.empty()) continue;
      const auto stat = sys::stat_without_asking(fd);
      if (!stat || !S_ISREG(stat->stx_mode)) fd.reset();
    }
  }
  for (UniqueFd& fd : packet.fds) fd.reset();
}

class ClientProcess {
 public:
  ClientProcess(ClientDescriptors descriptors, const sys::Peer& peer,
                const std::vector<ListedClient>& clients)
      : descriptors_(std::move(descriptors)),
        peer_(peer),
        clients_(clients),
        allowance_(descriptors_.server) {}

  void serve() {
    lingers_ = sys::set_receive_timeout(descriptors_.socket, kLingerMs).has_value();
    while (wait_for_request() && serve_request()) continue;
    // Without the server the client goes on with what it has; its ids end with its mount.
    if (!has_server_) return;
    let_go();
    if (allowance_.has_news()) allowance_.tell();
  }

 private:
  /// False when the client, or the server, has gone.
  bool wait_for_request() {
    if (is_lingering()) return true;
    while (true) {
      pollfd polled[] = {{raw(descriptors_.socket.get()), POLLIN, 0},
                         {raw(descriptors_.process.get()), POLLIN, 0},
                         {raw(descriptors_.server.get()), POLLIN, 0}};
      const auto ready = sys::wait_for(polled, allowance_.has_news() ? kTellAfterMs : -1);
      has_server_ = polled[2].revents == 0;
      if (!ready || polled[1].revents != 0 || !has_server_) return false;
      if (polled[0].revents != 0) return true;
      allowance_.tell();
    }
  }

  /// Whether the next request is waited for by receiving it, with a timeout.
  bool is_lingering() const { return lingers_ && unpaused_ % kLookEvery != 0; }

  /// False when the connection is to end.
  bool serve_request() {
    std::byte buffer[sizeof(Request) + 1];
    auto packet = sys::receive_packet(descriptors_.socket, buffer,
                                      is_lingering() ? sys::Wait::Yes : sys::Wait::No);
    if (!packet) {
      unpaused_ = 0;
      return packet.failed_with(EAGAIN) || packet.failed_with(EINTR);
    }
    ++unpaused_;
    if (packet->size == 0) return false;
    const bool goes_on = serve_packet(*packet, {buffer, packet->size});
    if (!goes_on) let_go();
    discard(*packet);
    return goes_on;
  }

  bool serve_packet(sys::Packet& packet, std::span<const std::byte> bytes) {
    const auto request = packet.is_cut ? Granted<Request>(refuse(Refusal::Malformed))
                                       : read_request(bytes, packet.descriptors);
    if (!request) return answer_refused({}, request.error());
    // A Close cannot be refused; there are no more of them than of registrations.
    const bool is_close = request->type == static_cast<uint16_t>(RequestType::Close);
    if (!is_close && !allowance_.take_request()) {
      sys::pause_for(kBrakeMs);
      return answer_refused(*request, {Refusal::TooFast, {}});
    }
    switch (static_cast<RequestType>(request->type)) {
      case RequestType::Greet:
        return serve_greet(*request, packet);
      case RequestType::Register:
        return serve_register(*request, packet.fds[0]);
      case RequestType::Close:
        return serve_close(*request);
      case RequestType::List:
        return serve_list(*request);
      case RequestType::Directory:
        return serve_directory(*request, packet.fds[0]);
    }
    return false;
  }

  bool serve_greet(const Request& request, sys::Packet& packet) {
    if (fuse_) return answer_refused(request, {Refusal::OutOfOrder, {}});
    auto greeted = greet(packet.fds[0], packet.fds[1], descriptors_.process, peer_);
    if (!greeted) return answer_refused(request, greeted.error());
    if (auto confined = confine_to_registering(); !confined) {
      return answer_refused(request, {Refusal::Broken, confined.error()});
    }
    fuse_ = std::move(packet.fds[0]);
    packet.fds[1].reset();
    mounts_ = ReadOnlyMounts(std::move(greeted->own_files));
    allowance_.set_connection(greeted->connection);
    allowance_.tell();
    return answer(request, {});
  }

  bool serve_directory(const Request& request, BorrowedFd directory) {
    if (!fuse_) return answer_refused(request, {Refusal::OutOfOrder, {}});
    const auto checked = check_directory(directory, known_mounts_);
    if (!checked) return answer_refused(request, checked.error());
    if (auto kept = mounts_.keep(directory, *checked); !kept) {
      return answer_refused(request, {Refusal::Mount, kept.error()});
    }
    return answer(request, {});
  }

  bool serve_register(const Request& request, UniqueFd& file) {
    if (!fuse_) return answer_refused(request, {Refusal::OutOfOrder, {}});
    const auto offered = check_file(file, known_mounts_);
    if (!offered) return answer_refused(request, offered.error());
    if (!allowance_.take_file()) return answer_refused(request, {Refusal::TooManyFiles, {}});
    const auto registered = register_file(fuse_, file, *offered, mounts_);
    if (!registered) {
      allowance_.give_back_file();
      return answer_refused(request, registered.error());
    }
    ids_.insert(registered->id);
    // Open for writing it would keep a program from being run, and must be closed before the client
    // knows. What is only read is closed afterwards: the client waits for the answer.
    if (offered->access == Access::ReadWrite) file.reset();
    return answer(request, {.value = registered->id});
  }

  bool serve_close(const Request& request) {
    // One that this client did not register may be another's of the same connection.
    if (ids_.erase(request.backing_id) == 0) {
      return answer_refused(request, {Refusal::OutOfOrder, {}});
    }
    sys::unregister_backing(fuse_, request.backing_id);
    allowance_.give_back_file();
    return true;
  }

  bool serve_list(const Request& request) {
    if (peer_.uid != 0) return answer_refused(request, {Refusal::NotPermitted, {}});
    for (const ListedClient& client : clients_) {
      if (!sys::send_packet(descriptors_.socket, bytes_of(client), {}, sys::Wait::Yes))
        return false;
    }
    (void)sys::send_packet(descriptors_.socket, bytes_of(ListedClient()), {}, sys::Wait::Yes);
    return false;
  }

  /// A client that does not take its answers has none to wait for.
  bool answer(const Request& request, Answer answer) {
    answer.serial = request.serial;
    return sys::send_packet(descriptors_.socket, bytes_of(answer), {}, sys::Wait::No).has_value();
  }

  bool answer_refused(const Request& request, const Refused& refused) {
    const bool was_sent = answer(
        request, {.refusal = static_cast<uint16_t>(refused.refusal),
                  .value = refused.refusal == Refusal::Version ? broker_protocol::kVersion : 0,
                  .error = to_int(refused.error)});
    log_refusal(refused);  // The client need not wait for it.
    return was_sent && !ends_connection(refused.refusal);
  }

  void log_refusal(const Refused& refused) {
    if (!allowance_.take_line()) return;
    const int error = to_int(refused.error);
    log::error("pid %d uid %u refused: %s%s%s", peer_.pid, peer_.uid, words_of(refused.refusal),
               error != 0 ? ": " : "", error != 0 ? std::strerror(error) : "");
  }

  /// Gives all ids back, and /dev/fuse.
  void let_go() {
    for (const int32_t id : ids_) sys::unregister_backing(fuse_, id);
    ids_.clear();
    fuse_.reset();
  }

  const ClientDescriptors descriptors_;
  const sys::Peer peer_;
  const std::vector<ListedClient>& clients_;
  Allowance allowance_;
  bool has_server_ = true;
  bool lingers_ = false;
  unsigned unpaused_ = 0;  ///< Requests since the last pause.
  UniqueFd fuse_;          ///< Empty before the greeting.
  KnownMounts known_mounts_;
  ReadOnlyMounts mounts_;
  std::unordered_set<int32_t> ids_;
};

}  // namespace

void serve_client(ClientDescriptors descriptors, const sys::Peer& peer,
                  const std::vector<ListedClient>& clients) {
  ClientProcess(std::move(descriptors), peer, clients).serve();
}

}  // namespace overpass::broker
