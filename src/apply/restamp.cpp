// SPDX-License-Identifier: MIT

#include "apply/restamp.h"

#include <optional>
#include <string>
#include <vector>

#include "apply/publish.h"
#include "apply/target.h"
#include "layer/base_stamp.h"
#include "layer/bases_of_layers.h"
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

/// Where the stamps are that the changes of a part are compared with, and what they are.
struct BaseFile {
  std::string path;
  Stamps stamps;
  std::vector<std::string> homes = {};  ///< Beside which bases may be kept.
};

std::optional<BaseFile> base_of(const sandbox::Sandbox& sandbox, const Journal& journal,
                                const JournalPart& part) {
  if (journal.kind != Kind::Apply) {
    const std::string path =
        sandbox.path() + "/" + journal.source + "/" + std::to_string(part.directory) + "/base";
    return BaseFile{path, layer::decode_stamps(sys::read_file(path).value_or(""))};
  }
  const auto record = sandbox::read_record(sandbox);
  if (!record) return std::nullopt;
  for (const sandbox::FileSystem& one : record->file_systems) {
    if (one.directory != part.directory) continue;
    return BaseFile{one.base_log(sandbox), layer::decode_stamps(one.read_base(sandbox)),
                    one.homes(sandbox)};
  }
  return std::nullopt;
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
      // One that has not run since it was made has none.
      (void)sandbox.make_directory(std::to_string(one.directory), 0700);
      const auto log = sys::open_file_for_appending(one.base_log(sandbox).c_str());
      if (log) (void)sys::write_message(*log, text);
      if (!record->keeps_bases) continue;
      layer::keep_bases(one.homes(sandbox).front(), part.target, layer::decode_stamps(text));
    }
  }
}

void stamp_again(const sandbox::Sandbox& sandbox, const Journal& journal) {
  for (const JournalPart& part : journal.parts) {
    const auto target = Target::open(part.target);
    const auto base = base_of(sandbox, journal, part);
    if (!target || !base) continue;
    const std::string text = stamps_again(*target, part.steps, base->stamps);
    const auto file = sys::open_file_for_appending(base->path.c_str());
    if (!file || text.empty() || !sys::write_message(*file, text)) continue;
    layer::follow_stamps(base->homes, base->stamps, layer::decode_stamps(text));
  }
}

}  // namespace overpass::apply
