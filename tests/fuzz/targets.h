// SPDX-License-Identifier: MIT
//
// What is fuzzed: one function for each text that comes from outside. Each aborts when what must
// hold for any input does not. libFuzzer calls them when clang builds (fuzz_main.cpp); the unit run
// replays the corpora, and mutations of them, with any compiler.

#ifndef OVERPASS_TESTS_FUZZ_TARGETS_H_
#define OVERPASS_TESTS_FUZZ_TARGETS_H_

#include <string_view>

namespace overpass::fuzz {

/// A text after -o. What is read can be written again and is then read the same.
void mount_options(std::string_view text);

/// An overpass.toml. Every error is a line that names a place in the file.
void toml(std::string_view text);

/// Values of marks in a layer, without the name of the attribute.
void redirect(std::string_view text);
void metacopy(std::string_view text);
void stat_override(std::string_view text);
void nlink(std::string_view text);
void protattr(std::string_view text);
void origin(std::string_view text);

/// The name of an entry of an index directory.
void index_name(std::string_view text);

/// A packet to the broker; its first byte says how many descriptors came with it.
void broker_request(std::string_view text);

/// What the broker reads in /proc: fdinfo, mountinfo and uid_map.
void broker_texts(std::string_view text);

/// A sequence of raw FUSE requests, malformed ones among them. Each has exactly one reply if it
/// wants any, with a legal errno, and the lower stays as it is.
void fuse_requests(std::string_view text);

/// A file of rules. All ways to ask about a path agree.
void rules(std::string_view text);

/// A mount table: words have no blanks and stand in the text in their order.
void mountinfo(std::string_view text);

struct Target {
  const char* name;  ///< Also that of its folder in corpus/.
  void (*run)(std::string_view text);
  int mutations = 300;  ///< Of each text, in the unit run.
};

inline constexpr Target kTargets[] = {
    {"mount_options", mount_options},
    {"toml", toml},
    {"rules", rules},
    {"redirect", redirect},
    {"metacopy", metacopy},
    {"stat_override", stat_override},
    {"nlink", nlink},
    {"protattr", protattr},
    {"origin", origin},
    {"index_name", index_name},
    {"broker_request", broker_request},
    {"broker_texts", broker_texts},
    {"mountinfo", mountinfo},
    {"fuse_requests", fuse_requests, 5},
};

}  // namespace overpass::fuzz

#endif  // OVERPASS_TESTS_FUZZ_TARGETS_H_
