"""Interprets each balance change as a sum of charges, reservations, releases, top-ups and corrections.

A rise counts as returned credits only as far as open reservations can have returned them; the rest is a top-up. Known
enrichments are subtracted first, exactly. The remainder is judged by signs (``top_up_score``); what they leave open
stays a range. Nothing here reads a database: ``interpret`` is a function of its ``Evidence``.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal

from usage.changes import top_up_score
from usage.changes.fall_rate import NOTHING, FallRate, FallRates, HiddenTopUp, ObservedFall, find_hidden_top_up
from usage.changes.paid_calls import UnmatchedCalls
from usage.changes.reservations import USUAL_DURATION, AssignedCredits, Reservations, assign_enrichments
from usage.changes.types import ZERO, Certainty, Change, Evidence, Interpretation, Mark
from usage.rounding import round_range

# In its first hour, a history does not show credits reserved before it began. Their returns are a small share of a
# balance, and top-ups rarely are.
UNSEEN = Decimal("0.1")
# Refusals for lack of credits suggest a top-up that follows within this time.
REFUSED_WITHIN = timedelta(hours=48)
# Rises that differ by less than this share are alike.
ALIKE = Decimal("0.02")
CENT = Decimal("0.0001")
# This many doubtful top-ups of one size are hardly a coincidence.
AGAIN = 3
# A history of at least this length shows its account's usual burn.
LEARNED_SECONDS = 3600
PARTLY_FORCED = Decimal("0.9")
# If the ends of this share of all enrichments are known, an unknown end is a sign.
ENDS_KNOWN = 0.8


def interpret(evidence: Evidence) -> list[Interpretation]:
    """Interpret each of the changes, in order.

    Two passes: sizes of top-ups found late help to recognize earlier ones.
    """
    first = _Interpreter(evidence, ()).read()
    found = trusted_sizes(
        (change.until, one.topped_up, one.certainty is Certainty.UNCERTAIN)
        for change, one in zip(evidence.changes, first, strict=True)
        if one.topped_up > 0 and not change.known
    )
    doubtful = any(one.certainty is Certainty.UNCERTAIN for one in first)
    return _Interpreter(evidence, found).read() if found and doubtful else first


def trusted_sizes(top_ups: Iterable[tuple[datetime, Decimal, bool]]) -> list[tuple[datetime, Decimal]]:
    """Return time and size of certain top-ups, and of doubtful ones with a recurring size."""
    rows = list(top_ups)
    often = Counter(size for _, size, _ in rows)
    return [(at, size) for at, size, is_doubtful in rows if not is_doubtful or often[size] >= AGAIN]


def _rounded(found: Interpretation) -> Interpretation:
    low, high = round_range(found.low, found.high)
    return replace(found, low=low, high=high)


@dataclass(frozen=True)
class _ChangeContext:
    """A change, and the rest of it after subtracting exactly known amounts."""

    change: Change
    known: AssignedCredits
    calls: Decimal  # the most that paid calls without a known enrichment can have taken
    price: tuple[float, float] | None  # the final cost of those calls, and its deviation
    is_logged: bool

    @property
    def rest(self) -> Decimal:
        return self.change.delta - self.known.returned + self.known.reserved


class _Interpreter:
    """One pass over the changes, tracking open reservations."""

    def __init__(self, evidence: Evidence, found: Sequence[tuple[datetime, Decimal]]) -> None:
        self.evidence = evidence
        self.changes = evidence.changes
        self.sizes = [*evidence.sizes, *found]
        self.returned = list(evidence.returned)
        self.open = Reservations()
        self.peak = evidence.peak
        self.calls = UnmatchedCalls(evidence.calls, evidence.works)
        self.unlogged_falls = self.spent = ZERO
        self.unwatched = 0.0
        for at, amount in evidence.carried:
            self.open.add(at, amount)
        self.known = assign_enrichments(evidence.works, self.changes)
        self.paces = FallRates(self.changes, evidence.usual)
        charged = sum(work.charged is not None for work in evidence.works)
        self.are_ends_known = charged > 0 and charged >= ENDS_KNOWN * len(evidence.calls)

    def read(self) -> list[Interpretation]:
        begins = self.evidence.begins
        if begins and not self._is_logged(self.changes[0]):
            unseen = (max(ZERO, self.changes[0].before) * UNSEEN).quantize(CENT)
            self.open.add(begins, unseen, ZERO, ttl=USUAL_DURATION)
        return [self._read(place_, change) for place_, change in enumerate(self.changes)]

    def _read(self, at: int, change: Change) -> Interpretation:
        self.open.drop_expired(change.since)
        self.peak = max(self.peak, change.before)
        step = self._step(at, change)
        self._learn(change)
        found = change.known or (self._marked(at, step) if change.mark else self._judged(at, step))
        self._note(step, found)
        self.peak = max(self.peak, change.after)
        return found

    def _learn(self, change: Change) -> None:
        """Use the burn so far as the usual one if no earlier one is known, as in an imported history."""
        watched = (change.since - self.changes[0].since).total_seconds() - self.unwatched
        if not self.evidence.usual and watched >= LEARNED_SECONDS:
            self.paces.usual = max(0.0, float(self.spent)) / watched

    def _step(self, at: int, change: Change) -> _ChangeContext:
        span = change.since, change.until
        return _ChangeContext(
            change, self.known[at], self.calls.most(*span), self.calls.price(*span), self._is_logged(change)
        )

    def _is_logged(self, change: Change) -> bool:
        log = self.evidence.log
        return log is not None and log[0] <= change.since and change.until <= log[1]

    def _judged(self, at: int, step: _ChangeContext) -> Interpretation:
        found = _rounded(self._rise(at, step) if step.rest > 0 else self._fall(at, step))
        returned = max(ZERO, step.change.delta - found.topped_up, step.known.returned)
        why = (*found.why, "known") if step.known.is_any else found.why
        return replace(found, returned=returned, why=why)

    # --- rises ------------------------------------------------------------------------------------------------

    def _rise(self, at: int, step: _ChangeContext) -> Interpretation:
        rise = self._as_rise(at, step)
        most = rise.amount + self._spent_at_most(at, step)
        if rise.forced >= PARTLY_FORCED * rise.amount:
            return self._added(rise, most)
        verdict = top_up_score.score_rise(rise)
        if verdict.score < top_up_score.COUNTED:
            return self._returned(rise, verdict, most, is_seen=step.change.delta > 0 and not step.change.is_gap)
        size = max(top_up_score.likely_size(rise), rise.forced)
        if top_up_score.has_exact_size(rise):
            most = min(most, rise.edges[1])
        is_likely = verdict.score >= top_up_score.LIKELY or rise.is_trifle
        low = max(rise.forced, rise.amount - rise.largest) if is_likely and not rise.is_small else ZERO
        certainty = Certainty.LIKELY if is_likely else Certainty.UNCERTAIN
        return Interpretation(size, min(low, size), max(most, size), certainty=certainty, why=verdict.why)

    def _added(self, rise: top_up_score.UnexplainedRise, most: Decimal) -> Interpretation:
        """Return a top-up, as nothing can have given the credits back."""
        size = top_up_score.likely_size(rise)
        why = ("more_than_open" if rise.open else "nothing_open",)
        if rise.is_small and size not in rise.sizes:
            return Interpretation(size, ZERO, max(most, size), certainty=Certainty.LIKELY, why=(*why, "small"))
        return Interpretation(size, min(rise.forced, size), max(most, size), why=why)

    def _returned(
        self, rise: top_up_score.UnexplainedRise, verdict: top_up_score.TopUpScore, most: Decimal, *, is_seen: bool
    ) -> Interpretation:
        """Return a rise of returned credits, except for what cannot have come back; an unobserved rise is doubtful."""
        if verdict.score < top_up_score.UNLIKELY and rise.is_observed and is_seen:
            return Interpretation(certainty=Certainty.LIKELY, why=verdict.why)
        certainty = Certainty.LIKELY if rise.is_trifle else Certainty.UNCERTAIN
        low = ZERO if rise.is_small else rise.forced
        return Interpretation(low, low, most, certainty=certainty, why=verdict.why)

    def _as_rise(self, at: int, step: _ChangeContext) -> top_up_score.UnexplainedRise:
        change, amount, pace = step.change, step.rest, self.paces.before(at)
        rows = self.open.open()
        sizes = [size for at_, size in self.sizes if at_ != change.until]
        expected, narrow = pace.expected(change.seconds), pace.narrow(change.seconds)
        if step.is_logged and step.price:
            expected, narrow = step.price[0], step.price[0] + 2 * step.price[1]
        elif step.is_logged and not step.calls and not self.unlogged_falls:
            expected = narrow = 0.0
        return top_up_score.UnexplainedRise(
            amount=amount,
            at=change.until,
            since=change.since,
            before=change.before,
            peak=self.peak,
            fresh=[row for row in rows if top_up_score.is_fresh(row, change.since)],
            stale=[row for row in rows if not top_up_score.is_fresh(row, change.since)],
            expected=expected,
            narrow=narrow,
            sizes=sizes,
            alike=self._alike(at, amount, narrow),
            refused=self._was_refused(change),
            ended=step.known.ended >= amount,
            added_before=sum(size >= amount / 2 for size in sizes),
            returned_before=sum(size >= amount / 2 for size in self.returned),
            unended=step.is_logged and self.are_ends_known and not (step.known.ended or step.known.returned),
        )

    def _spent_at_most(self, at: int, step: _ChangeContext) -> Decimal:
        """Return the most that can have been spent unseen while the balance rose."""
        pace, seconds = self.paces.before(at), step.change.seconds
        if step.is_logged and not self.unlogged_falls:
            return step.calls
        # For spending outside the log only the pace is known: a single large fall is no pace.
        unseen = pace.narrow(seconds) if step.is_logged else pace.wide(seconds)
        return max(step.calls, Decimal(repr(unseen)).quantize(CENT))

    def _alike(self, at: int, amount: Decimal, narrow: float) -> int:
        near = max(ALIKE * amount, Decimal(repr(narrow)))
        others = (self.changes[place_].delta for place_ in range(max(0, at - 500), len(self.changes)) if place_ != at)
        return sum(1 for delta in others if delta > 0 and abs(delta - amount) <= near)

    def _was_refused(self, change: Change) -> bool:
        refusals = self.evidence.refusals
        begin = bisect_left(refusals, change.since - REFUSED_WITHIN)
        return begin < len(refusals) and refusals[begin] <= change.until

    # --- falls ------------------------------------------------------------------------------------------------

    def _fall(self, at: int, step: _ChangeContext) -> Interpretation:
        pace = self.paces.before(at)
        is_long = pace.is_long(step.change.seconds)
        hidden = self._hidden(step, pace, is_long=is_long)
        if hidden is NOTHING:
            return Interpretation()
        why = ("gap", "slow") if is_long else ("slow",)
        return Interpretation(hidden.likely, hidden.low, hidden.high, certainty=Certainty.UNCERTAIN, why=why)

    def _hidden(self, step: _ChangeContext, pace: FallRate, *, is_long: bool) -> HiddenTopUp:
        change = step.change
        is_priced = step.is_logged and step.price is not None
        if (step.is_logged and not step.calls) or not (is_priced or is_long or pace.is_regular):
            return NOTHING
        sizes = [size for at_, size in self.sizes if at_ != change.until]
        expected, deviation = pace.expected(change.seconds), pace.deviation(change.seconds)
        if step.is_logged and step.price:
            expected, deviation = step.price
        return find_hidden_top_up(
            ObservedFall(-step.rest, change.before, change.after, expected, deviation, sizes, is_long)
        )

    # --- what a person said, and what follows -------------------------------------------------------------------

    def _marked(self, at: int, step: _ChangeContext) -> Interpretation:
        change = step.change
        if change.mark == Mark.TOP_UP:
            if change.marked is not None:
                return Interpretation(change.marked, change.marked, change.marked, why=("person",))
            size = top_up_score.likely_size(self._as_rise(at, step)) if step.rest > 0 else ZERO
            return Interpretation(size, min(size, max(ZERO, change.delta)), size, why=("person",))
        if change.mark == Mark.CORRECTION:
            corrected = change.delta if change.marked is None else change.marked
            return Interpretation(corrected=corrected, why=("person",))
        return Interpretation(returned=max(ZERO, change.delta), why=("person",))

    def _note(self, step: _ChangeContext, found: Interpretation) -> None:
        """Update open reservations and the known sizes of top-ups."""
        change = step.change
        if change.is_gap:
            self.unwatched += change.seconds
        else:
            self.spent += found.topped_up + found.corrected - change.delta
        taken = found.topped_up + found.corrected - step.rest
        if taken > 0:
            explained = min(taken, step.calls) if step.is_logged else taken
            self.open.add(change.until, taken, explained)
            if step.is_logged:
                self.unlogged_falls += taken - explained
        elif taken < 0:
            # A call's new reservation only replaced what came back: in total, less is open than before.
            self.open.release(-taken)
        self.open.release(step.known.earlier)
        if found.certainty is not Certainty.UNCERTAIN:
            if found.topped_up > 0:
                self.sizes.append((change.until, found.topped_up))
            elif found.returned > 0:
                self.returned.append(found.returned)
