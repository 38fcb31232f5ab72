// SPDX-License-Identifier: MIT
//
// The process that serves one client, from its greeting to its end. A client shares no memory with
// others, and whatever it does to its process it does to itself.

#ifndef OVERPASS_BROKER_CLIENT_PROCESS_H_
#define OVERPASS_BROKER_CLIENT_PROCESS_H_

#include <vector>

#include "base/unique_fd.h"
#include "broker/message.h"
#include "sys/unix_socket.h"

namespace overpass::broker {

struct ClientDescriptors {
  UniqueFd socket;   ///< To the client.
  UniqueFd process;  ///< pidfd of the client.
  UniqueFd server;   ///< To the server; Allowance.
};

/// Serves until the client or the server goes, or the client does what ends a connection. Then all
/// its ids are closed. `clients` is what the superuser is told on List.
void serve_client(ClientDescriptors descriptors, const sys::Peer& peer,
                  const std::vector<ListedClient>& clients);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_CLIENT_PROCESS_H_
