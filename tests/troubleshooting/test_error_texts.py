"""What libraries, tools and people write of an error: the status counts, however it is written, then the words."""

import pytest

from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

BALANCE = "https://api.cleanlist.ai/api/v1/public/credits/balance"
ID = "public_bulk_0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f"
STATUSES = [
    ("Error 401", "unauthorized"),
    ("Error: 402", "credits"),
    ("Status: 429", "rate_limited"),
    ("status=429", "rate_limited"),
    ("Status Code: 422", "shape"),
    ("Got 403 from the API", "scope"),
    ("HTTP Error 503", "upstream"),
    ("response code 402", "credits"),
    ("[401]", "unauthorized"),
    ("(429)", "rate_limited"),
    ("❌ 401", "unauthorized"),
    ("Forbidden", "scope"),
    ("Gateway Time-out", "upstream"),
    ("error code: 524", "upstream"),
    ("error code: 1015", "rate_limited"),
    ("Request failed with status code 401", "unauthorized"),
    (
        "AxiosError: Request failed with status code 429\n    at settle (/app/node_modules/axios/lib/settle.js:19:12)",
        "rate_limited",
    ),
    ("The remote server returned an error: (401) Unauthorized.", "unauthorized"),
    ("Response status code does not indicate success: 422 (Unprocessable Entity).", "shape"),
    (f"java.io.IOException: Server returned HTTP response code: 401 for URL: {BALANCE}", "unauthorized"),
    (f"{BALANCE} returns 401", "unauthorized"),
    (f"{ID} got 402 Insufficient credits", "credits"),
    ('{"message":"Your request is invalid","httpCode":"422","node":"HTTP Request"}', "shape"),
    ("NodeApiError: Authorization failed - please check your credentials\nhttpCode: 401", "unauthorized"),
    ('Webhooks by Zapier: The app returned "Unauthorized".', "unauthorized"),
    ("openai.RateLimitError? no: cleanlist.errors.RateLimitError: [rate_limited] slow down", "rate_limited"),
    ("Clay: HTTP API failed with 402: Payment Required", "credits"),
    ("415 Unsupported Media Type", "shape"),
    ('{"detail":"Method Not Allowed"}', "method"),
    ("Received HTTP code 405 from server", "method"),
]
EXCEPTIONS = [
    (f'Get "{BALANCE}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)', "upstream"),
    (
        f"requests.exceptions.SSLError: HTTPSConnectionPool(port=443): Max retries exceeded with url: {BALANCE}",
        "upstream",
    ),
    (f"Connection refused on {BALANCE}", "upstream"),
    ("TypeError: fetch failed\n  cause: Error: getaddrinfo ENOTFOUND api.cleanlist.ai", "upstream"),
    ("TypeError: Failed to fetch", "cors"),
    ("SyntaxError: Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON", "upstream"),
    ("json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)", "upstream"),
    ("curl: (7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server", "upstream"),
    ("curl: (6) Could not resolve host: api.cleanlist.io", "upstream"),
    ("java.net.UnknownHostException: api.cleanlist.ai", "upstream"),
    (
        "2026/11/28 10:04:17 [error] upstream timed out (110: Connection timed out) while reading response header",
        "upstream",
    ),
    ("x509: certificate signed by unknown authority", "upstream"),
    ("Error: read ECONNRESET", "upstream"),
]
WORDS = [
    ('{"detail": "Invalid or expired API key", "status_code": 401}', "unauthorized"),
    ('{"detail": "Something new", "status": 401}', "unauthorized"),
    ('{"detail": "Invalid API key"}', "unauthorized"),
    ("DEFAULT value of timeout", "upstream"),
    ("I have not enough credits", "credits"),
    ("The webhook never arrived", "no_webhook"),
    (ID, "workflow"),
    ("0F9E8D7C-6b5a-4c3d-9e2f-1a0b9c8d7e6f", "workflow"),
    ("req_5f3a9c1be0d74c21", "request"),
    ("x-request-id: req_5f3a9c1be0d74c21", "request"),
    (f"it came back empty: {ID}", "empty"),
    ("The traceback ends at line 422, nothing else", ""),
    ("Took 429 ms for 402 contacts", ""),
    ("if response.status_code == 401: retry()", ""),
    (f"GET {BALANCE}", ""),
]


@pytest.mark.parametrize(("text", "topic"), STATUSES + EXCEPTIONS + WORDS)
def test_an_errors_text_is_told_by_its_status_and_then_by_its_words(text, topic, workspace):
    found = recognize(remove_secrets(text).text, workspace)
    assert found.case.topic == topic, found
    assert set(found.case.slips) <= {"good"}
