#!/bin/sh
# How long a clean release build takes here, how large the program is, and of what its code is: a function counts for the crate with which its
# name begins, a generic one for whose it is and not for who uses it. Packages: binutils.
set -eu
cd "$(dirname "$0")/.."
folder=$(mktemp -d "${TMPDIR:-/tmp}/siaga-size.XXXXXX")
trap 'rm -rf "$folder"' EXIT
# At a signal too: not every shell ends by its trap then.
trap 'exit 1' INT TERM HUP
# Fetching is not building.
cargo fetch --locked
began=$(date +%s)
CARGO_TARGET_DIR=$folder cargo build --release --locked
ended=$(date +%s)
program=$folder/release/siaga
cp "$program" "$folder/stripped"
strip "$folder/stripped"
bytes() { stat -c %s "$1"; }
echo "built in $((ended - began)) s on $(nproc) processors, load $(cut -d ' ' -f 1 /proc/loadavg) at the end"
echo "$(bytes "$program") bytes, $(bytes "$folder/stripped") without symbols; by section:"
size -A -d "$folder/stripped" | awk '$2 > 100000 && $1 ~ /^\./ { printf "%12d %s\n", $2, $1 }' | sort -rn
echo "code by crate:"
nm --demangle --print-size --radix=d "$program" | awk '
	$3 ~ /^[tTwW]$/ {
		bytes = $2
		$1 = $2 = $3 = ""
		name = $0
		sub(/^ +/, "", name)
		while (sub(/^([<&*(]+|mut |const |dyn )/, "", name)) continue
		sub(/::.*/, "", name)
		if (name !~ /^[a-z][a-z0-9_]*$/) name = "others"
		sum[name] += bytes
	}
	END { for (name in sum) printf "%12d %s\n", sum[name], name }' | sort -rn | head -n 20
