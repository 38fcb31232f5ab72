// SPDX-License-Identifier: MIT
//
// Directories wait on a stack of their own: a layer may be as deep as its owner likes.

#include "snapshots/layer_walk.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <ranges>
#include <set>
#include <utility>
#include <vector>

#include "changes/compare.h"
#include "changes/view.h"
#include "check/tree.h"
#include "layer/markers.h"
#include "sys/directory_stream.h"
#include "sys/open.h"

namespace overpass::snapshots {

namespace {

using changes::Found;
using changes::Place;
using changes::Rest;
using changes::Stack;
using changes::View;
using check::joined;

constexpr size_t kOften = 64;

class Walking {
 public:
  Walking(const WalkedLayer& layer, LayerSink& sink)
      : layer_(layer),
        sink_(sink),
        changing_(layer.layers, layer::kUpper, layer.changing_layers),
        lowers_(layer.layers, layer.changing_layers),
        merged_(layer.layers, layer::kUpper) {}

  std::expected<void, Unwritten> run() {
    std::vector<Pending> pending;
    pending.push_back({"", "", changing_.roots(), lowers_.roots()});
    while (!pending.empty()) {
      Pending next = std::move(pending.back());
      pending.pop_back();
      std::vector<Pending> below;
      const auto written = layer_.is_stopped() ? Result<void>(fail(ECANCELED)) : write(next, below);
      if (!written)
        return std::unexpected(Unwritten{joined(next.path, next.name), written.error()});
      // The first of them comes next.
      std::ranges::move(std::views::reverse(below), std::back_inserter(pending));
    }
    return {};
  }

 private:
  /// Either a directory that is to be written with what is in it, or a name in one.
  struct Pending {
    std::string path;       ///< Of the directory.
    std::string name;       ///< Empty: the directory itself.
    Stack shown;            ///< What is merged there: of the changing layers, or, if moved, of all.
    Stack lowers;           ///< What shows through.
    bool is_moved = false;  ///< It is told whole.
    bool hides = false;     ///< What was below is not there any more.
    std::string moved_from = {};  ///< As LayerEntry has it.
  };

  Result<void> write(const Pending& item, std::vector<Pending>& below) {
    if (!item.name.empty()) return write_name(item, below);
    TRY(write_directory(item));
    if (++directories_ % kOften == 0) layer_.progress(directories_);
    for (std::string& name : TRY(names_of(item))) {
      below.push_back({item.path, std::move(name), item.shown, item.lowers, item.is_moved});
    }
    return {};
  }

  Result<std::vector<std::string>> names_of(const Pending& directory) {
    if (directory.is_moved) return merged_.names_of(directory.shown);
    std::set<std::string> names;
    for (const Place& place : directory.shown) {
      const UniqueFd fd =
          TRY(sys::open_for_listing(TRY(changing_.directory(place.layer, place.path))));
      TRY(sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
        names.emplace(layer::hidden_by(entry.name).value_or(entry.name));
        return {};
      }));
    }
    std::erase_if(names, layer::is_whiteout_name);
    return std::vector<std::string>(names.begin(), names.end());
  }

  Result<void> write_name(const Pending& item, std::vector<Pending>& below) {
    const std::string path = joined(item.path, item.name);
    if (item.is_moved) {
      Found found = TRY(merged_.look_up(item.shown, item.name));
      if (found.file) return write_file(found, path);
      if (!found.is_nothing()) below.push_back({path, "", std::move(found.directories), {}, true});
      return {};
    }
    Rest rest;
    Found found = TRY(changing_.look_up(item.shown, item.name, &rest));
    const Found before = TRY(lowers_.look_up(item.lowers, item.name));
    if (found.is_nothing()) {
      const bool is_deleted = rest.is_hidden && !before.is_nothing();
      return is_deleted ? sink_.hide(path) : Result<void>();
    }
    if (found.file) return write_changed_file(item, std::move(found), before, path);
    if (!rest.is_hidden && rest.name != item.name) {
      return write_moved(item, std::move(found), before, rest.name, below);
    }
    const bool hides = rest.is_hidden && !before.directories.empty();
    Stack lowers = rest.is_hidden ? Stack() : before.directories;
    below.push_back({path, "", std::move(found.directories), std::move(lowers), false, hides});
    return {};
  }

