"""An address is found in whatever form it was sent and is asked for; the same on both databases."""

import ipaddress
from datetime import timedelta
from importlib import import_module
from urllib.parse import quote

import pytest
from django.apps import apps
from django.db import connection
from django.http import QueryDict
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cleanlist import RequestLogEntry
from keys.log import sources
from keys.log.canonical import canonical_ip, is_canonical_ip, parse_network
from keys.log.ingest.pages import ingest_latest_page
from keys.log.models.facet import fingerprint
from keys.log.search.filters import LogFilterForm, LogScope
from keys.log.search.page import find_rows
from keys.log.search.query_plan import plan_query
from keys.models import LogFacet, LoggedRequest
from tests.keys.conftest import text_of

unifying = import_module("keys.migrations.0010_canonical_addresses")

# One address in several forms, the first of which is the canonical one.
FORMS = [
    (
        "203.0.113.9",
        "::ffff:203.0.113.9",
        "::FFFF:cb00:7109",
        "0:0:0:0:0:ffff:cb00:7109",
        "::ffff:203.0.113.9%eth0",
        " 203.0.113.9\n",
        "203.0.113.9:5678",
        "203.0.113.9:0",
        "203.0.113.9:65535",
        "[203.0.113.9]",
        "[::ffff:203.0.113.9]:443",
    ),
    (
        "2001:db8::1",
        "2001:DB8::1",
        "2001:0db8:0000:0000:0000:0000:0000:0001",
        "2001:db8:0:0::1",
        "[2001:db8::1]",
        "[2001:DB8:0::1]:443",
    ),
    ("2001:db8::1:443", "2001:DB8::1:443"),
    ("fe80::1", "fe80::1%eth0", "FE80::0001%3", "[fe80::1%eth0]:8443"),
    ("0:bf36:d3e::382c:0:0", "0000:bf36:0d3e:0:0:382c::"),
    ("::f075:0:8904:0:0:cc70", "0:0:f075:0:8904:0:0:cc70"),
    ("::102:304", "::1.2.3.4"),
]
NO_ADDRESSES = [
    "", "unknown", "203.0.113", "203.0.113.9/32", "203.0.113.09", "1:2:3", "::1::", ":::",
    "1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "g::", "12345::", "1.2.3.4, 5.6.7.8",
    "\\N", "::ffff:999.1.1.1",
    "1.2.3.4:", "1.2.3.4:65536", "1.2.3.4:٤٤٣", "1.2.3.4:443:1", "1.2.3.4:http", "1.2.3.4:-1", "203.0.113:443",
    "[::1", "::1]", "[]", "[]:443", "[::1]443", "[::1]:65536", "[[::1]]", "[::1]/128", "[2001:db8::]/32",
    "1.2.3.0/24:443", "1.2.3.4:443, 5.6.7.8:443", ":443", "localhost:443", "[g::]:1",
]  # fmt: skip

groups = st.one_of(st.just(0), st.just(0), st.integers(0, 0xFFFF))
ipv6 = st.lists(groups, min_size=8, max_size=8).map(
    lambda parts: ipaddress.IPv6Address(sum(part << 16 * place for place, part in enumerate(parts)))
)
addresses = st.one_of(
    ipv6,
    st.ip_addresses(v=4),
    st.ip_addresses(v=4).map(lambda address: ipaddress.IPv6Address((0xFFFF << 32) | int(address))),
)


def meant(address):
    return getattr(address, "ipv4_mapped", None) or address


@st.composite
def written(draw):
    """Return an address and a text of it in one of its forms."""
    address, port = draw(addresses), draw(st.integers(0, 65535))
    if address.version == 4:
        return address, draw(st.sampled_from([str(address), f"{address}:{port}"]))
    text = draw(st.sampled_from([str(address), address.exploded, address.exploded.replace(":0", ":")]))
    text = text if _reads(text) else address.exploded
    text = draw(st.sampled_from([text, text.upper(), f"{text}%eth0"]))
    return address, draw(st.sampled_from([text, f"[{text}]", f"[{text}]:{port}"]))


def _reads(text):
    try:
        return bool(ipaddress.ip_address(text))
    except ValueError:
        return False


@given(written())
def test_every_form_of_an_address_is_the_same_text(pair):
    address, text = pair
    assert canonical_ip(text) == str(meant(address))
    assert canonical_ip(canonical_ip(text)) == canonical_ip(text)
    assert is_canonical_ip(canonical_ip(text))


