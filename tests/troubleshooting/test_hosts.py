"""Requests to hosts that aren't the API's, to key management with an API key, and for two IDs at once."""

import pytest

from troubleshooting.body.validation import validate_body
from troubleshooting.checks import CHECKS
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

from .test_pastes import KEY

WHOAMI = "/api/v1/public/whoami"


def recognized(text, workspace):
    return recognize(remove_secrets(text).text, workspace).case


def command(url, more=""):
    return f'curl {more} "{url}" -H "Authorization: Bearer {KEY}"'


WRONG = ["app.cleanlist.ai", "cleanlist.ai", "www.cleanlist.ai", "api.cleanlist.io", "api.cleanlist.ia"]
RIGHT = ["api.cleanlist.ai", "staging.cleanlist.ai", "localhost:8000", "127.0.0.1:8000", "$HOST", "{{host}}"]
RIGHT += ["api.example.com", "cleanlist.internal.example.com", "your-host"]


@pytest.mark.parametrize("host", WRONG)
def test_a_host_that_is_not_the_apis_is_named(host, workspace):
    case = recognized(command(f"https://{host}{WHOAMI}"), workspace)
    result = CHECKS["endpoint"].run(workspace, case)
    assert case.topic == "wrong_host"
    assert f"The host is {host}, but the API is at api.cleanlist.ai" in result.title


@pytest.mark.parametrize("host", RIGHT)
def test_any_other_host_is_not_accused(host, workspace):
    assert recognized(command(f"https://{host}{WHOAMI}"), workspace).slips == ("good",)


def test_a_page_of_the_documentation_is_no_wrong_host(workspace):
    assert recognized("curl https://docs.cleanlist.ai/llms.txt -o docs.txt", workspace).topic != "wrong_host"


def test_the_host_that_a_workspace_has_is_right(workspace):
    workspace.base_url = "https://api.cleanlist.io"
    assert recognized(command(f"https://api.cleanlist.io{WHOAMI}"), workspace).is_sound
    assert recognized("Error: getaddrinfo ENOTFOUND api.cleanlist.io", workspace).topic == "dns"


@pytest.mark.parametrize("host", ["api.cleanlist.io", "api.cleanlist.ia"])
def test_a_name_that_does_not_resolve_is_called_misspelled(host, workspace):
    for text in (f"Error: getaddrinfo ENOTFOUND {host}", f"curl: (6) Could not resolve host: {host}"):
        case = recognized(text, workspace)
        assert case.topic == "wrong_host"
        assert host in CHECKS["endpoint"].run(workspace, case).title


def test_key_management_takes_no_api_key(workspace):
    url = "https://api.cleanlist.ai/api/v1/api-keys"
    assert recognized(command(url, "-X POST"), workspace).slips == ("session_token",)
    assert recognized(command(f"{url}/revoke-all", "-X POST"), workspace).slips == ("session_token",)
    assert recognized(command("https://api.cleanlist.ai/api/v1/public/api-keys"), workspace).is_sound
    assert recognized(f'curl -X POST {url} -H "Authorization: Bearer $SESSION"', workspace).is_sound


def test_the_status_is_asked_for_by_one_id(workspace):
    url = "https://api.cleanlist.ai/api/v1/public/enrich/status?workflow_id=public_bulk_0f9e8d7c"
    case = recognized(command(f"{url}&task_id=abc"), workspace)
    assert case.topic == "both_ids"
    assert CHECKS["endpoint"].run(workspace, case).state == "failed"
    assert recognized(command(url), workspace).topic != "both_ids"
    in_data = command(url.partition("?")[0], "-G -d workflow_id=public_bulk_0f9e8d7c -d task_id=abc")
    assert recognized(in_data, workspace).topic == "both_ids"


def test_expressions_of_automation_tools_are_no_placeholders():
    fields = ("{{2.linkedin_url}}", "{{1__x}}", "={{ $json.x }}", "{{ $json.linkedin }}")
    contacts = ",".join(f'{{"linkedin_url": "{one}", "company_domain": "{one}"}}' for one in fields)
    assert validate_body(f'{{"contacts": [{contacts}]}}').findings == ()
    assert validate_body('{"contacts": [{"linkedin_url": "{{linkedin_url}}"}]}').findings


def test_that_the_key_is_to_be_copied_again_is_said_once(workspace):
    case = recognized(
        'curl https://api.cleanlist.ai -H "Authorization: Bearer [key-removed:other,30-characters,odd]"', workspace
    )
    assert set(case.slips) == {"prefix", "characters"}
    assert CHECKS["header"].run(workspace, case).fix.count("opy ") == 1


def test_a_page_says_a_cause_and_its_remedy_once(person):
    query = person.paste("curl https://api.cleanlist.ai/api/v1/public/whoami -H 'X-API-Key: abc'")
    for page in (person.look(query), person.check(query)):
        assert page.count("The key is in X-API-Key") == 1
        assert page.count("Send the header Authorization: Bearer clapi_… instead") == 1


@pytest.mark.parametrize("query", ["workflowId=3f2b1c9e", "id=3f2b1c9e", "taskId=3f2b1c9e"])
def test_the_status_is_asked_for_by_the_right_parameter(query, workspace):
    found = recognized(command(f"https://api.cleanlist.ai/api/v1/public/enrich/status?{query}"), workspace)
    assert (found.topic, found.heading) == ("id_name", "Path and method")
