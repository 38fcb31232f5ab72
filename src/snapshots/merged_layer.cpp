// SPDX-License-Identifier: MIT
//
// Directories are made first, each with what is in it, and get their attributes when all is there,
// those below first: then nothing is inherited from a default ACL, and times stay.

#include "snapshots/merged_layer.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <map>
#include <set>
#include <string>
#include <utility>

#include "changes/view.h"
#include "check/tree.h"
#include "layer/markers.h"
#include "snapshots/upper_writer.h"
#include "sys/attributes.h"
#include "sys/copy_data.h"
#include "sys/directory_stream.h"
#include "sys/names.h"
#include "sys/open.h"
#include "sys/xattr.h"

namespace overpass::snapshots {

namespace {

using changes::Place;
using changes::Rest;
using changes::Stack;
using changes::View;

constexpr size_t kOften = 1000;

/// Ends the copy of a large file when the user wants that.
class Observer : public sys::CopyObserver {
 public:
  explicit Observer(const Watch& watch) : watch_(watch) {}
  Result<void> reached(off_t) override {
    return watch_.is_stopped() ? Result<void>(fail(ECANCELED)) : Result<void>();
  }

 private:
  const Watch& watch_;
};

layer::LayerIndex lowers_begin(const MergedLayers& layers) {
  return static_cast<layer::LayerIndex>(layers.roots.size());
}

class Merging {
 public:
  Merging(const MergedLayers& layers, BorrowedFd home, const Watch& watch)
      : layers_(layers),
        home_(home),
        watch_(watch),
        view_(layers.stack, 1, lowers_begin(layers)),
        lowers_(layers.stack, lowers_begin(layers)) {}

  Result<void> run() {
    TRY(sys::make_directory(home_, "upper", 0700));
    root_ = TRY(sys::open_at(home_, "upper", O_PATH | O_DIRECTORY));
    directories_.push_back({"", view_.roots(), lowers_.roots()});
    for (size_t i = 0; i < directories_.size(); ++i) {
      if (watch_.is_stopped()) return fail(ECANCELED);
      if (i % kOften == 0) watch_.progress(i);
      // The vector grows meanwhile.
      TRY(fill(Directory(directories_[i])));
    }
    TRY(keep_link_counts());
    for (size_t i = directories_.size(); i-- > 0;) TRY(finish(directories_[i]));
    return {};
  }

 private:
  struct Directory {
    std::string path;
    Stack merged;
    Stack lowers;  ///< What shows through.
  };

  /// A file with several names.
  struct Linked {
    std::string path;  ///< Its first name in the new layer.
    uint32_t names = 0;
    uint32_t count = 0;    ///< Of its links before.
    bool is_same = false;  ///< A link, not a copy.
  };

  Result<void> fill(const Directory& directory) {
    std::set<std::string> names;
    for (const Place& place : directory.merged) {
      const UniqueFd fd = TRY(sys::open_for_listing(TRY(view_.directory(place.layer, place.path))));
      TRY(sys::for_each_entry(fd, [&](const sys::DirectoryEntry& entry) -> Result<void> {
        names.emplace(layer::hidden_by(entry.name).value_or(entry.name));
        return {};
      }));
    }
    const UniqueFd to = TRY(check::open_directory_below(root_, directory.path, O_PATH));
    for (const std::string& name : names) {
      if (watch_.is_stopped()) return fail(ECANCELED);
      if (!layer::is_whiteout_name(name)) TRY(add(directory, to, name));
    }
    return {};
  }

  Result<void> add(const Directory& directory, BorrowedFd to, const std::string& name) {
    Rest rest;
    changes::Found found = TRY(view_.look_up(directory.merged, name, &rest));
    if (found.is_nothing()) {
      // The kernel shows a whiteout as a file in a directory that is merged with nothing.
      const bool is_needed =
          rest.is_hidden && !TRY(lowers_.look_up(directory.lowers, name)).is_nothing();
      return is_needed ? make_whiteout(to, name) : Result<void>();
    }
    const std::string path = check::joined(directory.path, name);
    if (found.file) {
      const bool is_regular = S_ISREG(found.file->stat.stx_mode);
      if (is_regular && !found.data) return fail(EOPNOTSUPP);
      return add_file(*found.file, to, path);
    }
    TRY(sys::make_directory(to, name.c_str(), 0700));
    const sys::Place made = {to, name.c_str()};
    const layer::Prefix prefix = layers_.stack.prefix;
    Stack lowers;
    if (rest.is_hidden) {
      TRY(layer::set_opaque(made, prefix));
    } else {
      const bool is_moved =
          rest.name != name && (rest.name.front() == '/' || !directory.lowers.empty());
      if (is_moved) {
        TRY(sys::set_xattr(made, layer::name_of(layer::Mark::Redirect, prefix), rest.name));
      }
      lowers = TRY(lowers_.look_up(directory.lowers, is_moved ? rest.name : name)).directories;
    }
    directories_.push_back({path, std::move(found.directories), std::move(lowers)});
    return {};
  }