  /// `old_name` is where the directory was, as Rest has it.
  Result<void> write_moved(const Pending& item, Found found, const Found& before,
                           const std::string& old_name, std::vector<Pending>& below) {
    const std::string path = joined(item.path, item.name);
    const bool hides = !before.directories.empty();
    const std::string from = moved_from(item, old_name);
    if (from.empty() || !layer_.tells_move(from)) {
      Found whole = TRY(merged_.look_up(all_of(item), item.name));
      below.push_back({path, "", std::move(whole.directories), {}, true, hides});
      return {};
    }
    Stack lowers = TRY(lowers_.find(from)).directories;
    const bool is_gone = lowers.empty();
    const bool is_back = hides && before.directories.front().path == from;
    below.push_back({path, "", std::move(found.directories), std::move(lowers), false,
                     is_gone && hides, is_gone || is_back ? "" : from});
    return {};
  }

  /// The path in the lowers, of which there is one that is merged; empty if there is none.
  static std::string moved_from(const Pending& item, const std::string& old_name) {
    if (old_name.front() == '/') return old_name.substr(1);
    return item.lowers.empty() ? "" : joined(item.lowers.front().path, old_name);
  }

  static Stack all_of(const Pending& item) {
    Stack all = item.shown;
    all.insert(all.end(), item.lowers.begin(), item.lowers.end());
    return all;
  }

  Result<void> write_changed_file(const Pending& item, Found found, const Found& before,
                                  const std::string& path) {
    if (S_ISSOCK(found.file->stat.stx_mode) && !sink_.takes_sockets()) {
      return before.is_nothing() ? Result<void>() : sink_.hide(path);
    }
    // The data of a metacopy are below.
    if (S_ISREG(found.file->stat.stx_mode) && !found.data) {
      found = TRY(merged_.look_up(all_of(item), item.name));
    }
    return write_file(found, path);
  }

  Result<LayerEntry> entry_of(const Place& place, const std::string& path) {
    LayerEntry entry{path, place.stat};
    entry.xattrs = TRY(changes::shown_xattrs(merged_, place));
    return entry;
  }

  Result<void> write_directory(const Pending& directory) {
    LayerEntry entry = TRY(entry_of(directory.shown.front(), directory.path));
    entry.moved_from = directory.moved_from;
    TRY(sink_.add(entry));
    return directory.hides ? sink_.hide_below(directory.path) : Result<void>();
  }

  Result<void> write_file(const Found& found, const std::string& path) {
    const Place& file = *found.file;
    if (S_ISSOCK(file.stat.stx_mode) && !sink_.takes_sockets()) return {};
    LayerEntry entry = TRY(entry_of(file, path));
    if (file.stat.stx_nlink > 1) {
      std::string& first = first_names_[{file.layer, file.stat.stx_ino}];
      entry.hard_link = first;
      if (first.empty()) first = entry.path;
    }
    if (!entry.hard_link.empty()) return sink_.add(entry);
    if (S_ISLNK(file.stat.stx_mode)) entry.link_target = TRY(changes::link_target(merged_, file));
    if (!S_ISREG(file.stat.stx_mode)) return sink_.add(entry);
    if (!found.data) return fail(EIO);
    const UniqueFd content = TRY(merged_.open_file(*found.data));
    entry.stat.stx_size = found.data->stat.stx_size;
    return sink_.add(entry, content);
  }

  const WalkedLayer& layer_;
  LayerSink& sink_;
  View changing_, lowers_, merged_;
  size_t directories_ = 0;
  std::map<std::pair<layer::LayerIndex, uint64_t>, std::string> first_names_;
};

}  // namespace

std::expected<void, Unwritten> walk_layer(const WalkedLayer& layer, LayerSink& sink) {
  return Walking(layer, sink).run();
}

}  // namespace overpass::snapshots
