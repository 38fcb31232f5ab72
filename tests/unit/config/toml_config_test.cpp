// SPDX-License-Identifier: MIT
//
// Named mounts: what a file sets, and every message with its line and column.

#include "config/toml_config.h"

#include <gtest/gtest.h>

#include "config/option_table.h"

namespace overpass::config {
namespace {

Expected<NamedMounts> parse(std::string_view text) { return parse_toml(text, "f.toml", "/home/u"); }

TEST(TomlConfig, ReadsEveryKey) {
  const auto mounts = parse(R"([mount.box]
lower = ["/a", "~/b:c"]
data = ["/d::e", "~/f"]
upper = "~/up"
work = "/w"
mountpoint = "/m"
ro = true
userxattr = true
make_dirs = true
volatile = true
redirect_dir = "nofollow"
index = true
metacopy = "off"
verity = "require"
xino = false
uuid = "null"
nfs_export = true
lower_io = "cached"
copy_up = "durable"
verify_copy_up = true
passthrough = "off"
broker = "/run/sock"
io_uring = true
threads = 3
max_idle_inodes = 1000
allow_other = false
auto_unmount = true
survive = true
suid = false
dev = false
exec = false
atime = false
fsname = "name"
context = "label"
debug = true
)");
  ASSERT_TRUE(mounts) << mounts.error().line();
  ASSERT_EQ(mounts->size(), 1u);
  const Options& options = mounts->at("box");
  EXPECT_EQ(options.lower, (std::vector<std::string>{"/a", "/home/u/b:c"}));
  EXPECT_EQ(options.data_only, (std::vector<std::string>{"/d::e", "/home/u/f"}));
  EXPECT_TRUE(options.upper == "/home/u/up" && options.work == "/w");
  EXPECT_EQ(options.mountpoint, "/m");
  EXPECT_TRUE(options.read_only && options.userxattr && options.is_volatile && options.debug);
  EXPECT_EQ(options.format.redirect_dir, layer::RedirectDir::NoFollow);
  EXPECT_TRUE(options.format.index == true && options.format.metacopy == false);
  EXPECT_EQ(options.format.verity, layer::Verity::Require);
  EXPECT_TRUE(options.format.xino == layer::Xino::Off && options.format.nfs_export);
  EXPECT_EQ(options.format.uuid, layer::Uuid::Null);
  EXPECT_TRUE(options.verifies_copies && options.durable_copies && options.survives);
  EXPECT_EQ(options.lower_io, LowerIo::Cached);
  EXPECT_TRUE(options.passthrough == Switch::Off && options.broker == "/run/sock");
  EXPECT_TRUE(options.io_uring == Switch::On && options.access_times == AccessTimes::Never);
  EXPECT_TRUE(options.threads == 3u && options.max_idle_inodes == 1000u);
  EXPECT_TRUE(options.auto_unmount && options.allow_other == false && options.makes_directories);
  EXPECT_FALSE(options.suid || options.dev || options.exec);
  EXPECT_TRUE(options.fsname == "name" && options.context == "label");
}

TEST(TomlConfig, SetsOwnersAndCaches) {
  const auto mounts = parse(R"([mount.box]
lower = "/a"
writeback = "on"
uidmapping = "0:100:10"
gidmapping = "0:200:10"
squash_to_root = true
squash_to_uid = 5
squash_to_gid = "6"
xattr_permissions = 2
acl = false
xattrs = false
static_nlink = true
relatime = true
strictatime = true
ino32_t = true
timeout = 60
open = "ask"
busy_poll = 70
cached_names = "*.db:x"
lower_changes = "follow"
freezable = true
)");
  ASSERT_TRUE(mounts) << mounts.error().line();
  const Options& options = mounts->at("box");
  EXPECT_EQ(options.writeback, Switch::On);
  EXPECT_EQ(options.users.shown(0), 100u);
  EXPECT_EQ(options.groups.shown(0), 200u);
  EXPECT_EQ(options.squash_to_uid, 5u);
  EXPECT_EQ(options.squash_to_gid, 6u);
  EXPECT_EQ(options.xattr_permissions, layer::StatOverride::User);
  EXPECT_TRUE(options.squash_to_root && options.static_nlink);
  EXPECT_FALSE(options.acl || options.xattrs);
  EXPECT_EQ(options.timeout, 60.0);
  EXPECT_TRUE(options.opens == Opens::Ask && options.busy_poll == 70u);
  EXPECT_EQ(options.cached_names, (std::vector<std::string>{"*.db", "x"}));
  EXPECT_EQ(options.format.xino, layer::Xino::Off);
  EXPECT_EQ(options.access_times, AccessTimes::Strict);
  EXPECT_EQ(options.lower_changes, LowerChanges::Follow);
  EXPECT_TRUE(options.may_be_frozen);
}

TEST(TomlConfig, ReadsRulesSetsAndFilesInTheirOrder) {
  const auto mounts =
      parse("[mount.box]\nlower = \"/a\"\nrules = [\n\"hide %n\", \"@agent\",\n\"/r\"]");
  ASSERT_TRUE(mounts) << mounts.error().line();
  const auto& rules = mounts->at("box").rules;
  ASSERT_EQ(rules.size(), 3u);
  EXPECT_EQ(rules[0].rule.text, "hide %n");
  EXPECT_TRUE(rules[0].rule.where.ends_with(":4"));
  EXPECT_EQ(rules[1].rule.text, "@agent");
  EXPECT_EQ(rules[2].file, "/r");
  EXPECT_FALSE(parse("[mount.box]\nrules = \"hide x\""));
  EXPECT_FALSE(parse("[mount.box]\nrules = [1]"));
}

TEST(TomlConfig, ReadsSeveralMountsAndAnEmptyFile) {
  const auto mounts = parse("[mount.a]\nlower='/x'\n[mount.\"b c\"]\nlower=['/y']\n");
  ASSERT_TRUE(mounts) << mounts.error().line();
  EXPECT_EQ(mounts->at("a").lower, std::vector<std::string>{"/x"});
  EXPECT_EQ(mounts->at("b c").lower, std::vector<std::string>{"/y"});
  EXPECT_TRUE(parse("")->empty());
  EXPECT_TRUE(parse("# nothing\n")->empty());
}

TEST(TomlConfig, TakesForeignOptionsThatAskForTheDefault) {
  EXPECT_TRUE(parse("[mount.a]\nino32_t = false\nallow_root = false\n"));
}

TEST(TomlConfig, ReadsAllKeysOfTheTable) {
  // Keys that the first two tests do not set would make this list longer than it is.
  EXPECT_EQ(option_keys().size(), 55u);
}

struct ErrorRow {
  const char* name;
  std::string_view text;
  std::string_view line;
};

class TomlErrors : public testing::TestWithParam<ErrorRow> {};

TEST_P(TomlErrors, NameLineAndColumn) {
  const auto mounts = parse(GetParam().text);
  ASSERT_FALSE(mounts);
  EXPECT_EQ(mounts.error().line(), GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    Files, TomlErrors,
    testing::Values(
        ErrorRow{"UnknownKey", "[mount.a]\nlower = [\"/a\"]\n  uper = \"/u\"\n",
                 "f.toml:3:3: unknown key 'uper' (did you mean 'upper'?)"},
        ErrorRow{"SpellingOfTheCommandLine", "[mount.a]\nlowerdir = \"/a\"\n",
                 "f.toml:2:1: unknown key 'lowerdir' (did you mean 'lower'?)"},
        ErrorRow{"Negation", "[mount.a]\nnosuid = true\n",
                 "f.toml:2:1: unknown key 'nosuid' (did you mean 'suid'?)"},
        ErrorRow{"UnknownKeyFarFromAll", "[mount.a]\nzzzzzz = 1\n",
                 "f.toml:2:1: unknown key 'zzzzzz' ('man overpass.toml' lists the keys)"},
        ErrorRow{"UnknownTable", "[mounts.a]\nlower = '/a'\n",
                 "f.toml:1:2: unknown table 'mounts' (did you mean 'mount'?)"},
        ErrorRow{"KeyOutsideATable", "lower = '/a'\n",
                 "f.toml:1:1: unknown table 'lower' (mounts are described by [mount.NAME])"},
        ErrorRow{"MountIsNoTable", "mount = 1\n",
                 "f.toml:1:1: 'mount' is not a table (write "
                 "[mount.NAME])"},
        ErrorRow{"NameMissing", "[mount]\nlower = '/a'\n",
                 "f.toml:2:1: 'lower' stands directly in [mount] (write [mount.NAME] above it)"},
        ErrorRow{"NameWithSlash", "[mount.\"a/b\"]\n",
                 "f.toml:1:8: the mount name 'a/b' is empty or has a '/' in it (such an argument "
                 "would be taken for a directory)"},
        ErrorRow{"RelativePath", "[mount.a]\nupper = \"up\"\n",
                 "f.toml:2:9: key 'upper' has the relative path 'up' (begin it with '/' or '~/')"},
        ErrorRow{"RelativeLayer", "[mount.a]\nlower = [\"/a\",\n  \"b\"]\n",
                 "f.toml:3:3: key 'lower' has the relative path 'b' (begin it with '/' or '~/')"},
        ErrorRow{"EmptyPath", "[mount.a]\nwork = \"\"\n",
                 "f.toml:2:8: key 'work' has the relative path '' (begin it with '/' or '~/')"},
        ErrorRow{"PathIsANumber", "[mount.a]\nupper = 5\n",
                 "f.toml:2:9: key 'upper' must be a directory in quotes"},
        ErrorRow{"LayerIsANumber", "[mount.a]\nlower = [\"/a\", 5]\n",
                 "f.toml:2:16: key 'lower' must be a directory in quotes"},
        ErrorRow{"NoLayers", "[mount.a]\nlower = []\n",
                 "f.toml:2:9: key 'lower' needs a value (it takes DIR)"},
        ErrorRow{"FlagIsAWord", "[mount.a]\nro = \"yes\"\n",
                 "f.toml:2:6: key 'ro' must be true or false"},
        ErrorRow{"NumberOutOfRange", "[mount.a]\nthreads = 5000\n",
                 "f.toml:2:11: key 'threads' must be 0-1024, not '5000'"},
        ErrorRow{"NumberIsAFraction", "[mount.a]\nthreads = 1.5\n",
                 "f.toml:2:11: key 'threads' must be 0-1024"},
        ErrorRow{"WordUnknown", "[mount.a]\nlower_io = \"x\"\n",
                 "f.toml:2:12: key 'lower_io' must be passthrough or cached, not 'x'"},
        ErrorRow{"WordIsAnArray", "[mount.a]\npassthrough = []\n",
                 "f.toml:2:15: key 'passthrough' must be auto, on or off"},
        ErrorRow{"Refused", "[mount.a]\nallow_root = true\n",
                 "f.toml:2:14: key 'allow_root=on' is refused: the kernel knows only the owner "
                 "or everybody: use allow_other (leave it out, or use allow_root=off)"},
        ErrorRow{"RefusedArray", "[mount.a]\nplugins = []\n",
                 "f.toml:2:11: key 'plugins' must be a word"},
        ErrorRow{"FormatArray", "[mount.a]\nindex = []\n",
                 "f.toml:2:9: key 'index' must be on or off"},
        ErrorRow{"RelativeData", "[mount.a]\ndata = [\"d\"]\n",
                 "f.toml:2:9: key 'data' has the relative path 'd' (begin it with '/' or '~/')"},
        ErrorRow{"NulByte", "[mount.a]\nupper = \"/a\\u0000b\"\n",
                 "f.toml:2:9: the value of key 'upper' contains a NUL byte"},
        ErrorRow{"FirstErrorOfTheFile", "[mount.z]\nzzzzzz = 1\n[mount.a]\nupper = 5\n",
                 "f.toml:2:1: unknown key 'zzzzzz' ('man overpass.toml' lists the keys)"}),
    [](const auto& row) { return row.param.name; });

TEST(TomlErrors, OfSyntaxNameLineAndColumnToo) {
  const auto mounts = parse("[mount.a]\nlower = [\"/a\"\nupper = \"/u\"\n");
  ASSERT_FALSE(mounts);
  EXPECT_TRUE(mounts.error().cause.starts_with("f.toml:3:1: ")) << mounts.error().cause;
  EXPECT_EQ(mounts.error().remedy, "see 'man overpass.toml'");
}

TEST(TomlErrors, OfInputThatTomlPlusPlusAsserts) {
  for (const auto text : {"\n[.a]\n", "\n[[}a]]\n", "\na = ,\n", "\na = ]\n"}) {
    const auto mounts = parse(text);
    ASSERT_FALSE(mounts) << text;
    EXPECT_TRUE(mounts.error().cause.starts_with("f.toml:2:")) << mounts.error().cause;
  }
}

TEST(TomlErrors, OfCharactersOutsideOfQuotes) {
  EXPECT_EQ(parse("[mount.a]\nupper = \"\xc3\xa4\" \xc3\xa4\n").error().line(),
            "f.toml:2:13: only ASCII characters may stand outside of quotes (see 'man "
            "overpass.toml')");
}

TEST(TomlErrors, OfAKeyGivenTwice) {
  const auto mounts = parse("[mount.a]\nupper = \"/u\"\nupper = \"/v\"\n");
  ASSERT_FALSE(mounts);
  EXPECT_TRUE(mounts.error().cause.starts_with("f.toml:3:")) << mounts.error().cause;
}

NamedMounts mounts_of(std::string_view text, std::string_view wanted = {}) {
  auto mounts = parse_toml(text, "f", "/home/u", wanted);
  EXPECT_TRUE(mounts) << mounts.error().line();
  return mounts ? *mounts : NamedMounts{};
}

std::string error_of(std::string_view text, std::string_view wanted = {}) {
  const auto mounts = parse_toml(text, "f", "/home/u", wanted);
  return mounts ? "" : mounts.error().line();
}

TEST(TomlInheritance, TakesOverKeysThatATableLacks) {
  const auto mounts = mounts_of(R"(
[mount.build]
lower = ["/a", "/b"]
upper = "/chroots/%n/upper"
work = "/chroots/%n/work"
volatile = true
[mount.slow]
base = "build"
volatile = false
[mount.other]
base = "slow"
lower = "/c"
)");
  EXPECT_EQ(mounts.at("slow").lower, (std::vector<std::string>{"/a", "/b"}));
  EXPECT_EQ(mounts.at("slow").upper, "/chroots/slow/upper");
  EXPECT_FALSE(mounts.at("slow").is_volatile);
  EXPECT_TRUE(mounts.at("build").is_volatile);
  EXPECT_EQ(mounts.at("other").lower, std::vector<std::string>{"/c"});
  EXPECT_EQ(mounts.at("other").work, "/chroots/other/work");
  EXPECT_FALSE(mounts.at("other").is_volatile);
}

TEST(TomlInheritance, IsRefusedWhereItLeadsNowhere) {
  EXPECT_EQ(error_of("[mount.build]\nlower = '/a'\n[mount.b]\nbase = 'biuld'\n"),
            "f:4:8: no table [mount.biuld] is in this file (did you mean 'build'?)");
  EXPECT_EQ(error_of("[mount.a]\nbase = 'b'\n[mount.b]\nbase = 'a'\n"),
            "f:1:1: the mount inherits from itself (correct the keys 'base')");
  EXPECT_EQ(error_of("[mount.a]\nbase = 1\n"), "f:2:8: key 'base' must be a name in quotes");
}

TEST(TomlTemplates, MakeTheInstanceThatIsWanted) {
  constexpr std::string_view kText = R"(
[mount."build@"]
lower = "/a"
mountpoint = "~/%i/root"
fsname = "%n"
[mount."build@own"]
base = "build@"
lower = "/b"
)";
  const auto mounts = mounts_of(kText, "build@trixie");
  EXPECT_EQ(mounts.at("build@trixie").mountpoint, "/home/u/trixie/root");
  EXPECT_EQ(mounts.at("build@trixie").fsname, "build@trixie");
  EXPECT_EQ(mounts.at("build@own").mountpoint, "/home/u/own/root");
  EXPECT_EQ(mounts_of(kText, "build@own").at("build@own").lower, std::vector<std::string>{"/b"});
  EXPECT_FALSE(mounts_of(kText, "biuld@x").contains("biuld@x"));
  EXPECT_FALSE(mounts_of(kText).contains("build@trixie"));
}

TEST(TomlTemplates, AreCheckedBeforeThereIsAnInstance) {
  EXPECT_EQ(error_of("[mount.'build@']\nlower = '/%q'\n"),
            "f:2:9: unknown placeholder '%q' (there are %n, %i and, for a percent sign, %%)");
  EXPECT_EQ(error_of("[mount.'build@']\nlower = '/a/%i'\n", "build@.."),
            "f:2:9: '..' cannot be filled in for a placeholder");
}

TEST(TomlPaths, AreNotMadeAbsoluteByAPlaceholder) {
  EXPECT_NE(error_of("[mount.'~']\nlower = '%n/a'\n"), "");
}

}  // namespace
}  // namespace overpass::config
