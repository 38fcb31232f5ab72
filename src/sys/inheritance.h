// SPDX-License-Identifier: MIT
//
// What a process inherits from its parent, and which parts a daemon must not keep: it serves other
// users than the one that mounted.

#ifndef OVERPASS_SYS_INHERITANCE_H_
#define OVERPASS_SYS_INHERITANCE_H_

#include <sys/types.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace overpass::sys {

/// Signals that the caller ignores or blocks get their default action, and none is blocked: a child
/// could not be waited for, the daemon not be ended. SIGHUP, SIGINT and SIGQUIT stay ignored if
/// they are: nohup(1) means that, and a shell for what it runs in the background.
void reset_signals();

/// Those three as well, for a process that has left its terminal.
void reset_terminal_signals();

/// Whether the caller wanted `signal` to be ignored.
bool is_ignored(int signal);

/// Lets the end of what may be written (a reader that is gone, a limit) be an error of the call and
/// not the end of the process: SIGPIPE, SIGXFSZ, SIGXCPU.
void ignore_signals_of_limits();

/// Raises the limits of resources as far as this process may, and gives every thread that is
/// started from now on the same stack. Before trim_capabilities(). Returns one sentence for each
/// remaining limit that users of the mount will notice.
std::vector<std::string> raise_limits();

/// Other users must not write to files that the daemon makes for itself.
constexpr mode_t kDaemonUmask = 022;

/// The umask and the personality that a daemon has.
void reset_modes();

/// A descriptor of the same open file that programs executed by this process inherit. EMFILE.
Result<UniqueFd> inherited_copy(BorrowedFd fd);
/// Programs do, or do not, inherit it.
Result<void> let_inherit(BorrowedFd fd);
void end_inheritance(BorrowedFd fd);

/// Takes back what makes this process slower, or more likely to be killed, than others: niceness,
/// scheduling policy, I/O priority, OOM score. Best effort; nothing gets better than ordinary.
void reset_priorities();

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_INHERITANCE_H_
