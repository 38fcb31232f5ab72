// SPDX-License-Identifier: MIT
//
// Users as the machine knows them by name. A program that is linked statically reads /etc/passwd
// alone: the C library's other sources are shared libraries of the machine, which need not fit a
// static program.

#ifndef OVERPASS_SYS_ACCOUNTS_H_
#define OVERPASS_SYS_ACCOUNTS_H_

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace overpass::sys {

struct Account {
  uid_t uid;
  gid_t gid;
  std::string shell;  ///< May be empty.
};

/// ENOENT: there is none of this name. Not for several threads at once.
Result<Account> find_account(const char* name);

/// ENOENT: there is none of this number. Not for several threads at once.
Result<Account> find_account(uid_t uid);

}  // namespace overpass::sys

#endif  // OVERPASS_SYS_ACCOUNTS_H_
