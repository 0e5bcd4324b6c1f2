"""Secrets where they would be seen, and keys that contradict each other."""

from __future__ import annotations

import pytest

from reading import diagnose, told

SECRETS = """
[policy.sandbox]
secrets = ["GH"]
[parameters.token]
type = "secret"
[actions.call]
inputs.token = { type = "secret" }
inputs.plain = { default = "" }
run = "curl"
env.TOKEN = "${{ inputs.token }}"
[steps.login]
run = "true"
outputs.key = { type = "secret" }
outputs.name = {}
"""
READS = ["params.token", "secrets.GH", "steps.login.outputs.key"]


def step(keys: str) -> list[str]:
    return told(SECRETS + f'[steps.a]\nneeds = ["login"]\n{keys}\n')


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "keys",
    [
        'run = "curl"\nenv.T = "${{ X }}"',
        'run = "curl -H @- <<< ${{ X }}"',
        'run = "true"\nwhen = "X != \'\'"',
        'uses = "action:call"\ninputs = { token = "${{ X }}" }',
        'uses = "builtin:http-get"\ninputs = { url = "https://example.com", headers = { A = "Bearer ${{ X }}" } }',
        'uses = "plugin:deploy"\ninputs = { token = "${{ X }}" }',
    ],
)
def test_a_secret_may_go_where_only_the_step_sees_it(keys: str, read: str):
    assert step(keys.replace("X", read)) == []


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    "keys",
    [
        'run = ["curl", "${{ X }}"]',
        'run = "true"\nforeach = "split(X, \',\')"',
        'run = "true"\nworkspace = "${{ X }}"',
        'uses = "action:call"\ninputs = { token = "a", plain = "${{ X }}" }',
        'uses = "builtin:assert"\ninputs = { that = true, message = "${{ X }}" }',
        'uses = "gate:approve"\ninputs = { prompt = "${{ X }}" }',
        'run = "true"\n[outputs]\nx = "${{ X }}"',
        'run = "true"\n[artifacts.x]\npath = "${{ X }}"',
    ],
)
def test_a_secret_may_not_go_where_it_would_be_seen(keys: str, read: str):
    (line,) = step(keys.replace("X", read))
    assert line.startswith(f"RW515 «{read}» the secret {read} may not stand here: ")


def test_an_action_keeps_track_of_a_secret_that_it_was_given():
    text = SECRETS.replace('run = "curl"\nenv', 'run = ["curl", "${{ inputs.token }}"]\nenv')
    assert [line[:18] for line in told(text)] == ["RW515 «inputs.toke"]


def test_what_is_not_secret_may_go_anywhere():
    assert step('run = ["echo", "${{ steps.login.outputs.name }}", "${{ steps.login.exit_code }}"]') == []


def test_a_secret_that_the_policy_does_not_list_can_not_be_read():
    (problem,) = diagnose(SECRETS + '[steps.a]\nrun = "x"\nenv.A = "${{ secrets.PYPI_TOKEN }}"\n')
    assert problem.code == "RW211"
    assert problem.hint == 'list it in the policy: [policy.sandbox] secrets = ["PYPI_TOKEN"]'


def test_a_form_can_not_ask_for_a_secret():
    text = '[steps.a]\nuses = "gate:form"\ninputs = { prompt = "x", fields = { pw = { type = "secret" } } }\n'
    assert told(text) == ["RW515 «pw» a form can't ask for a secret"]


GATE = 'uses = "gate:approve"\ninputs = { prompt = "x" }\n'


@pytest.mark.parametrize(
    ("keys", "marked"),
    [
        (GATE + 'timeout = "1h"', "timeout"),
        (GATE + "retry = { attempts = 2 }", "retry"),
        (GATE + 'foreach = "[1]"', "foreach"),
        (GATE + 'repeat = { until = "true", max = 2 }', "repeat"),
        (GATE + "interactive = true", "interactive"),
        (GATE + 'workspace = "ephemeral"', "workspace"),
        ('uses = "builtin:vcs-diff"\nenv.A = "b"', "env"),
        ('uses = "builtin:vcs-diff"\ninteractive = true', "interactive"),
        ('run = "vim"\ninteractive = true\nforeach = "[1]"\nmax_parallel = 2', "interactive"),
        ('run = "true"\npure = true\nworkspace = "ephemeral"', "pure"),
        ('run = "true"\nworkspace = "Ephemeral"', '"Ephemeral"'),
    ],
)
def test_keys_that_contradict_each_other_are_told_at_the_key(keys: str, marked: str):
    (line,) = told(f"[steps.a]\n{keys}\n")
    assert line.startswith(f"RW511 «{marked}»")


@pytest.mark.parametrize(
    "keys",
    [
        GATE + 'when = "true"\non_error = "continue"',
        'run = "vim"\ninteractive = true\nforeach = "[1]"',
        'run = "vim"\ninteractive = true\nforeach = "[1]"\nmax_parallel = 1',
        'run = "true"\nworkspace = "sub/folder"',
    ],
)
def test_what_goes_together_is_taken(keys: str):
    assert told(f"[steps.a]\n{keys}\n") == []


def test_an_interactive_foreach_also_asks_the_policy_how_many_run_at_once():
    text = '[policy]\nmax_parallel = 4\n[steps.a]\nrun = "vim"\ninteractive = true\nforeach = "[1]"\n'
    assert [line[:19] for line in told(text)] == ["RW511 «interactive»"]


def test_an_actions_keys_are_asked_too():
    text = """
        [actions.ask]
        uses = "gate:approve"
        with = { prompt = "x" }
        timeout = "1h"
        env.A = "b"
        outputs.x = {}
        [steps.a]
        uses = "action:ask"
    """
    assert told(text) == [
        "RW511 «timeout» 'timeout' means nothing for 'gate:approve'",
        "RW511 «env» 'env' means nothing for 'gate:approve'",
        "RW512 «outputs» 'gate:approve' brings its own outputs",
    ]
