#!/bin/sh
# Holds a real daemon to what its own description (OpenAPI) says: schemathesis draws requests from it, good ones and bad ones, and looks at
# each answer. Wants PyPI the first time; the tools stay in the user's cache folder.
#
#   scripts/schemathesis.sh [EXAMPLES]     for each path, 30 by default
set -eu
cd "$(dirname "$0")/.."
version=4.32.5
examples=${1:-30}
tools=${XDG_CACHE_HOME:-$HOME/.cache}/siaga/schemathesis-$version
siaga=$(realpath "${CARGO_TARGET_DIR:-target}/debug/siaga")
[ -x "$tools/bin/schemathesis" ] || {
    rm -rf "$tools"
    python3 -m venv "$tools"
    "$tools/bin/pip" install --quiet "schemathesis==$version"
}
folder=$(mktemp -d)
daemon=
end() {
    # What is there is removed once nobody writes there any more.
    [ -z "$daemon" ] || { kill "$daemon" 2>/dev/null && wait "$daemon"; } || true
    rm -rf "$folder"
}
trap end EXIT
port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
cat >"$folder/siaga.toml" <<EOF
[room]
name = "ruang"
[web]
listen = "127.0.0.1:$port"
[[check]]
name = "komputer"
kind = "computer"
EOF
token=$("$siaga" -c "$folder/siaga.toml" token add schemathesis --scope operate --scope schedule --state-dir "$folder" | tail -n 1)
"$siaga" -c "$folder/siaga.toml" run --state-dir "$folder" 2>"$folder/log" &
daemon=$!
# 502 and 503 are answers: a receiver has not got it, the room is not ready. 500 never is.
printf '[checks]\nnot_a_server_error.expected-statuses = ["2xx", "3xx", "4xx", 502, 503]\n' >"$folder/schemathesis.toml"
# It keeps what it has found beside where it stands.
cd "$folder"
# Left out: that what the description allows is taken (it cannot say that a meeting ends after it begins), and a stream, which has no end.
"$tools/bin/schemathesis" --config-file "$folder/schemathesis.toml" run "http://127.0.0.1:$port/api/v1/openapi.json" --wait-for-schema 20 \
    --header "Authorization: Bearer $token" --checks all --exclude-checks positive_data_acceptance --exclude-path-regex '/events$' \
    --max-examples "$examples" --request-timeout 10 --warnings off --continue-on-failure || {
    tail -n 20 "$folder/log" >&2
    exit 1
}
kill -0 "$daemon"
