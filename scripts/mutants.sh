#!/bin/bash
# Mutation tests of the judge and of what reads what others send: changes one sign, connective or answer at a time and runs the tests
# beside it, which must fail. Wants cargo-mutants (`cargo install --locked cargo-mutants`).
#
#   scripts/mutants.sh [FILE...]     files or folders under src, such as engine/hold.rs or calendar; all by default, which takes hours
#
# The ground, the judge and the readers depend on nothing else of ours, so that they make a small package of their own, which builds in
# seconds. What a run before has caught is not tried again (`rm -rf target/mutants` for a fresh start). JOBS tries so many at once.
set -euo pipefail
cd "$(dirname "$0")/.."

cargo mutants --version >/dev/null 2>&1 || {
    echo "cargo-mutants is not installed: cargo install --locked cargo-mutants" >&2
    exit 1
}
home=$PWD/target/mutants
core=$home/core

# Of these folders the files alone that read; with each comes the folder of its tests, if it has one.
readers=(
    calendar/{bulk,event,expand,zones}
    probe/audio/mixer
    probe/bandwidth/counter
    probe/computer/{mounts,pressure}
    probe/display/edid
    probe/icmp/packet
    probe/stamp/{codec,moment}
    probe/stun/{codec,integrity}
    probe/ups/{protocol,quantities,reasons,status,variables}
)

mkdir -p "$core"
rm -rf "$core/src"
mkdir "$core/src"
cp -r src/domain src/engine "$core/src/"
for reader in "${readers[@]}"; do
    folder=$core/src/${reader%/*}
    if [ ! -d "$folder" ]; then
        mkdir -p "$folder"
        case $reader in probe/*) echo "pub mod ${folder##*/};" >>"$core/src/probe/mod.rs" ;; esac
    fi
    echo "pub mod ${reader##*/};" >>"$folder/mod.rs"
    cp "src/$reader.rs" "$folder/"
    [ ! -d "src/$reader" ] || cp -r "src/$reader" "$folder/"
done
# Its tests are of the folder, and call what the folder gives.
cp src/calendar/tests.rs "$core/src/calendar/"
grep -E '^pub use (bulk|expand)::' src/calendar/mod.rs >>"$core/src/calendar/mod.rs"
grep -E '^pub const LARGEST' src/calendar/fetch.rs >>"$core/src/calendar/mod.rs"
echo '#[cfg(test)] mod tests;' >>"$core/src/calendar/mod.rs"
cp Cargo.lock "$core/"
echo target >"$core/.gitignore"
{
    printf '[package]\nname = "siaga-core"\nversion = "0.0.0"\nedition = "2024"\npublish = false\n\n[workspace]\n\n'
    printf '[profile.dev]\ndebug = false\n\n[dependencies]\n'
    grep -E '^(calcard|jiff|md5|netlink-sys|rand|ring|schemars|serde|serde_json|subtle|thiserror|utoipa) = ' Cargo.toml
    printf '\n[dev-dependencies]\n'
    grep -E '^(proptest|tempfile) = ' Cargo.toml
} >"$core/Cargo.toml"

[ $# -gt 0 ] || set -- engine probe calendar
for wanted in "$@"; do
    case ${wanted%/} in
        engine | engine/* | probe | probe/* | calendar | calendar/*) ;;
        *) false ;;
    esac && [ -e "$core/src/$wanted" ] || {
        echo "of $wanted no mutants are made: it is none of the judge, nor of those that read" >&2
        exit 1
    }
done

# Fewer drawn histories for each than the tests have by default: there are a thousand mutants and more.
export PROPTEST_CASES=${PROPTEST_CASES:-32}
# Built without optimisation, which takes the compiler a fifth of the time; the tests that take long for it are run for those mutants alone
# that the rest has let pass, and nothing more is run for one that a test has noticed. A mutant that never ends may ask for memory as long as
# it is let live: it gets 8 GB, and not the machine's.
cat >"$home/tests" <<'RUN'
#!/bin/bash
# BINARY FOLDER:: [OPTION...]
set -euo pipefail
slow=(losses::one_percent_of_loss losses::a_mended_line losses::a_line_that_was_mended rollup::tests::every_combination
    agenda::slot_tests::a_fault_that_has_lasted laws::deadlines_tell edges::the_patience_with agenda::tests::a_phase_lasts
    incident::tests::what_a_test_found)
# A reader that leaves ends the tests with their next line.
until_one_fails() { prlimit --as=8000000000 "$@" | awk '{ print } / \.\.\. FAILED$/ { exit 1 }'; }
until_one_fails "$@" "${slow[@]/#/--skip=}"
[ "$2" != engine:: ] || until_one_fails "$1" "${slow[@]/#/engine::}"
RUN
chmod +x "$home/tests"
export CARGO_TARGET_X86_64_UNKNOWN_LINUX_GNU_RUNNER=$home/tests
cd "$core"
code=0
# Of each folder its own tests alone, which are the ones that should notice, and its own code: what is not there is not built a thousand times.
for folder in engine probe calendar; do
    files=()
    for wanted in "$@"; do
        case ${wanted%/} in
            "$folder" | "$folder"/*) ;;
            *) continue ;;
        esac
        if [ -d "src/$wanted" ]; then files+=(--file "src/${wanted%/}/**"); else files+=(--file "src/$wanted"); fi
    done
    [ ${#files[@]} -gt 0 ] || continue
    echo "#![allow(dead_code, unused_imports)] pub mod domain; pub mod $folder;" >src/lib.rs
    cargo mutants "${files[@]}" --iterate --timeout 120 --jobs "${JOBS:-1}" --cargo-arg=--lib --output "$home/$folder" -- "$folder::" || code=$?
    # Missed (2) or out of time (3): what is so in one folder does not keep the others from being tried. All else does.
    case $code in
        0 | 2 | 3) ;;
        *) exit $code ;;
    esac
done
exit $code
