"""A server lets itself open as many files as the system allows, and says so where those are few."""

import subprocess
import sys

import pytest

CODE = """
import logging, resource, sys
logging.basicConfig(format="%(message)s")
resource.setrlimit(resource.RLIMIT_NOFILE, tuple(map(int, sys.argv[1:])))
from mockapi.handles import raise_file_limit
print(raise_file_limit(), resource.getrlimit(resource.RLIMIT_NOFILE)[0])
"""


@pytest.mark.parametrize(("soft", "hard", "after"), [(256, 5_000, 5_000), (5_000, 5_000, 5_000), (256, 300, 300)])
def test_the_limit_is_raised_as_far_as_it_goes(soft, hard, after):
    run = subprocess.run([sys.executable, "-c", CODE, str(soft), str(hard)], capture_output=True, text=True, check=True)
    assert run.stdout.split() == [str(after)] * 2
    warning = "the system lets this process open 300 files: as many connections at once fail; `ulimit -n` raises it\n"
    assert run.stderr == (warning if after == 300 else "")


def test_a_system_without_such_a_limit(monkeypatch):
    from mockapi.handles import raise_file_limit

    monkeypatch.setitem(sys.modules, "resource", None)
    assert raise_file_limit() == 0
