#!/usr/bin/env python3
"""The room's calendar as the scheduler: caldav.py CALENDAR-URL [PROFILE]. Run it every few minutes.

A tentative booking is asked about. What the room says stands in it as a comment, and it is confirmed (and booked at Siaga) or left
tentative, as CONFIRM has it: the verdicts that are good enough, "ready,degraded" if not set; "" confirms nothing by itself. What Siaga
does not take (a passcode in the title, an end before the beginning) stays tentative, and the comment says why. What was confirmed
follows the calendar: moved, cancelled and deleted bookings are so at Siaga too. Nothing new, nothing written.

Environment: CALDAV_USER and CALDAV_PASSWORD; SIAGA_URL and SIAGA_TOKEN (siaga token add NAME --scope schedule); CONFIRM; SIAGA_LANG
(id or en). Exit: 0 all is as it should be, 2 something did not answer or was written by somebody else meanwhile: run it again.
"""
import base64, datetime, hashlib, json, os, re, sys, zoneinfo
import xml.etree.ElementTree as xml
from http import client
from urllib import error, parse, request

CALENDAR, PROFILE = (sys.argv[1:] + ["zoom_group_720"])[:2]
SIAGA = os.environ.get("SIAGA_URL", "http://127.0.0.1:10153")
TOKEN = {"Authorization": "Bearer " + os.environ["SIAGA_TOKEN"]}
USER = f"{os.environ.get('CALDAV_USER', '')}:{os.environ.get('CALDAV_PASSWORD', '')}"
BASIC = {"Authorization": "Basic " + base64.b64encode(USER.encode()).decode()}
GOOD = os.environ.get("CONFIRM", "ready,degraded").split(",")
LANG = os.environ.get("SIAGA_LANG", "id")
ID = "en" not in LANG
OWN, MARK = "kalender-", "Siaga: "  # how its sessions and its comments begin
QUERY = """<?xml version="1.0"?><c:calendar-query xmlns:d="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav">
<d:prop><d:getetag/><c:calendar-data/></d:prop>
<c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"/></c:comp-filter></c:filter></c:calendar-query>"""
# What Siaga refuses, for the applicant: in the room's language what is the commonest, else in Siaga's own words.
REFUSED = {
    "passcode": "judul memuat kode sandi; hapus dari judul, Siaga tidak menyimpannya",
    "reversed-window": "selesai lebih dulu daripada mulai; perbaiki jamnya",
} if ID else {}
NO = (400, 409, 422)  # it is understood, and not taken
wrong = []


def http(method, url, headers, body=None):
    """Status, body and headers; of no answer 0."""
    try:
        with request.urlopen(request.Request(url, body, headers, method=method), timeout=20) as answer:
            return answer.status, answer.read(), answer.headers
    except error.HTTPError as answer:
        return answer.code, answer.read(), answer.headers
    except (OSError, client.HTTPException) as problem:
        wrong.append(f"{url}: {problem}")
        return 0, b"", {}


def siaga(method, path, body=None):
    """Status and answer; what is not Siaga's own (a proxy's page) is no answer."""
    data = json.dumps(body).encode() if body else None
    status, told, _ = http(method, SIAGA + path, {"Content-Type": "application/json", **TOKEN}, data)
    try:
        return status, json.loads(told) if told else {}
    except ValueError:
        return 0, {"detail": f"not siaga's answer ({status})"}


def all_sessions():
    """Those that have not ended, page by page (RFC 8288 §3). Where one cannot be read it ends here: half a list gives nothing back."""
    url, found = SIAGA + "/api/v1/sessions", []
    while url:
        status, told, headers = http("GET", url, TOKEN)
        try:
            found += [(one["id"], one["state"], one["title"]) for one in json.loads(told)]
        except (ValueError, TypeError, KeyError):
            sys.exit(print(f"siaga does not answer: {status} {' '.join(wrong)}", file=sys.stderr) or 2)
        more = re.search(r'<([^>]*)>; *rel="next"', headers.get("Link") or "")
        url = more and parse.urljoin(url, more[1])
    return found


