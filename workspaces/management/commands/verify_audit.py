import json
import re
from argparse import ArgumentTypeError
from datetime import datetime

from django.core.management.base import BaseCommand, CommandError, CommandParser

from workspaces.audit.chain import Anchor, Break, Known, is_signed, verify
from workspaces.models import AuditHead

_STATE = re.compile(r"([1-9]\d{0,17}):([0-9a-f]{64})")


class Command(BaseCommand):
    help = (
        "Check that no audit event was changed, removed or inserted, and list those that were. Events are known by "
        "position, not by number: renumbering the newest goes unnoticed. Only --expect detects that the whole trail "
        "was set back to an earlier state."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--json", action="store_true", dest="as_json", help="print count, hash and problems as JSON"
        )
        parser.add_argument(
            "--expect",
            type=_expected,
            metavar="COUNT:HASH",
            help="an earlier state that the trail must continue from, or a log line: audit_event or audit_anchor",
        )

    def handle(self, *, as_json: bool, expect: Known | Anchor | None, **_: object) -> None:
        if isinstance(expect, Anchor) and not is_signed(expect):
            raise CommandError("This anchor wasn't signed with this console's SECRET_KEY, or it was changed.")
        breaks = list(verify(expect.known if isinstance(expect, Anchor) else expect))
        head = AuditHead.objects.filter(pk=AuditHead.ONLY).first() or AuditHead()
        if as_json:
            self.stdout.write(_as_json(head, breaks))
        for found in breaks:
            where = f"event {found.event_id}" if found.event_id else "the end of the trail"
            self.stderr.write(f"{where}: {found.text}")
        if breaks:
            raise CommandError(f"The audit trail does not hold: {len(breaks)} places.")
        if not as_json:
            self.stdout.write(_in_words(head))


def _expected(text: str) -> Known | Anchor:
    """Parse COUNT:HASH, or a JSON line of the log with any prefix."""
    if found := _STATE.fullmatch(text.strip()):
        return Known(int(found[1]), found[2])
    try:
        line = json.loads(text[text.index("{") :])
        found = _STATE.fullmatch(f"{line['count']}:{line['hash']}")
        known = Known(int(found[1]), found[2]) if found else None
        if known and "signature" in line:
            return Anchor(known, datetime.fromisoformat(line["at"]), str(line["signature"]))
    except (ValueError, KeyError, TypeError):
        known = None
    if known is None:
        raise ArgumentTypeError("Enter COUNT:HASH, or a log line with audit_event or audit_anchor.")
    return known


def _as_json(head: AuditHead, breaks: list[Break]) -> str:
    problems = [{"event": found.event_id, "text": found.text} for found in breaks]
    state = {"count": head.count, "hash": head.last_hash, "cut_off": head.cut_count}
    return json.dumps({"holds": not breaks, **state, "problems": problems})


def _in_words(head: AuditHead) -> str:
    gone = f"; {head.cut_count:,} older ones were deleted by prune_audit" if head.cut_count else ""
    return f"The audit trail holds: {head.count - head.cut_count:,} events{gone}."
