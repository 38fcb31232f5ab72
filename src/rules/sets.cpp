// SPDX-License-Identifier: MIT
//
// Patterns name files wherever they are, since a union may be of /, of /home or of one project.

#include "rules/sets.h"

#include <string>

namespace overpass::rules {

namespace {

constexpr std::string_view kNames[] = {"@secrets", "@agent"};

/// What programs keep keys, passwords and tokens in.
constexpr std::string_view kSecrets[] = {
    "hide .ssh/",
    "hide .gnupg/",
    "hide .aws/",
    "hide .azure/",
    "hide .kube/",
    "hide .password-store/",
    "hide **/.config/gcloud/",
    "hide **/.config/gh/",
    "hide **/.config/hub",
    "hide **/.config/op/",
    "hide **/.config/rclone/",
    "hide **/.docker/config.json",
    "hide **/.local/share/keyrings/",
    "hide **/.cargo/credentials",
    "hide **/.cargo/credentials.toml",
    "hide **/.gem/credentials",
    "hide **/.m2/settings.xml",
    "hide **/.terraform.d/credentials.tfrc.json",
    "hide .netrc",
    "hide .pgpass",
    "hide .my.cnf",
    "hide .git-credentials",
    "hide **/.config/git/credentials",
    "hide .npmrc",
    "hide .pypirc",
    "hide .vault-token",
    "hide .env",
    "hide .env.*",
    "hide !.env.example",
    "hide !.env.sample",
    "hide !.env.template",
    "hide id_rsa",
    "hide id_dsa",
    "hide id_ecdsa",
    "hide id_ecdsa_sk",
    "hide id_ed25519",
    "hide id_ed25519_sk",
    "hide *.ppk",
    "hide *.p12",
    "hide *.pfx",
    "hide *.keystore",
    "hide *.kdbx",
    "hide *.key",
    "hide /etc/shadow",
    "hide /etc/shadow-",
    "hide /etc/gshadow",
    "hide /etc/gshadow-",
    "hide /etc/ssl/private/",
};

/// What a program that edits a checkout could use to have others run its commands later.
constexpr std::string_view kAgent[] = {
    "readonly **/.git/hooks",
    "readonly **/.git/config",
    "readonly **/.git/config.worktree",
    "readonly **/.git/info/attributes",
    "readonly **/.git/modules/**/hooks",
    "readonly **/.git/modules/**/config",
};

std::vector<RuleText> texts_of(std::span<const std::string_view> rules, std::string_view name) {
  std::vector<RuleText> texts;
  for (const std::string_view rule : rules) texts.push_back({std::string(rule), std::string(name)});
  return texts;
}

}  // namespace

std::span<const std::string_view> set_names() { return kNames; }

std::vector<RuleText> shipped_set(std::string_view name) {
  if (name == "secrets") return texts_of(kSecrets, "@secrets");
  if (name == "agent") return texts_of(kAgent, "@agent");
  return {};
}

}  // namespace overpass::rules
