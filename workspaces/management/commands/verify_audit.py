from typing import Any

from django.core.management.base import BaseCommand, CommandError

from workspaces.chain import verify
from workspaces.models import AuditEvent, AuditHead


class Command(BaseCommand):
    help = "Check that no audit event was changed, removed or inserted; say which if one was."

    def handle(self, **_: Any) -> None:
        breaks = list(verify())
        for found in breaks:
            where = f"event {found.event_id}" if found.event_id else "the end of the trail"
            self.stderr.write(f"{where}: {found.text}")
        if breaks:
            raise CommandError(f"The audit trail does not hold: {len(breaks)} places.")
        cut = AuditHead.objects.filter(pk=AuditHead.ONLY).values_list("cut_count", flat=True).first()
        gone = f"; {cut:,} older ones were cut off by prune_audit" if cut else ""
        self.stdout.write(f"The audit trail holds: {AuditEvent.objects.count():,} events{gone}.")
