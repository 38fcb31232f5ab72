// SPDX-License-Identifier: MIT

#include "cli/outside.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>

#include "base/nearest.h"
#include "sandbox/store.h"
#include "sys/credentials.h"
#include "sys/file_io.h"
#include "sys/mount_tree.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::cli {

namespace {

sandbox::Mounted look_at(const std::string& path, std::string_view id) {
  using sandbox::Mounted;
  const auto file = sys::open_path(path.c_str(), O_PATH);
  const auto mount = file ? sys::mount_id_of(*file) : Result<uint64_t>(fail(file.error()));
  const auto stat = file ? sys::stat_without_asking(*file) : Result<sys::Stat>(fail(file.error()));
  if (!mount || !stat || std::to_string(*mount) != id) return Mounted::Hidden;
  if (S_ISDIR(stat->stx_mode)) return Mounted::Directory;
  return S_ISREG(stat->stx_mode) ? Mounted::File : Mounted::Other;
}

}  // namespace

Expected<std::vector<sandbox::PlannedMount>> plan_outside(const sandbox::Scope& scope) {
  const auto mountinfo = sys::read_file("/proc/self/mountinfo");
  if (!mountinfo) return problem("/proc/self/mountinfo cannot be read", "mount /proc");
  const std::string store = sandbox::store_path();
  for (const std::string& through : scope.through) {
    if (!sandbox::is_at_or_below(store, through)) continue;
    return problem("--rw " + in_quotes(through) + " would open the store of all sandboxes, " +
                       in_quotes(store),
                   "name directories that do not contain it, or set OVERPASS_STORE");
  }
  return sandbox::plan_mounts(*mountinfo, scope, store, look_at);
}

bool needs_one_owner() {
  if (!sys::may_administer_own_namespace()) return true;
  const auto root = sys::open_path("/", O_PATH);
  const auto stat = root ? sys::stat(sys::place_of(*root)) : Result<sys::Stat>(fail(root.error()));
  return stat && sys::is_unmapped(sys::place_of(*root), *stat);
}

}  // namespace overpass::cli
