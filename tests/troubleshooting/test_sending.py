"""How programs send bodies in ways that the API can't read, and which endpoint a client with a base URL calls."""

import pytest

from troubleshooting.checks import CHECKS
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

PUBLIC = "https://api.cleanlist.ai/api/v1/public"
BULK = f"{PUBLIC}/enrich/bulk"
PYTHON = f'requests.post("{BULK}", headers={{"Authorization": f"Bearer {{key}}", "Content-Type": "application/json"}}'
FETCH = f'fetch("{BULK}", {{method: "POST", headers: {{Authorization: `Bearer ${{key}}`}}'
WRONG = [
    (f'axios.post("{BULK}", {{headers: {{Authorization: `Bearer ${{key}}`}}}})', "headers_as_body"),
    (f"{PYTHON}, data={{'contacts': [{{'email': 'a@b.test'}}]}})", "nested_form"),
    (f"{FETCH}, body: {{contacts: contacts}}}})", "object_body"),
    (f"{FETCH}, body: {{contacts: [{{email: 'a@b.test'}}]}}}})", "object_body"),
    (f"{PYTHON}, json=json.dumps({{'contacts': contacts}}))", "dumped_twice"),
]
RIGHT = [
    f'axios.post("{BULK}", {{contacts}}, {{headers: {{Authorization: `Bearer ${{key}}`}}}})',
    f'axios.get("{PUBLIC}/whoami", {{headers: {{Authorization: `Bearer ${{key}}`}}}})',
    f"{PYTHON}, data=json.dumps({{'contacts': contacts}}))",
    f"{PYTHON}, json={{'contacts': contacts}})",
    f"{FETCH}, body: JSON.stringify({{contacts}})}})".replace(
        "headers: {", "headers: {'Content-Type': 'application/json', "
    ),
]


def recognized(text, workspace):
    return recognize(remove_secrets(text).text, workspace)


@pytest.mark.parametrize(("text", "mistake"), WRONG)
def test_what_is_wrong_with_how_a_body_is_sent_is_said(text, mistake, workspace):
    found = recognized(text, workspace)
    result = CHECKS["shape"].run(workspace, found.case)
    assert mistake in found.case.slips
    assert (found.case.topic, found.body, result.state) == ("shape", "", "failed")
    assert result.fix


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_sent_right_is_not_accused(text, workspace):
    assert set(recognized(text, workspace).case.slips) == {"good"}


@pytest.mark.parametrize("name", ["apikey", "apiKey", "'apikey'", "api_key"])
def test_a_key_in_a_header_of_another_name_is_said(name, workspace):
    text = f'fetch("{PUBLIC}/credits/balance", {{headers:{{{name}:KEY}}}})'
    assert recognized(text, workspace).case.slips == ("other_header",)


def test_a_variable_of_that_name_is_no_header(workspace):
    text = f'const apiKey = env.KEY; fetch("{PUBLIC}/whoami", {{headers: {{Authorization: `Bearer ${{apiKey}}`}}}})'
    assert recognized(text, workspace).case.slips == ("good",)


AXIOS = f'const api = axios.create({{ baseURL: "{PUBLIC}", headers: {{ Authorization: `Bearer ${{key}}` }} }});'
HTTP_CLIENT = """var client = new HttpClient { BaseAddress = new Uri("https://api.cleanlist.ai") };
client.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
var r = await client.GetAsync("api/v1/public/credits/balance");"""
GUZZLE = f"""$client = new Client(['base_uri' => '{PUBLIC}/', 'headers' => ['Authorization' => "Bearer $key"]]);
$r = $client->get('webhooks/deliveries');"""
HTTR = f'request("{PUBLIC}") |> req_url_path_append("credits/balance") |> req_auth_bearer_token(key) |> req_perform()'
FARADAY = """conn = Faraday.new(url: "https://api.cleanlist.ai", headers: {"Authorization" => "Bearer #{key}"})
conn.get("/api/v1/public/whoami")"""
CLIENTS = [
    (HTTP_CLIENT, "GET /api/v1/public/credits/balance"),
    (GUZZLE, "GET /api/v1/public/webhooks/deliveries"),
    (HTTR, "GET /api/v1/public/credits/balance"),
    (FARADAY, "GET /api/v1/public/whoami"),
    (f'{AXIOS}\nawait api.post("/enrich/bulk", {{ contacts }});', "POST /api/v1/public/enrich/bulk"),
    (f'{AXIOS}\nawait api.post("/enrich/bulk", {{ contacts }});\nawait api.get("/whoami");', ""),
    (f"{AXIOS}\nawait api.get(path);", ""),
]


