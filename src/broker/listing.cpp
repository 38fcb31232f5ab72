// SPDX-License-Identifier: MIT
//
// The broker knows numbers only; mountpoints are read from /proc here, with the administrator's
// rights.

#include "broker/listing.h"

#include <fcntl.h>

#include <algorithm>
#include <cstring>

#include "broker/client.h"
#include "broker/mount_owner.h"
#include "sys/open.h"
#include "sys/unix_socket.h"

namespace overpass::broker {

namespace {

std::string mountpoint_of_client(const ListedClient& client) {
  std::string result = "?";
  if (client.connection == 0) return result;
  const auto table =
      sys::open_path(("/proc/" + std::to_string(client.pid) + "/mountinfo").c_str(), O_RDONLY);
  if (!table) return result;
  for_each_line(*table, [&](std::string_view line) {
    const auto mount = sys::read_mount_line(line);
    if (!mount || !fuse_mount_owner(*mount, client.connection)) return true;
    result = mount->mountpoint;
    return false;
  });
  return result;
}

std::string padded(std::string text, size_t width) {
  text.resize(std::max(width, text.size() + 1), ' ');
  return text;
}

}  // namespace

Expected<std::string> list_clients(const std::string& socket) {
  const auto connection = Client::connect(socket);
  if (!connection) {
    return problem(
        "no broker listens at '" + socket + "': " + std::strerror(to_int(connection.error())),
        "start it, or name its socket with --socket");
  }
  const Request request = {.type = static_cast<uint16_t>(RequestType::List)};
  (void)sys::send_packet(*connection, bytes_of(request), {}, sys::Wait::Yes);
  std::string table = padded("PID", 9) + padded("UID", 9) + padded("FILES", 8) + "MOUNT\n";
  while (true) {
    std::byte buffer[sizeof(ListedClient)];
    const auto received = sys::receive_packet(*connection, buffer, sys::Wait::Yes);
    if (!received || received->size == 0) return problem("the broker did not answer", "");
    const auto client = read_listed_client({buffer, received->size});
    const auto answer = read_answer({buffer, received->size});
    // The two are of one size; what a listing reserves is where an answer says why not.
    if (answer && answer->refusal != 0) {
      return problem(std::string("refused: ") + words_of(static_cast<Refusal>(answer->refusal)),
                     "");
    }
    if (!client) return problem("the broker speaks another version of the protocol", "");
    if (client->pid == 0) return table;
    table += padded(std::to_string(client->pid), 9) + padded(std::to_string(client->uid), 9) +
             padded(std::to_string(client->files), 8) + mountpoint_of_client(*client) + "\n";
  }
}

}  // namespace overpass::broker
