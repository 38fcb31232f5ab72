// SPDX-License-Identifier: MIT
//
// toml++ reads and writes.

#include "sandbox/record.h"

// As in config/toml_config.cpp.
#undef NDEBUG
#define TOML_ASSERT(condition) static_assert(true)
#include <fcntl.h>
#include <sys/stat.h>
#include <toml++/toml.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <iterator>
#include <sstream>

#include "config/toml_screen.h"
#include "sys/file_handle.h"
#include "sys/file_io.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/stat.h"

namespace overpass::sandbox {

namespace {

constexpr char kFile[] = "sandbox.toml";
constexpr char kNewFile[] = "sandbox.toml.new";
constexpr int64_t kFormat = 1;
constexpr int64_t kMostDirectories = 100'000;
constexpr char kRemedy[] = "correct the file, or remove the sandbox";

std::string path_of(const Sandbox& sandbox) { return sandbox.path() + "/" + kFile; }

toml::array array_of(const std::vector<std::string>& texts) {
  toml::array array;
  for (const std::string& text : texts) array.push_back(text);
  return array;
}

std::vector<std::string> texts_of(const toml::table& table, std::string_view key) {
  std::vector<std::string> texts;
  const toml::array* array = table[key].as_array();
  if (array == nullptr) return texts;
  for (const toml::node& element : *array) {
    if (const auto text = element.value<std::string>()) texts.push_back(*text);
  }
  return texts;
}

bool is_plain_path(std::string_view path) {
  return path.starts_with('/') && path.find("/../") == std::string_view::npos &&
         !path.ends_with("/..");
}

/// Names of directories, so that none leads elsewhere.
Expected<std::vector<std::string>> layers_of(const toml::table& table, const std::string& file) {
  std::vector<std::string> ids = texts_of(table, "layers");
  if (std::ranges::all_of(ids, is_layer_id)) return ids;
  return problem(file + ": 'layers' names what is no layer", kRemedy);
}

Expected<std::vector<FileSystem>> file_systems_of(const toml::table& table,
                                                  const std::string& file) {
  std::vector<FileSystem> found;
  const toml::array* array = table["file_system"].as_array();
  if (array == nullptr) return found;
  for (const toml::node& element : *array) {
    const toml::table* one = element.as_table();
    const auto at = one == nullptr ? std::nullopt : (*one)["at"].value<std::string>();
    const auto directory = one == nullptr ? std::nullopt : (*one)["directory"].value<int64_t>();
    if (!at || !directory || !is_plain_path(*at) || *directory < 1 ||
        *directory > kMostDirectories) {
      return problem(file + ": a [[file_system]] has no usable 'at' and 'directory'", kRemedy);
    }
    FileSystem system{*at, static_cast<uint32_t>(*directory),
                      (*one)["identity"].value_or(std::string())};
    auto layers = layers_of(*one, file);
    if (!layers) return std::unexpected(layers.error());
    system.layers = std::move(*layers);
    system.lower = (*one)["lower"].value_or(std::string());
    if (!system.lower.empty() && !is_plain_path(system.lower)) {
      return problem(file + ": 'lower' is no absolute path", kRemedy);
    }
    system.moving = static_cast<uint32_t>(
        std::clamp((*one)["moving"].value_or(int64_t{0}), int64_t{0}, kMostDirectories));
    found.push_back(std::move(system));
  }
  return found;
}

Expected<std::vector<Snapshot>> snapshots_of(const toml::table& table, const std::string& file) {
  std::vector<Snapshot> found;
  const toml::array* array = table["snapshot"].as_array();
  if (array == nullptr) return found;
  for (const toml::node& element : *array) {
    const toml::table* one = element.as_table();
    const auto label = one == nullptr ? std::nullopt : (*one)["label"].value<std::string>();
    if (!label || !is_sandbox_name(*label)) {
      return problem(file + ": a [[snapshot]] has no usable 'label'", kRemedy);
    }
    auto layers = layers_of(*one, file);
    if (!layers) return std::unexpected(layers.error());
    found.push_back({*label, (*one)["created"].value_or(std::string()), std::move(*layers)});
  }
  return found;
}

}  // namespace

std::string FileSystem::upper(const Sandbox& sandbox) const {
  return sandbox.path() + "/" + std::to_string(directory) + "/upper";
}

std::string FileSystem::work(const Sandbox& sandbox) const {
  return sandbox.path() + "/" + std::to_string(directory) + "/work";
}

std::string FileSystem::base_log(const Sandbox& sandbox) const {
  return sandbox.path() + "/" + std::to_string(directory) + "/base";
}

std::string joined_stamps(const std::vector<std::string>& uppers) {
  std::string text;
  for (const std::string& path : uppers) {
    const auto stamps = sys::read_file(path.substr(0, path.rfind('/')) + "/base");
    if (stamps) text.insert(0, *stamps);
  }
  return text;
}

std::string FileSystem::read_base(const Sandbox& sandbox) const {
  std::vector<std::string> uppers = layer_paths(sandbox);
  uppers.insert(uppers.begin(), upper(sandbox));
  return joined_stamps(uppers);
}

std::vector<std::string> FileSystem::homes(const Sandbox& sandbox) const {
  std::vector<std::string> homes = layer_paths(sandbox);
  homes.insert(homes.begin(), upper(sandbox));
  for (std::string& path : homes) path.resize(path.rfind('/'));
  return homes;
}

std::vector<std::string> FileSystem::layer_paths(const Sandbox& sandbox) const {
  std::vector<std::string> paths;
  for (const std::string& id : layers) paths.push_back(layer_path(sandbox.store(), id));
  const auto is_missing = [](const std::string& path) {
    const auto opened = sys::open_path(path.c_str(), O_PATH);
    return opened.failed_with(ENOENT);
  };
  if (moving != 0 && !paths.empty() && is_missing(paths.front())) {
    paths.front() = sandbox.path() + "/" + std::to_string(moving) + "/upper";
  }
  return paths;
}

std::string file_system_identity(const std::string& path) {
  const auto place = sys::open_path(path.c_str(), O_PATH | O_DIRECTORY);
  const auto stat =
      place ? sys::stat(sys::place_of(*place)) : Result<sys::Stat>(fail(place.error()));
  if (!stat) return "";
  char text[64] = {};
  const auto readable = sys::open_path(path.c_str(), O_RDONLY | O_DIRECTORY);
  const auto uuid = readable ? sys::file_system_uuid(*readable)
                             : Result<sys::FileSystemUuid>(fail(readable.error()));
  if (uuid) {
    for (size_t i = 0; i < uuid->size(); ++i) {
      (void)std::snprintf(text + 2 * i, 3, "%02x", static_cast<unsigned>((*uuid)[i]));
    }
  } else if (const auto system = sys::stat_file_system(*place)) {
    (void)std::snprintf(text, sizeof text, "%lx", system->f_fsid);
  }
  return std::string(text) + ":" + std::to_string(stat->stx_ino);
}

FileSystem& Record::file_system_at(const std::string& mountpoint, const std::string& identity) {
  const auto known = std::ranges::find_if(file_systems, [&](const FileSystem& one) {
    return one.at == mountpoint && (!one.lower.empty() || one.identity == identity);
  });
  if (known != file_systems.end()) return *known;
  return file_systems.emplace_back(FileSystem{mountpoint, free_directory(), identity});
}

uint32_t Record::free_directory() const {
  uint32_t directory = 1;
  for (const FileSystem& one : file_systems) {
    directory = std::max({directory, one.directory + 1, one.moving + 1});
  }
  return directory;
}

std::optional<size_t> Record::find_snapshot(std::string_view label) const {
  const auto found = std::ranges::find(snapshots, label, &Snapshot::label);
  if (found == snapshots.end()) return {};
  return static_cast<size_t>(found - snapshots.begin());
}

bool Record::is_in_snapshot(const std::string& id) const {
  return std::ranges::any_of(snapshots, [&](const Snapshot& snapshot) {
    return std::ranges::find(snapshot.layers, id) != snapshot.layers.end();
  });
}

void Record::add_snapshot(const std::string& label) {
  Snapshot made = {label, time_text(), {}};
  for (const FileSystem& one : file_systems) {
    std::ranges::copy_if(one.layers, std::back_inserter(made.layers),
                         [&](const std::string& id) { return !is_in_snapshot(id); });
  }
  snapshots.push_back(std::move(made));
}

void Record::forget_layers(std::span<const std::string> ids) {
  for (Snapshot& snapshot : snapshots) {
    std::erase_if(snapshot.layers,
                  [&](const std::string& id) { return std::ranges::find(ids, id) != ids.end(); });
  }
  std::erase_if(snapshots, [](const Snapshot& snapshot) { return snapshot.layers.empty(); });
}

std::string time_text() {
  const std::time_t now = std::time(nullptr);
  std::tm parts = {};
  (void)::gmtime_r(&now, &parts);
  char text[32];
  (void)std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
  return text;
}

Record new_record() {
  Record record;
  record.created = time_text();
  record.user = ::geteuid();
  return record;
}

Expected<Record> parse_record(std::string_view text, const std::string& file) {
  if (config::find_stray_character(text)) {
    return problem(file + ": only ASCII characters may stand outside of quotes", kRemedy);
  }
  const toml::parse_result parsed = toml::parse(text, file);
  if (!parsed) {
    return problem(file + ": " + std::string(parsed.error().description()), kRemedy);
  }
  const toml::table& table = parsed.table();
  if (table["format"].value_or(int64_t{0}) != kFormat) {
    return problem(file + " has a format that this version does not know",
                   "use the version of overpass that wrote it");
  }
  Record record;
  record.created = table["created"].value_or(std::string());
  record.user = static_cast<uint32_t>(table["user"].value_or(int64_t{0}));
  record.is_root = table["root"].value_or(false);
  record.has_one_owner = table["one_owner"].value_or(false);
  record.has_network = table["network"].value_or(true);
  record.keeps_bases = table["keep_bases"].value_or(false);
  record.scope = {.only = table["only"].value_or(std::string()),
                  .ignored = texts_of(table, "ignored"),
                  .through = texts_of(table, "through"),
                  .in_memory = texts_of(table, "in_memory"),
                  .sockets = texts_of(table, "sockets"),
                  .read_only = texts_of(table, "read_only"),
                  .hidden = texts_of(table, "hidden"),
                  .log = table["log"].value_or(std::string()),
                  .rules = texts_of(table, "rules")};
  auto found = file_systems_of(table, file);
  if (!found) return std::unexpected(found.error());
  record.file_systems = std::move(*found);
  auto snapshots = snapshots_of(table, file);
  if (!snapshots) return std::unexpected(snapshots.error());
  record.snapshots = std::move(*snapshots);
  record.dropped = texts_of(table, "dropped");
  std::erase_if(record.dropped, [](const std::string& id) { return !is_layer_id(id); });
  record.marks = table["marks"].value_or(std::string());
  return record;
}

std::string text_of(const Record& record) {
  toml::table table;
  table.insert("format", kFormat);
  table.insert("created", record.created);
  table.insert("user", int64_t{record.user});
  table.insert("root", record.is_root);
  table.insert("one_owner", record.has_one_owner);
  table.insert("network", record.has_network);
  if (record.keeps_bases) table.insert("keep_bases", true);
  const Scope& scope = record.scope;
  if (!scope.only.empty()) table.insert("only", scope.only);
  table.insert("ignored", array_of(scope.ignored));
  if (!scope.log.empty()) table.insert("log", scope.log);
  table.insert("through", array_of(scope.through));
  table.insert("in_memory", array_of(scope.in_memory));
  table.insert("sockets", array_of(scope.sockets));
  table.insert("read_only", array_of(scope.read_only));
  table.insert("hidden", array_of(scope.hidden));
  table.insert("rules", array_of(scope.rules));
  toml::array found;
  for (const FileSystem& one : record.file_systems) {
    toml::table system{
        {"at", one.at}, {"directory", int64_t{one.directory}}, {"identity", one.identity}};
    if (!one.layers.empty()) system.insert("layers", array_of(one.layers));
    if (!one.lower.empty()) system.insert("lower", one.lower);
    if (one.moving != 0) system.insert("moving", int64_t{one.moving});
    found.push_back(std::move(system));
  }
  table.insert("file_system", std::move(found));
  toml::array snapshots;
  for (const Snapshot& one : record.snapshots) {
    snapshots.push_back(toml::table{
        {"label", one.label}, {"created", one.created}, {"layers", array_of(one.layers)}});
  }
  if (!snapshots.empty()) table.insert("snapshot", std::move(snapshots));
  if (!record.dropped.empty()) table.insert("dropped", array_of(record.dropped));
  if (!record.marks.empty()) table.insert("marks", record.marks);
  std::ostringstream text;
  text << table << "\n";
  return text.str();
}

Expected<Record> read_record(const Sandbox& sandbox) {
  const auto text = sys::read_file(path_of(sandbox));
  if (!text) {
    return problem(path_of(sandbox) + " cannot be read: " + std::strerror(to_int(text.error())),
                   "remove the sandbox, if it is one: overpass rm " + sandbox.name());
  }
  return parse_record(*text, path_of(sandbox));
}

bool has_record(const Sandbox& sandbox) {
  return sys::stat({sandbox.directory(), kFile}).has_value();
}

Expected<void> write_record(const Sandbox& sandbox, const Record& record) {
  const std::string text = text_of(record);
  // A sandbox whose changes have filled the store can still be used.
  if (const auto old = sys::read_file(path_of(sandbox)); old && *old == text) return {};
  const auto write = [&]() -> Result<void> {
    const UniqueFd file =
        TRY(sys::open_at(sandbox.directory(), kNewFile, O_WRONLY | O_CREAT | O_TRUNC, 0600));
    TRY(sys::write_text(file, text));
    TRY(sys::sync_data(file));
    return sys::rename({sandbox.directory(), kNewFile}, {sandbox.directory(), kFile});
  };
  if (const auto written = write(); !written) {
    return problem(
        path_of(sandbox) + " cannot be written: " + std::strerror(to_int(written.error())),
        "make room, or correct the permissions");
  }
  return {};
}

}  // namespace overpass::sandbox
