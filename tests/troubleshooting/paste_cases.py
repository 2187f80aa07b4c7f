"""Pasted text with secrets in it, and what must be left of it: for the browser's script and for the server alike."""

BODY = "aB3dE6gH9jK2mN5p"
KEY = f"clapi_{BODY * 4}"  # of no console
KNOWN = "clapi_Known-key-of-this-console-0123456789abcdefghijklmnopqrstuvwxyzwXyZ"
KEYS = [{"prefix": KNOWN[:10], "last4": KNOWN[-4:], "label": "Production server"}]
TOKEN = "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJ1c2VyIn0.c2lnbmF0dXJl"
UNKNOWN = "[key-removed:clapi_,70-characters]"
URL = "https://api.cleanlist.ai/api/v1/public/credits/balance"

# What was pasted, and what is sent. The known key is named by its ends only where the browser knows the list.
CASES = [
    (f'curl {URL} -H "Authorization: Bearer {KEY}"', f'curl {URL} -H "Authorization: Bearer {UNKNOWN}"'),
    (f"curl {URL} -H 'Authorization: Bearer {KEY}'", f"curl {URL} -H 'Authorization: Bearer {UNKNOWN}'"),
    (f"Authorization: Bearer {KEY}", f"Authorization: Bearer {UNKNOWN}"),
    (f'-H "Authorization: Bearer \\"{KEY}\\""', f'-H "Authorization: Bearer \\"{UNKNOWN}\\""'),
    (f"Authorization: Bearer “{KEY}”", f"Authorization: Bearer “{UNKNOWN}”"),
    (f"Authorization: {KEY}", f"Authorization: {UNKNOWN}"),
    (f"Authorization: Bearer{KEY}", f"Authorization: Bearer{UNKNOWN}"),
    (f'-H "X-API-Key: {KEY}"', f'-H "X-API-Key: {UNKNOWN}"'),
    ("X-API-Key: sk_live_0123456789", "X-API-Key: [key-removed:other,18-characters]"),
    ("Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Basic [secret-removed]"),
    (
        f"""curl -u "{KEY}:" -H "Accept: */*" -d '{{}}' {URL}""",
        f"""curl -u "{UNKNOWN}:" -H "Accept: */*" -d '{{}}' {URL}""",
    ),
    (f'curl -u "{KEY}:" {URL}', f'curl -u "{UNKNOWN}:" {URL}'),
    (f"curl -u '{KEY}:' {URL} -H 'Accept: */*'", f"curl -u '{UNKNOWN}:' {URL} -H 'Accept: */*'"),
    ("curl -u user:hunter2 https://x.test/", "curl -u [secret-removed] https://x.test/"),
    ("curl --user 'user:two words' https://x.test/", "curl --user [secret-removed] https://x.test/"),
    ("curl https://user:hunter2@x.test/", "curl https://[secret-removed]@x.test/"),
    ("curl 'https://x.test/?api_key=0123456789&a=1'", "curl 'https://x.test/?api_key=[secret-removed]&a=1'"),
    (f"Authorization: Bearer {TOKEN}", "Authorization: Bearer [token-removed]"),
    (f"the session is {TOKEN}.", "the session is [token-removed]."),
    ("Cookie: __client=abcdefgh; x=y", "Cookie: [secret-removed]"),
    (f"{KEY[:34]}, {KEY[:40]}", "[key-removed:clapi_,34-characters], [key-removed:clapi_,40-characters]"),
    (f"Authorization: Bearer {KEY[:40]} {KEY[40:]}", "Authorization: Bearer [key-removed:clapi_,71-characters,spaces]"),
    (f"Authorization: Bearer {KEY[:60]}", "Authorization: Bearer [key-removed:clapi_,60-characters]"),
    (f'-H "Authorization: Bearer {KEY[:40]}\\\n{KEY[40:]}"', f'-H "Authorization: Bearer {UNKNOWN}"'),
    (f"Bearer {KEY[:30]}\u2013{KEY[31:]}", "Bearer [key-removed:clapi_,70-characters,dash,odd]"),
    (KEY, UNKNOWN),
    ("clext_0123456789abcdef", "[key-removed:clext_,22-characters]"),
    (BODY * 4, "[key-removed:other,64-characters]"),
    (f'{{"api_key": "{KEY}", "contacts": []}}', f'{{"api_key": "{UNKNOWN}", "contacts": []}}'),
    ('{"password": "correct horse"}', '{"password": "[secret-removed]"}'),
    (f'headers={{"Authorization": "Bearer {KEY}"}}', f'headers={{"Authorization": "Bearer {UNKNOWN}"}}'),
    (f"Failed for key {KEY}!", f"Failed for key {UNKNOWN}!"),
    (f"<b>{KEY[:9]}<wbr>{KEY[9:]}</b>, \x1b[1m{KEY}\x1b[0m", f"<b>{UNKNOWN}</b>, \x1b[1m{UNKNOWN}\x1b[0m"),
    ('{"body": "{\\"password\\":\\"Winter\\\\\\"2026x\\"}"}', '{"body": "{\\"password\\":\\"[secret-removed]\\"}"}'),
    ("cli login --token tok-66666", "cli login --token [secret-removed]"),
    ('<add key="ApiKey" value="cfgKey-789abc"/>', '<add key="ApiKey" value="[secret-removed]"/>'),
    (
        '<setting name="ClientSecret"><value>set-sec-11</value></setting>',
        '<setting name="ClientSecret"><value>[secret-removed]</value></setting>',
    ),
    ("signing_key => 'sgn-10'", "signing_key => '[secret-removed]'"),
    ("Passwort für die Konsole ist Blaubeere-2291", "Passwort für die Konsole ist [secret-removed]"),
    ("mi clave es Naranja#55", "mi clave es [secret-removed]"),
    ('{"otp":"449120"}', '{"otp":"[secret-removed]"}'),
    ("my pin was 8831", "my pin was [secret-removed]"),
    ('Authorization: Digest username="a", nonce="b" and a 401', "Authorization: Digest [secret-removed] and a 401"),
    ("https://discord.com/api/webhooks/123456/aB3dE6gH9", "https://discord.com/api/webhooks/123456/[secret-removed]"),
    ("abcdefgh123456789.abcdef", "[key-removed:other,24-characters,odd]"),
    (f"Authorization: Bearer {KEY[:9]}\u200b{KEY[9:]}", "Authorization: Bearer [key-removed:clapi_,70-characters,odd]"),
    ("bearer 0123456789abcdef in a sentence", "bearer [secret-removed] in a sentence"),
]
# What holds no secret stays as it is.
HARMLESS = [
    "401",
    "clapi_AbCd",
    "clapi_AbCd…wXyZ",
    "public_bulk_6f3d2c1b-0a9e-4c8d-b7a6-5f4e3d2c1b0a",
    '-H "Authorization: Bearer $CLEANLIST_API_KEY"',
    "Authorization: Bearer clapi_...",
    "Authorization: Bearer clapi_your_api_key_here",
    "Authorization: Bearer",
    '{"detail": "Insufficient credits"}',
    '{"contacts": [{"linkedin_url": "https://www.linkedin.com/in/contact-0042", "email": "a@b.test"}]}',
    '{"error": {"code": "insufficient_scope", "request_id": "req_0123456789abcdef"}}',
    "/api/v1/public/enrich/bulk",
    "Authorization: Digest … failed with status 401",
    "req.setHeader('Authorization', 'Bearer ' + X__c.getOrgDefaults().Api_Key__c);",
    'request.setValue("Authorization", forHTTPHeaderField: "Bearer \\(key)")',
    "web-1.eu-central-1.compute.internal",
    "the password for the console is required",
    "cli get --token $TOKEN_1234 --key server.key",
    "insufficient_scope_of_the_key",
]
KNOWN_ENDS = f"[key-removed:{KNOWN[:10]}…{KNOWN[-4:]},{len(KNOWN)}-characters]"
