// SPDX-License-Identifier: MIT
//
// A directory that was moved keeps its lowers; its relocation has their paths.

#include "overlay/state/hidden_names.h"

#include <algorithm>

namespace overpass::overlay {

std::string_view behind(std::string_view path, std::string_view leading) {
  if (path.size() <= leading.size() || !path.starts_with(leading)) return {};
  return path[leading.size()] == '/' ? path.substr(leading.size() + 1) : std::string_view();
}

namespace {

void add(Directory& directory, const HiddenName& known, std::string_view rest) {
  if (rest.empty() || std::ranges::find(directory.lowers, known.layer) == directory.lowers.end())
    return;
  if (directory.hidden == nullptr) directory.hidden = std::make_unique<HiddenNames>();
  directory.hidden->push_back({known.layer, std::string(rest), known.beneath});
}

/// Keeps a directory that is reached by what is beneath the mountpoint from being walked to.
void hold_beneath(Directory& directory, const HiddenName& known) {
  const auto at = std::ranges::find(directory.lowers, known.layer);
  if (at == directory.lowers.end()) return;
  const auto slot = static_cast<size_t>(at - directory.lowers.begin()) + 1;
  Lock lock(directory.cache_mutex);
  if (slot >= directory.fds.size()) directory.fds.resize(slot + 1);
  directory.fds[slot] = known.beneath;
}

}  // namespace

std::unique_ptr<HiddenNames> hidden_names_of(layer::LayerStack& stack) {
  if (stack.hidden.empty()) return nullptr;
  auto names = std::make_unique<HiddenNames>();
  for (layer::HiddenPath& hidden : stack.hidden) {
    SharedFd beneath;
    if (!hidden.beneath.empty()) beneath = std::make_shared<CachedFd>(std::move(hidden.beneath));
    names->push_back({hidden.layer, hidden.path, std::move(beneath)});
  }
  return names;
}

void pass_on_hidden(const HiddenNames* all, const Inode& parent, std::string_view name,
                    Inode& child) {
  if (all == nullptr) return;
  Directory& directory = *child.directory;
  std::unique_ptr<Relocation> elsewhere;
  {
    Lock lock(child.mutex);
    if (const Relocation* known = child.relocation()) {
      elsewhere = std::make_unique<Relocation>(*known);
    }
  }
  if (elsewhere == nullptr) {
    if (parent.directory->hidden == nullptr) return;
    for (const HiddenName& known : *parent.directory->hidden) {
      add(directory, known, behind(known.rest, name));
      if (known.beneath && known.rest == name) hold_beneath(directory, known);
    }
    return;
  }
  for (const HiddenName& known : *all) {
    const auto at = std::ranges::find(directory.lowers, known.layer);
    if (at == directory.lowers.end()) continue;
    const auto place = static_cast<size_t>(at - directory.lowers.begin());
    const std::string& path = elsewhere->layer_paths[place];  // Begins with '/'.
    add(directory, known, behind(known.rest, std::string_view(path).substr(1)));
    if (known.beneath && path.compare(1, std::string::npos, known.rest) == 0) {
      hold_beneath(directory, known);
    }
  }
}

const HiddenName* find_hidden(const Directory& directory, layer::LayerIndex layer,
                              std::string_view name) {
  if (directory.hidden == nullptr) return nullptr;
  for (const HiddenName& known : *directory.hidden) {
    if (known.layer == layer && known.rest == name) return &known;
  }
  return nullptr;
}

bool is_hidden_name(const Directory& directory, std::string_view name) {
  return directory.hidden != nullptr &&
         std::ranges::any_of(*directory.hidden, [&](const HiddenName& known) {
           return known.rest == name && known.beneath == nullptr;
         });
}

}  // namespace overpass::overlay
