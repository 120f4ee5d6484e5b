#!/bin/sh
# Installs one package of the distribution: the first of those named that can be had. Runs as root.
#
# $1        the file by which Debian asks whether a package may start its service: /usr/sbin/policy-rc.d
# $2, $3 …  the packages, the best first; one that is installed already was not good enough for the caller
#
# We want the program, not a service that takes a port: while we install, that file says no (101), unless there is one
# already, and where systemd runs a new service is not left enabled for the next boot. What was installed or running
# before stays as it was. Exits 0 when a package was installed, else 1 with what apt-get printed.
set -u
policy=$1
shift
export DEBIAN_FRONTEND=noninteractive LC_ALL=C

# Another apt-get may be at work for minutes. On the lock of dpkg ours waits by itself; on the locks of the lists and of
# the archives it gives up at once.
lock_wait_seconds=300

apt() {
  waited=0
  while ! printed=$(apt-get -q -o "DPkg::Lock::Timeout=$lock_wait_seconds" "$@" 2>&1 </dev/null); do
    case $printed in
      *'Could not get lock'* | *'Unable to lock'* | *'Unable to acquire'*) ;;
      *) return 1 ;;
    esac
    waited=$((waited + 1))
    [ "$waited" -lt "$lock_wait_seconds" ] || return 1
    sleep 1
  done
}

is_installed() {
  [ "$(dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

if [ ! -e "$policy" ]; then
  trap 'rm -f "$policy"' EXIT
  trap 'exit 1' HUP INT TERM
  printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod 755 "$policy"
fi

# Without the network the lists may still be there, so a failure here decides nothing yet.
failures=
apt update || failures=$printed

for package; do
  if is_installed "$package"; then
    failures="$failures
$package is installed already"
    continue
  fi
  if apt install -y --no-install-recommends "$package"; then
    # Those that we want name their service after themselves, if they have one.
    if [ -d /run/systemd/system ]; then systemctl disable --quiet "$package" || :; fi
    exit 0
  fi
  failures="$failures
$printed"
done
printf '%s\n' "$failures" >&2
exit 1
