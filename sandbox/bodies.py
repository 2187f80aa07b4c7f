"""What bodies of requests consist of: texts and lists with a limit, and no field that is unknown."""

from collections.abc import Sized
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler, model_validator
from pydantic_core import CoreSchema, PydanticCustomError

MAX_FIELDS = 100


class _Encodable:
    """Refuses lone surrogates: JSON can escape them, but no text column can hold them."""

    def __get_pydantic_core_schema__(self, source: type[object], handler: GetCoreSchemaHandler) -> CoreSchema:
        """Let the text be decoded, as it is wherever there is a limit, even one that says nothing."""
        schema = handler(source)
        return schema if schema["type"] != "str" else {"min_length": 0, **schema}


Text = Annotated[str, _Encodable()]
# Upstream names no limits; what the sandbox stores has to have one.
MAX_NAME, MAX_URL = 500, 2000
Name = Annotated[Text, Field(max_length=MAX_NAME)]
Identifier = Annotated[Text, Field(max_length=200)]
Url = Annotated[Text, Field(max_length=MAX_URL)]


def at_most(limit: int) -> BeforeValidator:
    """Refuse what has more items before they are looked at: otherwise each that is wrong makes an error of its own."""

    def check(given: object) -> object:
        if isinstance(given, Sized) and not isinstance(given, str) and len(given) > limit:
            raise PydanticCustomError("too_long", "Input should have at most {limit} items", {"limit": limit})
        return given

    return BeforeValidator(check)


# A number and nothing else: elsewhere `true` is taken for 1, and "1" as well.
Count = Annotated[int, Field(strict=True)]


class Body(BaseModel):
    """A body that has no fields but its own."""

    model_config = ConfigDict(extra="forbid")

    @model_validator(mode="before")
    @classmethod
    def _has_few_fields(cls, given: object) -> object:
        """Refuse thousands of unknown fields with one error instead of as many."""
        if isinstance(given, dict) and len(given) > MAX_FIELDS:
            raise PydanticCustomError("too_long", "Input has more than {limit} fields", {"limit": MAX_FIELDS})
        return given