def moment(line):
    """The instant of DTSTART or DTEND; none of a date, of a time without a zone, of an unknown zone."""
    value, zone = line.rsplit(":", 1)[1], re.search(r";TZID=\"?([^;:\"]+)", line)
    try:
        if value.endswith("Z"):
            return datetime.datetime.strptime(value, "%Y%m%dT%H%M%SZ").replace(tzinfo=datetime.timezone.utc)
        return datetime.datetime.strptime(value, "%Y%m%dT%H%M%S").replace(tzinfo=zoneinfo.ZoneInfo(zone[1]))
    except (TypeError, ValueError, zoneinfo.ZoneInfoNotFoundError):
        return None


class Event:
    """One booking, as lines (RFC 5545), of which only STATUS and our own COMMENT are ever changed."""

    def __init__(self, href, etag, text):
        self.href, self.etag = href, etag
        self.lines = re.sub(r"\r?\n[ \t]", "", text).splitlines()
        self.before = list(self.lines)
        starts = [at for at, line in enumerate(self.lines) if line == "BEGIN:VEVENT"]
        self.single = len(starts) == 1 and not self.find("RRULE") and not self.find("RDATE")
        self.uid = self.value("UID")
        self.key = OWN + hashlib.sha256(self.uid.encode()).hexdigest()[:24]
        self.title = re.sub(r"\\(.)", r"\1", self.value("SUMMARY").replace("\\n", " ")).strip()[:200] or "Rapat"
        self.shown = self.title  # in what is printed: without a passcode
        self.start, self.end = (moment(line[0]) if line else None for line in (self.find("DTSTART"), self.find("DTEND")))

    def find(self, name):
        """The lines of a property of the VEVENT itself."""
        inside, found = [], []
        for line in self.lines:
            if line.startswith("END:"):
                inside.pop()
            elif line.startswith("BEGIN:"):
                inside.append(line[6:])
            elif inside[-1:] == ["VEVENT"] and re.match(name + "[;:]", line):
                found.append(line)
        return found

    def value(self, name):
        found = self.find(name)
        return found[0].split(":", 1)[1] if found else ""

    def say(self, status, told):
        """Sets the status, and our comment anew."""
        text = MARK + told
        for char, escaped in (("\\", "\\\\"), (";", "\\;"), (",", "\\,"), ("\n", "\\n")):
            text = text.replace(char, escaped)
        ours = self.find("STATUS") + [line for line in self.find("COMMENT") if line.startswith("COMMENT:" + MARK)]
        self.lines = [line for line in self.lines if line not in ours]
        at = self.lines.index("END:VEVENT")
        self.lines[at:at] = [f"STATUS:{status}", "COMMENT:" + text]

    def write(self):
        if sorted(self.lines) == sorted(self.before):
            return
        folded = []
        for line in self.lines:  # at most 75 bytes a line, and no letter cut in two
            piece = ""
            for char in line:
                if len((piece + char).encode()) > 74:
                    folded.append(piece)
                    piece = " "
                piece += char
            folded.append(piece)
        headers = {"Content-Type": "text/calendar; charset=utf-8", "If-Match": self.etag, **BASIC}
        url = parse.urljoin(CALENDAR, self.href)
        status, _, _ = http("PUT", url, headers, ("\r\n".join(folded) + "\r\n").encode())
        if status not in (200, 201, 204):
            wrong.append(f"{self.shown}: not written ({status})")
        print(f"{self.shown}: {self.value('STATUS').lower()}")

    def refuse(self, status, told):
        """What was not taken, and why, into the entry."""
        kind = told.get("type", "").rpartition(":")[2]
        self.shown = "(…)" if kind == "passcode" else self.shown
        self.say(status, REFUSED.get(kind) or told.get("detail", ""))

    def session(self):
        return {"title": self.title, "profile": PROFILE, "start": self.start.isoformat(), "end": self.end.isoformat()}

    def book(self):
        """Whether it is held at Siaga; else why not."""
        status, told = siaga("PUT", "/api/v1/sessions/" + self.key, self.session())
        return status in (200, 201), told, status


