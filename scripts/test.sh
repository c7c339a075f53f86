#!/bin/bash
# Runs all tests, whichever fail: `make test`, which has built them.
set -uo pipefail
cd "$(dirname "$0")/.."

read -ra cargo <<<"${CARGO:-cargo}"
cores=$(nproc)
log=${CARGO_TARGET_DIR:-target}/lab.log
# Those of the real ring that measure a line, and those that hold a call.
lines=(capacity:: reflect_tokens:: relay:: repeated:: stamp::)
calls=(call::)
# Those of the lab that are held to a deadline, or to nothing else going wrong.
alone=(
    frames::a_room_that_comes_into_use_gets_its_camera_back_at_once
    hearing::the_microphone_is_given_back_at_once_when_the_room_comes_into_use
    matrix::each_fault_is_told_by_its_reason_and_nothing_else_turns_red
    radio_key::a_cm108_is_not_pressed_for_longer_than_the_limit_nor_for_a_daemon_that_stands_still
)
failed=0

run() {
    printf '+ cargo test --locked %s\n' "$*"
    "${cargo[@]}" test --locked "$@" || failed=1
}

# Runs so many of the real ring's tests at once.
real() {
    local at_once=$1
    shift
    run --test real -- --test-threads "$at_once" "$@"
}

rings=()
for ring in tests/*.rs tests/*/main.rs; do
    name=${ring#tests/}
    name=${name%/main.rs}
    name=${name%.rs}
    case $name in lab | real) ;; *) rings+=(--test "$name") ;; esac
done

# The lab's guests each fill a processor for as long as theirs is busy; the real ring waits more than it works. So they run beside one
# another. What the lab says comes in one piece, after the others.
printf '+ cargo test --locked --test lab, into %s\n' "$log"
# An interrupt is for it too, which a shell keeps from what it runs in the background.
env --default-signal=INT,QUIT "${cargo[@]}" test --locked --test lab -- "${alone[@]/#/--skip=}" >"$log" 2>&1 &
lab=$!
# cargo ends at a signal, and what it runs does not.
trap 'kill $(cat "/proc/$lab/task/$lab/children") "$lab" 2>/dev/null' EXIT
trap 'cat "$log"; exit 130' INT
trap 'cat "$log"; exit 143' TERM

run --no-fail-fast --lib --bins --examples "${rings[@]}"
# Three tests a core.
real $((cores * 3)) --skip radio:: "${lines[@]/#/--skip=}" "${calls[@]/#/--skip=}"

tail --lines=+1 --follow --pid="$lab" "$log"
wait "$lab" || failed=1
trap - EXIT INT TERM

run --test lab -- --exact "${alone[@]}"
# Those that measure a line want no others beside them, for a processor that comes late shakes it. A call's two browsers fill two
# of them. Voices are made and keys must be let go in time: two tests a core.
real $((cores * 3)) --skip radio:: "${lines[@]}"
real $(((cores + 1) / 2)) --skip radio:: "${calls[@]}"
real $((cores * 2)) radio::
exit "$failed"
