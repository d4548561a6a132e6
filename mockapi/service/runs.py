"""Background runs: polls, cancelling, moves by hand, streams asked for again (WIRE.md §8)."""

from collections.abc import Sequence
from dataclasses import replace

from mockapi.engine.plan import Plan, Progress
from mockapi.engine.timeline import elapsed_at, run_status_at, timeline_at
from mockapi.errors import MockError
from mockapi.service.core import Core
from mockapi.service.past import Pasts
from mockapi.service.playing import Play
from mockapi.service.records import Records, Seen, progress_of
from mockapi.service.seeds import Seeds
from mockapi.service.webhooks import Webhooks
from mockapi.wire.catalogue import told
from mockapi.wire.json import dumps

__all__ = ["Runs"]

_UNFINISHED = ("queued", "in_progress")
_RESUMABLE_S = 300.0  # from creation
_REFUSALS = {
    "completed": "cancel_completed",
    "failed": "cancel_failed",
    "incomplete": "cancel_ended",
}


class Runs:
    """What happens to responses after they were created."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._store = core.store
        self._records = Records(core)
        self._pasts = Pasts(core, self._records, Seeds(core))
        self._webhooks = Webhooks(core)

    async def seen(self, project: str, response_id: str) -> Seen:
        """A response that can be seen; 404 as the real API's."""
        seen = await self._pasts.response(project, response_id)
        if seen is None:
            raise told("response_not_found", id=response_id)
        return seen

    async def poll(self, project: str, response_id: str, include: Sequence[str] = ()) -> bytes:
        """The body of a GET, with what `include` adds; where polls make time pass, this one does."""
        while True:
            seen = await self.seen(project, response_id)
            body = await self._records.body(project, seen, include)
            step = self._step(seen.plan)
            if not step or await self._records.status(project, seen) not in _UNFINISHED:
                return body
            if await self._move(project, seen, step):
                return body

    def _step(self, plan: Plan) -> float:
        """How far one poll moves a run in its own time."""
        run = plan.background
        if run is None or run.moved_by == "manual":
            return 0.0
        if run.moved_by == "polls":
            return 1.0
        return self._core.settings.poll_step if self._core.clock.is_virtual else 0.0

    async def _move(self, project: str, seen: Seen, by: float) -> bool:
        """Move a run in its own time; False if somebody else has changed it meanwhile."""
        progress, now = progress_of(seen.record), await self._core.now(project)
        moved = replace(progress, moved_s=progress.moved_s + by)
        if run_status_at(seen.plan, moved, now) not in _UNFINISHED:
            moved = replace(moved, ended_at=now)
        return await self._change(project, seen, moved)

    async def _change(self, project: str, seen: Seen, progress: Progress) -> bool:
        if not await self._store.set_progress(project, seen.record.id, dumps(progress), seen.record.version):
            return False
        await self._core.changed(project)
        await self._webhooks.moved(project, seen.record.id, seen.plan, progress)
        return True

    async def advance(self, project: str, response_id: str) -> bytes:
        """Move a `manual` run to its next status; its body then. `MockError` 400 for any other response."""
        while True:
            seen = await self.seen(project, response_id)
            run = seen.plan.background
            if run is None or run.moved_by != "manual":
                message = "Only background runs of a step with 'background: manual' are moved by hand."
                raise MockError(message, status=400, code="mock_not_manual")
            status = await self._records.status(project, seen)
            if status not in _UNFINISHED:
                raise MockError(f"The run is over: it is {status}.", status=400, code="mock_not_manual")
            if await self._move(project, seen, 1.0):
                return await self._records.body(project, await self.seen(project, response_id))

    async def cancel(self, project: str, response_id: str) -> bytes:
        """Cancel a background run where it is; its body then. Cancelling twice changes nothing."""
        while True:
            seen = await self.seen(project, response_id)
            plan, progress = seen.plan, progress_of(seen.record)
            if plan.background is None:
                raise told("cancel_synchronous")
            now = await self._core.now(project)
            status = run_status_at(plan, progress, now)
            if status in _REFUSALS:
                raise told(_REFUSALS[status])
            if status == "cancelled":
                return await self._records.body(project, seen)
            cut = replace(progress, cut="cancelled", cut_s=elapsed_at(plan, progress, now), ended_at=now)
            if await self._change(project, seen, cut):
                if seen.record.conversation_id is not None:  # it is free from now on
                    await self._records.conversation(project, seen.record.conversation_id)
                return await self._records.body(project, await self.seen(project, response_id))

    async def resume(self, project: str, response_id: str, after: int, include: Sequence[str] = ()) -> Play:
        """The stream of a background run behind a `sequence_number` (-1: all), with what `include` adds; 400 if there is none."""
        seen = await self.seen(project, response_id)
        run = seen.plan.background
        if run is None or not run.is_streamed:
            raise told("not_a_background_stream" if run is None else "not_a_stream")
        if await self._core.now(project) > seen.plan.started_at + _RESUMABLE_S:
            raise told("stream_too_old")
        return Play(self._core, project, timeline_at(self._records.shown(seen.plan, include), progress_of(seen.record)), after)
