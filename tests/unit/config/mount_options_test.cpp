// SPDX-License-Identifier: MIT
//
// The text after -o: what it sets, and every message for what is wrong with it.

#include "config/mount_options.h"

#include <gtest/gtest.h>

namespace overpass::config {
namespace {

using Paths = std::vector<std::string>;

Expected<Options> read(std::string_view text) {
  OptionReader reader;
  if (auto ok = read_mount_options(reader, text); !ok) return std::unexpected(ok.error());
  return reader.options();
}

TEST(MountOptions, SetTheLayers) {
  const auto options = read("lowerdir=/a:/b,upperdir=/u,workdir=/w");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->lower, (Paths{"/a", "/b"}));
  EXPECT_EQ(options->upper, "/u");
  EXPECT_EQ(options->work, "/w");
  EXPECT_FALSE(options->read_only);
}

struct SplitRow {
  const char* name;
  std::string_view value;
  Paths lower;
  Paths data_only = {};
};

class SplitLayers : public testing::TestWithParam<SplitRow> {};

TEST_P(SplitLayers, CutsAtUnescapedColons) {
  const auto layers = split_layers("lowerdir", GetParam().value);
  ASSERT_TRUE(layers) << layers.error().line();
  EXPECT_EQ(layers->lower, GetParam().lower);
  EXPECT_EQ(layers->data_only, GetParam().data_only);
}

INSTANTIATE_TEST_SUITE_P(
    Values, SplitLayers,
    testing::Values(SplitRow{"Single", "/a", {"/a"}}, SplitRow{"Several", "a:b:c", {"a", "b", "c"}},
                    SplitRow{"EscapedColon", R"(/a\:b:/c)", {"/a:b", "/c"}},
                    SplitRow{"EscapedBackslashBeforeColon", R"(/a\\:/b)", {"/a\\", "/b"}},
                    SplitRow{"EscapedComma", R"(/a\,b)", {"/a,b"}},
                    SplitRow{"BackslashAtTheEnd", R"(/a\)", {"/a\\"}},
                    SplitRow{"DataOnly", "a::b", {"a"}, {"b"}},
                    SplitRow{"SeveralDataOnly", "a:b::c::d", {"a", "b"}, {"c", "d"}},
                    SplitRow{"EscapedColonBeforeAColon", R"(a\::b)", {"a:", "b"}},
                    SplitRow{"EscapedColonsBeforeTwo", R"(a\:\:::b)", {"a::"}, {"b"}},
                    SplitRow{"EscapedColonAfterTwo", R"(a::\:b)", {"a"}, {":b"}},
                    SplitRow{"Nothing", "", {}}, SplitRow{"Newline", "a\nb:c", {"a\nb", "c"}},
                    SplitRow{"InvalidUtf8", "\xff:\xfe", {"\xff", "\xfe"}}),
    [](const auto& row) { return row.param.name; });

TEST(MountOptions, KeepCommasThatAreEscaped) {
  const auto options = read(R"(lowerdir=/a\,b:/c\:d,upperdir=/u\,1,workdir=/w\\)");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->lower, (Paths{"/a,b", "/c:d"}));
  EXPECT_EQ(options->upper, "/u,1");
  EXPECT_EQ(options->work, "/w\\");
}

TEST(MountOptions, KeepColonsInUpperAndWorkdir) {
  const auto options = read(R"(lowerdir=/a,upperdir=/u:1,workdir=/w\:2)");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->upper, "/u:1");
  EXPECT_EQ(options->work, "/w:2");
}

TEST(MountOptions, KeepEqualsSignsInValues) {
  const auto options = read("lowerdir=/a=b,fsname=x=y");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->lower, Paths{"/a=b"});
  EXPECT_EQ(options->fsname, "x=y");
}

TEST(MountOptions, TakeAQuotedLabelWithItsCommas) {
  const auto options =
      read(R"(lowerdir=/a,context="system_u:object_r:container_file_t:s0:c1,c2",nodev)");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->context, "system_u:object_r:container_file_t:s0:c1,c2");
  EXPECT_FALSE(options->dev);
}

TEST(MountOptions, TakeQuotesAroundPaths) {
  const auto options = read(R"(lowerdir="/a,b:/c",upperdir="/u",workdir=/w"x)");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->lower, (Paths{"/a,b", "/c"}));
  EXPECT_EQ(options->upper, "/u");
  EXPECT_EQ(options->work, "/w\"x");
}

TEST(MountOptions, TakeAnEscapedQuoteAtTheBeginningLiterally) {
  const auto options = read(R"(lowerdir=\"a)");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->lower, Paths{"\"a"});
}

