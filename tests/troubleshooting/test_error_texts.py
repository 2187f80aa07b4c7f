"""What libraries, tools and people write of an error: the status counts, however it is written, then the words."""

import pytest

from troubleshooting.checks.request_shape import shape
from troubleshooting.pasted.recognizer import recognize
from troubleshooting.pasted.secrets import remove_secrets

BALANCE = "https://api.cleanlist.ai/api/v1/public/credits/balance"
ID = "public_bulk_0f9e8d7c-6b5a-4c3d-9e2f-1a0b9c8d7e6f"
STATUSES = [
    ("Error 401", "unauthorized"),
    ('{"detail":"Too many contacts: 612. Maximum is 250 per request."}', "too_many"),
    ('{"detail":"Maximum of 10 active API keys reached. Revoke one first."}', "key_limit"),
    ("API key limit reached (10)", "key_limit"),
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
    (f'Get "{BALANCE}": context deadline exceeded (Client.Timeout exceeded while awaiting headers)', "client_timeout"),
    (
        f"requests.exceptions.SSLError: HTTPSConnectionPool(port=443): Max retries exceeded with url: {BALANCE}",
        "upstream",
    ),
    (f"Connection refused on {BALANCE}", "unreachable"),
    ("TypeError: fetch failed\n  cause: Error: getaddrinfo ENOTFOUND api.cleanlist.ai", "dns"),
    ("TypeError: Failed to fetch", "cors"),
    ("SyntaxError: Unexpected token '<', \"<!DOCTYPE \"... is not valid JSON", "upstream"),
    ("json.decoder.JSONDecodeError: Expecting value: line 1 column 1 (char 0)", "upstream"),
    ("curl: (7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server", "not_listening"),
    ("curl: (6) Could not resolve host: api.cleanlist.io", "wrong_host"),
    ("java.net.UnknownHostException: api.cleanlist.ai", "dns"),
    (
        "2026/11/28 10:04:17 [error] upstream timed out (110: Connection timed out) while reading response header",
        "upstream",
    ),
    ("x509: certificate signed by unknown authority", "untrusted"),
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
    ("CLEANLIST_API_KEY=op://prod/cleanlist/credential\nCLEANLIST_WEBHOOK_URL=https://hooks.example.test/cl", ""),
    ("environment:\n  CLEANLIST_API_KEY: ${CLEANLIST_API_KEY:?}\n  WEBHOOK_URL: ${PUBLIC_URL}/hooks/cleanlist", ""),
    ('data class BulkRequest(@SerialName("webhook_url") val webhookUrl: String? = null)', ""),
    ("HUBSPOT_TOKEN=$TOKEN\nRATE_LIMIT=30\nDELIVERY_DIR=/tmp", ""),
    ("webhook: https://hooks.example.test/cl", ""),
    ('{"contacts": {{ JSON.stringify($json.contacts) }}, "webhook_url": "{{ $env.HOOK }}"}', "template"),
    ('{"contacts":[{% for c in rows %}{"linkedin_url":"{{ c.url }}"}{% endfor %}]}', "template"),
    ('{"contacts": <%= contacts.to_json %>, "enrichment_type": "partial"}', "template"),
    ('{"contacts": [{"linkedin_url": "{{url}}"}]}', "shape"),
    ('{{"contacts": [{{"linkedin_url": "https://linkedin.com/in/x"}}]}}', "shape"),
    (f'responses.add(responses.POST, "{BALANCE}", json={{"detail": "Invalid API key"}}, status=401)', "mock"),
    (f'http.get("{BALANCE}", () => HttpResponse.json({{ detail: "Invalid API key" }}, {{ status: 401 }}))', "mock"),
    ("nock('https://api.cleanlist.ai').get('/x').reply(402, { detail: 'Insufficient credits' })", "mock"),
    ("Our webhook doesn't fire", "no_webhook"),
    ("No delivery since Monday", "no_webhook"),
]

