// SPDX-License-Identifier: MIT

#include "apply/restamp.h"

#include <string>

#include "apply/target.h"
#include "layer/base_stamp.h"
#include "sandbox/record.h"
#include "sys/file_io.h"
#include "sys/open.h"

namespace overpass::apply {

namespace {

std::string new_stamps(const JournalPart& part, const std::string& stamps) {
  const auto target = Target::open(part.target);
  if (!target) return {};
  const auto known = layer::decode_stamps(stamps);
  std::string text;
  for (const Step& step : part.steps) {
    if (!step.replaced || step.path != step.old_path) continue;
    const auto stamp = known.find(step.path);
    if (stamp == known.end() || !layer::is_same_but_ctime(stamp->second, *step.replaced)) continue;
    const auto now = target->stat(step.path);
    if (now) text += layer::encode_stamp(layer::stamp_of(*now), step.path);
  }
  return text;
}

}  // namespace

void restamp(const sandbox::Sandbox& sandbox, const Journal& journal) {
  const auto record = sandbox::read_record(sandbox);
  if (!record) return;
  for (const JournalPart& part : journal.parts) {
    for (const sandbox::FileSystem& one : record->file_systems) {
      if (one.base() != part.target || one.identity != part.identity) continue;
      const std::string text = new_stamps(part, one.read_base(sandbox));
      if (text.empty()) continue;
      const auto log = sys::open_file_for_appending(one.base_log(sandbox).c_str());
      if (log) (void)sys::write_message(*log, text);
    }
  }
}

}  // namespace overpass::apply
