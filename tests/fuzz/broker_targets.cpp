// SPDX-License-Identifier: MIT
//
// What ordinary users can make the broker read: their packets, and the names that they give to
// mounts. What is taken has exactly the form of the protocol.

#include <cstdlib>
#include <string>

#include "broker/message.h"
#include "broker/mount_owner.h"
#include "targets.h"

namespace overpass::fuzz {

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

void broker_request(std::string_view text) {
  using namespace broker;
  const size_t descriptors = text.empty() ? 0 : static_cast<unsigned char>(text[0]);
  if (!text.empty()) text.remove_prefix(1);
  const auto request = read_request(std::as_bytes(std::span(text)), descriptors);
  if (!request) {
    require(ends_connection(request.error().refusal));
    return;
  }
  require(text.size() == sizeof(Request) && descriptors <= 2);
  require(request->magic == broker_protocol::kMagic && request->reserved == 0);
  const auto type = static_cast<RequestType>(request->type);
  require((request->backing_id > 0) == (type == RequestType::Close));
  const auto again = read_request(bytes_of(*request), descriptors);
  require(again && again->serial == request->serial);
  // Nothing that a client says is taken for something that the broker says.
  const auto answer = read_answer(std::as_bytes(std::span(text)));
  require(answer.has_value() == (text.size() == sizeof(Answer)));
}

void broker_texts(std::string_view text) {
  const auto connection = broker::connection_of(text);
  if (const auto mount = sys::read_mount_line(text)) {
    const auto owner = broker::fuse_mount_owner(*mount, connection.value_or(40));
    if (owner) require(mount->super_options.find("user_id=") != std::string_view::npos);
  }
  for (const uint32_t inside : {0U, 1U, 65534U, 0xffffffffU}) {
    (void)broker::outside_uid(text, inside);
  }
  // A line of the kernel with a field that somebody chose, made as the kernel makes it.
  std::string field;
  for (const char c : text) field += c == ' ' || c == '\t' || c == '\n' || c == '\\' ? '_' : c;
  if (field.empty()) return;
  const std::string line =
      "1 2 0:40 / /" + field + " rw - fuse." + field + " " + field + " rw,user_id=7";
  const auto mount = sys::read_mount_line(line);
  require(mount && broker::fuse_mount_owner(*mount, 40) == 7U);
}

void mountinfo(std::string_view text) {
  const char* place = text.data();
  sys::for_each_mount(text, [&](const sys::MountLine& line) {
    for (const std::string_view word : {line.device, line.root, line.mountpoint, line.options,
                                        line.type, line.source, line.super_options}) {
      require(word.find_first_of(" \n") == std::string_view::npos);
      require(word.data() >= place && word.data() + word.size() <= text.data() + text.size());
      require(sys::without_escapes(word).size() <= word.size());
      place = word.data() + word.size();
    }
    require(line.tags.find('\n') == std::string_view::npos);
  });
}

}  // namespace overpass::fuzz
