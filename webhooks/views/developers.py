"""Documentation for people who write a receiver."""

import json
from functools import cache
from pathlib import Path
from typing import NamedTuple

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from core.net.curl import JSON, curl_command
from webhooks import payloads
from webhooks.ingest import delivery_status
from webhooks.models import Delivery
from webhooks.models.delivery import MAX_ATTEMPTS
from webhooks.outgoing import URLNotAllowed, parse_target
from workspaces.access import get_workspace
from workspaces.models import Workspace

_EXAMPLES = Path(__file__).parents[1] / "examples"
EXAMPLE_URL = "https://hooks.example.com/cleanlist"
WORKFLOW_ID = "public_bulk_0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"


class Snippet(NamedTuple):
    """A piece of code with the language it is in."""

    name: str
    language: str
    code: str


def body() -> dict[str, object]:
    """Return an example of what a webhook carries."""
    sample = payloads.build_sample("0")
    del sample["test"]
    result = {**sample["results"][0], "task_id": "0a1b2c3d-task-1"}
    endpoint = sample["results_endpoint"].partition("=")[0] + f"={WORKFLOW_ID}"
    return {**sample, "workflow_id": WORKFLOW_ID, "results": [result], "results_endpoint": endpoint}


def requests_to(url: str) -> list[Snippet]:
    """Return the request to ``url`` in each language. A URL is hostile until quoted."""
    text = json.dumps(body(), indent=2)
    return [
        Snippet(
            "curl",
            "curl",
            curl_command(url, options=["--include --max-time 10"], headers=[JSON], data=text, with_key=False),
        ),
        Snippet("python", "Python", _python(url, text)),
        Snippet("node", "Node", _node(url, text)),
    ]


@cache
def receivers() -> tuple[Snippet, ...]:
    """Return the receivers, which the tests run as they are."""
    files = [("receiver-python", "Python", "receiver.py"), ("receiver-node", "Node", "receiver.mjs")]
    return tuple(Snippet(name, language, (_EXAMPLES / file).read_text()) for name, language, file in files)


def _python(url: str, text: str) -> str:
    return (
        "import json\nimport urllib.request\n\n"
        f'body = json.loads("""{text}""")\n'
        f"request = urllib.request.Request(\n    {json.dumps(url)},\n    data=json.dumps(body).encode(),\n"
        '    headers={"Content-Type": "application/json"},\n)\n'
        "with urllib.request.urlopen(request, timeout=10) as answer:\n    print(answer.status)\n"
    )


def _node(url: str, text: str) -> str:
    return (
        f"const body = {text};\n"
        f"const answer = await fetch({json.dumps(url)}, {{\n"
        '  method: "POST",\n  headers: { "Content-Type": "application/json" },\n'
        '  body: JSON.stringify(body),\n  redirect: "manual",\n  signal: AbortSignal.timeout(10_000),\n});\n'
        "console.log(answer.status);\n"
    )


@require_safe
def developers(request: HttpRequest, slug: str) -> HttpResponse:
    """Show the request, the rules, and receivers to copy from."""
    workspace = get_workspace(request, slug)
    url = _latest_url(workspace)
    context = {
        "url": url or EXAMPLE_URL,
        "is_own_url": bool(url),
        "requests": requests_to(url or EXAMPLE_URL),
        "receivers": receivers(),
        "body": json.dumps(body(), indent=2),
        "attempts": MAX_ATTEMPTS,
        "waits": ", ".join(map(str, delivery_status.RETRY_WAITS[: MAX_ATTEMPTS - 1])),
        "limit": payloads.RESULTS_LIMIT,
        "test_header": payloads.TEST_HEADER,
        "redelivery_header": payloads.REDELIVERY_HEADER,
    }
    return render(request, "webhooks/developers.html", context)


def _latest_url(workspace: Workspace) -> str:
    """Return where this workspace's latest webhook went, without the part in which receivers keep tokens."""
    url = Delivery.objects.of(workspace).newest_first().exclude(url="").values_list("url", flat=True).first() or ""
    try:
        parse_target(url)
    except URLNotAllowed:
        return ""
    return url.partition("?")[0]
