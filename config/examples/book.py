#!/usr/bin/env python3
"""Books a meeting: book.py ID TITLE START END [PROFILE], with SIAGA_TOKEN (siaga token add NAME --scope schedule) and SIAGA_URL.

Exit: 0 booked; 1 refused: the room is not ready, or others hold the slot; 2 not known, ask again; 3 the question is wrong (arguments,
token, times, profile, a passcode in the title): asking again does not help, somebody has to mend it.
"""
import json, os, sys
from http import client
from urllib import error, parse, request

URL = os.environ.get("SIAGA_URL", "http://127.0.0.1:10153")
BOOKED, REFUSED, UNKNOWN, WRONG = range(4)

def leave(code, said):
    sys.exit(print(said) or code)

def ask(method, path, body=None):
    """The answer: siaga's own, and to a question that it can answer."""
    data = json.dumps(body).encode() if body else None
    try:
        try:
            answer = request.urlopen(request.Request(URL + path, data, HEADERS, method=method), timeout=10)
        except error.HTTPError as said:  # 503 is the answer "no", 409 "taken": each says why
            answer = said
        with answer:
            text = answer.read()
    except (OSError, client.HTTPException) as problem:
        leave(UNKNOWN, f"no answer: {problem}")
    except ValueError:
        leave(WRONG, "SIAGA_URL is no address, or SIAGA_TOKEN no token")
    try:
        told = json.loads(text)
    except ValueError:  # a proxy's page
        told = None
    ours = isinstance(told, dict)
    detail = told.get("detail") if ours else "the answer is not siaga's"
    if answer.status in (400, 401, 403, 404, 405, 413, 415, 421, 422):
        leave(WRONG, f"{answer.status}: {detail}")
    return told if ours else leave(UNKNOWN, f"{answer.status}: {detail}")

if not 5 <= len(sys.argv) <= 6:
    leave(WRONG, "book.py ID TITLE START END [PROFILE]")
if not os.environ.get("SIAGA_TOKEN"):
    leave(WRONG, "SIAGA_TOKEN is not set; siaga token add NAME --scope schedule makes one")
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["SIAGA_TOKEN"]}
key, title, start, end, profile = (sys.argv[1:] + ["zoom_group_720"])[:5]
session = {"title": title, "profile": profile, "start": start, "end": end}
room = ask("GET", "/api/v1/readiness?" + parse.urlencode({k: session[k] for k in ("start", "end", "profile")}))
own = [held["id"] for held in room.get("conflicts", [])] == [key]  # booked already: the same wish again
if room.get("verdict") not in ("ready", "degraded") and not own:
    told = room.get("summary") or room.get("detail") or "siaga gave no verdict"
    leave(REFUSED if room.get("verdict") == "not_ready" else UNKNOWN, told)
booked = ask("PUT", "/api/v1/sessions/" + parse.quote(key, safe=""), session)
if "confirmed" in booked:
    found = booked["confirmed"] or {}
    leave(BOOKED, f"booked; the room is {found.get('verdict')}, evidence {found.get('evidence_id')}")
leave(REFUSED if booked.get("status") == 409 else UNKNOWN, booked.get("detail") or "siaga did not say what became of it")
