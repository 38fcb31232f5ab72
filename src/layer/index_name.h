// SPDX-License-Identifier: MIT
//
// Names in the index directory: the value of the origin mark (layer/origin.h) in hexadecimal, so
// that all lower names of one file lead to one entry.

#ifndef OVERPASS_LAYER_INDEX_NAME_H_
#define OVERPASS_LAYER_INDEX_NAME_H_

#include <optional>
#include <string>
#include <string_view>

namespace overpass::layer {

/// The entry's name for the file whose origin mark is `origin`. Nothing for an unknown origin (the
/// empty value) and for one whose name would be longer than NAME_MAX.
std::optional<std::string> index_name_of(std::string_view origin);

/// The reverse: the origin mark of the file behind the entry `name`. Nothing when `name` is not
/// lower-case hexadecimal, or what it says is no origin mark that this machine can read.
std::optional<std::string> origin_of_index_name(std::string_view name);

}  // namespace overpass::layer

#endif  // OVERPASS_LAYER_INDEX_NAME_H_
