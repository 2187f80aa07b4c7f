"""The symptoms that people come with: what each means, what to look at, what helps, and which checks run.

Causes and remedies are those of the service's own troubleshooting and authentication pages
(``docs/cleanlist-api.md``); the words are the console's.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

Place = Literal["api", "portal"]


@dataclass(frozen=True)
class Topic:
    """One symptom.

    ``steps`` are names of checks, in the order in which they run; what lives in the portal has none, because the API
    shows nothing of it. ``send`` says what support needs to know of this one besides the usual.
    """

    name: str
    symptom: str
    title: str
    meaning: str
    look_at: tuple[str, ...]
    fix: str
    steps: tuple[str, ...] = ()
    place: Place = "api"
    send: str = ""


_TOPICS = (
    Topic(
        "unauthorized",
        "401 Unauthorized",
        "Cleanlist could not tell who sent the request",
        "The key is missing, malformed, revoked or expired, or it travels in a header that Cleanlist does not read.",
        (
            "The header is exactly “Authorization: Bearer clapi_…”, with the word Bearer and one space.",
            "It is not X-API-Key, and not basic auth.",
            "The key begins with clapi_. One that begins with clext_ belongs to the browser extension.",
            "validate-key, called with the same key, says whether it is accepted.",
            "Under Keys you see whether the key is still active, has expired, or who revoked it.",
        ),
        "Correct the header. If the key is no longer active or was rotated, create a fresh one and put it in the old "
        "one's place.",
        ("header", "key", "credential"),
        send="the key's id",
    ),
    Topic(
        "scope",
        "403 insufficient_scope",
        "The credential lacks the scope that this call needs",
        "Cleanlist knows who is calling, but each endpoint asks for one scope, and this credential does not carry it.",
        (
            "whoami lists the scopes that a credential has.",
            "Scopes belong to the user who owns the key, so all keys of one user have the same ones.",
        ),
        "Have the owner be granted the scope and issue the key again, or use a key of somebody who has it.",
        ("scopes", "key"),
        send="the key's id",
    ),
    Topic(
        "feature_gate",
        "403 when creating or listing keys",
        "The plan does not include key management (API_ACCESS)",
        "Creating and listing keys needs the feature API_ACCESS, which the organization's plan does not have. Revoking "
        "works on every plan.",
        ("whoami lists the features of the plan.",),
        "Upgrade the plan in the portal under Settings, Billing.",
        ("plan", "session"),
    ),
    Topic(
        "credits",
        "402 Payment Required, or insufficient_credits",
        "The organization has too few credits for this request",
        "The highest possible cost is set aside before an enrichment starts, and the balance does not cover it.",
        (
            "The balance, and what the request can cost at most: partial 1, phone_only 10, full 11 credits a contact.",
            "A smaller batch or a cheaper enrichment type may still fit.",
        ),
        "Top up in the portal under Settings, Billing; credits arrive seconds after the payment. Sending the request "
        "again is safe: what failed cost nothing, and what succeeded is not charged twice.",
        ("balance",),
    ),
    Topic(
        "shape",
        "422 Validation Error",
        "Parts of the request do not pass Cleanlist's validation",
        "One or more contacts lack a field, or a field has the wrong form.",
        (
            "Each contact needs linkedin_url, or first_name + last_name + (company_domain or company_name).",
            "detail[].loc names the contact: [“body”, “contacts”, 7] is contacts[7], the eighth.",
        ),
        "Correct the contacts that are named and send the request again. Paste the body here to have every one of them "
        "listed.",
        ("shape", "balance"),
        send="the request body, with personal data taken out",
    ),
    Topic(
        "too_many",
        "“Bulk enrichment supports up to 250 contacts per request”",
        "The request holds more than 250 contacts",
        "One bulk request takes 250 contacts at most.",
        ("Batches may be sent side by side, as long as the rate limit is kept.",),
        "Split the list into batches of 250 and send each as its own request. Paste the body here to have it split for "
        "you.",
        ("shape",),
    ),
    Topic(
        "no_webhook",
        "The webhook never arrived",
        "The webhook was probably sent and not accepted",
        "Cleanlist makes up to five attempts, 1, 2, 4, 8 and 16 seconds apart. Something kept your endpoint from "
        "acknowledging one.",
        (
            "The webhook_url is https, can be reached from the public internet, and answers 2xx within 10 seconds.",
            "The delivery log has attempt_number, status, response_status_code and error_message of each attempt.",
            "5xx is an error in your server, 4xx a login or route that turned the webhook away.",
            "A time-out is an answer after more than 10 seconds; DNS and TLS errors lie in the URL or certificate.",
        ),
        "Correct the endpoint and submit the workflow again. If all five attempts failed, the result is still there: "
        "read it from enrich/status.",
        ("enrichment", "deliveries"),
        send="the workflow_id",
    ),
    Topic(
        "empty",
        "The enrichment came back empty",
        "The enrichment ran, and no provider found verified data",
        "The contact may be at a company that keeps itself hidden, too new to be indexed, or with another employer "
        "than the domain says; or the LinkedIn URL is malformed or leads to a deactivated profile.",
        (
            "email_status: a “risky” address often works, although it is not marked “reliable”.",
            "enrichment_type: partial asks for e-mail only.",
        ),
        "Try another identifier: name and company instead of the LinkedIn URL, or the other way round. If you used "
        "partial, try full, which asks phone providers too. Empty results cost nothing, so trying again is free.",
        ("enrichment",),
        send="the workflow_id",
    ),
    Topic(
        "rate_limited",
        "429 Too Many Requests",
        "A rate limit was hit",
        "Cleanlist counts requests per organization and endpoint (60 a minute), and per key (30 a minute).",
        (
            "Retry-After says how many seconds to wait.",
            "Keys share the organization's limit: what one uses up, the others lack.",
        ),
        "Wait as long as Retry-After says, and let every further attempt wait twice as long, plus a random part. If "
        "normal use hits the limit, ask Cleanlist for a plan with a higher one.",
        ("key", "rates"),
    ),
    Topic(
        "lost_secret",
        "The secret of a new key is lost",
        "A lost secret cannot be had again",
        "Cleanlist shows a key's secret once, when it is created, and keeps only a fingerprint of it.",
        ("Everything that still uses the lost key keeps working until it is revoked.",),
        "Revoke the key, create a new one, and store its secret in a secret manager at once.",
        ("key", "slots"),
        send="the key's id",
    ),
    Topic(
        "key_limit",
        "“Maximum active API keys reached”",
        "Ten keys are active already, and no more are allowed",
        "A user may have 10 active keys; the eleventh is refused.",
        ("Keys that were never used, or not for a month, are the first to go.",),
        "Revoke a key that nothing uses, then create the new one. Revoke all, if you want to start afresh.",
        ("slots",),
    ),
    Topic(
        "upstream",
        "5xx, a time-out, or a page instead of JSON",
        "Cleanlist, or something in between, failed",
        "The request may be fine: the answer is a server's own failure, or comes from a proxy and not from the API.",
        (
            "The address is that of the API, without a proxy in its place.",
            "Calls that only read may be sent again at once.",
            "Before you send an enrichment again, look whether it started: only the answer may be lost.",
        ),
        "Try again in a moment, each time after a longer pause.",
        ("credential",),
        send="the request id",
    ),
    Topic(
        "not_found",
        "404 Not Found",
        "Cleanlist does not know what the request asks for",
        "The id is not complete, belongs to another organization, or the path is not one of the API's.",
        ("The id, character by character, and whether the key belongs to the organization that made it.",),
        "Correct the id or the path; use a key of the same organization.",
        ("credential", "enrichment"),
        send="the id and the path",
    ),
    Topic(
        "refused",
        "400 Bad Request",
        "Cleanlist refused the request as it stands",
        "The request was understood and cannot be carried out; the message says why.",
        ("The message of the answer, and the body of the request.",),
        "Correct what the message names and send the request again.",
        ("shape",),
        send="the request body, with personal data taken out",
    ),
    Topic(
        "smart_columns",
        "Smart columns stay “pending”",
        "The rows wait in the queue of smart columns",
        "Smart columns are worked on row by row, and the queue has not come to these rows yet.",
        (
            "Open the menu in the column's header: does it show progress, such as “120 / 500 done”?",
            "If the number moves, wait.",
            "If it has stayed at 0 for more than a few minutes, reload the page: its live updates may be stuck.",
        ),
        "If nothing moves after reloading either, write to support with the column's id.",
        place="portal",
        send="the column id",
    ),
    Topic(
        "lead_list",
        "Enrichments do not show up in a lead list",
        "They are in the lead list named DEFAULT",
        "Everything that is enriched through the public API lands in one list, whose name is DEFAULT.",
        ("Open the portal, then Lead Lists, and look for DEFAULT.",),
        "Work on from the list DEFAULT, or move the leads from there to another list.",
        place="portal",
        send="the workflow_id",
    ),
    Topic(
        "crm_push",
        "The CRM push does not work",
        "The CRM refuses what is sent to it",
        "Mostly the connection's token has expired, or the CRM requires a field that is not filled. The message of the "
        "row says which.",
        (
            "Open Settings, Integrations in the portal: is the connection healthy?",
            "Check the field mapping for the object that is written.",
            "Read the messages in the rows of the Action Column: each holds what the CRM answered.",
        ),
        "Connect the CRM again if its token has expired, or map a value to the field that it requires.",
        place="portal",
        send="the column id and the CRM's message",
    ),
)
_BY_NAME = {topic.name: topic for topic in _TOPICS}


def all_topics() -> Iterable[Topic]:
    """Return every topic, in the order in which people are shown them."""
    return _TOPICS


def get_topic(name: str) -> Topic | None:
    """Return the topic of that name; None for a name that is none."""
    return _BY_NAME.get(name)
