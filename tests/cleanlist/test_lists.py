"""Malformed records are set aside, and the good ones beside them are kept."""

import json
from datetime import UTC, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import msgspec
import pytest

from cleanlist import ApiKey, Balance, RequestLogEntry
from cleanlist.parsing.lists import list_reader, record_reader
from cleanlist.resources import read_deliveries

read_keys = list_reader(ApiKey, "keys")
read_log = list_reader(RequestLogEntry, "requests")
KEY = {"id": "k1", "is_active": True}
ROW = {"id": "r1", "created_at": "2026-04-06T12:00:00Z", "status_code": 200, "path": "/x"}
NOON = datetime(2026, 4, 6, 12, tzinfo=UTC)


def read(reader, *rows):
    return reader(json.dumps(rows).encode())


@pytest.mark.parametrize(
    ("facts", "name", "value"),
    [
        ({"id": 7}, "id", "7"),
        ({"status_code": "429"}, "status_code", 429),
        ({"status_code": 429.0}, "status_code", 429),
        ({"status_code": None}, "status_code", None),
        ({"duration_ms": "12.5"}, "duration_ms", 12.5),
        ({"created_at": 1775476800}, "created_at", NOON),
        ({"created_at": 1775476800000}, "created_at", NOON),
        ({"created_at": "2026-04-06T12:00:00"}, "created_at", NOON),
        ({"user_agent": 5}, "user_agent", "5"),
        ({"path": ""}, "path", ""),
        ({"of_another_version": {"deep": [1]}}, "status_code", 200),
    ],
)
def test_usual_forms_of_a_field_are_understood(facts, name, value):
    found = read(read_log, ROW, {**ROW, **facts})

    assert getattr(found[1], name) == value
    assert found.malformed == ()


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"status_code": "fast"}, "status_code"),
        ({"status_code": True}, "status_code"),
        ({"duration_ms": []}, "duration_ms"),
        ({"method": ["GET"]}, "method"),
        ({"path": {"a": 1}}, "path"),
    ],
)
def test_a_field_that_makes_no_sense_is_left_out_and_the_record_kept(facts, name):
    found = read(read_log, {**ROW, **facts}, ROW)

    assert found[0].id == "r1"
    assert getattr(found[0], name) in {None, ""}
    assert found.is_complete
    (malformed,) = found.malformed
    assert malformed.reason.startswith(f"{name}: ")


@pytest.mark.parametrize(
    "row",
    [
        {**ROW, "id": None},
        {**ROW, "id": ["r"]},
        {**ROW, "created_at": None},
        {**ROW, "created_at": ""},
        {**ROW, "created_at": "yesterday"},
        {**ROW, "created_at": "9999-12-31T23:59:59-05:00"},
        {"created_at": "2026-04-06T12:00:00Z"},
        None,
        "r1",
        7,
        [ROW],
        {},
    ],
)
def test_a_record_without_a_required_field_is_set_aside(row):
    found = read(read_log, ROW, row, ROW)

    assert [each.id for each in found] == ["r1", "r1"]
    assert (found.total, len(found.malformed), found.is_complete) == (3, 1, False)


@pytest.mark.parametrize(
    "facts",
    [
        {"request_count": 5.0},
        {"request_count": "5"},
        {"expires_at": ""},
        {"last_used_at": None},
        {"is_active": "true"},
        {"name": 5},
        {"key_last4": 1234},
    ],
)
def test_a_key_in_an_unusual_form_is_listed(facts):
    found = read(read_keys, KEY, {**KEY, **facts, "id": "k2"})

    assert [key.id for key in found] == ["k1", "k2"]
    assert found.malformed == ()


@pytest.mark.parametrize("never", ["never", "0001-01-01T00:00:00+02:00", "soon"])
def test_a_key_whose_date_cannot_be_read_is_listed_without_it(never):
    (key,) = found = read(read_keys, {**KEY, "last_used_at": never})

    assert key.last_used_at is None
    assert "last_used_at: not a point in time" in str(found.malformed[0])


def test_a_key_that_is_neither_active_nor_inactive_is_set_aside():
    found = read(read_keys, KEY, {**KEY, "id": "k2", "is_active": None})

    assert [key.id for key in found] == ["k1"]
    assert not found.is_complete


