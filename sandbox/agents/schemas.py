"""Bodies and answers of smart agents, as Cleanlist's OpenAPI document has them."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, Field
from pydantic_core import PydanticCustomError

from sandbox.bodies import Body, Name, Text
from sandbox.envelope import Envelope
from sandbox.exports.columns import DEFAULT_COLUMNS, MORE_COLUMNS
from sandbox.schemas import MAX_AGENT_ROWS, MAX_COLUMN_NAME

AgentType = Literal["custom_ai", "cold_intro_email", "title_normalizer", "company_intel", "pain_point_hypothesis"]


def _own_column(value: str) -> str:
    """Refuse the name of a column that leads have anyway: in an export there could be only one of the two."""
    if value in {*DEFAULT_COLUMNS, *MORE_COLUMNS}:
        raise PydanticCustomError("value_error", "Every lead has a column of this name; choose another.")
    return value


class RunAgent(Body):
    """Body of `POST /smart-agents/run`."""

    list_id: Name
    agent_type: AgentType = "custom_ai"
    prompt: Annotated[Text, Field(max_length=20_000)] | None = None
    column_name: Annotated[Text, AfterValidator(_own_column)] = Field(min_length=1, max_length=MAX_COLUMN_NAME)
    lead_scope: Literal["subset", "all"] = "subset"
    max_rows: int = Field(100, ge=1, le=MAX_AGENT_ROWS)
    quote_id: Name
    overwrite: bool = False


class StartedRun(Envelope):
    """Answer of `POST /smart-agents/run`; `task_id` has the run, too, for older clients."""

    smart_agent_task_id: str
    smart_agent_task_ids: dict[str, str]
    status: str = "pending"
    list_id: str
    column_name: str
    estimated_cost: int


class RunSummary(BaseModel):
    """One run of the overview."""

    task_id: str
    list_id: str
    column_name: str
    agent_type: str
    status: str
    total: int
    processed: int
    failed: int
    created_at: str | None


class Runs(Envelope):
    """The latest runs."""

    runs: list[RunSummary]
    total: int


class ResultRow(BaseModel):
    """What came of one lead."""

    lead_id: str
    value: str | None
    error: str | None


class RunResults(Envelope):
    """The results of a run so far."""

    smart_agent_task_id: str
    status: str
    progress: int
    total: int
    succeeded: int
    failed: int
    results: list[ResultRow]