@pytest.mark.parametrize("text", NO_ADDRESSES)
def test_what_is_no_address_stays_as_it_is(text):
    assert canonical_ip(text) == text
    assert not is_canonical_ip(text)


@pytest.mark.parametrize(
    ("text", "network"),
    [
        ("::ffff:0:0/96", "0.0.0.0/0"),
        ("::ffff:203.0.113.77/120", "203.0.113.0/24"),
        ("::ffff:203.0.113.9", "203.0.113.9/32"),
        ("203.0.113.9/24", "203.0.113.0/24"),
        ("2001:DB8::/32", "2001:db8::/32"),
        ("fe80::1%eth0", "fe80::1/128"),
        ("203.0.113.9:5678", "203.0.113.9/32"),
        ("[2001:DB8::1]:443", "2001:db8::1/128"),
        ("::/0", "::/0"),
        ("::ffff:0:0/95", "::fffe:0:0/95"),
    ],
)
def test_a_network_is_one_of_canonical_addresses(text, network):
    assert str(parse_network(text)) == network


def ingest(log, texts, ago=timedelta(minutes=1)):
    """Land a request from each address; return the ids of the rows in their order."""
    at, number = timezone.now() - ago, LoggedRequest.objects.count()
    page = [
        RequestLogEntry(id=f"r{number + n}", created_at=at, ip_address=text, status_code=200)
        for n, text in enumerate(texts)
    ]
    ingest_latest_page(log.workspace, log.key.upstream_id, page)
    ids = dict(LoggedRequest.objects.values_list("upstream_id", "pk"))
    return [ids[row.id] for row in page]


@pytest.mark.parametrize("forms", FORMS, ids=lambda forms: forms[0])
@pytest.mark.parametrize("of_key", [True, False], ids=["of the key", "of all keys"])
def test_an_address_is_found_by_each_of_its_forms(log, forms, of_key):
    rows = ingest(log, forms)
    ingest(log, [*NO_ADDRESSES, "198.51.100.1"])
    for text in forms:
        assert sorted(log.shown(f"?ip={quote(text)}", url=log.key_url if of_key else log.all_url)) == sorted(rows), text


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(written(), min_size=1, max_size=12), st.data())
def test_networks_hold_what_ipaddress_says(log, pairs, data):
    LoggedRequest.objects.all().delete()
    LogFacet.objects.all().delete()
    rows = dict(
        zip(ingest(log, [*(text for _, text in pairs), *NO_ADDRESSES]), [meant(one) for one, _ in pairs], strict=False)
    )
    near = data.draw(st.sampled_from(sorted(rows.values(), key=str)))
    network = ipaddress.ip_network((near, data.draw(st.integers(0, near.max_prefixlen))), strict=False)
    wanted = sorted(pk for pk, address in rows.items() if address in network)
    form, scope = LogFilterForm(QueryDict(f"ip={network}")), LogScope(log.workspace, log.key)
    assert form.is_valid()
    assert (
        sorted(LoggedRequest.objects.from_network(parse_network(str(network))).values_list("pk", flat=True)) == wanted
    )
    assert sorted(row.pk for row in find_rows(plan_query(form, scope, timezone.now()), None).rows) == wanted


@pytest.mark.parametrize("text", [*NO_ADDRESSES, *(form for forms in FORMS for form in forms[1:])])
@pytest.mark.parametrize("network", ["0.0.0.0/0", "::/0"])
def test_the_database_itself_takes_any_text_for_what_it_is(log, text, network):
    row = log.add(ip_address="192.0.2.1")
    LoggedRequest.objects.filter(pk=row.pk).update(ip_address=text)
    found = LoggedRequest.objects.from_network(parse_network(network)).exists()
    assert not found or ipaddress.ip_address(text) in ipaddress.ip_network(network)


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ("203.0.113.9:5678", "from 203.0.113.9"),
        ("[2001:DB8::1]:443", "from 2001:db8::1"),
        ("203.0.113.9/24", "from 203.0.113.0/24"),
    ],
)
def test_the_words_of_the_filter_say_what_is_looked_for(log, asked, words):
    assert [chip.text for chip in log.get(f"?ip={quote(asked)}").context["chips"]] == [words]


@pytest.mark.parametrize("text", ["[2001:db8::]/32", "1.2.3.4:65536", "1.2.3.0/24:443", "1.2.3.4, 5.6.7.8"])
def test_what_is_no_address_to_ask_for_is_said_to_be_none(log, text):
    assert "is neither an address nor a network" in text_of(log.get(f"?ip={quote(text)}"))


