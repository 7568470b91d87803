"""Simulated IRIS traffic: a day in real proportions, made from the bundled samples.

    registry, sample_arrays = schemas.load(), dict(samples())
    messages = day(bundled(), registry, sample_arrays, seed=1, start=start)
    Sender(send, speed=60).run(messages, start, stop)

Seeded: the same seed and start give the same bytes. What a run holds is shown and written by
``python -m local.feed --minutes 10 --summary --write FOLDER``.

It has the names, the framing, the rhythms and the sizes of the real thing as far as they are
known; ``profile.json`` says which figures were measured and which are guesses. It does not have
its facts: numbers are the samples' with some noise, BM units are made up, and no record agrees
with another. Faster than real time, its times run ahead of the clock: a day of it may be sent in
minutes, and carries the times of a day.

How it is built, from the inside out:

    clock, units        settlement periods, made-up BM units
    facts, values, fields, records    one message's records from a sample
    profile, timetable  how often and how much, as data; when something is sent
    message, odd        what a message is, and ones that are not as they should be
    schedule            ``day``: all of it, in time order, lazy
    sender              in real time or faster
    servicebus          into a queue of the local Service Bus
    summary, folder     for people and for files
"""

from local.feed.message import FeedMessage, Odd, Outcome
from local.feed.profile import Profile, ProfileError, bundled
from local.feed.schedule import day
from local.feed.sender import Progress, Send, Sender

__all__ = [
    "FeedMessage",
    "Odd",
    "Outcome",
    "Profile",
    "ProfileError",
    "Progress",
    "Send",
    "Sender",
    "bundled",
    "day",
]
