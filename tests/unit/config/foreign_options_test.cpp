// SPDX-License-Identifier: MIT
//
// Options of mount(8), libfuse, kernel overlayfs and fuse-overlayfs: passed over, taken, refused.

#include "config/foreign_options.h"

#include <gtest/gtest.h>

#include "config/mount_options.h"

namespace overpass::config {
namespace {

Expected<Options> read(std::string_view text) {
  OptionReader reader;
  if (auto ok = read_mount_options(reader, text); !ok) return std::unexpected(ok.error());
  return reader.options();
}

class TakenOptions : public testing::TestWithParam<std::string_view> {};

TEST_P(TakenOptions, AreNoErrorAndChangeNothing) {
  const auto options = read(GetParam());
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_TRUE(options->lower.empty());
  EXPECT_TRUE(options->suid && options->dev && options->exec && options->atime);
  EXPECT_FALSE(options->read_only || options->is_volatile || options->userxattr);
}

INSTANTIATE_TEST_SUITE_P(Generic, TakenOptions,
                         testing::Values("defaults", "auto", "noauto", "nofail", "_netdev",
                                         "nouser", "async", "silent", "x-systemd.automount",
                                         "x-systemd.requires=/mnt", "X-mount.mkdir=0755",
                                         "comment=anything", "relatime", "norelatime",
                                         "strictatime", "nodiratime", "lazytime", "iversion",
                                         "helper=fuse"));

INSTANTIATE_TEST_SUITE_P(Libfuse, TakenOptions,
                         testing::Values("default_permissions", "big_writes", "max_read=65536",
                                         "clone_fd", "nonempty", "no_splice_read", "kernel_cache",
                                         "max_idle_threads=10", "subtype=overpass"));

INSTANTIATE_TEST_SUITE_P(Overlayfs, TakenOptions,
                         testing::Values("override_creds", "nooverride_creds=off", "acl"));

INSTANTIATE_TEST_SUITE_P(FuseOverlayfs, TakenOptions,
                         testing::Values("xattr_permissions=0", "noxattrs=0", "threaded=0",
                                         "threaded=1", "fast_ino=1", "timeout=1000000000",
                                         "uidmapping=0:0:65536", "gidmapping=0:0:1000:1000:1000:1",
                                         "static_nlink=0", "squash_to_root=off"));

struct RefusedRow {
  const char* name;
  std::string_view text;
  std::string_view line;
};

class RefusedOptions : public testing::TestWithParam<RefusedRow> {};

TEST_P(RefusedOptions, GiveTheReason) {
  const auto options = read(GetParam().text);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().line(), GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    Options, RefusedOptions,
    testing::Values(
        RefusedRow{"StaticNlink", "static_nlink",
                   "option 'static_nlink' is refused: link counts are always the true ones (leave "
                   "it out, or use static_nlink=off)"},
        RefusedRow{"Uidmapping", "uidmapping=0:100000:65536",
                   "option 'uidmapping=0:100000:65536' is refused: this version shows owners as "
                   "they are on disk (leave it out)"},
        RefusedRow{"Plugins", "plugins=a.so",
                   "option 'plugins=a.so' is refused: layers are directories; there are no layer "
                   "plugins (leave it out)"}),
    [](const auto& row) { return row.param.name; });

class RefusedSilently : public testing::TestWithParam<std::string_view> {};

TEST_P(RefusedSilently, NeverHappens) {
  const auto options = read(GetParam());
  ASSERT_FALSE(options);
  EXPECT_NE(options.error().cause.find("is refused: "), std::string::npos);
  EXPECT_TRUE(options.error().remedy.starts_with("leave it out"));
}

INSTANTIATE_TEST_SUITE_P(
    Options, RefusedSilently,
    testing::Values("nooverride_creds", "noacl", "gidmapping=1:2:3",
                    "uidmapping=", "uidmapping=0:0", "squash_to_root", "squash_to_uid=1",
                    "squash_to_gid=1", "xattr_permissions=2", "ino32_t", "noxattrs=1", "timeout=0",
                    "static_nlink=1", "subtype=other", "allow_root", "direct_io", "entry_timeout=1",
                    "attr_timeout=0", "negative_timeout=0", "blkdev", "remount", "sync", "dirsync",
                    "nosymfollow", "fscontext=x", "defcontext=x", "rootcontext=x"));

TEST(ImpliedOptions, AreThoseOfMountEight) {
  for (const auto text : {"user", "user=alice", "users"}) {
    const auto options = read(text);
    ASSERT_TRUE(options) << text;
    EXPECT_FALSE(options->suid || options->dev || options->exec) << text;
  }
  for (const auto text : {"owner", "group"}) {
    const auto options = read(text);
    ASSERT_TRUE(options) << text;
    EXPECT_FALSE(options->suid || options->dev) << text;
    EXPECT_TRUE(options->exec) << text;
  }
}

TEST(ImpliedOptions, GiveWayToLaterOnes) {
  const auto options = read("user,exec,suid");
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->exec && options->suid);
  EXPECT_FALSE(options->dev);
}

TEST(ForeignOptions, AreNotOptionsOfOurs) {
  for (const auto name : foreign_names()) {
    EXPECT_EQ(find_option(name).entry, nullptr) << name;
  }
}

TEST(ForeignOptions, EachHaveAReason) {
  for (const LimitedOption& option : limited_options()) {
    EXPECT_FALSE(option.reason.empty()) << option.name;
  }
}

}  // namespace
}  // namespace overpass::config
