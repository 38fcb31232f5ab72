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
  EXPECT_TRUE(options->suid && options->dev && options->exec);
  EXPECT_EQ(options->access_times, AccessTimes::OfTheMount);
  EXPECT_FALSE(options->read_only || options->is_volatile || options->userxattr);
}

INSTANTIATE_TEST_SUITE_P(Generic, TakenOptions,
                         testing::Values("defaults", "auto", "noauto", "nofail", "_netdev",
                                         "nouser", "async", "silent", "x-systemd.automount",
                                         "x-systemd.requires=/mnt", "X-mount.mkdir=0755",
                                         "comment=anything", "norelatime", "nostrictatime",
                                         "nodiratime", "lazytime", "iversion", "helper=fuse",
                                         "seclabel", "user_xattr"));

INSTANTIATE_TEST_SUITE_P(Libfuse, TakenOptions,
                         testing::Values("default_permissions", "big_writes", "max_read=65536",
                                         "clone_fd", "nonempty", "no_splice_read", "kernel_cache",
                                         "max_idle_threads=10", "subtype=overpass",
                                         "no_remote_lock", "no_remote_posix_lock",
                                         "no_remote_flock"));

INSTANTIATE_TEST_SUITE_P(Overlayfs, TakenOptions,
                         testing::Values("override_creds", "nooverride_creds=off", "fsync=auto"));

INSTANTIATE_TEST_SUITE_P(FuseOverlayfs, TakenOptions,
                         testing::Values("threaded=0", "threaded=1", "fast_ino=1",
                                         "fast_ino_check=1", "ino32_t=0"));

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
        RefusedRow{"AllowRoot", "allow_root",
                   "option 'allow_root' is refused: the kernel knows only the owner or everybody: "
                   "use allow_other (leave it out, or use allow_root=off)"},
        RefusedRow{"Plugins", "plugins=a.so",
                   "option 'plugins=a.so' is refused: layers are directories; there are no layer "
                   "plugins (leave it out)"},
        RefusedRow{"Idmap", "X-mount.idmap=b:0:1000:1",
                   "option 'X-mount.idmap=b:0:1000:1' is refused: a union has no idmapped mounts: "
                   "uidmapping= and gidmapping= map owners (leave it out)"},
        RefusedRow{"FsyncOfAll", "fsync=strict",
                   "option 'fsync=strict' is refused: only copies of data are synced one by one "
                   "(leave it out, or use fsync=auto)"}),
    [](const auto& row) { return row.param.name; });

class RefusedSilently : public testing::TestWithParam<std::string_view> {};

TEST_P(RefusedSilently, NeverHappens) {
  const auto options = read(GetParam());
  ASSERT_FALSE(options);
  EXPECT_NE(options.error().cause.find("is refused: "), std::string::npos);
  EXPECT_TRUE(options.error().remedy.starts_with("leave it out"));
}

INSTANTIATE_TEST_SUITE_P(Options, RefusedSilently,
                         testing::Values("nooverride_creds", "subtype=other", "allow_root",
                                         "direct_io", "entry_timeout=1", "attr_timeout=0",
                                         "negative_timeout=0", "blkdev", "remount", "sync",
                                         "dirsync", "nosymfollow", "fscontext=x", "defcontext=x",
                                         "rootcontext=x", "smackfsdef=x", "uid=0", "gid=0",
                                         "umask=022", "fd=3", "rootmode=40000", "user_id=0",
                                         "group_id=0", "user_xattr=off"));

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

TEST(PropagationWords, AreKeptInTheirOrder) {
  const auto options = read("rslave,shared,private,runbindable");
  ASSERT_TRUE(options);
  const std::vector<Propagation> wanted = {Propagation::Slave, Propagation::Shared,
                                           Propagation::Private, Propagation::Unbindable};
  EXPECT_EQ(options->propagation, wanted);
  EXPECT_TRUE(read("rprivate,rshared,slave,unbindable"));
}

TEST(PropagationWords, TakeNoValue) { EXPECT_FALSE(read("private=1")); }

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
