#!/bin/bash
# Installs the Debian packages that the given purposes need and that are missing; says what it does.
#
#   scripts/install-debian.sh PURPOSE...      purposes: see scripts/packages.txt
#
# Quick and silent towards the network when nothing is missing. Services that come along are neither started nor left
# to start at the next boot: the tests start private copies of their own, on their own ports.
set -euo pipefail

list=$(dirname "$0")/packages.txt
[ $# -gt 0 ] || { sed -n '2,5s/^# \?//p' "$0" >&2; exit 2; }

# The packages of one purpose; a purpose that nobody has is a spelling mistake.
packages_for() {
    local found
    found=$(awk -v want="$1" '!/^#/ && NF { n = split($2, p, ","); for (i = 1; i <= n; i++) if (p[i] == want) print $1 }' "$list")
    [ -n "$found" ] || { echo "install: no package in $list is for \"$1\"" >&2; exit 2; }
    echo "$found"
}

# Where another architecture is known too, there may be a line for each.
installed() {
    dpkg-query -W -f '${db:Status-Status}\n' "$1" 2>/dev/null | grep -cx installed >/dev/null
}

wanted=()
for purpose in "$@"; do
    names=$(packages_for "$purpose")
    mapfile -t -O "${#wanted[@]}" wanted <<<"$names"
done

if ! command -v apt-get >/dev/null; then
    echo "install: no apt-get here, so nothing is installed. Debian calls what is needed: ${wanted[*]}" >&2
    exit 0
fi

missing=()
for package in "${wanted[@]}"; do
    installed "$package" || missing+=("$package")
done
[ ${#missing[@]} -gt 0 ] || exit 0

# A list may name one package for two purposes.
mapfile -t missing < <(printf '%s\n' "${missing[@]}" | sort -u)

root=()
if [ "$(id -u)" -ne 0 ]; then
    if ! command -v sudo >/dev/null; then
        echo "install: missing, and neither root nor sudo is here. As root: apt-get install ${missing[*]}" >&2
        exit 1
    fi
    root=(sudo)
    # Without a terminal nobody can type a password: fail at once instead of waiting.
    [ -t 0 ] || root+=(-n)
fi
as_root() { "${root[@]}" "$@"; }

names() { dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' | awk '$1 == "ii" { print $2 }' | sort; }

# While this file says 101 ("forbidden"), no package starts its service (Debian policy, section 9.3.3.1; invoke-rc.d(8)).
policy=/usr/sbin/policy-rc.d
own_policy=
cleanup() { [ -z "$own_policy" ] || as_root rm -f "$policy"; }
trap cleanup EXIT

echo "install: installing for $*: ${missing[*]}"
before=$(names)
if [ ! -e "$policy" ]; then
    printf '#!/bin/sh\nexit 101\n' | as_root install -m 755 /dev/stdin "$policy"
    own_policy=yes
fi
apt() { as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=300 "$@" </dev/null; }
apt update
apt install -y --no-install-recommends "${missing[@]}" >/dev/null

# What came with its own service, dependencies included, is not to start at the next boot.
mapfile -t new < <(comm -13 <(echo "$before") <(names))
units=()
for package in "${new[@]}"; do
    mapfile -t -O "${#units[@]}" units < <(dpkg -L "$package" | sed -nE 's#^(/usr)?/lib/systemd/system/([^/@]+\.(service|socket|timer|path))$#\2#p')
done
if [ ${#units[@]} -gt 0 ] && command -v systemctl >/dev/null; then
    as_root systemctl --quiet disable "${units[@]}" 2>/dev/null || true
    echo "install: not started, and not to start at boot: ${units[*]}"
fi
