"""Text is compared alike on both databases: by SQLite's LIKE, "/api" would be where "/API/v1" begins."""

from typing import Any, ClassVar

from django.db.models import CharField, TextField
from django.db.models.lookups import Contains, PatternLookup, StartsWith


class _Instr(PatternLookup):
    """Where in the column the text is found, which SQLite tells with regard to case."""

    place: ClassVar[str]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[Any]]:
        """Return the condition in SQLite's words."""
        column, parameters = self.process_lhs(compiler, connection)
        text, more = super(PatternLookup, self).process_rhs(compiler, connection)  # as it is, not as a pattern
        return f"instr({column}, {text}) {self.place}", [*parameters, *more]


class _StartsWith(_Instr, StartsWith):
    place = "= 1"


class _Contains(_Instr, Contains):
    place = "> 0"


for field in (CharField, TextField):
    for lookup in (_StartsWith, _Contains):
        field.register_lookup(lookup)
