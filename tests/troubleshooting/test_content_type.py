"""A program that doesn't say that its body is JSON is told so; one that does, or that may, is not."""

import pytest

from troubleshooting.mistakes import GOOD
from troubleshooting.pasted.recognizer import CONTENT_TYPE, recognize

URL = "https://api.cleanlist.ai/api/v1/public/enrich/bulk"
BODY = '{"contacts": [{"linkedin_url": "https://www.linkedin.com/in/ada"}]}'
KEY = "Bearer [key-removed:clapi_,70-characters]"
PYTHON = f'requests.post("{URL}", headers={{"Authorization": "{KEY}"%s}}, %s)'
FETCH = f"fetch('{URL}', {{method: 'POST', headers: {{Authorization: '{KEY}'%s}}, body: %s}})"
GO = f'req, _ := http.NewRequest("POST", "{URL}", bytes.NewReader(%s))\nreq.Header.Set("Authorization", "{KEY}")\n%s'
JAVA = (
    f'HttpRequest.newBuilder(URI.create("{URL}")).header("Authorization", "{KEY}")%s.POST(BodyPublishers.ofString(%s))'
)
CSHARP = f"""var client = new HttpClient();
client.DefaultRequestHeaders.Add("Authorization", "{KEY}");
await client.PostAsync("{URL}", new StringContent(body%s));"""
PHP = f"""$ch = curl_init('{URL}');
curl_setopt($ch, CURLOPT_HTTPHEADER, ['Authorization: {KEY}'%s]);
curl_setopt($ch, CURLOPT_POSTFIELDS, json_encode($body));"""
POWERSHELL = (
    f'Invoke-RestMethod -Uri "{URL}" -Method Post -Headers @{{ Authorization = "{KEY}" }} '
    "-Body ($body | ConvertTo-Json)%s"
)
RUBY = f"""request = Net::HTTP::Post.new(URI("{URL}"))
request["Authorization"] = "{KEY}"
%srequest.body = body.to_json"""
RUST = f'reqwest::Client::new().post("{URL}").header("Authorization", "{KEY}").%s.send().await?'
SWIFT = f"""var request = URLRequest(url: URL(string: "{URL}")!)
request.httpMethod = "POST"
request.setValue("{KEY}", forHTTPHeaderField: "Authorization")
%srequest.httpBody = try JSONEncoder().encode(body)"""
AXIOS = f"axios.post('{URL}', %s, {{headers: {{Authorization: '{KEY}'}}}})"
SCRIPT = f"""UrlFetchApp.fetch('{URL}', {{
  method: 'post', %sheaders: {{Authorization: '{KEY}'}}, payload: JSON.stringify(body),
}})"""

UNTYPED = {
    "requests": PYTHON % ("", "data=json.dumps(body)"),
    "requests with a literal": PYTHON % ("", f"data='{BODY}'"),
    "fetch": FETCH % ("", "JSON.stringify(body)"),
    "go": GO % ("body", ""),
    "java": JAVA % ("", "body"),
    "c#": CSHARP % "",
    "php": PHP % "",
    "powershell": POWERSHELL % "",
    "ruby": RUBY % "",
    "rust": RUST % "body(body)",
    "swift": SWIFT % "",
    "axios": AXIOS % "JSON.stringify(body)",
    "apps script": SCRIPT % "",
}
TYPED = {
    "requests json": PYTHON % ("", "json=body"),
    "requests header": PYTHON % (', "Content-Type": "application/json"', "data=json.dumps(body)"),
    "requests headers elsewhere": f'requests.post("{URL}", headers=headers, data=body)  # "Authorization": "{KEY}"',
    "session": f'session.post("{URL}", data=json.dumps(body), **options, auth="Authorization: {KEY}")',
    "fetch": FETCH % (", 'content-type': 'application/json'", "JSON.stringify(body)"),
    "fetch of headers": f"fetch('{URL}', {{method: 'POST', headers, body: JSON.stringify(body)}}) // '{KEY}'",
    "fetch that reads": f"fetch('{URL}', {{headers: {{Authorization: '{KEY}'}}}}).then(r => r.json())",
    "go": GO % ("body", 'req.Header.Set("Content-Type", "application/json")'),
    "java": JAVA % ('.header("Content-Type", "application/json")', "body"),
    "c#": CSHARP % ', Encoding.UTF8, "application/json"',
    "php": PHP % ", 'Content-Type: application/json'",
    "powershell": POWERSHELL % ' -ContentType "application/json"',
    "ruby": RUBY % 'request.content_type = "application/json"\n',
    "rust": RUST % "json(&body)",
    "swift": SWIFT % 'request.setValue("application/json", forHTTPHeaderField: "Content-Type")\n',
    "axios": AXIOS % "body",
    "apps script": SCRIPT % "contentType: 'application/json', ",
}


def told(text, workspace):
    found = recognize(text, workspace)
    return CONTENT_TYPE in (*found.notes, *found.case.slips), found.case


@pytest.mark.parametrize("name", UNTYPED)
def test_a_program_without_the_header_is_told(name, workspace):
    is_told, case = told(UNTYPED[name], workspace)
    assert is_told
    assert (case.topic, set(case.slips) - {CONTENT_TYPE}) == ("shape", {GOOD})


@pytest.mark.parametrize("name", TYPED)
def test_a_program_that_says_it_or_may_say_it_is_not_accused(name, workspace):
    assert not told(TYPED[name], workspace)[0]


def test_the_page_says_what_to_add(person):
    page = person.look(person.paste(UNTYPED["fetch"]))
    assert "The request doesn't say that its body is JSON" in page
    assert "Add the header Content-Type: application/json" in page
