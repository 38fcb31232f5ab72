// SPDX-License-Identifier: MIT

#include "apply/base_stamps.h"

#include <sys/stat.h>

#include <vector>

#include "check/tree.h"
#include "layer/base_stamp.h"

namespace overpass::apply {

Result<void> add_stamps(const Target& target, const std::string& path, std::string& text) {
  std::vector<std::string> pending = {path};
  while (!pending.empty()) {
    const std::string at = std::move(pending.back());
    pending.pop_back();
    const sys::Stat stat = TRY(target.stat(at));
    text += layer::encode_stamp(layer::stamp_of(stat), at);
    if (!S_ISDIR(stat.stx_mode)) continue;
    const UniqueFd directory = TRY(target.directory(at));
    for (const std::string& name : TRY(check::names_in(directory))) {
      pending.push_back(check::joined(at, name));
    }
  }
  return {};
}

Result<std::string> stamps_of_base(const Target& target, const changes::List& list) {
  using changes::Kind;
  std::string text;
  for (const changes::Change& change : list.changes) {
    if (change.kind == Kind::Added) continue;
    if (change.kind == Kind::Deleted || change.kind == Kind::TypeChanged) {
      TRY(add_stamps(target, change.old_path, text));
    } else {
      const sys::Stat stat = TRY(target.stat(change.old_path));
      text += layer::encode_stamp(layer::stamp_of(stat), change.old_path);
    }
  }
  return text;
}

}  // namespace overpass::apply
