import pytest
from django.contrib.auth.models import AnonymousUser
from django.http import HttpResponse, HttpResponseRedirect
from django.test import RequestFactory
from django.utils import timezone
from django_htmx.middleware import HtmxMiddleware

from config.front import middleware
from config.front.middleware import warn_of_untrusted_proxy
from config.web.middleware import acts_in_place, viewer_time_zone
from core.net.client_ip import client_ip
from workspaces.models import User

SIGNED_IN = User(email="viewer@example.test")


def request(user=None, **options):
    made = RequestFactory().get("/", **options)
    made.user = user or AnonymousUser()
    return made


def zone_of(made):
    return viewer_time_zone(lambda _: HttpResponse(timezone.get_current_timezone_name()))(made).content.decode()


def with_cookie(made, value):
    made.COOKIES["tz"] = value
    return made


@pytest.mark.parametrize("value", ["Europe/Vienna", "Europe%2FVienna"])
def test_times_are_in_the_zone_that_the_browser_reports(value):
    assert zone_of(with_cookie(request(), value)) == "Europe/Vienna"


def test_the_zone_that_a_person_chose_wins():
    chosen = User(email="viewer@example.test", time_zone="Asia/Tokyo")
    assert zone_of(with_cookie(request(chosen), "Europe/Vienna")) == "Asia/Tokyo"


@pytest.mark.parametrize(("value", "zone"), [("utc", "UTC"), ("local", "Asia/Tokyo"), ("\0", "Asia/Tokyo")])
def test_the_switch_has_all_times_in_utc(value, zone):
    made = with_cookie(request(User(email="viewer@example.test", time_zone="Asia/Tokyo")), "Europe/Vienna")
    made.COOKIES["times"] = value
    assert zone_of(made) == zone


@pytest.mark.parametrize("value", ["", "Nowhere/Land", "../../etc/passwd", "\0", "x" * 5000])
def test_an_odd_zone_is_ignored(value):
    assert zone_of(with_cookie(request(), value)) == "UTC"


def test_the_zone_of_one_request_does_not_stay_for_the_next():
    zone_of(with_cookie(request(), "Asia/Tokyo"))
    assert zone_of(request()) == "UTC"


def warnings_of(caplog, *requests, proxies=0):
    """How often the log warns of forwarded headers that are not believed."""
    handler = warn_of_untrusted_proxy(lambda _: HttpResponse())
    for made in requests:
        handler(made)
    return [record.msg["event"] for record in caplog.records].count("forwarded_headers_not_believed")


@pytest.mark.parametrize("header", ["HTTP_X_FORWARDED_FOR", "HTTP_X_FORWARDED_PROTO"])
def test_headers_of_a_proxy_that_is_not_believed_are_said_once_in_the_log(caplog, header):
    forwarded = request(**{header: "203.0.113.9"})
    assert warnings_of(caplog, request(), forwarded, forwarded) == 1
    assert "TRUSTED_PROXY_COUNT" in caplog.text
    assert "203.0.113.9" not in caplog.text


def test_they_are_said_again_after_an_hour(caplog, monkeypatch):
    monkeypatch.setattr(middleware, "WARNING_SECONDS", 0)
    forwarded = request(HTTP_X_FORWARDED_FOR="203.0.113.9")
    assert warnings_of(caplog, forwarded, forwarded) == 2


def test_a_proxy_that_is_believed_is_no_warning(caplog, settings):
    settings.TRUSTED_PROXY_COUNT = 1
    assert warnings_of(caplog, request(HTTP_X_FORWARDED_FOR="203.0.113.9")) == 0


@pytest.mark.parametrize(
    ("proxies", "forwarded", "expected"),
    [
        (0, "", "192.0.2.1"),
        (0, "203.0.113.9", "192.0.2.1"),
        (1, "203.0.113.9", "203.0.113.9"),
        (1, "198.51.100.66, 203.0.113.9", "203.0.113.9"),
        (2, "198.51.100.66, 203.0.113.9, 192.0.2.7", "203.0.113.9"),
        (2, "203.0.113.9", None),
        (1, "", None),
        (1, "nonsense", None),
        (1, "2001:db8::1", "2001:db8::1"),
    ],
)
def test_the_address_is_the_one_that_our_own_proxies_saw(settings, proxies, forwarded, expected):
    settings.TRUSTED_PROXY_COUNT = proxies
    headers = {"HTTP_X_FORWARDED_FOR": forwarded} if forwarded else {}
    assert client_ip(request(REMOTE_ADDR="192.0.2.1", **headers)) == expected


@pytest.mark.django_db
def test_the_log_line_of_a_request_tells_from_where(client, caplog, settings):
    settings.TRUSTED_PROXY_COUNT = 1
    with caplog.at_level("INFO"):
        client.get("/accounts/login/", headers={"X-Forwarded-For": "203.0.113.9"})
    line = next(record.msg for record in caplog.records if "request_finished" in str(record.msg))
    assert line["ip"] == "203.0.113.9"
    assert line["request_id"]


def answer_in_place(location):
    made = request(
        headers={"HX-Request": "true", "HX-Boosted": "true", "HX-Current-URL": "http://testserver/w/a/keys/?q=b"}
    )
    return HtmxMiddleware(acts_in_place(lambda _: HttpResponseRedirect(location)))(made)


@pytest.mark.parametrize("location", ["/w/a/keys/", "/w/a/keys/?done=1", "http://testserver/w/a/keys/#row"])
def test_an_act_in_place_follows_to_its_own_page(location):
    assert answer_in_place(location).status_code == 302


@pytest.mark.parametrize("location", ["/w/a/", "/accounts/confirm/password/?next=%2Fw%2Fa%2Fkeys%2F"])
def test_an_act_in_place_has_the_browser_open_another_page(location):
    assert answer_in_place(location)["HX-Redirect"] == location
