"""The page at `/`: what this is, how to call it, and what was called last."""

import ipaddress
from html import escape

from fastapi import APIRouter, Request
from sqlalchemy import select
from starlette.responses import HTMLResponse

from sandbox import scenarios
from sandbox.auth.credentials import CREDENTIALS_FILE, credentials_command
from sandbox.db.column_types import utc_now
from sandbox.db.tables import ApiKey, RequestLog
from sandbox.request_log import LoggedRequest
from sandbox.services import Services

from .dependencies import Sandbox

router = APIRouter(include_in_schema=False)

LATEST_CALLS = 25
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; img-src 'self'; style-src 'unsafe-inline'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
STYLE = """
:root{color-scheme:light dark}body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem}
code{user-select:all;overflow-wrap:anywhere}table{border-collapse:collapse;width:100%}td,th{text-align:left;padding:.2rem
.6rem;border-bottom:1px solid #8884}
td,th{white-space:nowrap}td:nth-child(3){white-space:normal;overflow-wrap:anywhere}
@media(max-width:30rem){table{font-size:.8rem}td,th{padding:.2rem}}
pre{white-space:pre-wrap;padding:.8rem;border:1px solid #8884}
"""

HEAD = f"""<!doctype html><html lang=en><meta charset=utf-8>
<meta name=viewport content="width=device-width, initial-scale=1"><link rel=icon href=/favicon.ico>
<title>Cleanlist-compatible sandbox</title>
<style>{STYLE}</style><h1>Cleanlist-compatible sandbox</h1>
<p>This is not Cleanlist: its people and companies are made up, and its credits cost nothing.
<a href=/docs>Try each call</a> or read the <a href=/openapi.json>OpenAPI document</a>.</p>
"""
# Each can be selected as a whole with a click.
EXAMPLES = """<pre><code>curl {base}/api/v2/whoami -H "Authorization: Bearer {key}"</code></pre>
<p>Enrich one of the people that the sandbox knows; the answer says where to ask for the result:</p>
<pre><code>curl {base}/api/v2/enrichment/person -H "Authorization: Bearer {key}" \\
  -H "Content-Type: application/json" \\
  -d '{{"lead_list_id": "DEFAULT", "linkedin_url": "linkedin.com/in/contact-0042"}}'</code></pre>
<p>With Cleanlist's SDK, <code>pip install cleanlist-ai</code>:</p>
<pre><code>{imports}from cleanlist_ai import Cleanlist

client = Cleanlist(access_token={token}, host="{base}")
print(client.workspace.whoami())</code></pre>"""
CONTROL = """<p>The control surface below <code>/_sandbox</code> sets credits, plans, faults and scenarios: see
<i>Sandbox control</i> in <a href=/docs>/docs</a>. It needs the control token, which
<code>{command} --data {data}</code> prints; the environment variable
<code>CLEANLIST_CONTROL_TOKEN</code> can set it at the start. The scenario in force is
<code>{scenario}</code>.</p>
"""

REVOKED = """<p role=alert><strong>This key is revoked:</strong> calls with it are 401.
<code>{command} --data {data}</code> makes another one.</p>
"""


@router.get("/")
def home(request: Request, sandbox: Sandbox) -> HTMLResponse:
    """Return the page. Only a sandbox that keeps nothing shows its key, and none shows anything to other machines."""
    local = is_local(request)
    key = sandbox.data_dir.read_json(CREDENTIALS_FILE).get("api_key") if local and sandbox.settings.throwaway else None
    remark = REVOKED.format(command=credentials_command(), data=escape(str(sandbox.settings.data_dir)))
    head = HEAD + (remark if key and _is_revoked(sandbox) else "")
    return HTMLResponse(head + _call(sandbox, key) + (_calls(sandbox) if local else ""), headers=SECURITY)


def _is_revoked(sandbox: Services) -> bool:
    with sandbox.store.reading() as session:
        key = session.get(ApiKey, sandbox.data_dir.read_json(CREDENTIALS_FILE).get("api_key_id"))
    return key is None or not key.is_active(utc_now())


def _call(sandbox: Services, key: str | None) -> str:
    base, shown = escape(sandbox.settings.public_url), escape(key or "$CLEANLIST_API_KEY")
    how = "" if key else "<p><code>python -m sandbox credentials --data DIR</code> prints a key.</p>"
    # Python fills in no variable of the shell.
    token, imports = (f'"{shown}"', "") if key else ('os.environ["CLEANLIST_API_KEY"]', "import os\n\n")
    examples = EXAMPLES.format(base=base, key=shown, token=token, imports=imports)
    return f"<h2>Call it</h2>{examples}{how}{_control(sandbox, key)}"


def _control(sandbox: Services, key: str | None) -> str:
    """Say how the state is changed, with the folder of the data if it is for the eyes of whoever reads this."""
    with sandbox.store.reading() as session:
        scenario = scenarios.in_force(session)
    data = escape(str(sandbox.settings.data_dir)) if key else "DIR"
    return CONTROL.format(command=credentials_command(), data=data, scenario=scenario)


def is_local(request: Request) -> bool:
    """Return whether peer and address are this machine; a page of another site could have its name resolve to it."""
    host = request.url.hostname or ""
    return _is_loopback(request.client.host if request.client else "") and (host == "localhost" or _is_loopback(host))


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _calls(sandbox: Services) -> str:
    sandbox.request_log.flush()
    latest = select(RequestLog).order_by(RequestLog.sequence.desc()).limit(LATEST_CALLS)
    with sandbox.store.reading() as session:
        logged = session.scalars(latest).all()
    calls: list[RequestLog | LoggedRequest] = [*logged, *sandbox.request_log.refused]
    calls.sort(key=lambda call: call.created_at, reverse=True)
    rows = [
        f"<tr><td>{call.created_at:%H:%M:%S}<td>{escape(call.method)}<td>{escape(call.path)}"
        f"<td>{call.status_code}<td>{call.duration_ms} ms"
        for call in calls[:LATEST_CALLS]
    ]
    head = "<h2>Latest calls</h2><table><tr><th>UTC<th>Method<th>Path<th>Status<th>Took"
    return f"{head}{''.join(rows)}</table>" if rows else "<h2>Latest calls</h2><p>None yet."
