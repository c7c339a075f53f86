#!/bin/sh
# Fuzzes each target for some seconds with coverage, by the stable compiler: what cargo-fuzz would tell it, without its sanitizers
# (there is no unsafe code to watch). The corpus is kept in the user's cache folder, so that each run goes on from the last. A small part
# of it that reaches nearly all the code that it reached is in fuzz/corpora, a file a target and an input a line (base64);
# SIAGA_CORPORA=write writes them anew.
set -eu
seconds=${1:-60}
cd "$(dirname "$0")/../fuzz"
cache=${XDG_CACHE_HOME:-$HOME/.cache}/siaga/fuzz
export CARGO_TARGET_DIR="${CARGO_TARGET_DIR:-$PWD/../target/fuzz}"
export RUSTFLAGS="--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
-Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
-Cllvm-args=-sanitizer-coverage-trace-compares -Ccodegen-units=1"
# What the daemon is built of, and libFuzzer beside it.
cp ../Cargo.lock Cargo.lock
# With a target named, the flags are not those of build scripts.
host=$(rustc -vV | sed -n 's/^host: //p')
cargo build --release --target "$host"
for target in targets/*.rs; do
    name=$(basename "$target" .rs)
    mkdir -p "$cache/$name" artifacts
    # Where there are good ones to begin with. What is larger than a room's config takes time and finds no more.
    seeds=$cache/seeds/$name
    mkdir -p "$seeds"
    case $name in
    config) cp ../config/*.toml "$seeds" ;;
    calendar) cp ../tests/real/sessions/feeds/*.ics "$seeds" ;;
    *) ! [ -d "seeds/$name" ] || cp "seeds/$name"/* "$seeds" ;;
    esac
    found=$cache/found/$name
    rm -rf "$found"
    mkdir -p "$found"
    if [ -f "corpora/$name" ]; then
        at=0
        while read -r input; do
            at=$((at + 1))
            printf %s "$input" | base64 -d >"$found/$at"
        done <"corpora/$name"
    fi
    echo "fuzz: $name for $seconds s" >&2
    "$CARGO_TARGET_DIR/$host/release/$name" -max_total_time="$seconds" -timeout=10 -max_len=16384 -rss_limit_mb=1024 -print_final_stats=1 \
        -artifact_prefix="artifacts/$name-" "$cache/$name" "$seeds" "$found" 2>"$cache/$name.log" || {
        tail -n 40 "$cache/$name.log" >&2
        exit 1
    }
    grep -E 'stat::number_of_executed_units|cov: ' "$cache/$name.log" | tail -n 2
    [ "${SIAGA_CORPORA:-}" = write ] || continue
    # Beside the seeds, which are in the tree already; of what is long its beginning, or the tree would have megabytes of it.
    least=$(mktemp -d)
    cp -r "$seeds" "$least/seeds"
    "$CARGO_TARGET_DIR/$host/release/$name" -set_cover_merge=1 -use_counters=0 -timeout=10 -max_len=512 \
        "$least/seeds" "$cache/$name" "$found" 2>>"$cache/$name.log"
    for seed in "$seeds"/*; do rm "$least/seeds/$(basename "$seed")"; done
    mkdir -p corpora
    find "$least/seeds" -type f -exec sh -c 'base64 -w 0 "$1" && echo' sh {} \; | LC_ALL=C sort >"corpora/$name"
    rm -r "$least"
    echo "fuzz: $(wc -l <"corpora/$name") inputs of $name are kept" >&2
done
