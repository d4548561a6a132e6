"""An estimate of how many tokens o200k makes of a text, without its vocabulary: one pass of one regular expression.

Each alternative is a piece that is about one token; the lengths were fitted to o200k (docs/tokens.md has the errors). Every
repeat is bounded, so that the time grows with the length of the text and with nothing else.
"""

import re
from functools import cache

__all__ = ["count_text", "split_tokens"]

_MARKED = "ß-öø-ɏ\u1e00-\u1eff"  # letters that English does without: words with them have more tokens
_LOWER, _UPPER = "a-z" + _MARKED, "A-ZÀ-ÖØ-Þ"
_LONG_BUT_COMMON = r"[a-z]{5,11}(?:ing|ed|ly|ions?|ity|ble)"
_PAIRED_HIRAGANA = "いうくけされしただっでとなまるん"  # these mostly end a token that began before them

_PIECES = (
    # Words after a space: up to so many letters they are one token, longer ones come in fours.
    rf" [a-z]{{1,9}}+(?![{_LOWER}])",
    rf" {_LONG_BUT_COMMON}(?![{_LOWER}])",
    rf" [{_LOWER}]{{1,4}}",
    rf" [{_UPPER}][a-z]{{1,6}}+(?![{_LOWER}])",
    rf" [{_UPPER}][{_LOWER}]{{1,4}}",
    # Spaces before a word (its own one aside), at the end of a line, and before a digit.
    r"[^\S\r\n]{1,128}(?!\S)",
    r"[ \t](?=\d)",
    # Words as code has them: .name, _name, (name, camelCase.
    rf"[.,_(\-=<\[’]?[{_UPPER}]?[a-z]{{1,7}}+(?![{_LOWER}])",
    rf"[.,_(\-=<\[’]?[{_UPPER}]?[{_LOWER}]{{1,4}}",
    r"\d{1,3}",
    r" ?[!-/:-@\[-`{-~]{1,5}[\r\n]{0,16}",
    r"[^\S\r\n]{0,128}[\r\n]{1,16}",
    # Where a token holds one character or two, half of the characters may be the second one: which half is arbitrary, but fixed.
    r"[\u4e00-\u9fff][\u6200-\u9fff]?",
    rf" ?[\u3040-\u309f][{_PAIRED_HIRAGANA}]?",
    r" ?[\u30a0-\u30ff][\u30c8-\u30ff]?",
    r" ?[\uac00-\ud7a3][\ubc00-\ud7a3]?",
    # Capitals, other scripts.
    rf" ?[{_UPPER}]{{1,10}}+(?![{_UPPER}])",
    rf" ?[{_UPPER}]{{1,4}}",
    r" ?[\u0400-\u052f]{1,5}+(?![\u0400-\u052f])",
    r" ?[\u0400-\u052f]{1,4}",
    r" ?[\u0370-\u03ff\u0530-\u058f\u10a0-\u10ff]{1,3}",  # Greek, Armenian, Georgian
    r" ?[\u0600-\u06ff]{1,4}",  # Arabic
    r" ?[\u0590-\u05ff\u0900-\u0dff]{1,3}",  # Hebrew, scripts of India
    r"[\u0e00-\u0eff]{1,3}",  # Thai, Lao
    r"[\u1000-\u109f\u1780-\u17ff]{1,2}",  # Burmese, Khmer
    # Emoji take two tokens: the first is an empty piece.
    r"(?= ?[\U00010000-\U0010ffff])",
    r" ?[^\s\w]",
    r"(?s:.)",
)


@cache
def _piece() -> re.Pattern[str]:
    """Compiled for the first text: that takes as long as reading a scenario."""
    return re.compile("|".join(_PIECES))


def split_tokens(text: str) -> list[str]:
    """The text in pieces of one token each; joined, they are the text; an emoji's first piece is empty.

    The first `n` pieces, joined, count `n` tokens at most.
    """
    return _piece().findall(text)


def count_text(text: str) -> int:
    """Tokens in a text, as many as it has pieces; 0 for the empty one."""
    return _piece().subn("", text)[1]  # the fastest way to count: no piece is made