def test_a_known_address_in_another_form_is_not_new(log):
    now = timezone.now()
    ingest(log, ["203.0.113.9"], ago=timedelta(days=3))
    ingest(log, ["::ffff:203.0.113.9", "2001:DB8::1"])
    found = sources.new_sources([log.key], now - timedelta(days=1))
    assert [source.value for source in found[log.key.pk]] == ["2001:db8::1"]
    past = sources.past_new_sources([log.key], now - timedelta(days=1), now)
    assert [source.value for source in past[log.key.pk]] == ["2001:db8::1"]


def test_a_row_says_how_its_address_was_sent_and_leads_to_the_others(log):
    other, row = ingest(log, ["203.0.113.9", "::ffff:203.0.113.9"])
    page = log.get(f"?row={row}")
    assert "sent as <code>::ffff:203.0.113.9</code>" in page.content.decode()
    assert "sent as" not in text_of(log.get(f"?row={other}"))
    links = dict(page.context["open"].links)
    assert sorted(log.shown("?" + links["Same IP address"].partition("?")[2])) == sorted([other, row])


def test_no_link_leads_to_what_the_filter_refuses(log):
    (row,) = ingest(log, ["unknown"])
    links = dict(log.get(f"?row={row}").context["open"].links)
    assert "Same IP address" not in links
    assert "Who used this IP address?" not in links
    figures = log.get(url=log.all_url + "figures/").content.decode()
    assert '<bdi title="unknown">unknown</bdi>' in figures
    assert "ip=unknown" not in figures


class AppsOfThen:
    """The models under the names that the migration knows."""

    def get_model(self, app, name):
        return apps.get_model(app, {"LogValue": "LogFacet"}.get(name, name))


def test_old_rows_and_their_noted_values_become_canonical_and_no_other_is_written(log, monkeypatch):
    monkeypatch.setattr(unifying, "BATCH", 2)
    rows = [log.add(ip_address=f"192.0.2.{n}", created_at=timezone.now() - timedelta(days=9 * n)) for n in range(9)]
    old = ["203.0.113.9", *["::ffff:203.0.113.9"] * 5, "[2001:DB8::1]:443", "unknown", ""]
    for row, text in zip(rows, old, strict=True):
        LoggedRequest.objects.filter(pk=row.pk).update(ip_address=text)
        LogFacet.objects.filter(value=row.ip_address).delete()
    for text in set(old):
        facts = {"first_seen_at": rows[-1].created_at, "last_seen_at": rows[0].created_at, "is_own_call": False}
        log.key.log_values.create(
            workspace=log.workspace, kind="ip_address", value=text, fingerprint=fingerprint(text),
            count=old.count(text), **facts,
        )  # fmt: skip
    with CaptureQueriesContext(connection) as asked:
        unifying.unify(AppsOfThen(), None)
    assert sum('UPDATE "keys_loggedrequest"' in query["sql"] for query in asked) == 4  # 2, 2 and 1 rows, and 1
    found = LoggedRequest.objects.order_by("-created_at").values_list("ip_address", "ip_address_sent")
    mapped = ("203.0.113.9", "::ffff:203.0.113.9")
    assert list(found) == [
        ("203.0.113.9", None),
        *[mapped] * 5,
        ("2001:db8::1", "[2001:DB8::1]:443"),
        ("unknown", None),
        ("", None),
    ]
    noted = log.key.log_values.filter(kind="ip_address").order_by("count", "value").values_list("value", "count")
    assert list(noted) == [("", 1), ("2001:db8::1", 1), ("unknown", 1), ("203.0.113.9", 6)]
    assert len(log.shown("?ip=::ffff:203.0.113.9")) == 6


@pytest.mark.timeout(60)
def test_a_row_whose_time_is_written_unlike_django_does_is_rewritten_once(log):
    row = log.add()
    sql = "UPDATE keys_loggedrequest SET ip_address = '::ffff:203.0.113.9', created_at = %s"
    with connection.cursor() as cursor:
        cursor.execute(sql, [f"{row.created_at:%Y-%m-%d %H:%M:%S}.5"])
    unifying.unify(AppsOfThen(), None)
    assert LoggedRequest.objects.get(pk=row.pk).ip_address == "203.0.113.9"
