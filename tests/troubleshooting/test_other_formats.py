"""Bodies in other formats than JSON are named; where that is safe, the body that was meant can be had."""

import json

import pytest

from troubleshooting.body.validation import validate_body
from troubleshooting.pasted.recognizer import recognize

ADA = {"first_name": "Ada", "last_name": "Byron", "company_domain": "example.com"}
BODY = {"enrichment_type": "full", "contacts": [ADA]}
TEXT = json.dumps(BODY)
FIELDS = "'first_name' => 'Ada', 'last_name' => 'Byron', 'company_domain' => 'example.com'"
VAR_EXPORT = """array (
  'enrichment_type' => 'full',
  'contacts' =>
  array (
    0 =>
    array (
      'first_name' => 'Ada',
      'last_name' => 'Byron',
      'company_domain' => 'example.com',
    ),
  ),
)"""
PRINT_R = """Array
(
    [enrichment_type] => full
    [contacts] => Array
        (
            [0] => Array
                (
                    [first_name] => Ada
                    [last_name] => Byron
                    [company_domain] => example.com
                )

        )

)
"""
VAR_DUMP = """array(1) {
  ["contacts"]=>
  array(1) {
    [0]=>
    array(1) {
      ["first_name"]=>
      string(3) "Ada"
    }
  }
}"""
YAML = """enrichment_type: full
contacts:
  - first_name: Ada
    last_name: Byron
    company_domain: example.com
"""
XML = """<?xml version="1.0"?>
<request>
  <enrichment_type>full</enrichment_type>
  <contacts>
    <contact>
      <first_name>Ada</first_name><lastName>Byron</lastName><company_domain>example.com</company_domain>
    </contact>
  </contacts>
</request>"""
PART = "--x1\r\nContent-Disposition: form-data; name="
MULTIPART = f'{PART}"enrichment_type"\r\n\r\nfull\r\n{PART}"contacts"\r\n\r\n{json.dumps([ADA])}\r\n--x1--\r\n'
FILE = f"""{PART}"file"; filename="a.csv"\nContent-Type: text/csv

first_name,last_name,company_domain
Ada,Byron,example.com
--x1--"""
# What was pasted, what is said of it, and the body that was meant; None where nobody can tell.
FORMS = {
    "three times": (json.dumps(json.dumps(TEXT)), "three times", BODY),
    "const": (f"const body = {TEXT};", "assignment", BODY),
    "let": (f"let payload = {{contacts: [{json.dumps(ADA)},]}}", "assignment", {"contacts": [ADA]}),
    "typescript": (f"export const body: Body = {TEXT}", "assignment", BODY),
    "python": (f"body = {BODY!r}", "assignment", BODY),
    "php": (f"['contacts' => [[{FIELDS}]]]", "a PHP array", {"contacts": [ADA]}),
    "php array()": (f"array('contacts' => array(array({FIELDS})))", "a PHP array", {"contacts": [ADA]}),
    "php variable": (f"$body = ['contacts' => [[{FIELDS}]]];", "a PHP array", {"contacts": [ADA]}),
    "php file": (f"<?php\nreturn ['contacts' => [[{FIELDS}]]];", "a PHP array", {"contacts": [ADA]}),
    "var_export": (VAR_EXPORT, "a PHP array", BODY),
    "ruby": (f'{{"contacts" => [{{{FIELDS}}}]}}', "a Ruby hash", {"contacts": [ADA]}),
    "print_r": (PRINT_R, "print_r", BODY),
    "var_dump": (VAR_DUMP, "var_dump", None),
    "yaml": (YAML, "YAML", BODY),
    "yaml of a document": (f"---\n{YAML}", "YAML", BODY),
    "yaml list": ("- first_name: Ada\n  last_name: Byron\n  company_domain: example.com", "YAML", {"contacts": [ADA]}),
    "xml": (XML, "XML", BODY),
    "multipart": (MULTIPART, "multipart", BODY),
    "multipart file": (FILE, "multipart", {"contacts": [ADA]}),
    "multipart object": (f'{PART}"contacts"\n\n[object Object]\n--x1--', "multipart", None),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_body_in_another_format_is_named_and_repaired(name, workspace):
    pasted, said, meant = FORMS[name]
    verdict = validate_body(pasted)
    assert verdict.status == 422
    assert said in verdict.findings[0].message
    assert (json.loads(verdict.repaired) if verdict.repaired else None) == meant
    assert meant is None or validate_body(verdict.repaired).status == 200
    found = recognize(pasted, workspace)
    assert (found.case.topic, found.case.heard, bool(found.body)) == ("shape", "body", True)


def test_names_in_yaml_stay_what_they_are():
    verdict = validate_body(YAML.replace("Ada", "No").replace("Byron", "Null"))
    assert json.loads(verdict.repaired)["contacts"][0] == ADA | {"first_name": "No", "last_name": "Null"}


def test_contacts_that_are_null_are_not_to_be_put_in_brackets():
    verdict = validate_body('{"contacts": null}')
    assert verdict.status == 422
    assert "contacts is null" in verdict.findings[0].message
    assert "brackets" not in verdict.findings[0].fix
    assert "is probably empty" in verdict.findings[0].fix


HOSTILE = [
    "contacts: &a [*a]",
    f"contacts:\n{'- [' * 3000}",
    "contacts:\n- !!python/object:os.system {}\n",
    "contacts:\n\t- x",
    "<contacts><!ENTITY a 'b'><contact><first_name>&a;</first_name></contact></contacts>",
    "<contact>" * 3000,
    "Array\n(\n" * 3000,
    "[a] => (" * 3000,
    "array(" * 3000,
    f'{PART}"a"\n',
    "--",
    "$a = $b = [",
    "a = " * 3000,
    "const a: b = ",
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_bodies_of_other_formats_are_left(text):
    verdict = validate_body(text)
    assert not verdict.accepted
    assert not verdict.repaired


def test_a_program_is_not_taken_for_a_body(workspace):
    url = "https://api.cleanlist.ai/api/v1/public/enrich/bulk"
    text = f"const body = {TEXT};\nawait fetch('{url}', {{method: 'POST', body: JSON.stringify(body)}})"
    assert recognize(text, workspace).case.heard == "code"
