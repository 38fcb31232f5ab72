// SPDX-License-Identifier: MIT
//
// The table.

#include "io/rw_flags.h"

#include <fcntl.h>
#include <sys/uio.h>

namespace overpass::io {

namespace {

enum class Applies : uint8_t {
  Always,
  ToWrites,
  ToPlainWrites,  ///< Not to pages that are written back.
};

/// A row counts when all of `open_bits` are set, or the trait is there. Flags without a row have no
/// meaning for one transfer: O_DIRECT and O_NOATIME are the backing descriptor's own, O_NONBLOCK
/// means nothing for regular files.
struct Row {
  int open_bits;
  Trait trait;
  int rw_flag;
  Applies applies;
};

constexpr Row kRows[] = {
    // At the real end of the backing file, even when it grew outside the mount.
    {O_APPEND, Trait::None, RWF_APPEND, Applies::ToPlainWrites},
    {O_DSYNC, Trait::None, RWF_DSYNC, Applies::ToPlainWrites},
    // O_SYNC has the bit of O_DSYNC in it.
    {O_SYNC, Trait::None, RWF_SYNC, Applies::ToPlainWrites},
    {0, Trait::NoWait, RWF_NOWAIT, Applies::Always},
    {0, Trait::HighPriority, RWF_HIPRI, Applies::Always},
    {0, Trait::KillSetIds, 0, Applies::ToWrites},
};

bool applies(const Row& row, bool writes, Trait traits) {
  switch (row.applies) {
    case Applies::Always:
      return true;
    case Applies::ToWrites:
      return writes;
    case Applies::ToPlainWrites:
      return writes && !has(traits, Trait::Writeback);
  }
  return false;
}

int flags(int open_flags, Trait traits, bool writes) {
  int result = 0;
  for (const Row& row : kRows) {
    const bool is_set =
        row.open_bits != 0 ? (open_flags & row.open_bits) == row.open_bits : has(traits, row.trait);
    if (is_set && applies(row, writes, traits)) result |= row.rw_flag;
  }
  return result;
}

}  // namespace

int read_flags(int open_flags, Trait traits) { return flags(open_flags, traits, false); }

int write_flags(int open_flags, Trait traits) { return flags(open_flags, traits, true); }

}  // namespace overpass::io
