"""Waiting for a server, with the standard library alone: it must start fast."""

import http.client
import urllib.request

from mockapi.clock import pause, stopwatch

__all__ = ["is_ready_within"]

_BETWEEN_S = 0.05


def is_ready_within(url: str, seconds: float) -> bool:
    """Ask until the answer is 200; False when the time is over."""
    end = stopwatch() + seconds
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))  # a local server is never behind a proxy
    while True:
        if _answers(opener, url, max(0.05, end - stopwatch())):
            return True
        if end - stopwatch() <= 0:
            return False
        pause(min(_BETWEEN_S, max(0.0, end - stopwatch())))


def _answers(opener: urllib.request.OpenerDirector, url: str, timeout: float) -> bool:
    try:
        with opener.open(url, timeout=timeout) as answer:
            return bool(answer.status == 200)
    except (OSError, http.client.HTTPException):  # nobody there yet, or not ready, or not ours
        return False
