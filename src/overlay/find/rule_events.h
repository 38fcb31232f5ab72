// SPDX-License-Identifier: MIT
//
// Tells what is done with names that rules apply to: all of it where a `log` rule says so, and what
// a rule has refused. Costs one comparison where no one wants to know.

#ifndef OVERPASS_OVERLAY_FIND_RULE_EVENTS_H_
#define OVERPASS_OVERLAY_FIND_RULE_EVENTS_H_

#include "base/result.h"
#include "overlay/state/caller.h"
#include "overlay/state/inode.h"

namespace overpass::overlay {

struct Overlay;

/// The errno of a result; 0 for success.
template <class T>
int error_of(const Result<T>& result) {
  return result ? 0 : to_int(result.error());
}

/// `operation` on an inode ended with `error`. It is told of if it failed, unless `always` one of a
/// `log` rule. kMustWait and ESTALE are no ends: the operation comes again.
/// L: no lock on entry.
void tell_of(Overlay& overlay, const Caller& caller, const char* operation, Inode& inode, int error,
             bool always = true);

/// The same for an operation on a name.
void tell_of_name(Overlay& overlay, const Caller& caller, const char* operation,
                  const InodeRef& directory, const char* name, bool is_directory, int error);

/// The same for a rename, of which either name may be ruled.
void tell_of_move(Overlay& overlay, const Caller& caller, const InodeRef& directory,
                  const char* name, const InodeRef& new_directory, const char* new_name, int error);

}  // namespace overpass::overlay

#endif  // OVERPASS_OVERLAY_FIND_RULE_EVENTS_H_
