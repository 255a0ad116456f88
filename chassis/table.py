"""State machines as tables: (from, message, to, event), read by people, by deciders and by the diagrams in the docs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from chassis.errors import Refusal


@dataclass(frozen=True, slots=True)
class Move:
    """One row: in state `source` (None: there is nothing yet) `message` leads to `target` and emits `event`."""

    source: Any
    message: type
    target: Any
    event: type | None = None


class Table:
    """The legal moves of one aggregate. `names` gives states, and `words` messages, their Vietnamese for people.

    `voices` are the classes of messages by who may say them: whoever said one of a class is told of moves in it only.
    `rests` are the states in which nobody waits for anything, whatever may still come.
    """

    def __init__(
        self,
        moves: Sequence[Move],
        names: dict[Any, str] | None = None,
        words: dict[type, str] | None = None,
        voices: tuple[type, ...] = (),
        rests: tuple[Any, ...] = (),
    ) -> None:
        self.moves, self._names, self._words, self._voices = tuple(moves), names or {}, words or {}, voices
        self._rests = rests

    def allows(self, source: Any, message: type) -> bool:
        return any(move.source == source and move.message is message for move in self.moves)

    def require(self, source: Any, message: type, target: Any = None) -> Move:
        """The move that this message makes from `source`: to `target`, or by the first row where there are several.

        Raises Refusal 409, naming the legal messages that the same voice may say, when there is none.
        """
        for move in self.moves:
            if move.source == source and move.message is message and target in (None, move.target):
                return move
        legal = {move.message for move in self.moves if move.source == source}
        voice = next((each for each in self._voices if issubclass(message, each)), object)
        own = {each for each in legal if issubclass(each, voice)}
        here = [self._words.get(each, each.__name__) for each in own]
        waits = legal and source not in self._rests
        none_vi, none_en = ("chờ bên khác thực hiện", "wait for others") if waits else (
            "không còn bước nào", "nothing, it is final"
        )  # fmt: skip
        state = self._names.get(source, str(source))
        raise Refusal(
            "illegal_move",
            f"Không thể {self._words.get(message, message.__name__)} khi đang ở trạng thái “{state}”. "
            f"Có thể: {', '.join(sorted(here)) or none_vi}.",
            f"{message.__name__} is not possible in state {_word(source)}. "
            f"Possible: {', '.join(sorted(each.__name__ for each in own)) or none_en}.",
        )

    def mermaid(self) -> str:
        """The table as a Mermaid state diagram: its states with their names, and what ends where nothing follows."""
        lines = ["stateDiagram-v2"]
        for move in self.moves:
            source = "[*]" if move.source is None else _word(move.source)
            event = f" / {move.event.__name__}" if move.event else ""
            lines.append(f"    {source} --> {_word(move.target)}: {move.message.__name__}{event}")
        reached = dict.fromkeys(move.target for move in self.moves)
        left = {move.source for move in self.moves}
        lines += [f"    {_word(state)} --> [*]" for state in reached if state not in left]
        lines += [f"    {_word(state)}: {self._names[state]}" for state in reached if state in self._names]
        return "\n".join(lines) + "\n"


def _word(state: Any) -> str:
    return str(getattr(state, "name", state)).lower()
