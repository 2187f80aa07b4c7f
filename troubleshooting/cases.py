"""The facts of a problem, kept in the query string, where people can correct them.

What was said is kept in the session instead, for the page of that very case: addresses are logged and remembered.
"""

from dataclasses import asdict, dataclass, fields, replace
from typing import Any
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
from troubleshooting.pasted.headers import GOOD, MISTAKES
from troubleshooting.pasted.secrets import remove_secrets
from troubleshooting.topics import WORKFLOW, Topic, all_topics, get_topic
from webhooks.ingest.normalize import is_usable_workflow_id
from workspaces.models import Workspace

KINDS = {
    "error": "an error response",
    "status": "a status code",
    "curl": "a request",
    "code": "a program",
    "request": "a request id",
    "header": "a header",
    "body": "a request body",
    "workflow": "a workflow id",
    "key": "an API key",
    "words": "a description",
}
MOST_SAID = 300
_SAID = "troubleshooting_said"


@dataclass(frozen=True)
class Case:
    """The facts of one case, and the topic they belong to. Never a secret, and never a contact's data.

    ``heard`` is the kind of thing that was pasted, ``slips`` what is wrong with its header, ``said`` upstream's words,
    ``endpoint`` method and path, ``key`` the console's id of a key, ``contacts`` and ``type`` those of a request.
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

    @property
    def subject(self) -> Topic | None:
        """Return the topic itself."""
        return get_topic(self.topic)

    @property
    def is_sound(self) -> bool:
        """Return whether it is a request without a mistake, and without an answer that says that there is one."""
        return self.topic == "unauthorized" and self.slips == (GOOD,) and self.status is None

    @property
    def heading(self) -> str:
        """Return the heading of the case's page: its symptom, or the workflow if an id alone was given."""
        if self.is_sound:
            return "No problem found in this request"
        if self.topic == WORKFLOW and self.workflow:
            return f"Workflow {self.workflow}"
        return self.subject.symptom if self.subject else ""

    @property
    def kind(self) -> str:
        """Return in words what was pasted; empty for a case that was chosen by hand."""
        return KINDS.get(self.heard, "")

    @property
    def cost(self) -> int | None:
        """Return the credits that the request costs at most; None unless its contacts and type are known."""
        if self.contacts is None or self.type not in MOST_FOR_CONTACT:
            return None
        return self.contacts * MOST_FOR_CONTACT[self.type]

    @property
    def query(self) -> str:
        """Return the case as a query string, without what was said: nobody's words go into an address."""
        given = {name: value for name, value in asdict(self).items() if value not in (None, "", ()) and name != "said"}
        return urlencode(given | ({"slips": ",".join(self.slips)} if self.slips else {}))


class CaseForm(forms.Form):
    """A case from a query string. The visible fields are there to be corrected."""

    topic = forms.ChoiceField(label="Symptom", required=False)
    status = forms.IntegerField(label="Status code", required=False, min_value=100, max_value=599)
    workflow = forms.CharField(label="Workflow id", required=False, max_length=200)
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
        """Refuse what cannot be an id of a workflow."""
        text = str(self.cleaned_data["workflow"]).strip()
        if text and (not is_usable_workflow_id(text) or remove_secrets(text).found):
            raise ValidationError(
                "That isn't a workflow id. Workflow ids look like public_bulk_ followed by a long code."
            )
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