@pytest.mark.parametrize("wrap", [lambda rows: {"keys": rows}, lambda rows: {"data": {"keys": rows}}])
def test_a_list_in_an_envelope_is_found(wrap):
    assert [key.id for key in read_keys(json.dumps(wrap([KEY])).encode())] == ["k1"]


def test_numbers_too_large_for_a_float_cost_their_field_only():
    found = read_log(b'[{"id": "r1", "created_at": "2026-04-06T12:00:00Z", "duration_ms": 1e999, "status_code": 200}]')

    assert (found[0].duration_ms, found[0].status_code) == (None, 200)
    assert len(found.malformed) == 1


def test_records_with_a_problem_are_set_aside_and_counted():
    found = read(read_keys, KEY, {"id": "k2 of somebody", "is_active": False}, {"is_active": True})
    valid = found.without(lambda key: "id: too long" if len(key.id) > 2 else "")

    assert [key.id for key in valid] == ["k1"]
    assert (valid.total, valid.is_complete) == (3, False)
    assert [record.reason for record in valid.malformed] == ["id is missing", "id: too long"]
    assert valid.malformed[1].excerpt.startswith('{"id": "k2 o…", "is_active": false')
    assert found.without(lambda _: "").malformed == found.malformed


def test_the_excerpt_of_a_malformed_record_hides_its_texts():
    secret = {"id": "r1", "created_at": None, "path": "/x?key=clapi_AbCdEf123456", "user_agent": "someone@example.test"}
    (malformed,) = read(read_log, ROW, secret).malformed

    assert "created_at is missing" in str(malformed)
    assert '"path": "/x?k…"' in str(malformed)
    assert "AbCdEf" not in str(malformed)
    assert "someone@" not in str(malformed)
    assert len(malformed.excerpt) <= 120


def test_a_list_without_any_readable_record_is_refused():
    with pytest.raises(msgspec.ValidationError, match="No record can be read; the first: id is missing"):
        read(read_keys, {"key": "k1"}, {"key": "k2"})


def test_an_empty_list_is_complete():
    assert read(read_keys).is_complete
    assert read(read_keys) == ()


def test_deliveries_that_are_not_objects_are_counted():
    found = read_deliveries(json.dumps([{"attempt": 2}, None]).encode())

    assert (found[0].attempt_number, len(found.malformed)) == (2, 1)


@pytest.mark.parametrize(
    ("answer", "left"),
    [
        ({"organization_id": "o", "credits": "12.5"}, "12.5"),
        ({"organization_id": None, "credits": 12.5}, "12.5"),
        ({"organization_id": 7, "credits": 12}, "12"),
        ({"credits": -3, "more": [1]}, "-3"),
        ({"data": {"organization_id": "o", "credits": 10.1}}, "10.1"),
    ],
)
def test_a_balance_is_read_in_every_usual_form(answer, left):
    assert record_reader(Balance)(json.dumps(answer).encode()).credits == Decimal(left)


@pytest.mark.parametrize(
    "answer", [{}, {"credits": None}, {"credits": True}, {"credits": "many"}, [], None, {"credits": ""}]
)
def test_a_balance_without_a_number_is_refused(answer):
    with pytest.raises(msgspec.ValidationError):
        record_reader(Balance)(json.dumps(answer).encode())


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("9999-12-31T23:59:59Z", "9999-12-30"),
        ("9999-12-31T23:59:59+00:00", "9999-12-30"),
        ("0001-01-01T00:00:00Z", "0001-01-02"),
    ],
)
def test_a_time_that_overflows_in_some_time_zones_is_clamped_to_the_day_beside_it(text, day):
    found = read(read_log, {**ROW, "created_at": text}, {**ROW, "created_at": text, "id": "r2", "status_code": "200"})
    assert [f"{each.created_at:%Y-%m-%d}".zfill(10) for each in found] == [day, day]
    for zone in ("Pacific/Kiritimati", "Pacific/Pago_Pago"):
        assert found[0].created_at.astimezone(ZoneInfo(zone))
