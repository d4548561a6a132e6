"""Playing a timeline: what goes out when, on the project's clock and the response's own time.

Nobody runs a response: whoever plays it looks at plan, progress and clock, sends what is due, and waits until something can have
changed. So a stream follows a clock that is moved, a run that is moved by hand, and one that is cancelled.
"""

from collections.abc import AsyncIterator
from typing import NamedTuple

from mockapi.engine.plan import NEVER_S
from mockapi.engine.timeline import KEPT_S, SOON_S, Piece, Timeline, elapsed_at, timeline_at
from mockapi.service.core import Core
from mockapi.service.records import progress_of

__all__ = ["Play"]


class _Place(NamedTuple):
    """Where a response is in its own time, where it was cut, and what had changed when this was looked up."""

    elapsed_s: float
    cut_s: float | None
    changes: int


class Play:
    """One playing of one response."""

    def __init__(self, core: Core, project: str, timeline: Timeline, after: int = -1) -> None:
        """`after` is the `sequence_number` that the client has seen last."""
        self._core = core
        self._project = project
        self.timeline = timeline
        self._last = after
        self._is_kept = timeline.plan.is_stored or timeline.plan.background is not None
        self._checked = core.clock.changes

    @property
    def is_instant(self) -> bool:
        """Everything goes out at once."""
        run = self.timeline.plan.background
        if run is None:
            return self._core.clock.is_virtual or self.timeline.ends_s == 0.0
        passes = run.moved_by == "polls" or (run.moved_by == "clock" and self._core.clock.is_virtual)
        return (passes or self.timeline.ends_s == 0.0) and self.timeline.ends_s < NEVER_S

    async def pieces(self) -> AsyncIterator[tuple[bytes, bool]]:
        """Bytes when they are due, and whether they are the last; what is late goes out together.

        They end early if the response is forgotten meanwhile: reset, or gone with time.
        """
        if self.is_instant:
            yield self.at_once(), True
            return
        metrics = self._core.metrics
        metrics.open_streams += 1
        try:
            async for piece in self._paced():
                yield piece
        finally:
            metrics.open_streams -= 1

    async def _paced(self) -> AsyncIterator[tuple[bytes, bool]]:
        left = self.timeline.pieces(self._last)
        following, awaited = next(left, None), -1
        while following is not None:
            place = await self._place()
            if place is None:
                return
            if place.cut_s is not None and self.timeline.cut_s is None:
                self.timeline = Timeline(self.timeline.plan, cut_s=place.cut_s)
                left = self.timeline.pieces(self._last)
                following = next(left, None)
            due: list[Piece] = []
            while following is not None and following.offset_s <= place.elapsed_s + SOON_S:
                due.append(following)
                following = next(left, None)
            if due:
                if awaited == place.changes:  # no clock was moved meanwhile: the wait alone has made it late
                    self._core.metrics.lateness.observe(max(0.0, place.elapsed_s - due[0].offset_s))
                self._last = due[-1].last
                yield b"".join(piece.data for piece in due), following is None
            elif following is not None:
                awaited = place.changes
                await self._wait(following, place)

    def at_once(self) -> bytes:
        """Everything, in one piece."""
        if self._last < 0:
            return self.timeline.stream
        return b"".join(piece.data for piece in self.timeline.pieces(self._last))

    async def until_end(self) -> None:
        """Wait until the response is over."""
        while not self.is_instant:
            place = await self._place()
            if place is None:
                return
            if place.elapsed_s + SOON_S >= self.timeline.ends_s:
                return
            await self._wait(Piece(self.timeline.ends_s, b"", 0), place)

    async def _wait(self, piece: Piece, place: _Place) -> None:
        run = self.timeline.plan.background
        is_timed = (run is None or run.moved_by == "clock") and not (run and self._core.clock.is_virtual)
        seconds = piece.offset_s - place.elapsed_s if is_timed else None
        await self._core.clock.wait(self._project, seconds, since=place.changes)

    async def _place(self) -> _Place | None:
        plan, changes = self.timeline.plan, self._core.clock.changes
        now = await self._core.now(self._project)
        record = None
        if self._is_kept and (plan.background is not None or changes != self._checked):  # a reset wakes whoever waits
            self._checked = changes
            record = await self._core.store.get_response(self._project, self.timeline.response_id)
            if record is None or now >= plan.started_at + KEPT_S:
                return None
        if record is None or plan.background is None:
            return _Place(now - plan.started_at, None, changes)
        progress = progress_of(record)
        return _Place(elapsed_at(plan, progress, now), timeline_at(plan, progress).cut_s, changes)
