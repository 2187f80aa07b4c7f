"""The facts of a problem, kept in the query string, where people can correct them.

What was said is kept in the session instead, for the page of that very case: addresses are logged and remembered.
"""

import re
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Self
from uuid import UUID

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest
from django.utils.http import urlencode

from cleanlist.pricing import MOST_FOR_CONTACT
from cleanlist.secret_formats import KEY_START
from core.filters import choice_field
from core.form_messages import CleanedData
from keys.models import ApiKey
from troubleshooting.bundle.redactor import Redactor
from troubleshooting.mistakes import GOOD, MISTAKES, OF_BODY, PLAIN_HTTP
from troubleshooting.pasted.secrets import remove_secrets
from troubleshooting.topic import Topic
from troubleshooting.topics import BODY, WORKFLOW, all_topics, get_topic
from webhooks.ingest.normalize import is_usable_workflow_id
from webhooks.models import has_known_form
from webhooks.tracked_workflows import NO_WORKFLOW_ID
from workspaces.models import Workspace

KINDS = {
    "error": "an error response",
    "status": "a status code",
    "curl": "a request",
    "code": "a program",
    "request": "a request ID",
    "header": "a header",
    "body": "a request body",
    "workflow": "a workflow ID",
    "key": "an API key",
    "new_key": "the response to creating a key",
    "delivery": "a webhook or a delivery attempt",
    "words": "a description",
}
# Where the key stands, by what is wrong with that; otherwise it is in the header Authorization.
PLACES_OF_KEY = {
    "missing": "no key",
    "in_url": "key in the address",
    "misnamed": "key in a header of another name",
    "x_api_key": "key in the X-API-Key header",
    "other_header": "key in a header of another name",
    "basic": "key as a username or password",
    "headers_unsent": "headers in the wrong place",
    "headers_unnamed": "headers in the wrong place",
    "headers_as_body": "headers in the place of the body",
}
_OF_REQUESTS = {"unauthorized", "wrong_host", "both_ids", "id_name", "method", "not_found", "shape", BODY}
_OF_PATHS = {"method", "not_found", "both_ids", "id_name"}
MOST_SAID = 300
RECEIVER = "receiver_"  # in front of the status that a receiver returned, or of the reason why it returned none
_SPACE = re.compile(r"\s")
_SAID = "troubleshooting_said"


