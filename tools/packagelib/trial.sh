# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# What a stranger does with the packages, run by tools/package as root of a bare root: no sudo, no python, no /etc/mtab.
# Each step prints its command first, so that the output is a transcript.
set -euo pipefail
packages=/root/packages
with_podman=yes
[ "${1:-}" != --no-podman ] || with_podman=no

title() { printf '\n== %s\n' "$*"; }
die() {
  echo "trial: $*"
  exit 1
}

# Shows a line of shell and runs it.
step() {
  printf '$ %s\n' "$1"
  eval "$1" || die "this ended with $?"
}

# The same by an ordinary user.
user_step() {
  printf 'me$ %s\n' "$1"
  setpriv --reuid=1000 --regid=1000 --init-groups env HOME=/home/me USER=me sh -euc "cd /home/me; $1" ||
    die "this ended with $?"
}

# $1: a line of shell, $2: what it must print.
shows() {
  local printed
  printf '$ %s\n' "$1"
  printed=$(eval "$1") || die "this ended with $?"
  printf '%s\n' "$printed"
  [ "$printed" = "$2" ] || die "expected: $2"
}

quietly() {
  printf '$ %s\n' "$*"
  "$@" >/tmp/said 2>&1 || {
    tail -n 40 /tmp/said
    die "this failed"
  }
}

apt_get() { quietly apt-get -q -y -o APT::Install-Recommends=false "$@"; }

title "A bare root"
step "grep PRETTY_NAME /etc/os-release"
for program in sudo python3 overpass fusermount3; do
  ! command -v "$program" >/dev/null || die "$program is there already"
done
[ ! -e /etc/mtab ] || rm /etc/mtab
useradd --create-home --uid 1000 me
apt_get update

title "Installation"
apt_get install "$packages"/overpass_*.deb
step "overpass --version"
for page in man1/overpass.1 man5/overpass.toml.5 man7/overpass-layers.7 man8/mount.overpass.8 man8/mount.fuse.overpass.8; do
  # minbase has a filter of dpkg at most; the package must list it.
  dpkg -L overpass | grep -qx "/usr/share/man/$page.gz" || die "no page $page"
done
for file in /usr/share/bash-completion/completions/overpass /usr/share/zsh/vendor-completions/_overpass \
  /usr/share/fish/vendor_completions.d/overpass.fish; do
  [ -s "$file" ] || die "no completion $file"
done
step "overpass report"

title "One mount"
step "mkdir -p /srv/upper /srv/work /srv/merged"
step "overpass mount --lower /usr --upper /srv/upper --work /srv/work /srv/merged"
shows "echo new > /srv/merged/share/new; rm /srv/merged/bin/nl; ls /srv/upper /srv/upper/share" "/srv/upper:
bin
share

/srv/upper/share:
new"
step "test -x /usr/bin/nl"
step "overpass diff /srv/merged"
step "overpass umount /srv/merged"

title "One sandbox"
step "overpass run sh -c 'echo changed > /etc/motd; rm -r /usr/share/common-licenses'"
step "overpass diff @last"
step "test -d /usr/share/common-licenses"
step "overpass rm @last"

title "One line of fstab"
step "mkdir -p /srv/tree"
step "echo 'overlay /srv/tree overpass nofail,lowerdir=/etc:/usr/share 0 0' >> /etc/fstab"
step "mount -a; mount -a"
shows "findmnt -n -o TARGET,SOURCE,FSTYPE /srv/tree" "/srv/tree overlay fuse.overpass"
step "test -f /srv/tree/passwd -a -d /srv/tree/common-licenses"
step "umount /srv/tree"
step "sed -i '/ overpass /d' /etc/fstab"

title "A mount of an ordinary user"
user_step "mkdir low upper work merged; echo old > low/file"
user_step "overpass -o lowerdir=low,upperdir=upper,workdir=work merged; echo more >> merged/file"
user_step "cat merged/file low/file; overpass umount merged"
user_step "test \"\$(cat low/file)\" = old && rm -rf low upper work merged"

title "An upgrade, below a mount"
step "mkdir /tmp/newer"
quietly dpkg-deb -R "$(echo "$packages"/overpass_*.deb)" /tmp/newer
step "sed -i 's/^Version: .*/&+newer/' /tmp/newer/DEBIAN/control"
quietly dpkg-deb --root-owner-group -b /tmp/newer /tmp/overpass-newer.deb
step "overpass mount --lower /usr /srv/merged"
apt_get install /tmp/overpass-newer.deb
step "test -x /srv/merged/bin/nl"
step "overpass umount /srv/merged"
rm -r /tmp/newer /tmp/overpass-newer.deb

if [ "$with_podman" = yes ]; then
  title "podman"
  apt_get install podman crun
  mkdir -p /root/image/bin /etc/containers
  cp --dereference /bin/dash /root/image/bin/sh
  for library in $(ldd /bin/dash | grep -o '/lib[^ ]*'); do
    mkdir -p "/root/image$(dirname "$library")"
    cp --dereference "$library" "/root/image$library"
  done
  tar -C /root/image -cf /root/image.tar .
  cat >/etc/containers/storage.conf <<'TOML'
[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
[storage.options.overlay]
mount_program = "/usr/bin/overpass"
TOML
  step "cat /etc/containers/storage.conf"
  echo '{"default": [{"type": "insecureAcceptAnything"}]}' >/etc/containers/policy.json
  run="podman --cgroup-manager cgroupfs run --rm --network none --cgroups disabled --ulimit host"
  step "podman --cgroup-manager cgroupfs import -q /root/image.tar localhost/small"
  shows "$run localhost/small sh -c 'echo written > /made; while read -r at point type rest; do test \$point != / || echo \$type; done < /proc/self/mounts; read -r line < /made; echo \$line'" "fuse.overpass
written"
  quietly podman --cgroup-manager cgroupfs rmi --all --force
  apt_get purge podman crun
  rm -rf /root/image /root/image.tar /var/lib/containers /etc/containers
fi

title "The broker"
apt_get install "$packages"/overpass-broker_*.deb
step "id -un overpass-broker"
step "systemctl is-enabled overpass-broker.socket"
step "systemd-analyze verify --man=no overpass-broker.socket overpass-broker.service overpass@name.service"
step "overpass-broker & sleep 1; test -S /run/overpass/broker.sock; overpass-broker --list; kill %1"

title "Removal"
apt_get remove overpass overpass-broker
shows "hash -r; command -v overpass overpass-broker mount.overpass || echo gone" gone
apt_get purge overpass overpass-broker
shows "dpkg-query -W -f '\${db:Status-Status}\n' 'overpass*' 2>/dev/null || echo none" none
rm -rf /run/overpass
shows "find / -xdev -name '*overpass*' -not -path '/proc/*' -not -path '/root/packages/*' -not -path '/var/cache/*'" ""