TEST(MountOptions, PassOverEmptyElements) {
  const auto options = read(",,lowerdir=/a,,ro,");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->lower, Paths{"/a"});
  EXPECT_TRUE(options->read_only);
  EXPECT_TRUE(read(""));
}

TEST(MountOptions, AppendLayersOneByOne) {
  const auto options = read("lowerdir=/a:/b,lowerdir+=/c:d,lowerdir+=/e");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->lower, (Paths{"/a", "/b", "/c:d", "/e"}));
}

TEST(MountOptions, TakeDataOnlyLayersInBothSpellings) {
  const auto options = read("lowerdir=/a::/b,datadir+=/c:d::e,datadir+=/f");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->lower, Paths{"/a"});
  EXPECT_EQ(options->data_only, (Paths{"/b", "/c:d::e", "/f"}));
}

TEST(MountOptions, ChooseTheFormat) {
  const auto options = read(
      "redirect_dir=follow,index=on,metacopy=off,verity=require,xino=on,uuid=null,nfs_export=on");
  ASSERT_TRUE(options);
  EXPECT_EQ(options->format.redirect_dir, layer::RedirectDir::Follow);
  EXPECT_EQ(options->format.index, true);
  EXPECT_EQ(options->format.metacopy, false);
  EXPECT_EQ(options->format.verity, layer::Verity::Require);
  EXPECT_EQ(options->format.xino, layer::Xino::On);
  EXPECT_EQ(options->format.uuid, layer::Uuid::Null);
  EXPECT_TRUE(options->format.nfs_export);
}

TEST(MountOptions, KnowEveryWordOfTheFormat) {
  using layer::RedirectDir;
  using layer::Uuid;
  EXPECT_EQ(read("redirect_dir=on")->format.redirect_dir, RedirectDir::On);
  EXPECT_EQ(read("redirect_dir=nofollow")->format.redirect_dir, RedirectDir::NoFollow);
  EXPECT_EQ(read("redirect_dir=off")->format.redirect_dir, RedirectDir::Off);
  EXPECT_EQ(read("redirect_dir=0")->format.redirect_dir, RedirectDir::Off);
  EXPECT_EQ(read("verity=on")->format.verity, layer::Verity::On);
  EXPECT_EQ(read("verity=off")->format.verity, layer::Verity::Off);
  EXPECT_EQ(read("xino=off")->format.xino, layer::Xino::Off);
  EXPECT_EQ(read("xino=auto")->format.xino, layer::Xino::Auto);
  EXPECT_EQ(read("ino32_t")->format.xino, layer::Xino::Off);
  EXPECT_EQ(read("ino32_t=0")->format.xino, layer::Xino::Auto);
  EXPECT_EQ(read("uuid=on")->format.uuid, Uuid::On);
  EXPECT_EQ(read("uuid=auto")->format.uuid, Uuid::Auto);
  EXPECT_EQ(read("uuid=off")->format.uuid, Uuid::Off);
  EXPECT_EQ(read("index=off")->format.index, false);
  EXPECT_EQ(read("metacopy=on")->format.metacopy, true);
  EXPECT_FALSE(read("nfs_export=off")->format.nfs_export);
}

TEST(MountOptions, LeaveTheFormatToTheWorldByDefault) {
  const auto options = read("lowerdir=/a");
  ASSERT_TRUE(options);
  EXPECT_FALSE(options->format.redirect_dir);
  EXPECT_FALSE(options->format.index);
  EXPECT_FALSE(options->format.metacopy);
}

TEST(MountOptions, LetTheLastFlagCount) {
  EXPECT_FALSE(read("ro,rw")->read_only);
  EXPECT_TRUE(read("ro,rw,ro,ro")->read_only);
  EXPECT_TRUE(read("noexec,exec")->exec);
  EXPECT_FALSE(read("exec,noexec")->exec);
}

TEST(MountOptions, AddUpOverSeveralTexts) {
  OptionReader reader;
  ASSERT_TRUE(read_mount_options(reader, "lowerdir=/a"));
  ASSERT_TRUE(read_mount_options(reader, "upperdir=/u,workdir=/w"));
  EXPECT_EQ(reader.options().upper, "/u");
  EXPECT_FALSE(read_mount_options(reader, "upperdir=/v"));
}

