"""Pieces of texts: what a text must have for a plain string to be contained in it, quick to look up.

Texts fall into words at white space. A string's inner words are words of every text that contains it, its first is the end of
one, its last the beginning of one, and every run of four characters within a word is within one.
"""

from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet

__all__ = ["Piece", "Words", "pieces_of"]

_EDGE = 4  # characters of a word's beginning or end
_RUN = 4
_WHOLE_RUN = "run4"
_MOST = 24  # words and runs of one string that are looked at


Piece = tuple[str, str]
"""Of which kind it is (`word`, `begin3`, `end3`, `run4`, with the number of characters), and what must be there."""


def pieces_of(needle: str) -> Iterator[Piece]:
    """Pieces of a casefolded string, each in every text that contains it; those that are quickest to look up first."""
    words = needle.split()
    if not words:
        return
    whole = [*words[1:-1][:_MOST]]
    is_first_whole, is_last_whole = needle[0].isspace(), needle[-1].isspace()
    first, last = words[0], words[-1]
    is_one = len(words) == 1
    if is_first_whole and (is_last_whole or not is_one):
        whole.append(first)
    if is_last_whole and not is_one:
        whole.append(last)
    for word in whole:
        yield "word", word
    if is_first_whole or not is_one:  # white space before the last word
        yield f"begin{min(len(last), _EDGE)}", last[:_EDGE]
    if is_last_whole or not is_one:
        yield f"end{min(len(first), _EDGE)}", first[-_EDGE:]
    for word in {first, last}:
        for start in range(max(0, len(word) - _RUN + 1))[-_MOST:]:
            yield _WHOLE_RUN, word[start : start + _RUN]
    if is_one and len(first) < _RUN:
        yield f"run{len(first)}", first


class Words:
    """The words of a casefolded text, and their pieces, each kind made when it is asked for."""

    def __init__(self, text: str) -> None:
        self._words = frozenset(text.split())
        self._pieces: dict[str, AbstractSet[str]] = {"word": self._words}

    def pieces(self, kind: str) -> AbstractSet[str]:
        """All pieces of a kind."""
        found = self._pieces.get(kind)
        if found is None:
            found = self._pieces[kind] = _MAKERS[kind[:-1]](self._words, int(kind[-1]))
        return found


_MAKERS: Mapping[str, Callable[[AbstractSet[str], int], AbstractSet[str]]] = {
    "begin": lambda words, length: {word[:length] for word in words},
    "end": lambda words, length: {word[-length:] for word in words},
    "run": lambda words, length: {
        word[start : start + length] for word in words for start in range(len(word) - length + 1)
    },
}  # fmt: skip
