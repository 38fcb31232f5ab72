// SPDX-License-Identifier: MIT
//
// What this program is, and what it finds on this machine. Nothing is mounted to find it out.

#ifndef OVERPASS_CLI_MACHINE_H_
#define OVERPASS_CLI_MACHINE_H_

#include <string>

namespace overpass::cli {

/// A JSON document: "format", "version", "libfuse", "fuse_protocol", "kernel", and in "found" what
/// is usable or why it is not. Asks the broker, and waits half a second for it at most.
std::string describe_machine();

/// Whether this user can make a user namespace, as `overpass run` does for an ordinary user:
/// "usable", or why not, from what the kernel's settings say.
std::string describe_user_namespaces();

/// "root", "root of a user namespace" or "an ordinary user".
std::string describe_user();

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_MACHINE_H_
