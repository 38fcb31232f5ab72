# SPDX-License-Identifier: MIT
# shellcheck shell=bash
#
# For tools/demo and tools/test, which source it: whether this machine lets them mount, asked before anything is
# installed or built; and how a build shows its progress.

# Prints one line for each thing that is missing for a user who wants to mount here.
missing_to_mount() {
  if [ "$(id -u)" -ne 0 ]; then
    echo "root: run it with sudo"
    return
  fi
  if [ ! -e /dev/fuse ]; then modprobe fuse 2>/dev/null || true; fi
  if [ ! -e /dev/fuse ]; then
    echo "/dev/fuse: load the module (modprobe fuse), or give this container the device (--device /dev/fuse)"
  elif ! (exec 3<>/dev/fuse) 2>/dev/null; then
    echo "a /dev/fuse that opens: it must be the device 10:229, and this container be allowed to use it"
  fi
  if ! unshare --mount true 2>/dev/null; then
    echo "mount namespaces: unshare --mount fails; a container needs CAP_SYS_ADMIN (--cap-add SYS_ADMIN)"
  elif ! unshare --mount mount -t tmpfs tmpfs /tmp 2>/dev/null; then
    echo "the right to mount: mount fails in a namespace of its own; a container needs --security-opt apparmor=unconfined"
  fi
}

# Ends the script unless one can mount here. $1: the script's name, $2: what it wants to mount for.
must_be_able_to_mount() {
  local missing
  missing=$(missing_to_mount)
  [ -n "$missing" ] || return 0
  {
    echo "$1: $2. This is missing:"
    printf '  %s\n' "${missing//$'\n'/$'\n  '}"
  } >&2
  exit 1
}

# compile DIRECTORY LOG [TARGET...]: builds the targets, or all: with ninja's line of progress on a terminal, else
# silently, with all output in the file LOG.
compile() {
  local directory=$1 log=$2
  shift 2
  if [ -t 1 ]; then
    # Straight to the terminal, or ninja would not rewrite its line.
    ninja -C "$directory" "$@"
  else
    ninja -C "$directory" --quiet "$@" >"$log" 2>&1
  fi
}
