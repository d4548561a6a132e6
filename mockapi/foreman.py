"""Several workers on one socket: the foreman forks them, replaces those that die, and passes signals on.

What was loaded before is theirs too, at no price. A worker ends by itself when its foreman is gone, however that happened.
"""

import logging
import os
import selectors
import signal
import sys
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import NoReturn

from mockapi.clock import stopwatch

__all__ = ["Foreman", "Place"]

log = logging.getLogger("mockapi")

_SIGNALS = (signal.SIGTERM, signal.SIGINT, getattr(signal, "SIGHUP", signal.SIGTERM))
_LONG_S = 5.0  # who worked so long did not die of how it began
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_USAGE = 2
_READY = b"r"


class Place:
    """Where a worker works: which one it is, whom it tells that it is ready, what ends when its foreman does."""

    def __init__(self, number: int, ready: int, lifeline: int, *, is_first: bool) -> None:
        self.number = number
        self.lifeline = lifeline
        """Can be read from as soon as the foreman is gone."""
        self.is_replacement = not is_first
        self._ready = ready

    def tell_ready(self) -> None:
        """This worker takes requests."""
        os.write(self._ready, _READY)


class Foreman:
    """Keeps `count` workers at work until it is told to end."""

    def __init__(self, count: int, work: Callable[[Place], None], on_ready: Callable[[], None], grace_s: float) -> None:
        """`on_ready` is called once, when all are ready; after `grace_s` those that do not end are killed."""
        self._count = count
        self._work = work
        self._on_ready: Callable[[], None] | None = on_ready
        self._grace_s = grace_s
        self._at_work: dict[int, int] = {}  # process id → number
        self._began: dict[int, float] = {}
        self._pauses = [0.0] * count
        self._due: dict[int, float] = {}  # number → when another is begun
        self._wanted: set[int] = set()
        self._is_ending = self._has_failed = False
        self._ready_count = 0

    def run(self) -> None:
        """Until a signal ends it; `SystemExit` 2 if a worker cannot begin at all."""
        self._ready, self._tell = os.pipe()
        self._lifeline, self._hold = os.pipe()
        self._woken, self._wake = os.pipe()
        os.set_blocking(self._wake, False)
        before = {number: signal.signal(number, self._take) for number in {*_SIGNALS, signal.SIGCHLD}}
        fd = signal.set_wakeup_fd(self._wake)
        try:
            self._due = dict.fromkeys(range(self._count), stopwatch())
            with selectors.DefaultSelector() as selector:
                selector.register(self._ready, selectors.EVENT_READ)
                selector.register(self._woken, selectors.EVENT_READ)
                while self._at_work or not self._is_ending:
                    self._turn(selector)
        finally:
            signal.set_wakeup_fd(fd)
            for number, handler in before.items():
                signal.signal(number, handler)
            for each in (self._ready, self._tell, self._lifeline, self._hold, self._woken, self._wake):
                os.close(each)
        if self._has_failed:
            sys.exit(_USAGE)

    def _take(self, number: int, frame: FrameType | None) -> None:
        self._wanted.add(number)

    def _turn(self, selector: selectors.BaseSelector) -> None:
        now = stopwatch()
        for number in [each for each, due in self._due.items() if due <= now]:
            del self._due[number]
            self._begin(number)
        timeout = max(0.0, min(self._due.values()) - now) if self._due else None
        for key, _ in selector.select(timeout):
            told = os.read(key.fd, 4096)
            if key.fd == self._ready:
                self._ready_count += len(told)
        if self._ready_count >= self._count and self._on_ready is not None and not self._is_ending:
            on_ready, self._on_ready = self._on_ready, None
            on_ready()
        self._obey()
        self._bury()

    def _begin(self, number: int) -> None:
        sys.stdout.flush()
        sys.stderr.flush()
        process = os.fork()
        if process == 0:
            self._be_worker(number)
        self._at_work[process] = number
        self._began[process] = stopwatch()

    def _be_worker(self, number: int) -> NoReturn:
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for each in {*_SIGNALS, signal.SIGCHLD}:
                signal.signal(each, signal.SIG_DFL)
            if hasattr(signal, "SIGHUP"):
                signal.signal(signal.SIGHUP, signal.SIG_IGN)  # until it can read the files again, it reads them anyway
            for fd in (self._hold, self._ready, self._woken, self._wake):
                os.close(fd)
            self._work(Place(number, self._tell, self._lifeline, is_first=self._on_ready is not None))
            code = 0
        except SystemExit as ended:
            code = ended.code if isinstance(ended.code, int) else 1
        except BaseException:  # whatever it is, a fork must not go on as its parent
            log.exception("a worker failed: please report this")
        finally:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
                sys.stderr.flush()
            os._exit(code)

    def _obey(self) -> None:
        wanted, self._wanted = self._wanted, set()
        if wanted & {signal.SIGTERM, signal.SIGINT}:
            self._end()
        elif (hangup := getattr(signal, "SIGHUP", None)) in wanted:
            if self._on_ready is None and self._at_work:
                _send(min(self._at_work, key=self._began.__getitem__), hangup)  # the others hear of it by the store
            else:  # when somebody can hear it
                self._wanted.add(hangup)

    def _end(self) -> None:
        if self._is_ending:
            return
        self._is_ending = True
        self._due.clear()
        for process in self._at_work:
            _send(process, signal.SIGTERM)
        signal.signal(signal.SIGALRM, self._kill)
        signal.setitimer(signal.ITIMER_REAL, self._grace_s)

    def _kill(self, number: int, frame: FrameType | None) -> None:
        for process in self._at_work:
            _send(process, signal.SIGKILL)

    def _bury(self) -> None:
        for process in [*self._at_work]:
            buried, status = os.waitpid(process, os.WNOHANG)
            if buried:
                self._replace(process, os.waitstatus_to_exitcode(status))
        if self._is_ending and not self._at_work:
            signal.setitimer(signal.ITIMER_REAL, 0)

    def _replace(self, process: int, code: int) -> None:
        number, worked_s = self._at_work.pop(process), stopwatch() - self._began.pop(process)
        if self._is_ending:
            return
        if code == _USAGE and self._on_ready is not None:  # it has said why
            self._has_failed = True
            self._end()
            return
        pause = 0.0 if worked_s >= _LONG_S else min(_LONGEST_PAUSE_S, max(_FIRST_PAUSE_S, 2 * self._pauses[number]))
        self._pauses[number] = pause
        self._due[number] = stopwatch() + pause
        how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"
        log.warning("worker %d (process %d) %s; another begins", number, process, how)


def _send(process: int, number: int) -> None:
    with suppress(ProcessLookupError):
        os.kill(process, number)