  Result<void> make_whiteout(BorrowedFd to, const std::string& name) {
    auto made = sys::make_node(to, name.c_str(), S_IFCHR, 0);
    if (!made.failed_with(EPERM)) return made;
    const layer::Prefix prefix = layers_.stack.prefix;
    TRY(layer::set_has_xwhiteouts(sys::place_of(to), prefix));
    TRY(sys::make_node(to, name.c_str(), S_IFREG | 0600, 0));
    return layer::set_xwhiteout({to, name.c_str()}, prefix);
  }

  Result<void> add_file(const Place& file, BorrowedFd to, const std::string& path) {
    const std::string name(changes::name_of(path));
    Linked* linked = nullptr;
    if (file.stat.stx_nlink > 1) {
      linked = &linked_[{file.layer, file.stat.stx_ino}];
      linked->names += 1;
      if (!linked->path.empty()) {
        const UniqueFd first =
            TRY(check::open_directory_below(root_, changes::parent_of(linked->path), O_PATH));
        const std::string first_name(changes::name_of(linked->path));
        return sys::make_link({first, first_name.c_str()}, to, name.c_str());
      }
      linked->path = path;
      linked->count = file.stat.stx_nlink;
    }
    const BorrowedFd root = layers_.roots[file.layer];
    const UniqueFd from =
        TRY(check::open_directory_below(root, changes::parent_of(file.path), O_PATH));
    const std::string from_name(changes::name_of(file.path));
    const sys::Place source = {from, from_name.c_str()};
    if (layers_.may_be_linked[file.layer]) {
      if (linked != nullptr) linked->is_same = true;
      return sys::make_link(source, to, name.c_str());
    }
    return copy(source, file.stat, to, name.c_str());
  }

  Result<void> copy(sys::Place from, const sys::Stat& stat, BorrowedFd to, const char* name) {
    const sys::Place made = {to, name};
    if (S_ISREG(stat.stx_mode)) {
      const UniqueFd source = TRY(sys::open_place(from, O_RDONLY));
      const UniqueFd copy = TRY(sys::open_at(to, name, O_WRONLY | O_CREAT | O_EXCL, 0600));
      Observer observer(watch_);
      TRY(sys::copy_data(source, copy, static_cast<off_t>(stat.stx_size), &observer));
    } else if (S_ISLNK(stat.stx_mode)) {
      TRY(sys::make_symlink(to, name, TRY(sys::read_link(from)).c_str()));
    } else {
      TRY(sys::make_node(to, name, stat.stx_mode & (S_IFMT | 07777), sys::rdev_of(stat)));
    }
    return copy_attributes(from, stat, made);
  }

  static Result<void> copy_attributes(sys::Place from, const sys::Stat& stat, sys::Place to) {
    // First, since it takes set-id bits away.
    if (auto owned = sys::change_owner(to, stat.stx_uid, stat.stx_gid);
        !owned && !owned.failed_with(EPERM)) {
      return owned;
    }
    TRY(remove_inherited(to));
    TRY(copy_shown_xattrs(from, to));
    if (!S_ISLNK(stat.stx_mode)) TRY(sys::change_mode(to, stat.stx_mode & 07777));
    return sys::copy_times(to, stat);
  }

  /// What a directory of the store may hand down.
  static Result<void> remove_inherited(sys::Place to) {
    for (const char* name : {"system.posix_acl_access", "system.posix_acl_default"}) {
      (void)sys::remove_xattr(to, name);  // Few have one.
    }
    return {};
  }

  /// Links that no name of the layers stands for are kept.
  Result<void> keep_link_counts() {
    for (const auto& [source, linked] : linked_) {
      for (uint32_t i = linked.names; i < linked.count; ++i) {
        auto made = sys::make_directory(home_, "links", 0700);
        if (!made && !made.failed_with(EEXIST)) return made;
        const UniqueFd links = TRY(sys::open_at(home_, "links", O_PATH | O_DIRECTORY));
        const UniqueFd parent =
            TRY(check::open_directory_below(root_, changes::parent_of(linked.path), O_PATH));
        const std::string name(changes::name_of(linked.path));
        const std::string link = std::to_string(TRY(sys::stat({parent, name.c_str()})).stx_ino) +
                                 "." + std::to_string(i);
        TRY(sys::make_link({parent, name.c_str()}, links, link.c_str()));
      }
    }
    return {};
  }

  Result<void> finish(const Directory& directory) {
    const Place& source = directory.merged.front();
    const UniqueFd from = TRY(
        sys::open_at(TRY(view_.directory(source.layer, source.path)), ".", O_PATH | O_DIRECTORY));
    const UniqueFd to = TRY(check::open_directory_below(root_, directory.path, O_PATH));
    return copy_attributes(sys::place_of(from), source.stat, sys::place_of(to));
  }

  const MergedLayers& layers_;
  BorrowedFd home_;
  const Watch& watch_;
  View view_, lowers_;
  UniqueFd root_;
  std::vector<Directory> directories_;
  std::map<std::pair<layer::LayerIndex, uint64_t>, Linked> linked_;
};

}  // namespace

Result<void> merge_layers(const MergedLayers& layers, BorrowedFd home, const Watch& watch) {
  return Merging(layers, home, watch).run();
}

}  // namespace overpass::snapshots
