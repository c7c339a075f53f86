#!/usr/bin/env python3
"""Books a meeting: book.py ID TITLE START END [PROFILE]. Exit: 0 booked, 1 refused, 2 not known, ask again."""
import json, os, sys
from urllib import error, parse, request

URL = os.environ.get("SIAGA_URL", "http://127.0.0.1:10153")
HEADERS = {"Content-Type": "application/json", "Authorization": "Bearer " + os.environ["SIAGA_TOKEN"]}  # siaga token add
key, title, start, end, profile = (sys.argv[1:] + ["zoom_group_720"])[:5]
session = {"title": title, "profile": profile, "start": start, "end": end}

def ask(method, path, body=None):
    data = json.dumps(body).encode() if body else None
    try:
        with request.urlopen(request.Request(URL + path, data, HEADERS, method=method), timeout=10) as answer:
            return json.load(answer)
    except error.HTTPError as answer:  # 503 is the answer "no", 409 "taken": each says why
        return json.load(answer)
    except OSError as problem:
        sys.exit(print(f"no answer: {problem}") or 2)

room = ask("GET", "/api/v1/readiness?" + parse.urlencode({k: session[k] for k in ("start", "end", "profile")}))
own = [held["id"] for held in room.get("conflicts", [])] == [key]  # booked already: the same wish again
if room.get("verdict") not in ("ready", "degraded") and not own:
    sys.exit(print(room.get("summary") or room["detail"]) or (1 if room.get("verdict") == "not_ready" else 2))
booked = ask("PUT", "/api/v1/sessions/" + parse.quote(key, safe=""), session)
print(booked.get("detail") or f"booked; the room is {booked['confirmed']['verdict']}, evidence {booked['confirmed']['evidence_id']}")
sys.exit(0 if "confirmed" in booked else 1)
