// SPDX-License-Identifier: MIT
//
// The file systems whose files the broker registers. Clients ask this first: offering a file of
// another one ends the connection.

#ifndef OVERPASS_BROKER_SERVED_FILE_SYSTEMS_H_
#define OVERPASS_BROKER_SERVED_FILE_SYSTEMS_H_

#include <cstdint>

namespace overpass::broker {

/// Whether regular files of this kind of file system (f_type of statfs(2)) are bytes and nothing
/// else, for every opener.
bool is_served(uint64_t file_system);

}  // namespace overpass::broker

#endif  // OVERPASS_BROKER_SERVED_FILE_SYSTEMS_H_
