// SPDX-License-Identifier: MIT
//
// Signals that end a command which has something to say or to put away first.

#ifndef OVERPASS_CLI_INTERRUPTION_H_
#define OVERPASS_CLI_INTERRUPTION_H_

#include <initializer_list>

namespace overpass::cli {

/// From now on the first of `signals` only sets is_interrupted(); the second one ends the process.
/// For the main thread, once per command.
void note_interruption(std::initializer_list<int> signals);

bool is_interrupted();

}  // namespace overpass::cli

#endif  // OVERPASS_CLI_INTERRUPTION_H_
