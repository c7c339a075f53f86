#!/bin/bash
# Fetches axe-core, by which the tests look whether people without a mouse or without eyes can use the pages (MPL-2.0, no part of the
# program). It stays in the user's cache folder; there it is fetched once, and only as the very bytes that are named here.
set -euo pipefail

version=4.14.1
sum=e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745
cache=${XDG_CACHE_HOME:-$HOME/.cache}/siaga
file=$cache/axe-core-$version.tgz

is_good() { echo "$sum  $1" | sha256sum --check --status 2>/dev/null; }

if [ -f "$file" ] && is_good "$file"; then exit 0; fi
# Node's own packages come with npm, Debian's without.
command -v npm >/dev/null || "$(dirname "$0")/install-debian.sh" axe
mkdir -p "$cache"
aside=$(mktemp -d "$cache/axe.XXXXXX")
trap 'rm -rf "$aside"' EXIT
echo "axe-core: fetching version $version"
(cd "$aside" && npm pack --silent "axe-core@$version" >/dev/null)
is_good "$aside/axe-core-$version.tgz" || { echo "axe-core: what came is not version $version as it was pinned" >&2; exit 1; }
mv "$aside/axe-core-$version.tgz" "$file"
