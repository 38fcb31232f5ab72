// SPDX-License-Identifier: MIT
//
// Marks with the trusted prefix were written by a superuser, so redirects are written and followed.
// The owner of a file can write marks with the user prefix: a redirect leads to any name of the
// lower below it, past the permissions of the directories on the way. So there both redirects and
// metacopies are off unless chosen, as on overlayfs (which does not even offer the choice).

#include "layer/resolve_format.h"

namespace overpass::layer {

namespace {

constexpr char kNotChosen[] = "not asked for";

const char* word_of(RedirectDir mode) {
  switch (mode) {
    case RedirectDir::On:
      return "on";
    case RedirectDir::Follow:
      return "follow";
    case RedirectDir::NoFollow:
      return "nofollow";
    case RedirectDir::Off:
      return "off";
  }
  return "";
}

/// A metacopy that is renamed finds its data by a redirect. Nothing is renamed without an upper.
bool suits_metacopy(RedirectDir mode, bool has_upper) {
  return mode == RedirectDir::On || (!has_upper && mode != RedirectDir::NoFollow);
}

RedirectDir default_redirects(const FormatChoice& choice, Prefix prefix) {
  const bool is_wanted = prefix == Prefix::Trusted || choice.metacopy.value_or(false);
  return is_wanted ? RedirectDir::On : RedirectDir::NoFollow;
}

/// Off leaves it to the world whether the redirects that are there are followed.
RedirectDir effective_redirects(const FormatChoice& choice, Prefix prefix) {
  const RedirectDir mode = choice.redirect_dir.value_or(default_redirects(choice, prefix));
  if (mode != RedirectDir::Off) return mode;
  const bool is_followed = prefix == Prefix::Trusted || choice.metacopy.value_or(false);
  return is_followed ? RedirectDir::Follow : RedirectDir::NoFollow;
}

}  // namespace

Expected<void> check_choice(const FormatChoice& choice, bool has_upper) {
  const bool metacopy = choice.metacopy.value_or(false);
  if (metacopy && choice.redirect_dir && !suits_metacopy(*choice.redirect_dir, has_upper)) {
    return problem(std::string("metacopy=on and redirect_dir=") + word_of(*choice.redirect_dir) +
                       " exclude each other: a renamed metacopy finds its data by a redirect",
                   "leave out one of them, or use redirect_dir=on");
  }
  if (choice.nfs_export && metacopy) {
    return problem(
        "nfs_export=on and metacopy=on exclude each other: a handle of a metacopy would "
        "not lead to its data",
        "leave out one of them");
  }
  const bool follows = choice.redirect_dir != RedirectDir::NoFollow;
  const bool is_dropped = !has_upper && follows;  // As in resolve_format().
  if (choice.nfs_export && choice.index == false && !is_dropped) {
    return problem("nfs_export=on needs an index, and index=off forbids it",
                   "leave out one of them");
  }
  return {};
}

ResolvedFormat resolve_format(const FormatChoice& choice, Prefix prefix, bool has_upper) {
  ResolvedFormat resolved;
  FormatSettings& settings = resolved.settings;
  const RedirectDir redirects = effective_redirects(choice, prefix);
  settings.follows_redirects = redirects != RedirectDir::NoFollow;
  settings.writes_redirects = has_upper && redirects == RedirectDir::On;
  if (!has_upper && redirects == RedirectDir::On) {
    resolved.reasons.redirect_dir = "without an upper directory redirects are only followed";
  } else if (!settings.follows_redirects && !choice.redirect_dir) {
    resolved.reasons.redirect_dir = "the default where the owner of a file can write its marks";
  }
  settings.follows_metacopy = choice.metacopy.value_or(false);
  settings.writes_metacopy = has_upper && settings.follows_metacopy;
  if (!settings.follows_metacopy) resolved.reasons.metacopy = kNotChosen;
  settings.verity = choice.verity;
  settings.nfs_export = choice.nfs_export;
  if (!settings.nfs_export) {
    resolved.reasons.nfs_export = kNotChosen;
  } else if (!has_upper && settings.follows_redirects) {
    settings.nfs_export = false;
    resolved.reasons.nfs_export = "without an upper directory it needs redirect_dir=nofollow";
  }
  settings.index = has_upper && (choice.index.value_or(false) || settings.nfs_export);
  if (!has_upper) {
    resolved.reasons.index = "without an upper directory there is nothing to index";
  } else if (!settings.index) {
    resolved.reasons.index = kNotChosen;
  }
  settings.uuid = choice.uuid;
  if (settings.uuid == Uuid::On && !has_upper) {
    settings.uuid = Uuid::Null;
    resolved.reasons.uuid = "it would be kept in the upper directory, and there is none";
  }
  return resolved;
}

}  // namespace overpass::layer