@pytest.mark.parametrize(("text", "endpoint"), CLIENTS)
def test_base_and_path_are_joined_or_nothing_is_said_of_the_path(text, endpoint, workspace):
    case = recognized(text, workspace).case
    assert (case.endpoint, case.slips) == (endpoint, ("good",))


BULK = f"{PUBLIC}/enrich/bulk"
POWERSHELL = f"""Invoke-RestMethod -Method Post -Uri {BULK} -Headers @{{Authorization="Bearer $key"}} `
  -ContentType 'application/json' -Body (@{{contacts=@($c)}} | ConvertTo-Json)"""
HTTR_BODY = """request("https://api.cleanlist.ai") |> req_url_path("/api/v1/public/enrich/bulk") |>
  req_auth_bearer_token(key) |> req_body_json(list(contacts = contacts)) |> req_perform()"""
URLLIB = f"""r = urllib.request.Request("{BULK}", data=d, headers={{"Content-Type": "application/json"}})
r.add_header("Authorization", "Bearer " + k)"""
OKHTTP = f"""client.newCall(new Request.Builder().url("{BULK}").header("Authorization", "Bearer " + key)
  .post(RequestBody.create(json, JSON)).build()).execute()"""
NUSHELL = f'http post --headers [Authorization $"Bearer ($env.KEY)"] --content-type application/json {BULK} $body'
METHODS = {
    "PowerShell with the method first": (POWERSHELL, "POST "),
    "httr2 with a body": (HTTR_BODY, "POST "),
    "urllib with data": (URLLIB, "POST "),
    "OkHttp": (OKHTTP, "POST "),
    "Nushell": (NUSHELL, "POST "),
    "a method that isn't written": (f'client.send("{BULK}", {{"Authorization": f"Bearer {{key}}"}})', ""),
}


@pytest.mark.parametrize("name", METHODS)
def test_the_method_is_read_or_none_is_said(name, workspace):
    text, method = METHODS[name]
    case = recognized(text, workspace).case
    assert (case.endpoint, case.slips) == (f"{method}/api/v1/public/enrich/bulk", ("good",))


def test_the_method_of_a_client_with_a_base_is_judged(workspace):
    case = recognized(f'{AXIOS}\nawait api.get("/enrich/bulk");', workspace).case
    assert (case.topic, case.endpoint) == ("method", "GET /api/v1/public/enrich/bulk")


ADA = 'linkedin_url: "https://www.linkedin.com/in/ada"'
HOOK = 'webhook_url: "https://hooks.acme.com/cleanlist/in"'
OTHER_ADDRESSES = {
    "axios": f"{AXIOS}\napi.post('/enrich/bulk', {{ {HOOK}, contacts: [{{ {ADA} }}] }});",
    "Faraday": f"""conn = Faraday.new(url: "{PUBLIC}", headers: {{ "Authorization" => "Bearer #{{key}}" }})
conn.post("enrich/bulk", {{ {HOOK}, contacts: [{{ {ADA} }}] }}.to_json, "Content-Type" => "application/json")""",
    "PowerShell": f"""$body = @{{ contacts = @(@{{ {ADA.replace(":", " =", 1)} }}) }} | ConvertTo-Json -Depth 5
Invoke-RestMethod -Method Post -Uri "{BULK}" -Headers @{{ Authorization = "Bearer $key" }} -Body $body""",
}


@pytest.mark.parametrize("name", OTHER_ADDRESSES)
def test_what_a_body_has_in_it_is_no_address_of_the_request(name, workspace):
    assert recognized(OTHER_ADDRESSES[name], workspace).case.endpoint == "POST /api/v1/public/enrich/bulk"


def test_a_form_is_to_be_passed_as_json_and_not_given_a_header(workspace):
    text = f'payload = {{"contacts": rows}}\nrequests.post("{BULK}", headers={{"Authorization": key}}, data=payload)'
    assert (
        CHECKS["shape"].run(workspace, recognized(text, workspace).case).fix == "Pass it with json= instead of data=."
    )
