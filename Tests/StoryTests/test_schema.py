"""The JSON Schema of the configuration takes what the program takes, and refuses what an editor should underline."""
import copy
import json
import re

import jsonschema
import pytest
import yaml

from gate import ROOT, command


class Loader(yaml.SafeLoader):
    """YAML as editors read it; times stay texts, as JSON has none."""


Loader.yaml_implicit_resolvers = {
    letter: [(tag, pattern) for tag, pattern in found if tag != "tag:yaml.org,2002:timestamp"]
    for letter, found in yaml.SafeLoader.yaml_implicit_resolvers.items()}


def schema(*words):
    status, out, err = command("schema", *words)
    assert status == 0, err
    found = json.loads(out)
    jsonschema.Draft202012Validator.check_schema(found)
    return jsonschema.Draft202012Validator(found)


def load(text):
    return yaml.load(text, Loader)


def faults(validator, document):
    return [f"{list(error.path)}: {error.message[:200]}" for error in validator.iter_errors(document)]


def uncommented(text):
    """The examples of the reference that stand in comments, as keys."""
    return re.sub(r"(?m)^( *)# ((?:tls|body|archive|block_page|tls_ca): )", r"\1\2", text)


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/*.yaml")), ids=lambda path: path.name)
def test_the_shipped_configurations_are_valid(path):
    assert faults(schema(), load(path.read_text())) == []


def test_the_examples_of_the_reference_are_valid():
    text = uncommented((ROOT / "config/reference.yaml").read_text())
    document = load(text)
    assert document["archive"] and document["block_page"]
    assert faults(schema(), document) == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("config/rules/*.yaml")), ids=lambda path: path.name)
def test_the_shipped_rules_are_valid(path):
    assert faults(schema("--rules"), load(path.read_text())) == []


GOOD = load((ROOT / "config/reference.yaml").read_text())


def changed(*path, value=None, remove=False):
    document = copy.deepcopy(GOOD)
    place = document
    for step in path[:-1]:
        place = place[step]
    if remove:
        del place[path[-1]]
    else:
        place[path[-1]] = value
    return document


WRONG = {
    "an unknown key": changed("limts", value={}),
    "an unknown key within": changed("services", 0, "upstream", "severs", value=["http://a"]),
    "a number without its unit": changed("limits", "header_timeout", value=10),
    "a wrong unit": changed("limits", "head", value="32k"),
    "a word that is no choice": changed("mode", value="blok"),
    "a number out of range": changed("client_address", "ipv6_prefix", value=129),
    "a list in place of a mapping": changed("limits", value=[]),
    "a mapping in place of a list": changed("services", value={}),
    "no listeners": changed("listeners", remove=True),
    "a listener without address": changed("listeners", 0, value={}),
    "a collector of no kind": changed("collectors", 0, "type", value="otpl"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_the_program_refuses_the_schema_refuses(name, tmp_path):
    path = tmp_path / "gate.yaml"
    path.write_text(json.dumps(WRONG[name]))
    assert command("check", path)[0] == 78
    assert faults(schema(), WRONG[name])


@pytest.mark.parametrize("rule", [
    {"id": "a", "when": [{"request.pth": "x"}]}, {"id": "a", "when": [{"request.path": {"regexp": "x"}}]},
    {"id": "a", "when": [{"request.path": "x"}], "then": {"action": "blok"}}, {"when": [{"request.path": "x"}]},
    {"id": "a", "when": [{"any": [{"not": {"request.path": {"exists": "maybe"}}}]}]},
])
def test_what_is_wrong_with_a_rule_is_seen(rule):
    good = {"id": "a", "when": [{"any": [{"request.path": "x"}, {"not": {"client.ip": {"ip": ["10.0.0.0/8"]}}}]}]}
    assert faults(schema("--rules"), {"rules": [good]}) == []
    assert faults(schema("--rules"), {"rules": [rule]})


def test_presets_and_conditions_of_login_routes_are_valid():
    document = {"version": 1, "listeners": [{"address": "127.0.0.1:0"}], "services": [
        {"name": "sso", "discover_logins": False, "upstream": {"servers": ["http://127.0.0.1:1"]}, "logins": [
            {"preset": "keycloak"}, {"preset": "django", "name": "shop", "user_id": "response.header.x"},
            {"name": "x", "event": "mfa", "match": {"path": "/", "body": {"grant_type": "password", "otp": {"exists": True}}}}]}]}
    assert faults(schema(), document) == []
    document["services"][0]["logins"][2]["match"]["body"]["otp"] = {"exits": True}
    assert faults(schema(), document) != []
