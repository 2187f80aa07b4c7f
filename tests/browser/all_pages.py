"""The pages that tests walk through: what the navigation leads to, and one of each sort that only a row leads to."""

PAGES = {
    "start": "/",
    "people": "/people/",
    "site audit": "/audit/",
    "profile": "/account/",
    "security": "/accounts/security/",
    "connect": "/w/connect/",
    "overview": "/w/sandbox/",
    "keys": "/w/sandbox/keys/",
    "new key": "/w/sandbox/keys/new/",
    "requests": "/w/sandbox/requests/",
    "usage": "/w/sandbox/usage/",
    "budget": "/w/sandbox/usage/budget/",
    "balance history": "/w/sandbox/usage/history/",
    "alerts": "/w/sandbox/alerts/",
    "new rule": "/w/sandbox/alerts/rules/new/",
    "emails": "/w/sandbox/alerts/emails/",
    "webhooks": "/w/sandbox/webhooks/",
    "endpoint health": "/w/sandbox/webhooks/figures/",
    "endpoint check": "/w/sandbox/webhooks/check/",
    "for developers": "/w/sandbox/webhooks/developers/",
    "redeliveries": "/w/sandbox/webhooks/redeliveries/",
    "troubleshoot": "/w/sandbox/troubleshoot/",
    "request body": "/w/sandbox/troubleshoot/body/",
    "support bundle": "/w/sandbox/troubleshoot/bundle/",
    "polling": "/w/sandbox/polling/",
    "polling of logs": "/w/sandbox/polling/?resource=requests",
    "audit": "/w/sandbox/audit/",
    "members": "/w/sandbox/members/",
    "settings": "/w/sandbox/settings/",
    "search": "/w/sandbox/find/?q=key",
    "statistics": "/w/sandbox/requests/figures/",
}
# The page that has it, and the link that leads there.
OPENED = {
    "key": ("keys", "tbody a.row-link"),
    "request": ("requests", "tbody a.row-link"),
    "delivery": ("webhooks", "tbody a.row-link"),
    "workflow": ("webhooks", "tbody th a"),
    "rule": ("alerts", "a.row-link[href*='/rules/']"),
    "alert": ("alerts", "a.row-link:not([href*='/rules/'])"),
}


def all_pages(page):
    """Return the addresses of all pages by name, once the first syncs are done; ``page`` is a window of an owner."""
    found = dict(PAGES)
    for name, (start, link) in OPENED.items():
        page.goto(PAGES[start])
        found[name] = page.locator(link).first.get_attribute("href", timeout=60_000)
    return found
