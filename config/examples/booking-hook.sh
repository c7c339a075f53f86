#!/bin/sh
# A scheduler's hook: may this booking be confirmed?
#
#   booking-hook.sh START END [PROFILE]      START and END in RFC 3339, as 2026-12-01T09:00:00+07:00
#
# Exit: 0 confirm, 1 refuse, 2 leave it tentative and ask again. What is printed says why, for the applicant.
# Where the room is not open to everybody: SIAGA_TOKEN_FILE names a file with a token of the scope read.
siaga status ${SIAGA_TOKEN_FILE:+--token-file "$SIAGA_TOKEN_FILE"} --url "${SIAGA_URL:-http://127.0.0.1:10153}" --start "$1" --end "$2" --profile "${3:-zoom_group_720}"
case $? in
    0 | 1) exit 0 ;; # ready, degraded: the meeting can be held
    2) exit 1 ;;     # not ready: the slot is held, something lasting is broken, or work is planned
    *) exit 2 ;;     # unknown, or no answer: nobody may take that for a yes
esac
