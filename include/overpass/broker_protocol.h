// SPDX-License-Identifier: MIT
//
// What a FUSE server and overpass-broker(8) say to each other, over a SOCK_SEQPACKET socket. One
// packet is one message of a fixed size in the machine's own byte order; descriptors travel beside
// it (SCM_RIGHTS). A change here changes the protocol; the prose twin is overpass-broker(8).
//
// The client speaks first, and waits for the answer of each request but Close. First Greet, once;
// then Directory, Register and Close, as often as wanted. The end of the connection, or of the
// process that made it, closes every backing id that it registered.

#ifndef OVERPASS_BROKER_PROTOCOL_H_
#define OVERPASS_BROKER_PROTOCOL_H_

#include <cstdint>

namespace overpass::broker_protocol {

inline constexpr char kDefaultSocket[] = "/run/overpass/broker.sock";
inline constexpr char kSocketVariable[] = "OVERPASS_BROKER";  ///< Environment: another socket.

inline constexpr uint32_t kMagic = 0x4f765042;  // "OvPB"
inline constexpr uint16_t kVersion = 2;

enum class RequestType : uint16_t {
  Greet = 1,     ///< Descriptors: /dev/fuse of the mount, then the client's mount namespace.
  Register = 2,  ///< Descriptor: a file, O_RDONLY or O_RDWR. The answer's value is its backing id.
  Close = 3,     ///< `backing_id` is not needed any more. Not answered.
  List = 4,      ///< Superuser only, instead of Greet: answered by ListedClient packets.
  /// Descriptor: a directory, which may be O_PATH. Files of its mount that are registered O_RDONLY
  /// later cost less. Refusal::Mount where it cannot be cloned without what is mounted below it.
  Directory = 5,
};

struct Request {
  uint32_t magic = kMagic;
  uint16_t version = kVersion;
  uint16_t type = 0;       ///< RequestType.
  int32_t backing_id = 0;  ///< Of Close; else 0.
  uint32_t reserved = 0;   ///< 0.
  uint64_t serial = 0;     ///< Chosen by the client, repeated in the answer.
};
static_assert(sizeof(Request) == 24);

inline constexpr unsigned kGreetDescriptors = 2;
inline constexpr unsigned kRegisterDescriptors = 1;
inline constexpr unsigned kDirectoryDescriptors = 1;

/// Why a request was not granted. Those marked (E) also end the connection.
enum class Refusal : uint16_t {
  None = 0,
  Malformed = 1,        ///< (E) No message of this protocol, or with other descriptors.
  Version = 2,          ///< (E) `value` is the version that the broker speaks.
  OutOfOrder = 3,       ///< (E) Greeted twice, or not at all.
  NotFuse = 4,          ///< (E) The first descriptor of Greet is not /dev/fuse, or not mounted.
  NotYours = 5,         ///< (E) The connection's mount is not in the namespace, or another user's.
  NotNamespace = 6,     ///< (E) The second descriptor of Greet is not a mount namespace.
  PathOnly = 7,         ///< The file is open O_PATH: nobody has checked what may be done with it.
  WriteOnly = 8,        ///< The file cannot be read through its descriptor.
  AppendOnly = 9,       ///< The file is open O_APPEND.
  Protected = 10,       ///< Open for writing, and append-only or immutable (chattr(1)).
  NotRegular = 11,      ///< (E) Not a regular file.
  FileSystem = 12,      ///< (E) On a file system whose files are more than bytes.
  Sealable = 13,        ///< A memory file (memfd_create(2)).
  Mount = 14,           ///< The mount cannot be cloned; `error` says why.
  Kernel = 15,          ///< The kernel refused the registration; `error` says why.
  TooManyFiles = 16,    ///< The user's quota of registered files, or the broker's, is used up.
  TooManyClients = 17,  ///< (E) The user's quota of connections, or the broker's, is used up.
  TooFast = 18,         ///< The user's requests per second are used up.
  NotPermitted = 19,    ///< (E) List by another user than the superuser.
  Broken = 20,          ///< (E) The broker itself failed.
  NotDirectory = 21,    ///< (E) Directory with something else.
};

struct Answer {
  uint32_t magic = kMagic;
  uint16_t version = kVersion;
  uint16_t refusal = 0;  ///< Refusal.
  int32_t value = 0;     ///< The backing id of a Register that was granted.
  int32_t error = 0;     ///< The errno behind Refusal::Mount and Refusal::Kernel.
  uint64_t serial = 0;
};
static_assert(sizeof(Answer) == 24);

/// One client, in the answer to List; one with pid 0 comes last.
struct ListedClient {
  uint32_t magic = kMagic;
  uint16_t version = kVersion;
  uint16_t reserved = 0;
  int32_t pid = 0;
  uint32_t uid = 0;
  uint32_t files = 0;       ///< Registered now, as of at most a second ago.
  uint32_t connection = 0;  ///< The device number of the FUSE mount (its minor); 0: not known.
};
static_assert(sizeof(ListedClient) == 24);

}  // namespace overpass::broker_protocol

#endif  // OVERPASS_BROKER_PROTOCOL_H_
