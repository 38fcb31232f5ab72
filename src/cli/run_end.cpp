// SPDX-License-Identifier: MIT

#include "cli/run_end.h"

#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <string_view>

#include "base/nearest.h"
#include "cli/commands.h"
#include "cli/diff_report.h"
#include "cli/diff_target.h"
#include "cli/question.h"
#include "sandbox/layer_store.h"
#include "sandbox/record.h"
#include "sys/file_io.h"
#include "sys/mountinfo.h"

namespace overpass::cli {

namespace {

using sandbox::Sandbox;

/// The first letter of an answer; 'k' if there is none.
char answer() {
  std::string line;
  if (!std::getline(std::cin, line)) return 'k';
  return line.empty() ? ' ' : line.front();
}

/// What becomes of the changes.
enum class Fate { Kept, Applied, Discarded };

/// Asks until the answer is one.
Fate ask_for_fate(Context& context, const Sandbox& sandbox, const changes::List& list) {
  while (true) {
    context.err << "keep them in " << sandbox.name()
                << ", show them, apply them to the outside, or discard them? [k/s/a/d] "
                << std::flush;
    switch (answer()) {
      case 'k':
        return Fate::Kept;
      case 's':
        print_changes(context.err, list, {});
        break;
      case 'a':
        return Fate::Applied;
      case 'd':
        return Fate::Discarded;
      default:
        break;
    }
  }
}

/// What is in conflict stays in the sandbox, as everything then does.
void apply_all(Context& context, const Sandbox& sandbox) {
  ParsedArguments call;
  call.operands = {sandbox.name()};
  call.flags = {{"--yes", ""}};
  (void)run_apply(context, call);
}

/// The events of the log that were refused. Nothing if it cannot be read.
std::optional<size_t> count_refusals(const std::string& log, size_t offset) {
  const auto text = sys::read_file(log);
  if (!text || text->size() < offset) return std::nullopt;
  std::string_view rest = std::string_view(*text).substr(offset);
  size_t count = 0;
  while (!rest.empty()) {
    const std::string_view line = sys::cut_word(rest, '\n');
    if (line.find(R"("error":")") != std::string_view::npos) ++count;
  }
  return count;
}

}  // namespace

size_t size_of_log(const std::string& log) {
  std::error_code error;
  const auto size = std::filesystem::file_size(log, error);
  return error ? 0 : size;
}

void tell_refusals(Context& context, const std::string& log, size_t offset) {
  const auto count = count_refusals(log, offset);
  if (!count || *count == 0) return;
  context.err << "overpass: rules refused " << *count << (*count == 1 ? " call" : " calls")
              << "; see " << log << "\n";
}

Expected<int> end_run(Context& context, const RunCall& call, const Sandbox& sandbox, int status) {
  auto lock = sandbox.lock();
  if (!lock) return status;  // Others are in it.
  Fate fate = call.is_discarded ? Fate::Discarded : Fate::Kept;
  if (!call.is_discarded && !call.is_kept && call.name.empty() && is_on_terminal()) {
    const auto list = changes_of(sandbox);
    if (!list) return std::unexpected(list.error());
    if (list->changes.empty()) return status;
    context.err << "overpass: " << counts_of(*list) << "\n";
    fate = ask_for_fate(context, sandbox, *list);
  }
  if (fate == Fate::Kept) return status;
  if (fate == Fate::Applied) {
    lock->reset();
    apply_all(context, sandbox);
    return status;
  }
  if (auto removed = sandbox::remove_sandbox(sandbox::store_path(), sandbox); !removed) {
    return std::unexpected(removed.error());
  }
  return status;
}

}  // namespace overpass::cli
