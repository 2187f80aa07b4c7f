"""The state machine of one rule and one subject: pure, so that tests can try every path.

It fires when the value crosses the threshold (after the pending time), keeps firing until the value reaches the
recovery level, and can fire again at once. Missing data only hides the state: what was firing before "unknown" is
firing after it, unless it has recovered meanwhile.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from enum import StrEnum

from alerts.engine.rule_kinds import Direction


class State(StrEnum):
    """The state of one rule on one subject."""

    OK = "ok"
    PENDING = "pending"
    FIRING = "firing"
    UNKNOWN = "unknown"


@dataclass(frozen=True)
class Levels:
    """When to fire and when to clear. A recovery level on the wrong side of the threshold counts as the threshold."""

    direction: Direction
    threshold: Decimal
    recovery: Decimal
    pending: timedelta = timedelta(0)

    def crossed(self, value: Decimal) -> bool:
        """Return whether ``value`` is worse than the threshold; the threshold itself is still fine."""
        return value < self.threshold if self.direction == "below" else value > self.threshold

    def recovered(self, value: Decimal) -> bool:
        """Return whether ``value`` has reached the recovery level."""
        if self.direction == "below":
            return value >= max(self.recovery, self.threshold)
        return value <= min(self.recovery, self.threshold)


@dataclass(frozen=True)
class Memory:
    """The previous state, since when the threshold is crossed, and the state that "unknown" hides."""

    state: State = State.OK
    started_at: datetime | None = None
    hidden: State = State.OK


def step(memory: Memory, levels: Levels, value: Decimal | None, now: datetime) -> Memory:
    """Return the state after observing ``value`` (None: no data) at ``now``."""
    if value is None:
        return memory if memory.state == State.UNKNOWN else replace(memory, state=State.UNKNOWN, hidden=memory.state)
    if memory.state == State.UNKNOWN:
        memory = Memory(memory.hidden, memory.started_at)
    if memory.state == State.FIRING:
        return Memory() if levels.recovered(value) else memory
    if not levels.crossed(value):
        return Memory()
    started_at = memory.started_at or now
    due = now - started_at >= levels.pending
    return Memory(State.FIRING if due else State.PENDING, started_at)
