// SPDX-License-Identifier: MIT

#include "sys/accounts.h"

#include <pwd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

namespace overpass::sys {

namespace {

Result<Account> account(const passwd* found) {
  if (found == nullptr) return fail(ENOENT);
  return Account{found->pw_uid, found->pw_gid, found->pw_shell == nullptr ? "" : found->pw_shell};
}

#ifdef OVERPASS_STATIC

struct Close {
  void operator()(FILE* file) const { (void)std::fclose(file); }
};

template <typename Matches>
Result<Account> first_in_passwd(const Matches& matches) {
  const std::unique_ptr<FILE, Close> file(std::fopen("/etc/passwd", "re"));
  if (!file) return fail(ENOENT);
  while (const passwd* entry = ::fgetpwent(file.get())) {
    if (matches(*entry)) return account(entry);
  }
  return fail(ENOENT);
}

#endif

}  // namespace

#ifdef OVERPASS_STATIC

Result<Account> find_account(const char* name) {
  return first_in_passwd(
      [&](const passwd& entry) { return std::strcmp(entry.pw_name, name) == 0; });
}

Result<Account> find_account(uid_t uid) {
  return first_in_passwd([&](const passwd& entry) { return entry.pw_uid == uid; });
}

#else

Result<Account> find_account(const char* name) { return account(::getpwnam(name)); }

Result<Account> find_account(uid_t uid) { return account(::getpwuid(uid)); }

#endif

}  // namespace overpass::sys
