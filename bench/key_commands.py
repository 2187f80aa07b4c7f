"""Creates and revokes keys while everything fails, and compares each verdict with what upstream holds.

Part of ``bench.capture_chaos``. A verdict may be "not known"; what it may not be is false.
"""

import itertools
import random
import time
from collections import Counter
from contextlib import suppress
from uuid import uuid4

from django.db import connections

COMMANDS = 200
NAME = "Made {}"


class Commands:
    """Keys made and revoked in turn by the console's own services, until there were enough or it is told to stop."""

    def __init__(self, workspace, truth, pause):
        self.workspace, self.truth, self.pause = workspace, truth, pause
        self.verdicts, self.wrong, self.given = Counter(), [], 0

    def run(self, stop):
        """Give commands, one every ``pause`` seconds, on a connection of its own."""
        try:
            self._run(stop)
        finally:
            connections.close_all()

    def _run(self, stop):
        numbers, began = itertools.count(1), time.monotonic()
        while self.given < COMMANDS and not stop.wait(max(0.0, began + self.given * self.pause - time.monotonic())):
            mine = self._mine()
            if len(mine) > 2 or (mine and random.random() < 0.5):  # noqa: S311
                self._revoke(random.choice(mine))  # noqa: S311
            else:
                self._create(NAME.format(next(numbers)))
            self.given += 1

    def _mine(self):
        from keys.models import ApiKey  # noqa: PLC0415

        return list(ApiKey.objects.of(self.workspace).active().filter(name__startswith=NAME.format("")))

    def _create(self, name):
        from cleanlist.errors import CleanlistError  # noqa: PLC0415
        from keys.services import AnswerLost, create_key  # noqa: PLC0415
        from workspaces.audit.events import CONSOLE  # noqa: PLC0415

        known = set(self.truth())
        try:
            made = create_key(self.workspace, CONSOLE, name=name, expires_at=None, form_id=uuid4())
        except AnswerLost as lost:
            self._note("create", lost.creation.state, lost.creation.key, known, name)
        except CleanlistError as error:
            self._note("create", f"refused: {type(error).__name__}", None, known, name)
        else:
            self._note("create", "created", made.key, known, name)

    def _note(self, kind, verdict, key, known, name):
        """Compare what is said of a creation with what upstream has gained."""
        self.verdicts[f"{kind}: {verdict}"] += 1
        new = [one for one in self.truth() if one not in known]
        # ``known`` is upstream's own, so a key is new if and only if this command made it: nobody else makes any.
        claims_one = verdict in {"created", "unseen"}
        claims_none = verdict == "nothing" or verdict.startswith("refused")
        false = (claims_one and not new) or (claims_none and new) or (key is not None and key.upstream_id not in new)
        if false:
            self.wrong.append(f"{name}: {verdict}, {key and key.upstream_id}; upstream made {new}")

    def _revoke(self, key):
        from cleanlist.errors import SessionExpired  # noqa: PLC0415
        from keys.services.revoke import RevokeVerdict, revoke_keys  # noqa: PLC0415
        from workspaces.audit.events import CONSOLE  # noqa: PLC0415
        from workspaces.credentials.clients import NotConnected  # noqa: PLC0415

        with suppress(NotConnected, SessionExpired):
            (result,) = revoke_keys(self.workspace, CONSOLE, [key])
            self.verdicts[f"revoke: {result.verdict}"] += 1
            is_active = self.truth()[key.upstream_id]
            claims = {RevokeVerdict.REVOKED: False, RevokeVerdict.ALREADY: False, RevokeVerdict.FAILED: True}
            if claims.get(result.verdict, is_active) != is_active:
                self.wrong.append(f"{key.name}: {result.verdict} ({result.message}), upstream: {is_active}")

    def differing(self):
        """Return the keys whose state in the mirror is not upstream's."""
        from keys.models import ApiKey  # noqa: PLC0415

        truth = self.truth()
        mirror = dict(ApiKey.objects.of(self.workspace).filter(gone_at=None).values_list("upstream_id", "is_active"))
        return {key for key in {*truth, *mirror} if truth.get(key) != mirror.get(key)}

    def judge(self):
        """Print what was said and what of it was false; return whether the mirror agrees with upstream now."""
        from keys.models import KeyCreation  # noqa: PLC0415

        differing = self.differing()
        rows = KeyCreation.objects.filter(workspace=self.workspace).select_related("key")
        misnamed = [row.name for row in rows if row.key is not None and row.key.name != row.name]
        states = Counter(row.state for row in rows)
        print(f"  {self.given} commands on keys: {dict(sorted(self.verdicts.items()))}")
        print(f"  false verdicts: {len(self.wrong)} {self.wrong[:5]}")
        print(f"  creations now: {dict(states)}; linked to another's key: {len(misnamed)}")
        print(f"  keys whose state in the mirror is not upstream's: {len(differing)} of {len(self.truth())}")
        return not (self.wrong or misnamed or differing) and self.given == COMMANDS
