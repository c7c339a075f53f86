#!/bin/bash
# Mutation tests of the judge: changes one sign, connective or answer of src/engine at a time and runs its own tests, which
# must fail. Wants cargo-mutants (`cargo install --locked cargo-mutants`).
#
#   scripts/mutants.sh [FILE...]     files of src/engine, such as hold.rs; all of them by default, which takes hours
#
# The ground and the judge depend on nothing else of ours, so that they make a small package of their own, which builds in
# seconds. What a run before has caught is not tried again (`rm -rf target/mutants` for a fresh start).
set -euo pipefail
cd "$(dirname "$0")/.."

cargo mutants --version >/dev/null 2>&1 || {
    echo "cargo-mutants is not installed: cargo install --locked cargo-mutants" >&2
    exit 1
}
home=$PWD/target/mutants
core=$home/core
mkdir -p "$core/src"
rm -rf "$core/src/domain" "$core/src/engine"
cp -r src/domain src/engine "$core/src/"
cp Cargo.lock "$core/"
echo target >"$core/.gitignore"
printf 'pub mod domain;\npub mod engine;\n' >"$core/src/lib.rs"
{
    printf '[package]\nname = "siaga-core"\nversion = "0.0.0"\nedition = "2024"\npublish = false\n\n[workspace]\n\n'
    printf '[profile.dev]\ndebug = false\n\n[dependencies]\n'
    grep -E '^(jiff|serde|serde_json|thiserror|utoipa|schemars|subtle|rand) = ' Cargo.toml
    printf '\n[dev-dependencies]\n'
    grep -E '^(proptest|tempfile) = ' Cargo.toml
} >"$core/Cargo.toml"

files=()
for file in "$@"; do
    [ -e "src/engine/$file" ] || {
        echo "there is no src/engine/$file" >&2
        exit 1
    }
    files+=(--file "src/engine/$file")
done
[ ${#files[@]} -gt 0 ] || files=(--file 'src/engine/**')

# Fewer drawn histories for each than the tests have by default: there are a thousand mutants.
export PROPTEST_CASES=${PROPTEST_CASES:-32}
cd "$core"
cargo mutants "${files[@]}" --iterate --timeout 120 --output "$home" -- --lib
