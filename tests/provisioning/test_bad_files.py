"""Files that cannot be applied: each is refused in words, with its line and place, and nothing is done."""

import pytest
import yaml

from alerts.models import Rule
from provisioning import yaml_reader
from workspaces.models import AuditEvent, Workspace

from .conftest import command

pytestmark = pytest.mark.django_db

KEY = "clapi_" + "k" * 64
HEAD = "workspaces:\n  example-works:\n"
RULE = HEAD + "    rules:\n      - {{kind: spent_above, name: Much, threshold: 5{}}}\n"
SESSION = HEAD + "    session: {{frontend_api_url: {}, session_id: {}, client_token: {{stored: true}}}}\n"
LAUGHS = "a: &a [x, x]\n" + "".join(
    f"{new}: &{new} [*{old}, *{old}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)

BAD = {
    "empty": ("", ":1: The file is empty. Start it with “workspaces:”."),
    "a comment alone": ("# nothing\n", ":1: The file is empty."),
    "a text": ("hello", ":1: Write the names workspaces here"),
    "a list": ("- a\n- b\n", ":1: Write the names workspaces here"),
    "not closed": ("workspaces: [", "This is not YAML: "),
    "a colon too many": ("workspaces: a: b\n", ":1: This is not YAML: mapping values are not allowed"),
    "a tab": ("workspaces:\n\texample-works:\n", ":2: The line starts with a tab. Indent with spaces."),
    "not UTF-8": (b"workspaces:\n  caf\xe9: {}\n", ":2: This is not UTF-8. Save the file as UTF-8."),
    "UTF-16": ("workspaces: {}\n".encode("utf-16"), ":1: This is not UTF-8."),
    "a control character": (
        "workspaces:\n  a: {name: \x07}\n",
        ":2: It contains a character that YAML doesn't allow.",
    ),
    "NUL": (b"workspaces: {a\x00b: {}}", ":1: It contains a character that YAML doesn't allow."),
    "two documents": ("workspaces: {}\n---\nworkspaces: {}\n", ":2: A second document starts here."),
    "an anchor": ("workspaces: &all {}\n", ":1: workspaces: Anchors (&name) aren't supported. Write the value out."),
    "an alias": ("workspaces: {a: &a {}, b: *a}\n", ":1: workspaces.b: Aliases (*name) aren't supported."),
    "a billion laughs": (LAUGHS, ":2: b[1]: Aliases (*name) aren't supported."),
    "a tag": (
        "workspaces: !!python/object/apply:os.system [ls]\n",
        "Tags (tag:yaml.org,2002:python/object/apply:os.system",
    ),
    "a merge": ("workspaces: {a: {<<: {name: x}}}\n", "workspaces.a.<<: Unknown setting."),
    "nested deep": (
        "workspaces: " + "[" * 5000,
        ":1: workspaces[1][1][1][1][1][1][1][1][1][1][1][1]: This is nested too deeply",
    ),
    "deep by indentation": ("\n".join("  " * depth + "a:" for depth in range(2000)), "This is nested too deeply"),
    "a name twice": (
        "workspaces:\n  a: {}\n  a: {}\n",
        ":3: workspaces.a: Duplicate; the first is on line 2.",
    ),
    "a list as a name": ("? [a]\n: b\n", ":1: Each colon needs a name before it."),
    "no name": ("workspaces: {a: {~: x}}\n", "Each colon needs a name before it."),
    "unknown at the top": (
        "workspace: {}\n",
        ":1: workspace: Unknown setting. Did you mean workspaces?",
    ),
    "unknown in a workspace": (
        HEAD + "    member: {}\n",
        ":3: workspaces.example-works.member: Unknown setting. Did you mean members?",
    ),
    "nothing like it": (HEAD + "    colour: red\n", "Available: name, api_address, api_key, session, polling,"),
    "a workspace that is a text": (
        "workspaces: {example-works: yes}\n",
        "workspaces.example-works: Write the names name, api_address",
    ),
    "a slug with a blank": ("workspaces: {Example Works: {}}\n", "Use only letters, digits, - and _."),
    "a slug that a page has": ("workspaces: {connect: {}}\n", "A workspace can't be named connect"),
    "a slug that is too long": (f"workspaces: {{{'a' * 81}: {{}}}}\n", "Shorten this to at most 80 characters"),
    "an empty name": (HEAD + "    name: ''\n", ":3: workspaces.example-works.name: Fill in this field."),
    "a name that is a list": (HEAD + "    name: [a]\n", "name: Write a single value here, not a list"),
    "an address that is none": (HEAD + "    api_address: nowhere\n", ":3: workspaces.example-works.api_address: "),
    "an address that is not allowed": (
        HEAD + "    api_address: https://evil.example\n",
        "This console isn't allowed to send credentials to https://evil.example.",
    ),
    "a secret in the file": (
        HEAD + f"    api_key: {KEY}\n",
        ":3: workspaces.example-works.api_key: Don't put secrets in this file.",
    ),
    "no source": (
        HEAD + "    api_key: {}\n",
        "api_key: Specify its source with one of: from_env: NAME or from_file: PATH.",
    ),
    "two sources": (HEAD + "    api_key: {from_env: A, from_file: b}\n", "Specify its source with one of"),
    "an unknown source": (
        HEAD + "    api_key: {from_vault: a}\n",
        "api_key.from_vault: Unknown setting.",
    ),
    "a variable that is missing": (
        HEAD + "    api_key: {from_env: NOT_THERE}\n",
        ":3: workspaces.example-works.api_key.from_env: The environment variable NOT_THERE is unset or empty",
    ),
    "a variable without a name": (HEAD + "    api_key: {from_env: }\n", "Write the name of an environment variable."),
    "a variable that is no key": (HEAD + "    api_key: {from_env: NO_KEY}\n", ":3: workspaces.example-works.api_key: "),
    "a file that is missing": (
        HEAD + "    api_key: {from_file: not-there}\n",
        "The file not-there cannot be read: No such file or directory.",
    ),
    "a file that is a folder": (HEAD + "    api_key: {from_file: .}\n", "The file . cannot be read: Is a directory."),
    "a file with NUL in its path": (HEAD + '    api_key: {from_file: "a\\0b"}\n', "cannot be read: not a valid path."),
    "a file of anything": (HEAD + "    api_key: {from_file: /dev/zero}\n", ":3: workspaces.example-works.api_key: "),
    "an empty file": (HEAD + "    api_key: {from_file: /dev/null}\n", "The file /dev/null is empty."),
    "stored: false": (HEAD + "    api_key: {stored: false}\n", "Write stored: true to keep the stored one"),
    "a session without its parts": (
        HEAD + "    session: {session_id: sess_1}\n",
        "frontend_api_url: Required for the type of session",
    ),
    "a session id that is none": (
        SESSION.format("https://api.cleanlist.ai", "'a b'"),
        "A session ID contains only letters, digits, _ and -.",
    ),
    "polling on": (HEAD + "    polling: on\n", "polling: Write running or paused."),
    "a flag that is none": (HEAD + "    requires_second_factor: yes\n", "requires_second_factor: Write true or false."),
    "members as a list": (
        HEAD + "    members: [a@example.test]\n",
        "members: Write names here, each with a colon and a value.",
    ),
    "a member who is none": (HEAD + "    members: {lead: owner}\n", "members.lead: Enter an email address"),
    "a role that is none": (
        HEAD + "    members: {o@example.test: admin}\n",
        "members.o@example.test: Write one of: viewer, operator, owner.",
    ),
    "a member without a role": (HEAD + "    members: {o@example.test: }\n", "members.o@example.test: Choose one."),
    "a member twice": (
        HEAD + "    members:\n      o@example.test: owner\n      O@example.test: viewer\n",
        ":5: workspaces.example-works.members.O@example.test: This address is already on line 4.",
    ),
    "rules by name": (HEAD + "    rules: {a: b}\n", "rules: Write a list here"),
    "a rule that is a text": (HEAD + "    rules: [low]\n", "rules[1]: Write names here"),
    "a rule of no kind": (
        HEAD + "    rules: [{name: a}]\n",
        "rules[1]: Set kind to what the rule watches: balance_below,",
    ),
    "a rule of an unknown kind": (
        HEAD + "    rules: [{kind: balance}]\n",
        "rules[1].kind: Set kind to what the rule watches",
    ),
    "a rule without a name": (
        HEAD + "    rules: [{kind: spent_above, threshold: 1}]\n",
        "rules[1]: name: Fill in this field.",
    ),
    "a rule without a level": (
        HEAD + "    rules: [{kind: spent_above, name: a}]\n",
        "rules[1]: threshold: Fill in this field.",
    ),
    "a level that is none": (
        HEAD + "    rules: [{kind: spent_above, name: a, threshold: many}]\n",
        "rules[1].threshold: Enter a number, such as 12.5.",
    ),
    "a level that is infinite": (
        HEAD + "    rules: [{kind: spent_above, name: a, threshold: .inf}]\n",
        "rules[1].threshold: Enter a number",
    ),
    "a level of a flag": (
        HEAD + "    rules: [{kind: credential_rejected, name: a, threshold: 1}]\n",
        "rules[1].threshold: Unknown setting.",
    ),
    "a parameter of another kind": (RULE.format(", least: 5"), "rules[1].least: Unknown setting."),
    "a recovery on the wrong side": (RULE.format(", recovery: 6"), "rules[1].recovery: It must not be above 5"),
    "a severity that is none": (
        RULE.format(", severity: bad"),
        "severity: Write one of: information, warning, critical.",
    ),
    "a repetition that is none": (
        RULE.format(", repeat_seconds: 60"),
        "repeat_seconds: Write one of: 0, 3600, 21600, 86400, 604800.",
    ),
    "nobody to be told": (RULE.format(", to_owners: false"), "addresses: This rule would notify no one."),
    "an address to be told that is none": (
        RULE.format(", addresses: [here]"),
        "addresses: “here” is not an email address.",
    ),
    "a recipient with a wish unknown": (
        HEAD + "    recipients: {f@example.test: {summary: hourly}}\n",
        "summary: Write one of: daily, weekly, none.",
    ),
    "a recipient that is none": (
        HEAD + "    recipients: {finance: {summary: daily}}\n",
        "recipients.finance: Enter an email address",
    ),
    "a budget of nothing": (
        HEAD + "    budget: {credits: 0, length: month}\n",
        "budget.credits: A budget is 1 credit at least.",
    ),
    "a budget by the year": (
        HEAD + "    budget: {credits: 5, length: year}\n",
        "budget.length: Write one of: month, week.",
    ),
    "a time zone that is none": (
        HEAD + "    budget: {credits: 5, length: week, time_zone: Vienna}\n",
        "“Vienna” isn't a time zone.",
    ),
    "quiet hours with one end": (HEAD + "    quiet_hours: {begin: 22:00}\n", "quiet_hours: Enter both times"),
    "quiet hours that are none": (
        HEAD + "    quiet_hours: {begin: late, end: 07:00}\n",
        "quiet_hours.begin: Enter a time, such as 08:30.",
    ),
    "quiet hours without an end": (HEAD + "    quiet_hours: {}\n", "quiet_hours: Enter when they start and end."),
    "a new workspace without a name": (
        "workspaces: {new: {api_key: {from_env: SOME_KEY}}}\n",
        "workspaces.new: This workspace is new, so it needs a name.",
    ),
    "a new workspace without credentials": (
        "workspaces: {new: {name: New}}\n",
        "Enter an API key, a management session, or both.",
    ),
}


@pytest.mark.parametrize(("content", "words"), BAD.values(), ids=BAD.keys())
def test_it_is_refused_in_words_and_nothing_is_done(apply, workspace, monkeypatch, content, words):
    monkeypatch.setenv("SOME_KEY", KEY)
    monkeypatch.setenv("NO_KEY", "sk_secret_of_something_else")
    events = AuditEvent.objects.count()
    said = apply(content, "--plan")
    assert said.code == 1
    assert f"set-up.yaml{words}" in said.err if words.startswith(":") else words in said.err
    assert "Nothing was changed: " in said.err
    assert KEY not in said.out + said.err
    assert "sk_secret" not in said.out + said.err
    assert (Workspace.objects.count(), Rule.objects.count(), AuditEvent.objects.count()) == (1, 0, events)


@pytest.mark.parametrize("content", [content for content, _ in BAD.values()], ids=BAD.keys())
def test_the_reader_for_machines_without_the_fast_one_finds_the_same(monkeypatch, content):
    """The fast one is built with libyaml; they word some things differently."""

    def found():
        try:
            return yaml_reader.read_yaml(content if isinstance(content, bytes) else content.encode())
        except yaml_reader.NotApplicable as refusal:
            return len(refusal.problems)

    fast = found()
    monkeypatch.setattr(yaml_reader, "_Loader", yaml.SafeLoader)
    assert found() == fast


def test_half_a_character_is_none(monkeypatch):
    monkeypatch.setattr(yaml_reader, "_Loader", yaml.SafeLoader)
    with pytest.raises(yaml_reader.NotApplicable):
        yaml_reader.read_yaml(b'a: "\\ud800"')


def test_nothing_in_a_file_acts_on_the_terminal(apply):
    said = apply('workspaces: {"a\\e[2Jb": {"c\\nd\\u202e": 1}}')
    assert not {"\x1b", "\u202e"} & set(said.err)
    assert len(said.err.splitlines()) == 3


def test_there_are_enough_of_them():
    assert len(BAD) >= 75


def test_everything_that_is_wrong_is_said_at_once_in_the_order_of_lines(apply):
    said = apply(HEAD + "    members: {lead: owner}\n    polling: on\n    colour: red\n    budget: {credits: 0}\n")
    assert [line.split(":")[1] for line in said.err.splitlines()[:-1]] == ["3", "4", "5", "6", "6"]
    assert said.err.splitlines()[-1] == "Nothing was changed: 5 problems."


def test_a_machine_can_read_what_is_wrong(apply):
    said = apply("workspace: {}\n", "--json")
    (problem,) = said.json["problems"]
    assert (said.code, problem["line"], problem["path"]) == (1, 1, "workspace")


def test_of_very_many_mistakes_a_hundred_are_said(apply):
    said = apply("workspaces: {" + ", ".join(f"w{number}: *a" for number in range(1000)) + "}")
    assert said.err.splitlines()[-1] == "Nothing was changed: 100 problems."


def test_a_file_that_is_too_large_is_not_read_to_its_end(apply):
    assert "The file is larger than 8 MiB. Split it." in apply(b"#" * (8 * 1024 * 1024 + 1)).err


@pytest.mark.parametrize("name", ["not-there.yaml", ".", "a\0b"])
def test_a_file_that_cannot_be_read_is_named(name):
    said = command("apply", name, "--plan")
    assert said.code == 1
    assert said.err.startswith(f"{name} cannot be read: ")


def test_a_file_that_others_may_not_read_is_named(apply, write, monkeypatch):
    def refused(*_, **__):
        raise PermissionError(13, "Permission denied")

    path = write("workspaces: {}")
    monkeypatch.setattr("pathlib.Path.open", refused)
    assert command("apply", path, "--plan").err == f"{path} cannot be read: Permission denied."
