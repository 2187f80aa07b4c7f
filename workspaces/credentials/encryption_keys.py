"""Checks that this process has the encryption keys of the stored credentials, and rotates the keys.

Rotating re-encrypts all stored secrets with the first of ENCRYPTION_KEYS.
"""
# ruff: noqa: SLF001 - ``_meta`` and ``_default_manager`` are documented API of Django's models

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from allauth.mfa.models import Authenticator
from django.apps import apps
from django.db import models, transaction

from cleanlist.models import JsonObject
from core.encryption import DecryptionError, EncryptedField, EncryptedValue
from workspaces.audit.events import CONSOLE, record_event
from workspaces.models import Action, ManagementSession, Outcome, Workspace

OPEN_NOTHING = (
    "None of the stored credentials can be decrypted: ENCRYPTION_KEYS no longer contains their key, so this console's "
    "other processes couldn't decrypt anything stored now."
)
BATCH = 200  # rows per transaction


def check_encryption_keys() -> None:
    """Raise DecryptionError if credentials are stored and ENCRYPTION_KEYS decrypts none of them.

    The keys may be those of another or a former console. The other processes of this one could not decrypt anything
    that is encrypted with them.
    """
    is_any_stored = False
    for sealed in _stored():
        if sealed.is_decryptable:
            return
        is_any_stored = True
    if is_any_stored:
        raise DecryptionError(OPEN_NOTHING)


def _stored() -> Iterator[EncryptedValue]:
    for model, column in ((Workspace, "api_key"), (ManagementSession, "client_token"), (ManagementSession, "token")):
        rows = model._default_manager.exclude(**{column: None}).order_by("-pk")
        yield from rows.values_list(column, flat=True).iterator(100)


@dataclass
class Report:
    """The result of a rotation: secrets that were re-encrypted, that were current already, that cannot be decrypted."""

    resealed: int = 0
    current: int = 0
    lost: list[str] = field(default_factory=list)


def reseal_all() -> Report:
    """Re-encrypt all stored secrets, including people's second factors. Safe to run twice."""
    report = Report()
    for model in apps.get_models():
        for column in [each for each in model._meta.fields if isinstance(each, EncryptedField)]:
            _each_batch(model, {f"{column.name}__isnull": False}, _column_resealer(column.attname, report))
    _each_batch(Authenticator, {"type__in": ["totp", "recovery_codes"]}, _authenticator_resealer(report))
    record_event(
        Action.ENCRYPTION_KEYS_ROTATED,
        CONSOLE,
        outcome=Outcome.FAILED if report.lost else Outcome.SUCCEEDED,
        message=f"{len(report.lost)} can't be decrypted" if report.lost else "",
        resealed=report.resealed,
        unchanged=report.current,
    )
    return report


def _each_batch(model: type[models.Model], chosen: dict[str, object], work: Callable[[object], None]) -> None:
    """Call ``work`` for each locked row, BATCH rows per transaction, so that an interruption loses only one batch."""
    last: object = 0
    rows = model._default_manager.filter(**chosen).order_by("pk")
    while True:
        with transaction.atomic():
            batch = list(rows.select_for_update().filter(pk__gt=last)[:BATCH])
            for row in batch:
                work(row)
        if not batch:
            return
        last = batch[-1].pk


def _column_resealer(name: str, report: Report) -> Callable[[object], None]:
    def work(row: Any) -> None:
        fresh = _resealed(getattr(row, name), f"{row._meta.verbose_name} {row.pk}: {name}", report)
        if fresh is not None:
            type(row)._default_manager.filter(pk=row.pk).update(**{name: fresh})

    return work


def _authenticator_resealer(report: Report) -> Callable[[object], None]:
    def work(row: Any) -> None:
        data = dict(row.data)
        for name, place in list(_sealed_places(data)):
            fresh = _resealed(EncryptedValue(place), f"second factor {row.pk} of account {row.user_id}", report)
            if fresh is not None:
                data = _replaced(data, name, place, fresh.ciphertext)
        if data != row.data:
            Authenticator.objects.filter(pk=row.pk).update(data=data)

    return work


def _sealed_places(data: JsonObject) -> Iterator[tuple[str, str]]:
    """Yield the values in an authenticator's data that django-allauth has encrypted, with their names."""
    for name in ("secret", "seed"):
        if name in data:
            yield name, data[name]
    for code in data.get("migrated_codes", []):
        yield "migrated_codes", code


def _replaced(data: dict[str, object], name: str, old: str, new: str) -> dict[str, object]:
    value = data[name]
    return {**data, name: [new if item == old else item for item in value] if isinstance(value, list) else new}


def _resealed(sealed: EncryptedValue, where: str, report: Report) -> EncryptedValue | None:
    """Return ``sealed`` re-encrypted with the first key; None if it is current already or cannot be decrypted."""
    if sealed.is_current:
        report.current += 1
        return None
    try:
        fresh = sealed.reencrypted()
    except DecryptionError:
        report.lost.append(where)
        return None
    report.resealed += 1
    return fresh
