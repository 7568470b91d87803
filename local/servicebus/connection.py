"""One connection: protocol headers, SASL, open and close. Part 2.4 of the standard, no I/O."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Protocol

from local.servicebus import outgoing
from local.servicebus import performatives as p
from local.servicebus.addresses import Address, covers
from local.servicebus.faults import Opens
from local.servicebus.frames import (
    AMQP_HEADER,
    EMPTY_FRAME,
    MAX_FRAME_SIZE,
    MIN_MAX_FRAME_SIZE,
    SASL_FRAME,
    SASL_HEADER,
    Frame,
    FrameReader,
    FramingError,
    frame,
)
from local.servicebus.session import Session
from local.servicebus.values import CodecError

if TYPE_CHECKING:
    from local.servicebus.links import Link
    from local.servicebus.namespace import Entity, Namespace

#: The highest number of a session that clients are told to use.
CHANNEL_MAX = 255
#: Milliseconds without a frame from the client after which the connection is closed.
IDLE_TIMEOUT_MS = 240_000

_LOG = logging.getLogger(__name__)


class Wire(Protocol):
    """The way to the client."""

    @property
    def has_room(self) -> bool:
        """Whether what was written leaves about as fast as it comes."""

    def write(self, data: bytes) -> None:
        """Has bytes sent."""

    def close(self) -> None:
        """Closes once all is sent."""

    def abort(self) -> None:
        """Closes at once."""


class Connection:
    """The server's end of a connection.

    Attributes:
        tokens: by audience, until when (seconds since 1970) the client may use what is there.
        gone: nothing can be sent any more.
        hostname: what the client takes the server for.
        entities: the queues that there are links to.
    """

    def __init__(self, namespace: Namespace, wire: Wire) -> None:
        self.namespace = namespace
        self.max_frame_size = MIN_MAX_FRAME_SIZE
        self.tokens: dict[str, float] = {}
        self.gone = False
        self.hostname = "local"
        self.entities: set[Entity] = set()
        self._wire = wire
        self._heard = self._sent = True
        self._heard_at = self._sent_at = 0.0
        self._empty_frame_after = math.inf
        self._reader = FrameReader()
        self._sessions: dict[int, Session] = {}
        self._opened = False
        namespace.connections.add(self)

    def receive(self, data: bytes) -> None:
        """What has come from the client."""
        if self.gone:
            return
        self.heard()
        try:
            for item in self._reader.feed(data):
                if self.gone:
                    return
                if isinstance(item, Frame):
                    self._frame(item)
                else:
                    self._header(item)
        except FramingError as error:
            _LOG.warning("a connection is closed: %s", error)
            self.close(p.Condition("amqp:connection:framing-error", str(error)))
        except CodecError as error:
            self.close(p.Condition("amqp:decode-error", str(error)))
        except Exception:
            # One client's nonsense must not end the server; the log has what it was.
            _LOG.exception("a frame could not be handled")
            self.close(p.Condition("amqp:internal-error", "the server failed; its log says why"))

    def write(self, channel: int, performative: bytes) -> None:
        """Sends a frame."""
        self.send(frame(channel, performative))

    def send(self, data: bytes) -> None:
        """Sends a frame that is put together already."""
        if not self.gone:
            self._sent = True
            self._wire.write(data)

    @property
    def can_send(self) -> bool:
        """Whether there is room for more."""
        return not self.gone and self._wire.has_room

    def room(self) -> None:
        """There is room again."""
        for session in list(self._sessions.values()):
            session.deliver()

    def close(self, error: p.Condition | None = None) -> None:
        """Says goodbye and closes."""
        if not self.gone:
            if self._opened:
                self.write(0, outgoing.close(error))
            self._wire.close()
            self.lost()

    def abort(self) -> None:
        """Cuts the connection."""
        if not self.gone:
            self._wire.abort()
            self.lost()

    def lost(self) -> None:
        """The connection is no more, whoever ended it."""
        if not self.gone:
            self.gone = True
            self.namespace.connections.discard(self)
            for session in self._sessions.values():
                session.close()
            self._sessions.clear()
            self.links_changed()

    def forget(self, session: Session) -> None:
        """A session is over."""
        if self._sessions.pop(session.channel, None):
            session.close()
            self.links_changed()

    def links(self) -> list[Link]:
        """The links that are open."""
        sessions = list(self._sessions.values())
        return [
            link for session in sessions for link in session.links.values() if not link.detached
        ]

    def links_changed(self) -> None:
        """A link came or went."""
        was_in_use = bool(self.entities)
        self.entities = {link.entity for link in self.links() if link.entity}
        self.namespace.meter.change(bool(self.entities) - was_in_use)

    def may_use(self, address: Address) -> bool:
        """Whether the client has handed in a token for ``address`` that is good."""
        now = self.namespace.clock()
        return any(
            covers(audience, address) for audience, until in self.tokens.items() if until > now
        )

    def heard(self) -> None:
        """The client is there, or could not be heard so far."""
        self._heard = True

    def tend(self) -> None:
        """Keeps the connection alive, or finds that the client does not."""
        now = self.namespace.monotonic()
        if self._heard:
            self._heard, self._heard_at = False, now
        elif now - self._heard_at > IDLE_TIMEOUT_MS / 1000:
            self.close(
                p.Condition(
                    "amqp:connection:forced",
                    "The connection was inactive for more than the allowed"
                    f" {IDLE_TIMEOUT_MS} milliseconds and is closed by the server.",
                )
            )
        if self._sent:
            self._sent, self._sent_at = False, now
        elif now - self._sent_at >= self._empty_frame_after:
            self.send(EMPTY_FRAME)

    def _header(self, header: bytes) -> None:
        if header == SASL_HEADER:
            self.send(SASL_HEADER)
            self.send(frame(0, outgoing.sasl_mechanisms("ANONYMOUS"), SASL_FRAME))
        elif header == AMQP_HEADER:
            self.send(AMQP_HEADER)
        else:
            # The standard's way to refuse: the header that would do, and the end.
            self.send(SASL_HEADER)
            self._wire.close()
            self.lost()

    def _frame(self, item: Frame) -> None:
        if not item.body:
            return
        performative, payload_at = p.decode_performative(item.body)
        session = self._sessions.get(item.channel)
        if isinstance(performative, p.SaslInit):
            welcome = performative.mechanism == "ANONYMOUS"
            self.send(frame(0, outgoing.sasl_outcome(0 if welcome else 1), SASL_FRAME))
        elif isinstance(performative, p.Open):
            self._open(performative)
        elif not self._opened:
            return  # without an answer to its open, a client is not heard
        elif isinstance(performative, p.Close):
            self.close()
        elif isinstance(performative, p.Begin):
            if session:
                text = f"channel {item.channel} is in use"
                self.close(p.Condition("amqp:not-allowed", text))
            else:
                self._sessions[item.channel] = Session(self, item.channel, performative)
        elif session is None:
            return  # clients detach links after they ended the session
        elif isinstance(performative, p.End):
            session.write(outgoing.end())
            self.forget(session)
        else:
            session.handle(performative, item.body[payload_at:])

    def _open(self, open_: p.Open) -> None:
        if open_.max_frame_size < MIN_MAX_FRAME_SIZE:
            raise CodecError(f"open: max_frame_size is below {MIN_MAX_FRAME_SIZE}")
        faults = self.namespace.faults
        if faults.opens is Opens.UNANSWERED:
            return
        self.max_frame_size = min(open_.max_frame_size, MAX_FRAME_SIZE)
        self.hostname = open_.hostname or self.hostname
        if open_.idle_timeout_ms:
            # Half of it, as the standard advises, for the clock on the other side is another.
            self._empty_frame_after = open_.idle_timeout_ms / 2000
        self._opened = True
        self.write(
            0, outgoing.open_("local.servicebus", MAX_FRAME_SIZE, CHANNEL_MAX, IDLE_TIMEOUT_MS)
        )
        if faults.opens is Opens.REFUSED:
            self.close(faults.open_error)