RUNTIMES = [
    ("Der Remotename konnte nicht aufgelöst werden: 'api.cleanlist.ai'", "dns"),
    ("Die zugrunde liegende Verbindung wurde geschlossen: Unerwarteter Fehler beim Senden..", "upstream"),
    ("Die Verbindung mit dem Remoteserver kann nicht hergestellt werden.", "unreachable"),
    (
        "Es konnte keine Verbindung hergestellt werden, da der Zielcomputer die Verbindung verweigerte 10.0.0.1:443",
        "unreachable",
    ),
    ("Timeout für Vorgang überschritten", "upstream"),
    ("Für den geschützten SSL/TLS-Kanal konnte keine Vertrauensstellung hergestellt werden.", "untrusted"),
    ("Der angegebene Host ist unbekannt. (api.cleanlist.ai:443)", "dns"),
    ("Der Remoteserver hat einen Fehler zurückgegeben: (401) Nicht autorisiert.", "unauthorized"),
    ("Le nom distant n'a pas pu être résolu : 'api.cleanlist.ai'", "dns"),
    ("La connexion sous-jacente a été fermée : Une erreur inattendue s'est produite lors de l'envoi.", "upstream"),
    ("Impossible de se connecter au serveur distant", "unreachable"),
    (
        "Aucune connexion n\u2019a pu être établie car l\u2019ordinateur cible la refuse.",
        "unreachable",
    ),
    ("Le délai d'attente de l'opération a expiré.", "upstream"),
    ("Hôte inconnu. (api.cleanlist.ai:443)", "dns"),
    ("Impossible d'établir une relation de confiance pour le canal sécurisé SSL/TLS.", "untrusted"),
    ("Le serveur distant a retourné une erreur : (402) Paiement requis.", "credits"),
    ("No se puede resolver el nombre remoto: 'api.cleanlist.ai'", "dns"),
    ("Se ha terminado la conexión: Error inesperado de envío.", "upstream"),
    ("No es posible conectar con el servidor remoto", "unreachable"),
    (
        "No se puede establecer una conexión ya que el equipo de destino denegó expresamente dicha conexión.",
        "unreachable",
    ),
    ("Se agotó el tiempo de espera de la operación", "upstream"),
    ("Host desconocido. (api.cleanlist.ai:443)", "dns"),
    ("rpc error: code = Unauthenticated desc = missing credentials", "unauthorized"),
    ('{"error": "UNAUTHENTICATED: no credentials"}', "unauthorized"),
    ("io.grpc.StatusRuntimeException: PERMISSION_DENIED: no access", "scope"),
    ("8 RESOURCE_EXHAUSTED: quota", "rate_limited"),
    ("4 DEADLINE_EXCEEDED: Deadline exceeded", "upstream"),
    ('Error Domain=NSURLErrorDomain Code=-1022 "The resource could not be loaded"', "cleartext"),
    ("NSURLErrorDomain -1022", "cleartext"),
    ("NSURLErrorDomain error -1003.", "upstream"),
    ('Error Domain=NSURLErrorDomain Code=-1200 "An SSL error has occurred"', "upstream"),
    ("java.net.UnknownServiceException: CLEARTEXT communication to api.cleanlist.ai not permitted", "cleartext"),
    ("Cleartext HTTP traffic to api.cleanlist.ai not permitted", "cleartext"),
    (
        f'reqwest::Error {{ kind: Request, url: "{BALANCE}", source: ConnectError("dns error", Custom) }}',
        "upstream",
    ),
    (f"error sending request for url ({BALANCE}): operation timed out", "upstream"),
    (f"HTTP status client error (401 Unauthorized) for url ({BALANCE})", "unauthorized"),
    ('reqwest::Error { kind: Decode, source: Error("expected value", line: 1, column: 1) }', "upstream"),
    ("{:error, %HTTPoison.Error{reason: :nxdomain, id: nil}}", "dns"),
    ("** (HTTPoison.Error) :closed", "upstream"),
    ("%Req.TransportError{reason: :closed}", "upstream"),
    ("{:error, {:tls_alert, {:unknown_ca, 'TLS client'}}}", "untrusted"),
    ("Unhandled exception: HttpException: Connection closed before full header was received", "upstream"),
    (
        "DioException [bad response]: it was thrown because the response has a status code of 429",
        "rate_limited",
    ),
    ("DioException [connection error]: The connection errored: Failed host lookup: 'api.cleanlist.ai'", "dns"),
    ("ClientException: XMLHttpRequest error.", "cors"),
    ("FormatException: Unexpected character (at character 1) <html>", "upstream"),
    (
        'NotCapable: Requires net access to "api.cleanlist.ai:443", run again with the --allow-net flag',
        "not_allowed",
    ),
    ('PermissionDenied: Requires net access to "api.cleanlist.ai"', "not_allowed"),
    ("error: Unable to connect. Is the computer able to access the url?", "unreachable"),
    ("FailedToOpenSocket: Was there a typo in the url or port?", "upstream"),
    ("error: The socket connection was closed unexpectedly.", "upstream"),
    ("error: DEPTH_ZERO_SELF_SIGNED_CERT fetching", "untrusted"),
    ("Uncaught (in response) Error: Network connection lost.", "upstream"),
    ("Error 1101: Worker threw exception", "upstream"),
]
QUESTIONS = [
    ("our key seems to have expired", "inactive_key"),
    ("The key stopped working since Monday", "inactive_key"),
    ("my API key doesn't work any more", "inactive_key"),
    ("someone revoked our key, what now?", "inactive_key"),
    ("Invalid or expired API key", "unauthorized"),
    ("what scope does the key need?", "scopes"),
    ("Which scopes are there?", "scopes"),
    ("the key lacks the scope enrich:write", "scope"),
    ("insufficient scope", "scope"),
    ("How long is the monkey key of our office valid?", ""),
]


@pytest.mark.parametrize(("text", "topic"), STATUSES + EXCEPTIONS + WORDS + RUNTIMES + QUESTIONS)
def test_an_errors_text_is_told_by_its_status_and_then_by_its_words(text, topic, workspace):
    found = recognize(remove_secrets(text).text, workspace)
    assert found.case.topic == topic, found
    assert set(found.case.slips) <= {"good"}


LISTED = [
    (
        '{"detail":[{"type":"json_invalid","loc":["body",57],"msg":"JSON decode error","ctx":{"error":"no value"}}]}',
        "The body isn't JSON at character 57: no value",
    ),
    ('{"detail":[{"type":"missing","loc":["body","contacts"],"msg":"Field required"}]}', "contacts: Field required"),
    ("[422] body,contacts,0,last_name: Field required", "contacts[0].last_name: Field required"),
    (
        "HTTP 422: body.contacts.12.email: Input should be a valid string",
        "contacts[12].email: Input should be a valid string",
    ),
]


@pytest.mark.parametrize(("text", "title"), LISTED)
def test_the_first_thing_that_a_refusal_lists_is_the_title(text, title, workspace):
    assert shape(workspace, recognize(text, workspace).case).title == title
