"""The symptoms whose cause is where a request is sent from, or that it goes to another service."""

from troubleshooting.topic import Topic

ELSEWHERE, TEMPLATE, MOCK = "elsewhere", "template", "mock"  # claim no symptom
TWICE, EXPIRED_LINK = "twice", "expired_link"
# What a paste shows; nobody would look for it in a list.
UNLISTED = frozenset({ELSEWHERE, TEMPLATE, MOCK, "both_ids", "id_name", "cleartext", "not_allowed", "webhook_payload"})
UNLISTED |= {EXPIRED_LINK, "not_listening"}
CLIENT_TOPICS = (
    Topic(
        "cors",
        "Blocked by CORS policy",
        "The API was called from a browser",
        "Browsers only let a page call an API that allows it, and this call wasn't allowed. A key in a page is also "
        "visible to everyone who opens it.",
        (
            "Is the request sent by JavaScript in a page? Servers, scripts and automation tools aren't affected.",
            "If a page with the key was published, consider the key leaked: revoke it and create a new one.",
        ),
        "Call the API from your server and let the page call your server. The key stays there.",
        ("credential",),
    ),
    Topic(
        "cleartext",
        "Blocked because of http://",
        "The app doesn't send requests without TLS",
        "iOS (App Transport Security) and Android block addresses that begin with http://, and Cleanlist refuses plain "
        "HTTP as well.",
        ("Does the address begin with https://, also after a redirect?",),
        "Write https:// instead of http://. The app needs no exception.",
        ("credential",),
    ),
    Topic(
        "not_allowed",
        "The program may not use the network",
        "The program has no permission to connect",
        "Deno only lets a program connect to hosts that it's allowed to.",
        ("Which hosts does the option --allow-net name?",),
        "Run the program with --allow-net=api.cleanlist.ai.",
        ("credential",),
    ),
    Topic(
        "wrong_host",
        "The host isn't the API's",
        "The address has the wrong host",
        "The API is at https://api.cleanlist.ai. The portal's and the website's hosts don't serve it, and other "
        "endings aren't Cleanlist's.",
        ("Where does the program get the address from: a setting, a variable, a base URL?",),
        "Send the request to https://api.cleanlist.ai.",
        ("endpoint", "credential"),
        send="the address without secrets",
    ),
    Topic(
        "both_ids",
        "workflow_id and task_id in one request",
        "enrich/status takes workflow_id or task_id, not both",
        "The request asks for the status by both at once.",
        ("Which of the two did the response that started the enrichment have?",),
        "Send only one of them, such as ?workflow_id=….",
        ("endpoint", "credential"),
    ),
    Topic(
        "id_name",
        "The status is asked for by another parameter",
        "enrich/status takes the ID as workflow_id",
        "Parameters are spelled exactly like this; Cleanlist ignores others, such as workflowId.",
        ("Which ID did the response that started the enrichment have: workflow_id or task_id?",),
        "Write ?workflow_id=…, or ?task_id=… for the ID of a task.",
        ("endpoint", "credential"),
        send="the address without secrets",
    ),
    Topic(
        "proxy",
        "407 or ProxyError",
        "Your own proxy refused the request",
        "The request never got to Cleanlist: a proxy in your network wants a login, or doesn't allow the host.",
        (
            "Which proxy do HTTPS_PROXY, HTTP_PROXY or the client's options name?",
            "407 means that the proxy wants its own username and password.",
        ),
        "Give the client the proxy's login, or have your network's administrator allow api.cleanlist.ai. If no proxy "
        "is needed, add the host to NO_PROXY.",
        ("credential",),
    ),
    Topic(
        "untrusted",
        "CERTIFICATE_VERIFY_FAILED, or an unknown authority",
        "Your program doesn't trust the certificate that it was shown",
        "Nothing was sent. The program has no up-to-date list of certificate authorities, or something in your network "
        "inspects TLS and shows a certificate of its own. Trying again doesn't help.",
        (
            "Who issued the certificate? openssl s_client -connect api.cleanlist.ai:443 shows it.",
            "If your company's name is in it, your network inspects TLS.",
            "A clock that is wrong makes every certificate invalid.",
        ),
        "Install the authorities (ca-certificates, certifi), or add your company's to the program's list: "
        "REQUESTS_CA_BUNDLE, SSL_CERT_FILE or NODE_EXTRA_CA_CERTS. Don't turn verification off: it protects the key.",
        ("credential",),
    ),
    Topic(
        "dns",
        "ENOTFOUND, or the host can't be resolved",
        "Your program couldn't look up the host's name",
        "Nothing was sent: where the program runs, DNS has no address for the host.",
        (
            "Is the host exactly api.cleanlist.ai, without a space or https:// in the setting of a host?",
            "Does nslookup api.cleanlist.ai find it in the same container or network?",
        ),
        "Correct the host, or the DNS server of the machine or container. Some networks only let a proxy look names "
        "up: then set HTTPS_PROXY.",
        ("credential",),
    ),
    Topic(
        "unreachable",
        "ETIMEDOUT, ECONNREFUSED or connection refused",
        "Your program couldn't connect",
        "Nothing was sent: the connection was refused, or no one responded to it. That isn't an error of the API's.",
        (
            "Does the address have the right host and port? The API is at https://api.cleanlist.ai, port 443.",
            "Does a firewall, a security group or a VPN let the program out, or does it need a proxy (HTTPS_PROXY)?",
        ),
        "Allow outgoing connections to api.cleanlist.ai on port 443, or set the proxy. If the connection is there and "
        "the check below fails too, try again later.",
        ("credential",),
    ),
    Topic(
        "not_listening",
        "Connection refused at localhost",
        "Nothing listens at this address of your own machine",
        "Nothing was sent: the address is the program's own machine or container, where no server accepts connections.",
        (
            "Which program is meant to listen there: a sandbox, a proxy, a tunnel? Is it running, on this port?",
            "In a container, localhost is the container itself, not the machine around it.",
        ),
        "Start that program, or correct the address. The API itself is at https://api.cleanlist.ai.",
        ("credential",),
    ),
    Topic(
        "client_timeout",
        "Timeouts of your own client or function",
        "No response came in the time that your client allows",
        "Your client or function stopped waiting. That's no error of the API's, which may still have got the request.",
        (
            "How long does it wait: timeout= in the client, the limit of the function or of a gateway in front of it?",
            "A bulk request only starts a workflow. Don't keep a function waiting for the result: use a webhook.",
            "Before you resend an enrichment, check whether it started: only the response may have been lost.",
        ),
        "Allow more time, such as 30 seconds, and raise the function's limit above that.",
        ("credential",),
    ),
    Topic(
        TWICE,
        "A webhook arrived more than once",
        "A workflow's webhook may be delivered more than once",
        "An attempt that timed out may have arrived, and the next one then brings the same result again.",
        (
            "Are the workflow_id and the content the same? Then it's one workflow, delivered again.",
            "Does your endpoint return 2xx within 10 seconds? Cleanlist makes up to five attempts until it does.",
        ),
        "Store the workflow_id of each webhook, and skip those that were processed. Return 200 before the processing.",
        ("deliveries",),
        send="the workflow_id",
    ),
    Topic(
        EXPIRED_LINK,
        "A download link that has expired",
        "The signed link has expired",
        "The storage answered, not the API: a signed link works for a limited time, one to an export for 24 hours.",
        ("When was the link created, and by which service?",),
        "Create a new link with POST /export/csv/signed-url, and download the file soon.",
        ("credential",),
    ),
    Topic(
        "webhook_payload",
        "The payload of a webhook",
        "This is what Cleanlist sends to your endpoint",
        "A webhook with this payload is sent when an enrichment is done. It's no response to a request.",
        (
            "Return 2xx within 10 seconds, and process it afterwards.",
            "status and summary say how the enrichment went; results has at most 250 contacts.",
        ),
        "If your endpoint can't handle it, paste the error in your server's log or the attempt in the delivery log.",
        ("deliveries", "enrichment"),
        send="the workflow_id",
    ),
    Topic(
        TEMPLATE,
        "The template of a request body",
        "This is a template, not the body that is sent",
        "A program or a tool fills it in before it sends it, so only the result can be checked.",
        (
            "Log what is sent, or check it in the tool's history of runs.",
            "Does the template write valid JSON also where a value is empty, or has quotes in it?",
        ),
        "Paste the rendered body.",
        ("shape",),
        send="the rendered body, with personal data removed",
    ),
    Topic(
        MOCK,
        "A test's mock of Cleanlist",
        "This response is a test's, not Cleanlist's",
        "The test responds in Cleanlist's place, so the status and the message in it say nothing about a request.",
        ("Does the program get another response than the test expects? Paste what the test prints.",),
        "If a real request fails, paste its response.",
        ("credential",),
    ),
    Topic(
        ELSEWHERE,
        "A request to another service",
        "This request doesn't go to Cleanlist",
        "Its address is another service's, which has rules of its own: its header and path weren't checked.",
        ("Does the program or the command also have a request to Cleanlist? Paste that one.",),
        "If it's meant for Cleanlist, send it to https://api.cleanlist.ai.",
        ("credential",),
        send="the address without secrets",
    ),
)