def reasons(room):
    """The verdict in a sentence, then all that is wrong and what to do."""
    found = list(room["reasons"])
    for part in room["components"]:
        for holder in [part, *part["checks"]] if part["requirement"] == "required" else []:
            found += [one for one in holder["reasons"] if one["verdict"] != "ready"]
    lines = [room["summary"]]
    for one in found:
        line = f"- {one['message']}. {one['remedy']}"
        lines += [line] if line not in lines else []
    return "\n".join(lines)


def look(event):
    """One booking: what it becomes."""
    status = event.value("STATUS")
    if not event.single or not (event.start and event.end):
        if status == "TENTATIVE":
            event.say(status, "rapat berulang, sehari penuh, atau tanpa zona waktu tidak dapat diperiksa; tulis satu per satu"
                      if ID else "a series, a whole day, or a time without a zone cannot be asked about; write each by itself")
        return
    if status == "CONFIRMED":
        held, told, code = event.book()
        if not held and code in NO:  # moved to where it cannot be; one that has begun goes on all the same
            event.refuse(status if told.get("type", "").endswith(":begun") else "TENTATIVE", told)
        elif not held:
            wrong.append(f"{event.shown}: {code} {told.get('detail', '')}")
    elif status == "TENTATIVE":
        slot = {"start": event.start.isoformat(), "end": event.end.isoformat(), "profile": PROFILE, "lang": LANG}
        code, room = siaga("GET", "/api/v1/readiness?" + parse.urlencode(slot))
        if code == 400:  # it ends before it begins
            event.refuse(status, room)
            return
        if "verdict" not in room:
            wrong.append(f"{event.shown}: {code} {room.get('detail', '')}")
            return
        ours = [held["id"] for held in room["conflicts"]] == [event.key]  # booked, and the calendar not written
        if not ours and room["verdict"] not in GOOD:
            event.say(status, reasons(room))
            return
        held, told, code = event.book()
        if held:
            event.say("CONFIRMED", reasons(room))
        elif code in NO:
            event.refuse(status, told)
        else:
            wrong.append(f"{event.shown}: {code} {told.get('detail', '')}")


status, told, _ = http("REPORT", CALENDAR, {"Content-Type": "application/xml", "Depth": "1", **BASIC}, QUERY.encode())
if status != 207:
    sys.exit(print(f"the calendar cannot be read: {status} {' '.join(wrong)}", file=sys.stderr) or 2)
name, dav = "{urn:ietf:params:xml:ns:caldav}calendar-data", "{DAV:}"
events = [
    Event(found.findtext(dav + "href"), found.findtext(f".//{dav}getetag"), found.findtext(f".//{name}"))
    for found in xml.fromstring(told).iter(dav + "response") if found.findtext(f".//{name}")
]
# What is not there any more is given back first, so that its slot is free for the others.
sessions = all_sessions()
kept = {event.key for event in events if event.value("STATUS") in ("CONFIRMED", "TENTATIVE")}
for key, state, title in sessions:
    if key.startswith(OWN) and state == "booked" and key not in kept:
        code, told = siaga("DELETE", "/api/v1/sessions/" + key)
        if code == 200:
            print(f"{title}: given back")
        else:
            wrong.append(f"{title}: not given back ({code} {told.get('detail', '')})")
now = datetime.datetime.now(datetime.timezone.utc)
for event in sorted(events, key=lambda event: event.value("CREATED") or event.value("DTSTAMP")):
    over = event.end is not None and max(event.end, event.start or event.end) <= now
    if not over:
        look(event)
        event.write()
for problem in wrong:
    print(problem, file=sys.stderr)
sys.exit(2 if wrong else 0)
