"""Makes ``startswith`` and ``contains`` case-sensitive on SQLite, as they are on PostgreSQL. SQLite's LIKE is not."""

from typing import Any, ClassVar

from django.db.models import CharField, TextField
from django.db.models.lookups import Contains, PatternLookup, StartsWith


class _Instr(PatternLookup):
    """Searches for the text by SQLite's ``instr``, which is case-sensitive."""

    place: ClassVar[str]

    def as_sqlite(self, compiler: Any, connection: Any) -> tuple[str, list[object]]:
        column, parameters = self.process_lhs(compiler, connection)
        text, more = super(PatternLookup, self).process_rhs(compiler, connection)  # the plain text, not a LIKE pattern
        return f"instr({column}, {text}) {self.place}", [*parameters, *more]


class _StartsWith(_Instr, StartsWith):
    place = "= 1"


class _Contains(_Instr, Contains):
    place = "> 0"


for field in (CharField, TextField):
    for lookup in (_StartsWith, _Contains):
        field.register_lookup(lookup)