TEST(MountOptions, SetEveryOtherField) {
  const auto options = read(
      "ro,userxattr,volatile,verify_copy_up=on,lower_io=cached,passthrough=off,io_uring=on,"
      "threads=7,max_idle_inodes=9,allow_other,auto_unmount,survive=on,nosuid,nodev,noexec,noatime,"
      "fsname="
      "name,debug");
  ASSERT_TRUE(options);
  EXPECT_TRUE(options->read_only);
  EXPECT_TRUE(options->userxattr);
  EXPECT_TRUE(options->is_volatile);
  EXPECT_TRUE(options->verifies_copies);
  EXPECT_EQ(options->lower_io, LowerIo::Cached);
  EXPECT_EQ(options->passthrough, Switch::Off);
  EXPECT_EQ(options->io_uring, Switch::On);
  EXPECT_EQ(options->threads, 7u);
  EXPECT_EQ(options->max_idle_inodes, 9u);
  EXPECT_EQ(options->allow_other, true);
  EXPECT_TRUE(options->auto_unmount);
  EXPECT_TRUE(options->survives);
  EXPECT_FALSE(options->suid || options->dev || options->exec);
  EXPECT_EQ(options->access_times, AccessTimes::Never);
  EXPECT_EQ(options->fsname, "name");
  EXPECT_TRUE(options->debug);
}

TEST(MountOptions, TakeFuseOverlayfssForOwners) {
  const auto options = read(
      "uidmapping=0:100:10:50:0:1,gidmapping=:0:200:10,squash_to_uid=5,squash_to_gid=6,"
      "xattr_permissions=1,noacl,noxattrs=1,static_nlink=1,timeout=0.5");
  ASSERT_TRUE(options) << options.error().line();
  EXPECT_EQ(options->users.shown(50), 0u);
  EXPECT_EQ(options->groups.on_disk(205), 5u);
  EXPECT_EQ(options->squash_to_uid, 5u);
  EXPECT_EQ(options->squash_to_gid, 6u);
  EXPECT_EQ(options->xattr_permissions, layer::StatOverride::Privileged);
  EXPECT_FALSE(options->acl || options->xattrs);
  EXPECT_TRUE(options->static_nlink);
  EXPECT_EQ(options->timeout, 0.5);
  EXPECT_TRUE(read("noxattrs=0")->xattrs);
  EXPECT_EQ(read("timeout=1000000000")->timeout, 1e9);
  EXPECT_EQ(read("xattr_permissions=0")->xattr_permissions, layer::StatOverride::None);
}

TEST(MountOptions, TakeSwitchWordsForFlagsAndSwitches) {
  EXPECT_TRUE(read("volatile=1")->is_volatile);
  EXPECT_FALSE(read("volatile=off")->is_volatile);
  EXPECT_TRUE(read("fsync=0")->is_volatile);
  EXPECT_TRUE(read("fsync=no")->is_volatile);
  EXPECT_FALSE(read("fsync=1")->is_volatile);
  EXPECT_FALSE(read("fsync")->is_volatile);
  EXPECT_FALSE(read("fsync=auto")->is_volatile);
  EXPECT_TRUE(read("fsync=volatile")->is_volatile);
  EXPECT_EQ(read("allow_other=off")->allow_other, false);
  EXPECT_TRUE(read("nosuid=off")->suid);
  EXPECT_EQ(read("passthrough=true")->passthrough, Switch::On);
  EXPECT_EQ(read("passthrough=auto")->passthrough, Switch::Auto);
  EXPECT_EQ(read("threads=0")->threads, 0u);
  EXPECT_EQ(read("lower_io=passthrough")->lower_io, LowerIo::Passthrough);
  EXPECT_EQ(read("ro")->lower_changes, LowerChanges::Warn);
  EXPECT_EQ(read("lower_changes=warn")->lower_changes, LowerChanges::Warn);
  EXPECT_EQ(read("lower_changes=refuse")->lower_changes, LowerChanges::Refuse);
  EXPECT_EQ(read("lower_changes=follow")->lower_changes, LowerChanges::Follow);
}

TEST(MountOptions, CachedNamesReplaceTheUsualOnes) {
  using Names = std::vector<std::string>;
  EXPECT_EQ(read("cached_names=*.db:a?c")->cached_names, (Names{"*.db", "a?c"}));
  EXPECT_EQ(read("cached_names=none")->cached_names, Names{});
  EXPECT_TRUE(read("ro")->cached_names.front() == "*.log");
}

constexpr char kEmptyElement[] =
    "option 'lowerdir' has an empty element (put ':' between directories and '::' before each "
    "data-only one; a colon in a name is '\\:')";

struct ErrorRow {
  const char* name;
  std::string text;
  std::string line;
};

