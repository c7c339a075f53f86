"""The meetings of an iCalendar file in a span of time, as other people's parsers have them: one a line, start, end and title.

Debian: python3-icalendar, python3-recurring-ical-events (which walk through rules with python3-dateutil).
"""

import sys
from datetime import date, datetime, time, timezone
from zoneinfo import ZoneInfo

import icalendar
import recurring_ical_events

path, room, since, until = sys.argv[1:]
room = ZoneInfo(room)


def instant(value):
    if not isinstance(value, datetime):
        assert isinstance(value, date)
        value = datetime.combine(value, time())
    if value.tzinfo is None:
        value = value.replace(tzinfo=room)
    return value.astimezone(timezone.utc)


with open(path, "rb") as file:
    calendar = icalendar.Calendar.from_ical(file.read())
since, until = (datetime.fromisoformat(moment.replace("Z", "+00:00")) for moment in (since, until))
lines = set()
for event in recurring_ical_events.of(calendar).between(since, until):
    if event.get("STATUS", "CONFIRMED") != "CONFIRMED" or event.get("TRANSP", "OPAQUE") != "OPAQUE":
        continue
    start = event["DTSTART"].dt
    end = event["DTEND"].dt if "DTEND" in event else start + event["DURATION"].dt
    start, end = instant(start), instant(end)
    if start < until and end > since and start < end:
        lines.add(f"{start:%Y-%m-%dT%H:%M:%SZ} {end:%Y-%m-%dT%H:%M:%SZ} {event['SUMMARY']}")
print("\n".join(sorted(lines)))
