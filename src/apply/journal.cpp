// SPDX-License-Identifier: MIT

#include "apply/journal.h"

#include <fcntl.h>

#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>

#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"

namespace overpass::apply {

namespace {

using nlohmann::json;

constexpr char kFile[] = "journal.json";
constexpr char kNewFile[] = "journal.new";
constexpr int kFormat = 1;

constexpr const char* kActs[] = {"take", "put", "overwrite", "change"};
constexpr const char* kPhases[] = {"preparing", "publishing", "published"};
constexpr const char* kKinds[] = {"apply", "undo", "redo"};

/// The library throws if there is no such word.
template <class Enum, size_t kCount>
Enum enum_of(const json& word, const char* const (&words)[kCount]) {
  json numbers;
  for (size_t i = 0; i < kCount; ++i) numbers[words[i]] = i;
  return static_cast<Enum>(numbers.at(word.get<std::string>()).template get<size_t>());
}

std::string escaped(const std::string& path) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : path) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80 && byte != '%') {
      text += c;
    } else {
      text += '%';
      text += kDigits[byte >> 4];
      text += kDigits[byte & 15];
    }
  }
  return text;
}

std::string unescaped(const std::string& text) {
  std::string path;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      path += text[i];
      continue;
    }
    path += static_cast<char>(std::stoul(text.substr(i + 1, 2), nullptr, 16));
    i += 2;
  }
  return path;
}

json array_of(const std::vector<std::string>& paths) {
  json array = json::array();
  for (const std::string& path : paths) array.push_back(escaped(path));
  return array;
}

std::vector<std::string> paths_of(const json& array) {
  std::vector<std::string> paths;
  for (const json& text : array) paths.push_back(unescaped(text.get<std::string>()));
  return paths;
}

/// With a path, so that it can be read by the same function as others.
std::string to_text(const layer::BaseStamp& stamp) {
  std::string record = layer::encode_stamp(stamp, "-");
  record.pop_back();
  return record;
}

layer::BaseStamp stamp_in(const json& value) {
  return layer::decode_stamps(value.get<std::string>() + '\0').at("-");
}

json to_json(const Step& step) {
  json value = {{"act", kActs[static_cast<size_t>(step.act)]},
                {"path", escaped(step.path)},
                {"old_path", escaped(step.old_path)},
                {"temporary", escaped(step.temporary)},
                {"prepared", step.prepared},
                {"prepared_digest", step.prepared_digest},
                {"kept_digest", step.kept_digest}};
  if (step.replaced) value["replaced"] = to_text(*step.replaced);
  if (step.given) value["given"] = to_text(*step.given);
  return value;
}

Step step_of(const json& value) {
  Step step;
  step.act = enum_of<Act>(value.at("act"), kActs);
  step.path = unescaped(value.at("path"));
  step.old_path = unescaped(value.at("old_path"));
  step.temporary = unescaped(value.at("temporary"));
  step.prepared = value.at("prepared").get<uint64_t>();
  step.prepared_digest = value.at("prepared_digest").get<uint64_t>();
  step.kept_digest = value.at("kept_digest").get<uint64_t>();
  if (value.contains("replaced")) step.replaced = stamp_in(value.at("replaced"));
  if (value.contains("given")) step.given = stamp_in(value.at("given"));
  return step;
}

json to_json(const JournalPart& part) {
  json steps = json::array();
  for (const Step& step : part.steps) steps.push_back(to_json(step));
  return {{"directory", part.directory},
          {"target", escaped(part.target)},
          {"gives_owner", part.gives_owner},
          {"is_whole", part.is_whole},
          {"steps", std::move(steps)},
          {"identity", escaped(part.identity)},
          {"frozen", array_of(part.frozen)},
          {"is_taken", part.is_taken},
          {"thinned", array_of(part.thinned)},
          {"partly", array_of(part.partly)},
          {"merged", array_of(part.merged)},
          {"dropped_trees", array_of(part.dropped.trees)},
          {"dropped_names", array_of(part.dropped.names)},
          {"dropped_parents", array_of(part.dropped.parents)}};
}

JournalPart part_of(const json& value) {
  JournalPart part;
  part.directory = value.at("directory").get<uint32_t>();
  part.target = unescaped(value.at("target"));
  part.gives_owner = value.at("gives_owner").get<bool>();
  part.is_whole = value.at("is_whole").get<bool>();
  for (const json& step : value.at("steps")) part.steps.push_back(step_of(step));
  part.identity = unescaped(value.at("identity"));
  if (value.contains("frozen")) part.frozen = paths_of(value.at("frozen"));
  part.is_taken = value.value("is_taken", part.frozen.empty());
  if (value.contains("thinned")) part.thinned = paths_of(value.at("thinned"));
  if (value.contains("partly")) part.partly = paths_of(value.at("partly"));
  if (value.contains("merged")) part.merged = paths_of(value.at("merged"));
  part.dropped.trees = paths_of(value.at("dropped_trees"));
  part.dropped.names = paths_of(value.at("dropped_names"));
  part.dropped.parents = paths_of(value.at("dropped_parents"));
  return part;
}

std::string text_of(const Journal& journal) {
  json parts = json::array();
  for (const JournalPart& part : journal.parts) parts.push_back(to_json(part));
  const json value = {{"format", kFormat},
                      {"kind", kKinds[static_cast<size_t>(journal.kind)]},
                      {"phase", kPhases[static_cast<size_t>(journal.phase)]},
                      {"id", journal.id},
                      {"created", journal.created},
                      {"summary", journal.summary},
                      {"source", journal.source},
                      {"paths", array_of(journal.paths)},
                      {"is_picked", journal.is_picked},
                      {"merges", journal.merges},
                      {"parts", std::move(parts)}};
  return value.dump(1) + "\n";
}

std::optional<Journal> journal_of(const std::string& text) {
  const json value = json::parse(text);
  if (value.at("format") != kFormat) return std::nullopt;
  Journal journal;
  journal.kind = enum_of<Kind>(value.at("kind"), kKinds);
  journal.phase = enum_of<Phase>(value.at("phase"), kPhases);
  journal.id = value.at("id");
  journal.created = value.at("created");
  journal.summary = value.at("summary");
  journal.source = value.at("source");
  journal.paths = paths_of(value.at("paths"));
  journal.is_picked = value.value("is_picked", false);
  journal.merges = value.value("merges", false);
  for (const json& part : value.at("parts")) journal.parts.push_back(part_of(part));
  return journal;
}

}  // namespace

Result<void> write_journal(BorrowedFd directory, const Journal& journal) {
  const std::string text = text_of(journal);
  {
    const UniqueFd file =
        TRY(sys::open_at(directory, kNewFile, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    TRY(sys::write_text(file, text));
    TRY(sys::sync_file(file));
  }
  TRY(sys::rename({directory, kNewFile}, {directory, kFile}));
  return sys::sync_file(directory);
}

Result<Journal> read_journal(BorrowedFd directory) {
  const UniqueFd file = TRY(sys::open_at(directory, kFile, O_RDONLY));
  const std::string text = TRY(sys::read_to_end(file));
  try {
    if (auto journal = journal_of(text)) return std::move(*journal);
  } catch (const std::exception&) {
    // It is not understood.
  }
  return fail(EBADMSG);
}

}  // namespace overpass::apply
