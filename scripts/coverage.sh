#!/bin/sh
# How much of the code the library's own tests, the scenarios and the campaign run: lines by folder, from the compiler's counters. The real
# ring and the lab run more, in processes of their own that are not counted. Wants `rustup component add llvm-tools`.
set -eu
cd "$(dirname "$0")/.."
host=$(rustc -vV | sed -n 's/^host: //p')
tools=$(rustc --print sysroot)/lib/rustlib/$host/bin
[ -x "$tools/llvm-cov" ] || {
    echo "llvm-cov is not there: rustup component add llvm-tools" >&2
    exit 1
}
export CARGO_TARGET_DIR="$PWD/target/coverage"
export RUSTFLAGS="-Cinstrument-coverage"
# Proc macros and build scripts would write theirs too.
rm -rf "$CARGO_TARGET_DIR/raw"
mkdir -p "$CARGO_TARGET_DIR/raw"
export LLVM_PROFILE_FILE="$CARGO_TARGET_DIR/raw/%m-%p.profraw"
set -- --locked --target "$host" --lib --test scenarios --test campaign --test month
cargo test "$@"
binaries=$(cargo test "$@" --no-run --message-format=json | sed -nE 's/.*"executable":"([^"]+)".*/\1/p' | sort -u)
"$tools/llvm-profdata" merge -sparse "$CARGO_TARGET_DIR"/raw/*.profraw -o "$CARGO_TARGET_DIR/all.profdata"
set --
while IFS= read -r binary; do
    # The first by its place alone.
    [ $# -eq 0 ] || set -- "$@" --object
    set -- "$@" "$binary"
done <<BINARIES
$binaries
BINARIES
"$tools/llvm-cov" export --summary-only --instr-profile "$CARGO_TARGET_DIR/all.profdata" "$@" >"$CARGO_TARGET_DIR/all.json"
python3 - "$CARGO_TARGET_DIR/all.json" "$PWD/src/" <<'EOF'
import collections, json, sys

folders = collections.defaultdict(lambda: [0, 0])
for file in json.load(open(sys.argv[1]))["data"][0]["files"]:
    if not file["filename"].startswith(sys.argv[2]):
        continue
    name = file["filename"].removeprefix(sys.argv[2])
    lines = file["summary"]["lines"]
    for of in (name.split("/")[0] if "/" in name else ".", "all"):
        folders[of][0] += lines["covered"]
        folders[of][1] += lines["count"]
for of, (covered, count) in sorted(folders.items()):
    print(f"{of:14} {100 * covered / max(count, 1):5.1f} % of {count} lines")
EOF
