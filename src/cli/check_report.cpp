// SPDX-License-Identifier: MIT
//
// Names on disk are any bytes: in text what would disturb a terminal or a line is written as octal
// digits, in JSON what is no UTF-8 is replaced, and told in hexadecimal beside it.

#include "cli/check_report.h"

#include <nlohmann/json.hpp>

namespace overpass::cli {

namespace {

using check::Finding;
using check::Kind;
using check::Repair;
using check::Severity;
using json = nlohmann::ordered_json;

std::string printable(std::string_view text) {
  std::string result;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte != 0x7f) {
      result += c;
      continue;
    }
    result += '\\';
    for (const int shift : {6, 3, 0}) result += static_cast<char>('0' + ((byte >> shift) & 7));
  }
  return result;
}

std::string hexadecimal(std::string_view bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    text += kDigits[static_cast<unsigned char>(c) >> 4];
    text += kDigits[static_cast<unsigned char>(c) & 0xf];
  }
  return text;
}

/// The bytes themselves when they are UTF-8, else with replacements.
std::string as_utf8(const std::string& text) {
  const std::string quoted = json(text).dump(-1, ' ', false, json::error_handler_t::replace);
  return json::parse(quoted).get<std::string>();
}

const char* name_of(Repair repair) {
  switch (repair) {
    case Repair::None:
      return "none";
    case Repair::Possible:
      return "possible";
    case Repair::Done:
      return "done";
    case Repair::Failed:
      break;
  }
  return "failed";
}

const char* name_of(check::Area area) { return area == check::Area::Upper ? "upper" : "work"; }

json object_of(const Finding& finding) {
  const check::KindRow& row = check::row_of(finding.kind);
  json object;
  object["id"] = row.id;
  object["severity"] = check::name_of(row.severity);
  object["in"] = name_of(finding.area);
  object["path"] = as_utf8(finding.path);
  if (object["path"] != finding.path) object["path_hex"] = hexadecimal(finding.path);
  object["meaning"] = row.meaning;
  object["detail"] = as_utf8(finding.detail);
  object["repair"] = name_of(finding.repair);
  object["step"] = finding.step;
  object["remedy"] = row.remedy;
  return object;
}

std::string counted(uint64_t count, const char* one) {
  return std::to_string(count) + " " + one + (count == 1 ? "" : "s");
}

}  // namespace

struct CheckReport::Document {
  json findings = json::array();
};

CheckReport::CheckReport(std::ostream& out, const layer::LayerPaths& paths, ReportStyle style)
    : out_(out), paths_(paths), style_(style), document_(std::make_unique<Document>()) {}

CheckReport::~CheckReport() = default;

void CheckReport::add(const Finding& finding) {
  if (finding.repair != Repair::Done) ++remaining_[finding.kind];
  if (check::row_of(finding.kind).severity == Severity::Info && !style_.notes) return;
  if (style_.json) {
    document_->findings.push_back(object_of(finding));
  } else {
    out_ << line_of(finding, paths_) << "\n" << std::flush;
  }
}

void CheckReport::finish(const check::Summary& summary, bool may_repair) {
  if (!style_.json) {
    if (style_.summary) write_summary(summary);
    return;
  }
  json document;
  document["version"] = 1;
  document["upper"] = as_utf8(paths_.upper.value_or(""));
  document["work"] = as_utf8(paths_.work.value_or(""));
  document["lowers"] = json::array();
  for (const auto* list : {&paths_.lower, &paths_.data_only}) {
    for (const std::string& lower : *list) document["lowers"].push_back(as_utf8(lower));
  }
  document["repair"] = may_repair;
  document["complete"] = summary.is_complete;
  document["names"] = summary.names;
  document["counts"] = {{"error", summary.remaining[2]},
                        {"warning", summary.remaining[1]},
                        {"info", summary.remaining[0]},
                        {"repaired", summary.repaired}};
  document["findings"] = std::move(document_->findings);
  out_ << document.dump(2) << "\n";
}

/// Which kinds there were, and what to do about each.
void CheckReport::write_summary(const check::Summary& summary) {
  out_ << counted(summary.names, "name") << " checked: ";
  if (summary.faults() == 0) {
    out_ << "nothing is wrong";
  } else {
    out_ << counted(summary.remaining[2], "error") << ", "
         << counted(summary.remaining[1], "warning");
  }
  if (summary.repaired != 0) out_ << ", " << summary.repaired << " repaired";
  if (summary.remaining[0] != 0 && !style_.notes) {
    out_ << " (" << counted(summary.remaining[0], "note") << "; --verbose shows them)";
  }
  out_ << "\n";
  for (const auto& [kind, count] : remaining_) {
    const check::KindRow& row = check::row_of(kind);
    if (row.severity == Severity::Info) continue;
    out_ << "  " << count << " " << row.id << ": "
         << (row.is_repairable ? "--repair can: " : "you can: ") << row.remedy << "\n";
  }
}

std::string line_of(const Finding& finding, const layer::LayerPaths& paths) {
  const check::KindRow& row = check::row_of(finding.kind);
  const auto& base = finding.area == check::Area::Upper ? paths.upper : paths.work;
  std::string line = printable(base.value_or("") + (finding.path == "/" ? "" : finding.path));
  line += ": " + std::string(check::name_of(row.severity)) + ": " + std::string(row.meaning);
  if (!finding.detail.empty()) line += " (" + printable(finding.detail) + ")";
  switch (finding.repair) {
    case Repair::None:
      break;
    case Repair::Possible:
      line += "; --repair would " + finding.step;
      break;
    case Repair::Done:
      line += "; repaired: " + finding.step;
      break;
    case Repair::Failed:
      line += "; could not " + finding.step;
  }
  return line + " [" + std::string(row.id) + "]";
}

}  // namespace overpass::cli
