"""What is shipped for Prometheus and Grafana is sound, and names only what the console tells."""

import json
import re
import shutil

import pytest
import yaml

from tests.config.metrics.sample_data import create_workspaces
from tests.conftest import ROOT

DEPLOY = ROOT / "deploy"
RULES = yaml.safe_load((DEPLOY / "prometheus-alerts.yml").read_text())
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
UNIT_TESTS = ROOT / "tests/config/metrics/alerts.test.yml"
# In queries for Grafana's variables.
FILLED_IN = {"$workspace": ".*", "$__rate_interval": "5m", "$__range": "1h"}
NAME = re.compile(r"\bconsole_[a-z0-9_]+")


def alerts():
    return [rule for group in RULES["groups"] for rule in group["rules"]]


def expressions():
    """Every expression of the dashboard, as Prometheus gets it."""
    for panel in PANELS:
        for target in panel["targets"]:
            text = target["expr"]
            for name, value in FILLED_IN.items():
                text = text.replace(name, value)
            yield text


@pytest.fixture
def folder(tmp_path):
    """The shipped files side by side, with a token."""
    for name in ("prometheus.yml", "prometheus-alerts.yml"):
        shutil.copy(DEPLOY / name, tmp_path)
    (tmp_path / "console-token").write_text("a-token-of-the-tests")
    shutil.copy(UNIT_TESTS, tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yml"),
        ("check", "rules", "--lint-fatal", "prometheus-alerts.yml"),
        ("test", "rules", "alerts.test.yml"),
    ],
    ids=lambda command: " ".join(command[:2]),
)
def test_promtool_takes_it(promtool, folder, command):
    code, said = promtool(*command[:-1], str(folder / command[-1]))
    assert code == 0, said


def test_every_alert_was_seen_to_fire():
    cases = yaml.safe_load(UNIT_TESTS.read_text())["tests"]
    fired = {case["alertname"] for one in cases for case in one.get("alert_rule_test", ()) if case.get("exp_alerts")}
    assert fired == {rule["alert"] for rule in alerts()}


def test_rules_and_dashboard_name_only_what_is_told(scrape, db):
    create_workspaces(2)
    told = {sample.name for sample in scrape().samples}
    used = set(NAME.findall(" ".join([*(rule["expr"] for rule in alerts()), *expressions()])))
    assert used - told == set()


def test_every_expression_of_the_dashboard_is_one(promtool, tmp_path):
    rules = [{"record": f"panel:{place}", "expr": text} for place, text in enumerate(expressions())]
    assert len(rules) >= len(PANELS)
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    code, said = promtool("check", "rules", str(tmp_path / "rules.yml"))
    assert code == 0, said


def test_no_variable_is_left_in_an_expression():
    assert not [text for text in expressions() if "$" in text]


def test_panels_have_titles_units_and_places_of_their_own():
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])
    assert len({panel["title"] for panel in PANELS}) == len(PANELS)
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken, panel["title"]
        assert place["x"] + place["w"] <= 24
        taken |= cells
    for panel in PANELS:
        assert panel["fieldConfig"]["defaults"]["unit"], panel["title"]
        assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}


def test_the_page_of_docs_tells_of_every_metric_and_alert(scrape, db):
    create_workspaces(1)
    docs = (ROOT / "docs/production.md").read_text()
    named = set(NAME.findall(docs))
    families = {f"{name}_total" if one.type == "counter" else name for name, one in scrape().families.items()}
    families.discard("console")
    assert families - named - {"console_waits_seconds", "console_clicks_total"} == set()
    assert {rule["alert"] for rule in alerts()} <= set(re.findall(r"`(\w+)`", docs))
