"""Playing a timeline: what goes out when, on the project's clock and the response's own time.

Nobody runs a response: whoever plays it looks at plan, progress and clock, sends what is due, and waits until something can have
changed. So a stream follows a clock that is moved, a run that is moved by hand, and one that is cancelled.
"""

from collections.abc import AsyncIterator
from typing import NamedTuple

from mockapi.engine.plan import NEVER_S, Progress
from mockapi.engine.timeline import Piece, Timeline, elapsed_at, timeline_at
from mockapi.service.core import Core
from mockapi.service.records import progress_of

__all__ = ["Play"]


_SOON_S = 1e-5
"""What is due that soon is due now: a clock that counts from 1970 cannot tell smaller times apart, and nobody waits for them."""


class _Place(NamedTuple):
    """Where a response is in its own time; None where it is over for whoever plays it."""

    elapsed_s: float
    cut_s: float | None


class Play:
    """One playing of one response."""

    def __init__(self, core: Core, project: str, timeline: Timeline, after: int = -1) -> None:
        """`after` is the `sequence_number` that the client has seen last."""
        self._core = core
        self._project = project
        self.timeline = timeline
        self._last = after

    @property
    def is_instant(self) -> bool:
        """Everything goes out at once."""
        run = self.timeline.plan.background
        if run is None:
            return self._core.clock.is_virtual or self.timeline.ends_s == 0.0
        passes = run.moved_by == "polls" or (run.moved_by == "clock" and self._core.clock.is_virtual)
        return (passes or self.timeline.ends_s == 0.0) and self.timeline.ends_s < NEVER_S

    async def pieces(self) -> AsyncIterator[tuple[bytes, bool]]:
        """Bytes when they are due, and whether they are the last; what is late goes out together."""
        if self.is_instant:
            yield self.at_once(), True
            return
        queue = list(self.timeline.pieces(self._last))
        while queue:
            place = await self._place()
            if place.cut_s is not None and self.timeline.cut_s is None:
                self.timeline = Timeline(self.timeline.plan, cut_s=place.cut_s)
                queue = list(self.timeline.pieces(self._last))
            due = [piece for piece in queue if piece.offset_s <= place.elapsed_s + _SOON_S]
            if due:
                queue = queue[len(due) :]
                self._last = due[-1].last
                yield b"".join(piece.data for piece in due), not queue
            elif queue:
                await self._wait(queue[0], place)

    def at_once(self) -> bytes:
        """Everything, in one piece."""
        if self._last < 0:
            return self.timeline.stream
        return b"".join(piece.data for piece in self.timeline.pieces(self._last))

    async def until_end(self) -> None:
        """Wait until the response is over."""
        while not self.is_instant:
            place = await self._place()
            if place.elapsed_s + _SOON_S >= self.timeline.ends_s:
                return
            await self._wait(Piece(self.timeline.ends_s, b"", 0), place)

    async def _wait(self, piece: Piece, place: _Place) -> None:
        run = self.timeline.plan.background
        is_timed = (run is None or run.moved_by == "clock") and not (run and self._core.clock.is_virtual)
        await self._core.clock.wait(self._project, piece.offset_s - place.elapsed_s if is_timed else None)

    async def _place(self) -> _Place:
        plan = self.timeline.plan
        now = await self._core.now(self._project)
        if plan.background is None:
            return _Place(now - plan.started_at, None)
        progress = await self._progress()
        return _Place(elapsed_at(plan, progress, now), timeline_at(plan, progress).cut_s)

    async def _progress(self) -> Progress:
        record = await self._core.store.get_response(self._project, self.timeline.response_id)
        return Progress() if record is None else progress_of(record)