@dataclass(frozen=True)
class Case:
    """The facts of one case, and the topic they belong to. Never a secret, and never a contact's data.

    ``heard`` is the kind of thing that was pasted, ``slips`` what is wrong with its header, ``said`` upstream's words,
    ``endpoint`` method and path, ``key`` the console's id of a key, ``contacts`` and ``type`` those of a request.
    ``hides_key`` tells that the header has a variable or a mask in place of the key.
    """

    topic: str = ""
    heard: str = ""
    status: int | None = None
    code: str = ""
    said: str = ""
    request_id: str = ""
    scope: str = ""
    endpoint: str = ""
    slips: tuple[str, ...] = ()
    key: UUID | None = None
    workflow: str = ""
    contacts: int | None = None
    type: str = ""
    hides_key: bool = False

    @property
    def subject(self) -> Topic | None:
        """Return the topic itself."""
        return get_topic(self.topic)

    @property
    def is_request(self) -> bool:
        """Return whether a request was pasted."""
        return self.heard in {"curl", "code"}

    @property
    def is_judged(self) -> bool:
        """Return whether the topic is what the console finds wrong with a request, not what a response said."""
        return self.is_request and self.status is None and self.topic in _OF_REQUESTS

    @property
    def is_sound(self) -> bool:
        """Return whether it is a request without a mistake, and without an answer that says that there is one."""
        return self.topic == "unauthorized" and self.slips == (GOOD,) and (self.status or 200) < 400

    @property
    def is_unknown(self) -> bool:
        """Return whether it is a request whose header isn't written in it, and nothing says that it failed."""
        is_hidden = self.is_request or (self.heard == "header" and self.hides_key)
        return self.topic == "unauthorized" and is_hidden and not self.slips and (self.status or 200) < 400

    @property
    def is_key_alone(self) -> bool:
        """Return whether it is a key, and nothing says that it was refused or is wrong."""
        return self.heard in {"key", "new_key"} and self.status is None and not self.slips

    @property
    def heading(self) -> str:
        """Return the heading of the case's page: its symptom, or the workflow if an ID alone was given."""
        is_answered = self.status is not None
        headings = (
            (self.is_sound, "No problem found in this request"),
            # Nothing says that a response was seen.
            (
                self.topic in _OF_PATHS and not is_answered and self.is_request,
                "Path and method",
            ),
            (self.is_key_alone, "A new API key" if self.heard == "new_key" else "An API key"),
            (self.is_unknown and self.is_request, "A request whose header isn't written in it"),
            (self.is_unknown, "A header whose value isn't written in it"),
            (self.topic == "shape" and not is_answered and self.heard in {"body", "curl", "code"}, "Request body"),
            # Clients check a header before they send it.
            (
                bool(set(self.slips) - {"in_url"}) and not is_answered and self.heard == "words",
                "The client can't send the header",
            ),
            (self.topic == "refused" and not is_answered and bool(self.heard), "An error message without its status"),
            (self.topic == WORKFLOW and bool(self.workflow), f"Workflow {self.workflow}"),
            (self.code.startswith(RECEIVER), "A webhook that wasn't acknowledged"),
        )
        named = next((words for applies, words in headings if applies), "")
        return named or (self.subject.symptom if self.subject else "")

    @property
    def kind(self) -> str:
        """Return in words what was pasted; empty for a case that was chosen by hand."""
        return KINDS.get(self.heard, "")

    @property
    def read(self) -> str:
        """Return in one line what was read of a request: its endpoint, where the key stood, and its body."""
        if not self.is_request or not (self.endpoint or self.slips):
            return ""
        contacts = f"{self.contacts:,} contact{'' if self.contacts == 1 else 's'}" if self.contacts else ""
        body = f"{contacts}, type {self.type}" if contacts and self.type else contacts
        return " · ".join(filter(None, (self.endpoint, self._place_of_key, body)))

    @property
    def _place_of_key(self) -> str:
        """Return where the key stood; empty where that is unknown."""
        place = next((PLACES_OF_KEY[slip] for slip in self.slips if slip in PLACES_OF_KEY), "")
        in_header = bool(set(self.slips) - OF_BODY - {PLAIN_HTTP})
        return place or ("key in the Authorization header" if in_header else "")

    @property
    def cost(self) -> int | None:
        """Return the credits that the request costs at most; None unless its contacts and type are known."""
        if self.contacts is None or self.type not in MOST_FOR_CONTACT:
            return None
        return self.contacts * MOST_FOR_CONTACT[self.type]

    def with_request(self, body: object) -> Self:
        """Return the case with how many contacts a request's body has, and its type."""
        contacts = body.get("contacts") if isinstance(body, dict) else body
        kind = body.get("enrichment_type", "partial") if isinstance(body, dict) else "partial"
        return replace(
            self,
            contacts=len(contacts) or None if isinstance(contacts, list) else None,
            type=kind if isinstance(kind, str) and kind in MOST_FOR_CONTACT else "",
        )

    @property
    def query(self) -> str:
        """Return the case as a query string, without what was said: nobody's words go into an address."""
        given = {
            name: value for name, value in asdict(self).items() if value not in (None, "", (), False) and name != "said"
        }
        return urlencode(given | ({"slips": ",".join(self.slips)} if self.slips else {}))


def is_workflow_id(text: str) -> bool:
    """Return whether what a person entered can be a workflow's ID: no secret, and one word."""
    if not is_usable_workflow_id(text) or _SPACE.search(text):
        return False
    return has_known_form(text) or not remove_secrets(text).found


