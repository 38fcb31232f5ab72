// SPDX-License-Identifier: MIT
//
// Reads the call as `overpass mount` does.

#include "cli/layer_call.h"

#include "cli/mount_call.h"
#include "config/validate.h"

namespace overpass::cli {

namespace {

/// A workdir that passes for one, beside an upper that is only looked at.
constexpr char kNoWorkdir[] = "/dev/null/none";

std::expected<config::Options, Refusal> options_of_call(const ParsedArguments& parsed,
                                                        const std::optional<NamedMount>& named,
                                                        const std::string& name,
                                                        const LayerNeeds& needs) {
  auto options = read_mount_call(
      parsed, named ? std::optional<config::Options>(named->options) : std::nullopt);
  if (!options) return wrong_call(options.error());
  if (options->mountpoint.empty()) options->mountpoint = "/";
  if (options->upper && !options->work && !needs.work) options->work = kNoWorkdir;
  const auto source = named ? config::Source::File : config::Source::CommandLine;
  auto valid = config::validate(*options, source);
  if (valid && needs.upper && !options->upper) {
    valid = problem(needs.without, named ? "add the keys upper and work"
                                         : "add --upper DIR and --work DIR, as for the mount");
  }
  if (!valid && named) return not_possible(told_of(*named, name, valid.error()));
  if (!valid) return wrong_call(valid.error());
  auto resolved = resolve_paths(*options);
  if (!resolved) return not_possible(resolved.error());
  return std::move(*options);
}

}  // namespace

std::unexpected<Refusal> wrong_call(const Problem& problem) {
  return std::unexpected(Refusal{problem, true});
}

std::unexpected<Refusal> not_possible(const Problem& problem) {
  return std::unexpected(Refusal{problem, false});
}

std::expected<layer::LayerPaths, Refusal> layers_of_call(const ParsedArguments& parsed,
                                                         const std::optional<NamedMount>& named,
                                                         const std::string& name,
                                                         const LayerNeeds& needs) {
  const auto options = options_of_call(parsed, named, name, needs);
  if (!options) return std::unexpected(options.error());
  return layer::LayerPaths{.lower = options->lower,
                           .data_only = options->data_only,
                           .upper = options->upper,
                           .work = options->work,
                           .mountpoint = {},
                           .userxattr = options->userxattr,
                           .format = options->format};
}

}  // namespace overpass::cli