class MountOptionErrors : public testing::TestWithParam<ErrorRow> {};

TEST_P(MountOptionErrors, NameTheOptionAndTheRemedy) {
  const auto options = read(GetParam().text);
  ASSERT_FALSE(options);
  EXPECT_EQ(options.error().line(), GetParam().line);
}

INSTANTIATE_TEST_SUITE_P(
    Texts, MountOptionErrors,
    testing::Values(
        ErrorRow{"UnknownNearOne", "lowerdr=/a",
                 "unknown mount option 'lowerdr' (did you mean 'lowerdir'?)"},
        ErrorRow{"UnknownNearAForeignOne", "metacpy=off",
                 "unknown mount option 'metacpy' (did you mean 'metacopy'?)"},
        ErrorRow{"UnknownNearANegation", "noexecc",
                 "unknown mount option 'noexecc' (did you mean 'noexec'?)"},
        ErrorRow{"UnknownFarFromAll", "quux=7",
                 "unknown mount option 'quux' ('overpass help mount' lists the options)"},
        ErrorRow{"UnknownWithoutName", "=7",
                 "unknown mount option '' ('overpass help mount' lists the options)"},
        ErrorRow{"UppercaseIsUnknown", "RO",
                 "unknown mount option 'RO' ('overpass help mount' "
                 "lists the options)"},
        ErrorRow{"ValueMissing", "upperdir", "option 'upperdir' needs a value (it takes DIR)"},
        ErrorRow{"ValueEmpty", "upperdir=,ro", "option 'upperdir' needs a value (it takes DIR)"},
        ErrorRow{"LowerMissing", "lowerdir", "option 'lowerdir' needs a value (it takes DIR)"},
        ErrorRow{"LowerEmpty", "lowerdir=", "option 'lowerdir' needs a value (it takes DIR)"},
        ErrorRow{"LowerPlusEmpty", "lowerdir+=", "option 'lowerdir+' needs a value (it takes DIR)"},
        ErrorRow{"WordMissing", "lower_io",
                 "option 'lower_io' needs a value (it takes passthrough or cached)"},
        ErrorRow{"WordUnknown", "passthrough=maybe",
                 "option 'passthrough' must be auto, on or off, not 'maybe'"},
        ErrorRow{"LowerIoUnknown", "lower_io=direct",
                 "option 'lower_io' must be passthrough or cached, not 'direct'"},
        ErrorRow{"CachedNamesWithAPath", "cached_names=*.log:var/*",
                 "option 'cached_names' must be PATTERN[:PATTERN...], not '*.log:var/*'"},
        ErrorRow{"CachedNamesWithNothing", "cached_names=*.log::x",
                 "option 'cached_names' must be PATTERN[:PATTERN...], not '*.log::x'"},
        ErrorRow{"FlagWithAWord", "volatile=maybe",
                 "option 'volatile' must be on or off, not 'maybe'"},
        ErrorRow{"MapUnknown", "uidmapping=0:0",
                 "option 'uidmapping' must be DISK:SHOWN:COUNT[:DISK:SHOWN:COUNT...], not '0:0'"},
        ErrorRow{"IdOfNobody", "squash_to_uid=4294967295",
                 "option 'squash_to_uid' must be UID, not '4294967295'"},
        ErrorRow{"TimeNegative", "timeout=-1", "option 'timeout' must be SECONDS, not '-1'"},
        ErrorRow{"TimeNotANumber", "timeout=nan", "option 'timeout' must be SECONDS, not 'nan'"},
        ErrorRow{"NumberTooLarge", "threads=1025", "option 'threads' must be 0-1024, not '1025'"},
        ErrorRow{"InodesTooMany", "max_idle_inodes=1000000001",
                 "option 'max_idle_inodes' must be 0-1000000000, not '1000000001'"},
        ErrorRow{"NumberNegative", "threads=-1", "option 'threads' must be 0-1024, not '-1'"},
        ErrorRow{"NumberWithTail", "threads=2x", "option 'threads' must be 0-1024, not '2x'"},
        ErrorRow{"NumberHuge", "threads=99999999999999999999",
                 "option 'threads' must be 0-1024, not '99999999999999999999'"},
        ErrorRow{"UpperTwice", "upperdir=/a,upperdir=/b",
                 "option 'upperdir' is given twice (give it once)"},
        ErrorRow{"FsnameTwice", "fsname=a,fsname=a",
                 "option 'fsname' is given twice (give it once)"},
        ErrorRow{"LowerTwice", "lowerdir=/a,lowerdir=/b",
                 "option 'lowerdir' is given after other lower directories (give it once, and more "
                 "with lowerdir+ or --lower after it)"},
        ErrorRow{"ThreeColons", "lowerdir=/a:::/b", kEmptyElement},
        ErrorRow{"ColonAtTheEnd", "lowerdir=/a:", kEmptyElement},
        ErrorRow{"TwoColonsAtTheEnd", "lowerdir=/a::", kEmptyElement},
        ErrorRow{"ColonAfterDataOnly", "lowerdir=/a::/b:", kEmptyElement},
        ErrorRow{"ColonAtTheBeginning", "lowerdir=:/a", kEmptyElement},
        ErrorRow{"OnlyDataOnly", "lowerdir=::/a", kEmptyElement},
        ErrorRow{"LowerAfterDataOnly", "lowerdir=/a::/b:/c",
                 "option 'lowerdir' has the lower directory '/c' after a data-only one (put all "
                 "lower directories first, and '::' before each data-only one)"},
        ErrorRow{"LowerPlusAfterDataOnly", "lowerdir+=/a,datadir+=/b,lowerdir+=/c",
                 "option 'lowerdir+' is given after data-only directories (give all lower "
                 "directories before the first data-only one)"},
        ErrorRow{"DataPlusEmpty", "datadir+=", "option 'datadir+' needs a value (it takes DIR)"},
        ErrorRow{"FormatWordUnknown", "redirect_dir=auto",
                 "option 'redirect_dir' must be on, follow, nofollow or off, not 'auto'"},
        ErrorRow{"FormatWordMissing", "index", "option 'index' needs a value (it takes on or off)"},
        ErrorRow{
            "QuoteNotClosed", "context=\"a,b",
            "the value of option 'context' has an unbalanced '\"' (end the value with '\"', or "
            "write '\\\"' for a quote in a name)"},
        ErrorRow{
            "TextAfterTheQuote", "context=\"a\"b,ro",
            "the value of option 'context' has an unbalanced '\"' (end the value with '\"', or "
            "write '\\\"' for a quote in a name)"},
        ErrorRow{"Overlong", "upperdir=/" + std::string(4095, 'x'),
                 "the value of option 'upperdir' is 4096 bytes long (the limit is 4095)"},
        ErrorRow{"OverlongLayer", "lowerdir=/a:" + std::string(5000, 'x'),
                 "the value of option 'lowerdir' is 5000 bytes long (the limit is 4095)"},
        ErrorRow{"NulByte", std::string("upperdir=/a\0b", 13),
                 "the value of option 'upperdir' contains a NUL byte"}),
    [](const auto& row) { return row.param.name; });