class CaseForm(forms.Form):
    """A case from a query string. The visible fields are there to be corrected."""

    topic = forms.ChoiceField(label="Symptom", required=False)
    status = forms.IntegerField(label="Status code", required=False, min_value=100, max_value=599)
    workflow = forms.CharField(label="Workflow ID", required=False, max_length=200)
    key = forms.ChoiceField(label="API key", required=False)
    endpoint = forms.CharField(label="Endpoint", required=False, max_length=200)
    contacts = forms.IntegerField(label="Contacts", required=False, min_value=1, max_value=1_000_000)
    type = forms.ChoiceField(
        label="Enrichment type",
        required=False,
        choices=[("", "Unknown"), *((each, each) for each in MOST_FOR_CONTACT)],
    )
    heard = forms.ChoiceField(required=False, choices=[("", ""), *KINDS.items()], widget=forms.HiddenInput)
    code = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)
    request_id = forms.CharField(required=False, max_length=100, widget=forms.HiddenInput)
    scope = forms.CharField(required=False, max_length=60, widget=forms.HiddenInput)
    slips = forms.CharField(required=False, max_length=200, widget=forms.HiddenInput)
    hides_key = forms.BooleanField(required=False, widget=forms.HiddenInput)

    # A browser without scripts does not let a secret into the URL either: it refuses to send what matches.
    _HARMLESS = rf"(?!.*({KEY_START}[A-Za-z0-9_\-]{{5}}|eyJ[A-Za-z0-9_\-]{{8}})).*"

    def __init__(self, data: Any, workspace: Workspace) -> None:
        super().__init__(data, auto_id="case-%s")
        self._keys = {str(key.key_id): _label(key) for key in ApiKey.objects.of(workspace).recently_used_first()}
        choice_field(self, "key").choices = [("", "Unknown"), *self._keys.items()]
        choice_field(self, "topic").choices = [("", "Unknown"), *_grouped()]
        notes = {"workflow": "public_bulk_…", "endpoint": "POST /api/v1/public/enrich/bulk", "status": "401"}
        for name, example in notes.items():
            self.fields[name].widget.attrs |= {"placeholder": example, "autocomplete": "off", "spellcheck": "false"}
        for name in ("workflow", "endpoint"):
            words = "Don't enter secrets. Choose the key by name."
            self.fields[name].widget.attrs |= {"pattern": self._HARMLESS, "title": words}

    def clean_workflow(self) -> str:
        """Refuse what cannot be an ID of a workflow."""
        text = str(self.cleaned_data["workflow"]).strip()
        if text and not is_workflow_id(text):
            raise ValidationError(NO_WORKFLOW_ID)
        return text

    def clean_slips(self) -> tuple[str, ...]:
        """Keep the names that there are."""
        names = str(self.cleaned_data["slips"]).split(",")
        return tuple(name for name in names if name in MISTAKES or name == GOOD)

    def label_of_key(self) -> str:
        """Return the name of the key that was chosen; empty where none was."""
        return self._keys.get(str(self.data.get("key") or ""), "")

    def case(self) -> Case:
        """Return what is known; a field that is wrong counts as left out."""
        given: CleanedData = self.cleaned_data if self.is_bound and self.is_valid() else {}
        given = given or getattr(self, "cleaned_data", {})
        known = {field.name: given[field.name] for field in fields(Case) if given.get(field.name)}
        for name in ("endpoint", "code", "request_id", "scope"):
            if name in known:
                known[name] = remove_secrets(known[name]).text
        if "key" in known:
            known["key"] = UUID(known["key"])
        return Case(**known)


def remember_said(request: HttpRequest, case: Case) -> None:
    """Keep what was said of ``case``, without secrets and contact data, until the session hears of another one."""
    if case.said:
        request.session[_SAID] = [case.query, mask_contacts(case.said)]
    else:
        request.session.pop(_SAID, None)


def with_said(request: HttpRequest, case: Case) -> Case:
    """Return ``case`` with what was said when it was pasted in this session."""
    query, said = request.session.get(_SAID, ("", ""))
    return replace(case, said=said) if said and query == case.query else case


def last_said(request: HttpRequest) -> str:
    """Return what was said of the last case of this session."""
    return str(request.session.get(_SAID, ("", ""))[1])


def mask_contacts(text: str) -> str:
    """Return ``text`` as one line without secrets, email addresses and phone numbers."""
    return Redactor({"names", "addresses"}).line(remove_secrets(text).text, MOST_SAID)


def _label(key: ApiKey) -> str:
    return f"{key.name} ({key.masked})" if key.name else key.masked


def _grouped() -> list[tuple[str, list[tuple[str, str]]]]:
    places = {"api": "From the API", "portal": "In Cleanlist's portal"}
    return [
        (label, [(topic.name, topic.symptom) for topic in all_topics() if topic.place == place])
        for place, label in places.items()
    ]
