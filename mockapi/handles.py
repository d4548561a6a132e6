"""How many files and connections this process may have open: systems begin with few, and let a process raise that itself."""

import logging

__all__ = ["raise_file_limit"]

log = logging.getLogger("mockapi")

_ENOUGH = 65_536
_FEW = 4_096


def raise_file_limit() -> int:
    """As far as the system lets it, up to 65,536; what the limit is then. Warns where it stays low; 0 where there is none."""
    try:
        import resource  # noqa: PLC0415 - Windows has none, nor such a limit
    except ImportError:
        return 0
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _ENOUGH if hard == resource.RLIM_INFINITY else min(_ENOUGH, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    if soft != resource.RLIM_INFINITY and soft < _FEW:
        log.warning("the system lets this process open %d files: as many connections at once fail; `ulimit -n` raises it", soft)
    return soft
