// SPDX-License-Identifier: MIT
//
// What is kept of what was there before the changes of several layers (kept_base.h): beside each of
// them, in its "home".

#ifndef OVERPASS_LAYER_BASES_OF_LAYERS_H_
#define OVERPASS_LAYER_BASES_OF_LAYERS_H_

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"
#include "layer/base_stamp.h"

namespace overpass::layer {

/// The directories of bases of those of `homes` that have one, in order.
std::vector<UniqueFd> open_all_bases(const std::vector<std::string>& homes);

/// What is kept for that stamp beside one of `homes`. ENOENT if nothing is;
/// what is not whole is nothing.
Result<std::string> find_base(const std::vector<std::string>& homes, const BaseStamp& stamp);

/// What is kept beside `homes` is kept beside `home`, too. All on one file system.
Result<void> join_bases(const std::vector<std::string>& homes, const std::string& home);

/// Keeps beside `home` the files of the directory `lower` that have these stamps, by paths there.
/// Best effort: of what is something else by now nothing is kept.
void keep_bases(const std::string& home, const std::string& lower,
                const std::map<std::string, BaseStamp>& stamps);

/// What was kept for the stamps in `known` is kept for those of `now` of the same paths, if only
/// the times of the last change of attributes differ. Best effort.
void follow_stamps(const std::vector<std::string>& homes,
                   const std::map<std::string, BaseStamp>& known,
                   const std::map<std::string, BaseStamp>& now);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_BASES_OF_LAYERS_H_