TEST(MountOptions, CutAnOverlongUnknownNameInTheMessage) {
  const auto options = read(std::string(100000, 'x'));
  ASSERT_FALSE(options);
  EXPECT_LT(options.error().line().size(), 600u);
}

TEST(MountOptions, TakeAValueOfTheGreatestLength) {
  const std::string path = "/" + std::string(4094, 'x');
  EXPECT_EQ(read("upperdir=" + path)->upper, path);
}

TEST(RuleOptions, KeepTheirOrder) {
  const auto options = read("rule=hide:a\\,b,rules=@secrets,rules=/f,rule=deny:!c:d");
  ASSERT_TRUE(options) << options.error().line();
  ASSERT_EQ(options->rules.size(), 4u);
  EXPECT_EQ(options->rules[0].rule.text, "hide a,b");
  EXPECT_EQ(options->rules[1].rule.text, "@secrets");
  EXPECT_EQ(options->rules[2].file, "/f");
  EXPECT_EQ(options->rules[3].rule.text, "deny !c:d");
}

TEST(RuleOptions, TakeAnActionAndAPattern) {
  for (const char* text : {"rule=hide", "rule=:x", "rule=hide:", "rule", "rules="}) {
    EXPECT_FALSE(read(text)) << text;
  }
}

TEST(AccessTimeOptions, TheLastOneCounts) {
  EXPECT_EQ(read("noatime,relatime")->access_times, AccessTimes::Relative);
  EXPECT_EQ(read("relatime,strictatime")->access_times, AccessTimes::Strict);
  EXPECT_EQ(read("strictatime,noatime")->access_times, AccessTimes::Never);
  EXPECT_EQ(read("noatime,atime")->access_times, AccessTimes::OfTheMount);
  EXPECT_EQ(read("strictatime,nostrictatime")->access_times, AccessTimes::OfTheMount);
}

}  // namespace
}  // namespace overpass::config
