import pytest
from django.urls import reverse

from tests.keys.conftest import log_request, make_key


class Log:
    """The log of the workspace's keys, as a viewer reads it."""

    def __init__(self, client, workspace, key):
        self.http, self.workspace, self.key = client, workspace, key

    @property
    def all_url(self):
        return reverse("keys:log", args=[self.workspace.slug])

    @property
    def key_url(self):
        return reverse("keys:requests", args=[self.workspace.slug, self.key.key_id])

    def get(self, query="", *, url="", **options):
        return self.http.get((url or self.all_url) + query, **options)

    def shown(self, query="", **options):
        return [row.pk for row in self.get(query, **options).context["page"].rows]

    def add(self, **facts):
        return log_request(facts.pop("key", self.key), **facts)


@pytest.fixture
def log(workspace, viewer, client):
    client.force_login(viewer)
    return Log(client, workspace, make_key(workspace))
