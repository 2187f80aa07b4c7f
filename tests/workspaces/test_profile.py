import pytest

from workspaces.models import User

pytestmark = pytest.mark.django_db
URL = "/account/"


def test_name_and_time_zone_can_be_set(as_owner, owner):
    as_owner.post(URL, {"name": "Operations", "time_zone": "Europe/Vienna"})
    owner.refresh_from_db()
    assert (owner.name, owner.time_zone) == ("Operations", "Europe/Vienna")


def test_what_is_no_time_zone_is_told(as_owner, owner):
    answer = as_owner.post(URL, {"name": "", "time_zone": "Vienna"})
    assert answer.status_code == 422
    assert "Europe/Vienna" in str(answer.context["form"].errors["time_zone"])


def test_the_browsers_zone_is_shown(as_owner):
    as_owner.cookies["tz"] = "Asia/Tokyo"
    assert "This browser is in Asia/Tokyo." in as_owner.get(URL).content.decode()


def test_nobody_makes_themselves_an_admin(as_owner, owner):
    as_owner.post(URL, {"name": "x", "is_superuser": "on", "email": "other@example.test"})
    saved = User.objects.get(pk=owner.pk)
    assert (saved.is_superuser, saved.email) == (False, owner.email)
