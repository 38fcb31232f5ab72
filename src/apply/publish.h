// SPDX-License-Identifier: MIT
//
// Changes names and attributes as the steps say, forwards or back. Each step looks at what is there
// first: so both ways can be begun anew after an interruption, wherever that was.

#ifndef OVERPASS_APPLY_PUBLISH_H_
#define OVERPASS_APPLY_PUBLISH_H_

#include <string>
#include <vector>

#include "apply/base_check.h"
#include "apply/plan.h"
#include "apply/target.h"
#include "base/problem.h"

namespace overpass::apply {

/// Carries the steps out. A Problem if something else is in a place than was checked: that stays
/// where it is, and the steps after it are not done.
Expected<void> publish(const Target& target, const std::vector<Step>& steps);

/// Whether all that publish() took away still is what was kept of it. To be called before it is
/// removed.
Expected<void> check_kept(const Target& target, const std::vector<Step>& steps);

/// Takes back what publish() did, all of it or a part.
Expected<void> take_back(const Target& target, const std::vector<Step>& steps);

/// Removes what is left under temporary names: after publish() what was replaced, after take_back()
/// or prepare() what was prepared.
Expected<void> remove_temporaries(const Target& target, const std::vector<Step>& steps,
                                  bool is_published);

/// New stamps of what the steps would have replaced or taken, where it is what `stamps` say but for
/// its ctime: giving it another name for a while has changed that. For after take_back().
std::string stamps_again(const Target& target, const std::vector<Step>& steps,
                         const Stamps& stamps);

/// What a later undo, or a later apply, compares with: the state of all that the steps put, moved
/// or changed, after records that end what was known of what has gone.
Result<std::string> stamps_after(const Target& target, const std::vector<Step>& steps);

}  // namespace overpass::apply

#endif  // OVERPASS_APPLY_PUBLISH_H_
