# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What a stranger does with a release, run by tools/release in a mount and process namespace of its own. $1: the unpacked
# tarball. The programs run in a root that has nothing but them: no library, no /etc, no fusermount3.
set -euo pipefail
release=$1
root=$(mktemp -d)
trap 'umount -l "$root"; rmdir "$root"' EXIT
mount -t tmpfs tmpfs "$root"
mkdir -p "$root"/{proc,dev,tmp,low/directory,upper,work,merged}
mount --rbind /proc "$root/proc"
touch "$root/dev/fuse" "$root/dev/null"
mount --bind /dev/fuse "$root/dev/fuse"
mount --bind /dev/null "$root/dev/null"
cp -R "$release" "$root/overpass"
echo old >"$root/low/file"
echo 'tëxt' >"$root/low/directory/nämé"

die() {
  echo "trial: $*" >&2
  exit 1
}
inside() { chroot "$root" "$@"; }
overpass=/overpass/bin/overpass

for program in bin/overpass libexec/overpass-archive sbin/overpass-broker sbin/mount.overpass; do
  inside "/overpass/$program" --help >/dev/null || die "$program does not run"
  if readelf -d "$release/$program" | grep -q NEEDED; then die "$program needs a library of the machine"; fi
done
inside $overpass --version
inside $overpass mount --lower /low --upper /upper --work /work /merged
[ "$(cat "$root/merged/file")" = old ] || die "a file of the lower"
echo new >"$root/merged/file"
rm "$root/merged/directory/nämé"
echo 'ünïcode' >"$root/merged/directory/ñame"
inside $overpass diff /merged >/dev/null || die "diff"
inside $overpass status /merged >/dev/null || die "status"
inside $overpass umount /merged
[ "$(cat "$root/low/file")" = old ] || die "the lower was written"
[ "$(cat "$root/upper/file")" = new ] || die "the upper has no change"
inside $overpass check --lower /low --upper /upper --work /work >/dev/null || die "check"

# The archive program: names that are not ASCII, without any file of a locale, through each compression.
tar -C "$root/low" --format=pax -cf "$root/layer.tar" directory
for how in none gzip zstd; do
  inside $overpass import "made-$how" /layer.tar >/dev/null || die "import"
  inside $overpass export --compress "$how" -o "/again.tar.$how" "made-$how" || die "export, compressed by $how"
  inside $overpass import "again-$how" "/again.tar.$how" >/dev/null || die "import, compressed by $how"
  inside $overpass export --compress none -o /last.tar "again-$how" || die "export"
  tar -C "$root/tmp" --warning=no-unknown-keyword -xf "$root/last.tar"
  [ "$(cat "$root/tmp/directory/nämé")" = 'tëxt' ] || die "what came back, compressed by $how"
  rm -r "$root/tmp/directory" "$root/last.tar"
done
