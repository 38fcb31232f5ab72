// SPDX-License-Identifier: MIT

#include "apply/digest.h"

#include <sys/stat.h>

#include <algorithm>
#include <set>

#include "base/hash.h"
#include "changes/view.h"
#include "check/tree.h"
#include "layer/base_stamp.h"
#include "sys/stat.h"

namespace overpass::apply {

namespace {

/// ctime is changed by other names that come and go.
std::string record_of(const sys::Stat& stat, const std::string& below,
                      const std::set<uint64_t>& changing) {
  layer::BaseStamp stamp = layer::stamp_of(stat);
  if (changing.contains(stamp.ino)) {
    const uint64_t ino = stamp.ino;
    stamp = {};
    stamp.ino = ino;
  }
  stamp.ctime_seconds = stamp.ctime_nanoseconds = 0;
  if (S_ISDIR(stat.stx_mode)) stamp.size = stamp.mtime_seconds = stamp.mtime_nanoseconds = 0;
  return layer::encode_stamp(stamp, below);
}

}  // namespace

Result<uint64_t> digest_of(const Target& target, const std::string& path,
                           const std::set<uint64_t>& changing,
                           const std::vector<std::string>& left_out) {
  const std::set<std::string> without(left_out.begin(), left_out.end());
  const sys::Stat top = TRY(target.stat(path));
  std::string text = record_of(top, "", changing);
  std::vector<std::string> pending;
  if (S_ISDIR(top.stx_mode)) pending.emplace_back("");
  while (!pending.empty()) {
    const std::string at = std::move(pending.back());
    pending.pop_back();
    const UniqueFd directory = TRY(target.directory(at.empty() ? path : check::joined(path, at)));
    for (const std::string& name : TRY(check::names_in(directory))) {
      std::string below = check::joined(at, name);
      if (without.contains(below)) continue;
      const sys::Stat stat = TRY(sys::stat({directory, name.c_str()}));
      text += record_of(stat, below, changing);
      if (S_ISDIR(stat.stx_mode)) pending.push_back(std::move(below));
    }
  }
  return std::max(hash_bytes(text), uint64_t{1});
}

}  // namespace overpass::apply
