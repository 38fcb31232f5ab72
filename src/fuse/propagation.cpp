// SPDX-License-Identifier: MIT
//
// A new mount begins with the propagation of the mount it is on: a peer of its peers if that is
// shared, else private.

#include "fuse/propagation.h"

#include <sys/mount.h>

#include <cstring>

#include "sys/mount_api.h"
#include "sys/mount_users.h"

namespace overpass::fuse {

namespace {

using config::Propagation;

struct Word {
  Propagation meaning;
  const char* text;
  unsigned long flag;
};

constexpr Word kWords[] = {{Propagation::Private, "private", MS_PRIVATE},
                           {Propagation::Shared, "shared", MS_SHARED},
                           {Propagation::Slave, "slave", MS_SLAVE},
                           {Propagation::Unbindable, "unbindable", MS_UNBINDABLE}};

const Word& word_of(Propagation meaning) {
  for (const Word& word : kWords) {
    if (word.meaning == meaning) return word;
  }
  return kWords[0];
}

/// Whether the mount is already as `wanted` would make it.
bool is_so_anyway(std::optional<dev_t> device, Propagation wanted) {
  if (!device) return false;
  const auto read = sys::propagation_of(*device);
  if (!read || !*read) return false;
  const sys::PropagationState& now = **read;
  switch (wanted) {
    case Propagation::Private:
      return !now.shared && !now.slave && !now.unbindable;
    case Propagation::Shared:
      return now.shared;
    case Propagation::Slave:  // A private mount stays private.
      return !now.shared;
    case Propagation::Unbindable:
      return now.unbindable;
  }
  return false;
}

}  // namespace

Expected<void> set_propagation(const std::string& mountpoint, std::optional<dev_t> device,
                               const std::vector<Propagation>& wanted) {
  for (const Propagation meaning : wanted) {
    const Word& word = word_of(meaning);
    const auto done = sys::set_propagation(mountpoint.c_str(), word.flag);
    if (done) continue;
    if (!done.failed_with(EPERM)) {
      return problem(std::string("the mount cannot be made ") + word.text + ": " +
                     std::strerror(to_int(done.error())));
    }
    if (is_so_anyway(device, meaning)) continue;
    return problem(std::string("option '") + word.text +
                       "' needs the right to mount: the mount gets the propagation of the one "
                       "that " +
                       mountpoint + " is on",
                   "leave it out, or mount as root or inside a user namespace");
  }
  return {};
}

}  // namespace overpass::fuse
