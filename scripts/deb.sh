#!/bin/bash
# Builds the Debian package of what is in this folder, by debhelper: Debian's own tools write the maintainer scripts and find out which
# libraries the program needs. It goes to target/deb/ (CARGO_TARGET_DIR is honoured); the last line names it.
#
#   scripts/deb.sh [PROFILE] [REVISION]     cargo's profile, release without it; the package's revision instead of the changelog's
set -euo pipefail
cd "$(dirname "$0")/.."
profile=${1:-release}
cargo=${CARGO:-cargo}
target=${CARGO_TARGET_DIR:-target}
built=$target/$([ "$profile" = dev ] && echo debug || echo "$profile")

version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
changes=$(dpkg-parsechangelog --show-field Version)
[ "${changes%-*}" = "$version" ] || { echo "deb: debian/changelog is of $changes, Cargo.toml of $version" >&2; exit 1; }
grep -q "^## \[$version\]" CHANGELOG.md || { echo "deb: CHANGELOG.md says nothing of $version" >&2; exit 1; }

"$cargo" build --locked --profile "$profile" --bin siaga
"$cargo" run --locked --quiet --profile "$profile" --example papers -- "$target/deb/papers"

# Built in a folder of its own: whatever goes wrong leaves nothing in the source.
stage=$target/deb/stage/siaga
rm -rf "$target/deb/stage"
mkdir -p "$stage/share"
cp -r debian systemd config docs README.md CONTRIBUTING.md SECURITY.md CHANGELOG.md "$stage/"
cp -r "$target/deb/papers" "$stage/"
cp "$built/siaga" "$stage/"
mv "$stage/papers/completions/siaga.bash" "$stage/papers/completions/siaga"
# The config that holds without a file, under words of its own; debian/siaga.postinst puts it in its place.
{ cat debian/siaga.toml; echo; sed '1,/^$/d' config/default.toml; } >"$stage/share/siaga.toml"
rm "$stage/debian/siaga.toml"
if [ -n "${2:-}" ]; then sed -i "1s/(.*)/($version-$2)/" "$stage/debian/changelog"; fi

rm -f "$target"/deb/siaga_*
# No package of debugging symbols: a panic's place stands in the log without them.
(cd "$stage" && DEB_BUILD_OPTIONS="noautodbgsym ${DEB_BUILD_OPTIONS:-}" dpkg-buildpackage --build=binary --no-sign >../build.log 2>&1) ||
    { tail -n 40 "$target/deb/stage/build.log" >&2; exit 1; }
mv "$target"/deb/stage/siaga_*.deb "$target/deb/"
ls "$target"/deb/siaga_*.deb
