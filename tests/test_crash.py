"""What a server has acknowledged outlives it, however it ends. `python -m tests.crash` does the same as often as one likes."""

import pytest

from .backends import BACKENDS
from .crash import crash


@pytest.mark.slow
@pytest.mark.parametrize("name", [each for each in sorted(BACKENDS) if each != "memory"])
def test_nothing_that_was_acknowledged_is_lost(name, tmp_path):
    with BACKENDS[name](tmp_path) as place:
        report = crash(place.url, kills=6)
    assert report.lost == []
    assert report.kills == 6
    assert report.checked > 100


def test_a_store_that_forgets_is_noticed(tmp_path):
    """The same check fails where state goes with the process."""
    assert len(crash("memory", kills=1).lost) > 0
