// SPDX-License-Identifier: MIT
//
// The first process of a sandbox's pid namespace. It finishes the view from inside, gives up the
// right to change it, and then only waits for orphans. With it all processes of the sandbox end.

#ifndef OVERPASS_SANDBOX_FIRST_PROCESS_H_
#define OVERPASS_SANDBOX_FIRST_PROCESS_H_

#include <sys/types.h>

#include <string>

#include "base/problem.h"
#include "base/unique_fd.h"
#include "sys/namespaces.h"

namespace overpass::sandbox {

/// The child side: does not return. `keeper` is the other end of await_first_process(). If
/// `is_closed_to_debuggers`, only visitors with CAP_SYS_PTRACE can enter the namespaces by it.
[[noreturn]] void run_first_process(const std::string& view, BorrowedFd keeper,
                                    bool is_closed_to_debuggers);

/// The keeper's side: writes `maps` for the process when it has made its user namespace, and waits
/// until the sandbox can be entered.
Expected<void> await_first_process(BorrowedFd connection, pid_t process, const sys::IdMaps& maps,
                                   bool denies_groups);

}  // namespace overpass::sandbox

#endif  // OVERPASS_SANDBOX_FIRST_PROCESS_H_
