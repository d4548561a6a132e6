"""Every row of the error catalogue as a call that provokes it, or as a scenario that does; what is expected is written out."""

from .requests import REQUESTS
from .scripted import SCRIPTED
from .state import STATE
from .tools import TOOLS

__all__ = ["CASES", "SCRIPTED"]

CASES = {**REQUESTS, **STATE, **TOOLS}
