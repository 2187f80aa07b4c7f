"""The symptoms that people come with: what each means, what to check, how to fix it, and which checks run.

Causes and remedies are those of the service's own troubleshooting and authentication pages
(``docs/cleanlist-api.md``); the words are the console's.
"""

from collections.abc import Iterable

from troubleshooting.client_topics import CLIENT_TOPICS
from troubleshooting.topic import Topic

WORKFLOW = "workflow"  # an ID alone claims no symptom
BODY = "body"  # nor does a request body that is valid

_TOPICS = (
    Topic(
        "unauthorized",
        "401 Unauthorized",
        "Cleanlist couldn't identify who sent the request",
        "The key is missing, malformed, revoked or expired, or it's in a header that Cleanlist doesn't read.",
        (
            "Is the header exactly “Authorization: Bearer clapi_…”, with the word Bearer and one space?",
            "It must not be X-API-Key or basic auth.",
            "Does the key start with clapi_? A key that starts with clext_ belongs to the browser extension.",
            "Call validate-key with the same key to see whether it's accepted.",
            "Under Keys, check whether the key is active or expired, or who revoked it.",
        ),
        "Correct the header. If the key is no longer active or was rotated, create a new one and replace it "
        "wherever it's used.",
        ("header", "key", "credential"),
        send="the key's ID",
    ),
    Topic(
        "scope",
        "403 insufficient_scope",
        "The credential lacks the required scope",
        "Cleanlist knows who is calling, but the endpoint requires a scope that this credential doesn't have.",
        (
            "whoami lists a credential's scopes.",
            "Scopes belong to the key's owner, so all keys of one user have the same scopes.",
        ),
        "Grant the scope to the owner and create a new key, or use the key of someone who has it.",
        ("scopes", "key"),
        send="the key's ID",
    ),
    Topic(
        "scopes",
        "Which scope a key needs",
        "Each endpoint requires one scope",
        "A key has the scopes of its owner. enrich/bulk requires enrich:write, enrich/status enrich:read, "
        "credits/balance credits:read, and usage and the list of keys admin:api_keys.",
        (
            "whoami lists a credential's scopes.",
            "A call without the required scope returns 403 insufficient_scope, with required_scope in its details.",
        ),
        "Choose the endpoint above to compare its scope with those of the console's credential.",
        ("scopes",),
        send="the endpoint",
    ),
    Topic(
        "inactive_key",
        "The key stopped working",
        "The key may have expired or been revoked",
        "A key that was revoked or has expired never works again. Cleanlist then returns 401.",
        (
            "Under Keys, check whether the key is active or expired, or who revoked it.",
            "Call validate-key with the same key to see whether it's accepted.",
            "If it's active, paste the response that you get: the status and the body.",
        ),
        "If the key is no longer active, create a new one and replace it wherever it's used.",
        ("key", "slots", "credential"),
        send="the key's ID",
    ),
    Topic(
        "feature_gate",
        "403 when creating or listing keys",
        "Your plan doesn't include key management (API_ACCESS)",
        "Creating and listing keys requires the feature API_ACCESS, which your organization's plan doesn't include. "
        "Revoking works on every plan.",
        ("whoami lists your plan's features.",),
        "Upgrade the plan in the portal under Settings > Billing.",
        ("plan", "session"),
    ),
    Topic(
        "credits",
        "402 Payment Required or insufficient_credits",
        "Not enough credits for this request",
        "Cleanlist reserves the maximum cost before an enrichment starts, and the balance doesn't cover it.",
        (
            "Compare the balance with the maximum cost: partial 1, phone_only 10, full 11 credits per contact.",
            "A smaller batch or a cheaper enrichment type may still fit.",
        ),
        "Top up in the portal under Settings > Billing. Credits arrive seconds after payment. Retrying the request is "
        "safe: failures are free, and successes aren't charged twice.",
        ("balance",),
    ),
    Topic(
        "shape",
        "422 Validation Error",
        "The request failed Cleanlist's validation",
        "At least one contact is missing a field or has a malformed one.",
        (
            "Each contact needs linkedin_url, or first_name + last_name + (company_domain or company_name).",
            "detail[].loc names the contact: [“body”, “contacts”, 7] is contacts[7], the eighth.",
        ),
        "Fix the listed contacts and send the request again. To list every problem, paste the body here.",
        ("shape", "balance"),
        send="the request body, with personal data removed",
    ),
    Topic(
        BODY,
        "A valid request body",
        "The request body is valid",
        "Every contact can be identified. Cleanlist also needs enough credits: it reserves the maximum cost first, and "
        "returns 402 if the balance doesn't cover it.",
        ("The balance must cover the maximum cost: partial 1, phone_only 10, full 11 credits per contact.",),
        "If a request with this body fails, paste its response: the status and the message say why.",
        ("shape", "balance"),
        send="the request body, with personal data removed",
    ),
    Topic(
        "too_many",
        "“Bulk enrichment supports up to 250 contacts per request”",
        "The request has more than 250 contacts",
        "A bulk request can have at most 250 contacts.",
        ("You can send batches in parallel within the rate limit.",),
        "Split the list into batches of 250 and send each as its own request. To split it automatically, paste the "
        "body here.",
        ("shape",),
    ),
    Topic(
        WORKFLOW,
        "Workflow status",
        "Checking the workflow",
        "The checks below show whether its webhook was delivered and what the enrichment found.",
        (
            "The workflow ID is in the response to the request that started the enrichment.",
            "enrich/status returns the workflow's status and results.",
        ),
        "If a webhook is missing, fetch its result from enrich/status or redeliver it from here.",
        ("deliveries", "enrichment"),
        send="the workflow_id",
    ),
    Topic(
        "no_webhook",
        "The webhook never arrived",
        "The webhook was probably sent but not accepted",
        "Cleanlist makes up to five attempts, 1, 2, 4, 8 and 16 seconds apart. Your endpoint didn't acknowledge any of "
        "them.",
        (
            "The webhook_url must use https, be reachable from the public internet and return 2xx within 10 seconds.",
            "The delivery log shows attempt_number, status, response_status_code and error_message for each attempt.",
            "5xx means an error in your server; 4xx means a login or route rejected the webhook.",
            "A timeout means no response within 10 seconds; for DNS and TLS errors, check the URL and certificate.",
        ),
        "Fix the endpoint. If all five attempts failed, the result is still available: fetch it from enrich/status or "
        "redeliver it from here.",
        ("enrichment", "deliveries"),
        send="the workflow_id",
    ),
    Topic(
        "empty",
        "The enrichment returned nothing",
        "No provider found verified data",
        "The contact may be at a stealth-mode company, too new to be indexed, or at a different employer than the "
        "domain; or the LinkedIn URL is malformed or points to a deactivated profile.",
        (
            "email_status: a “risky” address often works, even though it isn't marked “reliable”.",
            "enrichment_type: partial looks for email only.",
        ),
        "Try another identifier: name and company instead of the LinkedIn URL, or vice versa. If you used partial, try "
        "full, which also looks for phone numbers. Empty results are free, so retrying costs nothing.",
        ("enrichment",),
        send="the workflow_id",
    ),
    Topic(
        "rate_limited",
        "429 Too Many Requests",
        "Rate limit reached",
        "Cleanlist limits requests per organization and endpoint (60 per minute) and per key (30 per minute).",
        (
            "Retry-After tells you how many seconds to wait.",
            "Keys share the organization's limit: one busy key leaves less for the others.",
        ),
        "Wait as long as Retry-After says, and double the wait for each further attempt, plus random jitter. If normal "
        "use reaches the limit, ask Cleanlist for a plan with a higher one.",
        ("key", "rates"),
    ),
    Topic(
        "lost_secret",
        "The secret of a new key is lost",
        "Lost secrets can't be recovered",
        "Cleanlist shows a key's secret once, when it's created, and stores only its fingerprint.",
        ("Anything that uses the lost key keeps working until the key is revoked.",),
        "Revoke the key, create a new one, and save its secret in a secret manager right away.",
        ("key", "slots"),
        send="the key's ID",
    ),
    Topic(
        "key_limit",
        "“Maximum active API keys reached”",
        "All 10 active keys are in use",
        "A user can have 10 active keys. Cleanlist rejects the eleventh.",
        ("First look for keys that were never used or haven't been used for a month.",),
        "Revoke an unused key, then create the new one. To start over, revoke all keys.",
        ("slots",),
    ),
    Topic(
        "upstream",
        "5xx, a timeout, or a page instead of JSON",
        "Cleanlist or something in between failed",
        "The request may be fine: the response is a server error, or comes from a proxy instead of the API.",
        (
            "Check that the address is the API's and that no proxy responds instead.",
            "You can retry read-only calls right away.",
            "Before you resend an enrichment, check whether it started: only the response may have been lost.",
        ),
        "Try again in a moment, with increasing delays.",
        ("credential",),
        send="the request ID",
    ),
    *CLIENT_TOPICS,
    Topic(
        "method",
        "405 Method Not Allowed",
        "This path doesn't accept this method",
        "The path exists, but not with this method: a GET instead of a POST, for example. A redirect can turn a POST "
        "into a GET.",
        (
            "enrich/bulk and credits/estimate take POST; enrich/status, credits/balance, whoami and usage take GET.",
            "Is the URL exactly the documented one, with https:// and without a slash at the end?",
        ),
        "Use the method in Cleanlist's docs for this path.",
        ("endpoint", "credential"),
        send="the method and the path",
    ),
    Topic(
        "request",
        "A request ID",
        "A request ID alone doesn't tell what happened",
        "Cleanlist's support can find the request by it. Here, its status or error message tells more.",
        ("Paste the complete response: status, headers and body.",),
        "If you need support, create a support bundle: it includes the request ID.",
        send="the request ID",
    ),
    Topic(
        "not_found",
        "404 Not Found",
        "Cleanlist can't find what was requested",
        "The ID is incomplete or belongs to another organization, or the path isn't part of the API.",
        ("Check the ID for typos, and whether the key belongs to the organization that created it.",),
        "Correct the ID or the path, and use a key of the same organization.",
        ("endpoint", "credential", "enrichment"),
        send="the ID and the path",
    ),
    Topic(
        "refused",
        "400 Bad Request",
        "Cleanlist rejected the request",
        "Cleanlist understood the request but can't process it. The message says why.",
        ("Check the response message and the request body.",),
        "Fix what the message names and send the request again.",
        ("shape",),
        send="the request body, with personal data removed",
    ),
    Topic(
        "smart_columns",
        "Smart columns stay “pending”",
        "The rows are waiting in the smart column queue",
        "Cleanlist processes smart columns row by row and hasn't reached these rows yet.",
        (
            "Open the menu in the column header. Does it show progress, such as “120 / 500 done”?",
            "If the number increases, wait.",
            "If it stays at 0 for more than a few minutes, reload the page: live updates may be stuck.",
        ),
        "If nothing changes after reloading, contact support with the column ID.",
        place="portal",
        send="the column ID",
    ),
    Topic(
        "lead_list",
        "Enrichments don't appear in a lead list",
        "They're in the lead list named DEFAULT, or in the one that the request named",
        "What enrich/bulk enriches goes to one list named DEFAULT. The newer enrichment endpoints take a list, and "
        "results are in that one.",
        (
            "With a workflow ID above, the check says which list its results are in.",
            "In the portal, open Lead Lists and find DEFAULT.",
        ),
        "Use that list, or move leads from there to another list.",
        ("enrichment",),
        place="portal",
        send="the workflow_id",
    ),
    Topic(
        "crm_push",
        "CRM push isn't working",
        "The CRM rejects the data",
        "Usually the connection's token has expired, or the CRM requires a field that is empty. The row's message says "
        "which.",
        (
            "In the portal, open Settings > Integrations. Is the connection healthy?",
            "Check the field mapping of the target object.",
            "Read the messages in the Action Column's rows: each contains the CRM's response.",
        ),
        "Reconnect the CRM if its token has expired, or map a value to the required field.",
        place="portal",
        send="the column ID and the CRM's message",
    ),
)
_BY_NAME = {topic.name: topic for topic in _TOPICS}


def all_topics() -> Iterable[Topic]:
    """Return every topic, in the order in which people are shown them."""
    return _TOPICS


def get_topic(name: str) -> Topic | None:
    """Return the topic of that name; None for a name that is none."""
    return _BY_NAME.get(name)
