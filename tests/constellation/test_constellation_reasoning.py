"""What reasoning says of placements that are right, wrong, or right at a price."""

from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner

from opendmm.cli.check import check
from opendmm.constellation.file import ConstellationFile
from opendmm.constellation.findings import Finding, Severity
from opendmm.constellation.reading import load_deployment
from opendmm.constellation.reasoning import reason
from opendmm.constellation.resolve import deployment

EXAMPLES = sorted((Path(__file__).parents[2] / "examples").glob("*.yaml"))
ANCHOR = ["FE_MA_C", "FE_MA_U", "FE_MU_C", "FE_MCTX", "FE_E"]


def _content() -> dict[str, Any]:
    """The cooperative deployment, with nothing in it that reasoning finds wrong."""
    return {
        "constellation": "reasoned",
        "nodes": {
            "cn": {},
            "ingress": {"entities": ["FE_R", "FE_I"]},
            "router": {"entities": ["FE_R"]},
            "controller": {"entities": ["FE_IEC"]},
            "anchor-a": {"entities": list(ANCHOR), "pools": ["2001:db8:a::/48", "10.10.0.0/16"]},
            "anchor-b": {"entities": list(ANCHOR), "pools": ["2001:db8:b::/48"]},
        },
        "links": [
            {"between": ["cn", "ingress"]},
            {"between": ["ingress", "controller"]},
            {"between": ["ingress", "router"]},
            {"between": ["router", "anchor-a"]},
            {"between": ["router", "anchor-b"]},
        ],
        "forwarding": {},
        "security": {},
        "mobile_nodes": {"mn1": {"home": "anchor-a", "prefixes": ["2001:db8:a::1/128"]}},
    }


def _found(content: dict[str, Any]) -> list[Finding]:
    return reason(deployment(msgspec.convert(content, ConstellationFile)))


def _only(content: dict[str, Any], severity: Severity) -> list[Finding]:
    return [finding for finding in _found(content) if finding.severity is severity]


def test_the_cooperative_deployment_has_nothing_wrong() -> None:
    assert not _only(_content(), Severity.ERROR)
    assert not _only(_content(), Severity.WARNING)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda path: path.stem)
def test_every_example_works(example: Path) -> None:
    findings = reason(load_deployment(example))
    assert [f.message for f in findings if f.severity is not Severity.NOTE] == []


def _without(node: str, entity: str) -> dict[str, Any]:
    content = _content()
    content["nodes"][node]["entities"].remove(entity)
    return content


def _with(way: tuple[str, ...], value: object) -> dict[str, Any]:
    content = _content()
    part = content
    for key in way[:-1]:
        part = part[key]
    part[way[-1]] = value
    return content


MEANS = ("forwarding", "means")
MN1 = ("mobile_nodes", "mn1")
MANY_LINKS = [
    {"between": ["cn", "ingress"]},
    {"between": ["ingress", "controller"], "delay": "400ms"},
    {"between": ["ingress", "router"]},
    {"between": ["router", "anchor-a"]},
    {"between": ["router", "anchor-b"]},
]
BYPASS = [*_content()["links"], {"between": ["cn", "router"]}]
CASES: list[tuple[str, dict[str, Any], Severity, str, str]] = [
    ("no FE_MCTX", _without("anchor-b", "FE_MCTX"), Severity.ERROR, "R_XA", "anchor-b"),
    ("no FE_MU_C", _without("anchor-b", "FE_MU_C"), Severity.ERROR, "R_XU", "mn1"),
    ("no FE_MA_U", _without("anchor-b", "FE_MA_U"), Severity.NOTE, "draft §3", "FE_MA_U"),
    ("no FE_I", _without("ingress", "FE_I"), Severity.ERROR, "R_IC", "FE_IEC"),
    ("FE_I too far", _without("ingress", "FE_I"), Severity.ERROR, "§5 Truth", "meet no FE_I"),
    ("a way round", _with(("links",), BYPASS), Severity.ERROR, "§5 Truth", "cn → router"),
    (
        "an untold ingress",
        _with(("policies",), [{"ingress": "ingress", "groups": ["2001:db8:b::/48"]}]),
        Severity.ERROR,
        "§5 Truth",
        "meet no FE_I",
    ),
    (
        "FE_MU_C alone",
        _with(("nodes", "router", "entities"), ["FE_R", "FE_MU_C"]),
        Severity.ERROR,
        "R_XU",
        "router",
    ),
    (
        "an idle egress",
        _with(("nodes", "router", "entities"), ["FE_R", "FE_E"]),
        Severity.WARNING,
        "R_EC",
        "router",
    ),
    ("an only access", _with((*MN1, "access"), ["anchor-a"]), Severity.NOTE, "R_XX", "mn1"),
    ("one controller", _content(), Severity.NOTE, "§5 Survival", "controller"),
    ("no delegation", _content(), Severity.NOTE, "§5 Survival", "home anchor"),
    (
        "delegation without proof",
        _with(("security", "delegation"), True),
        Severity.WARNING,
        "§6 Authority",
        "never used",
    ),
    (
        "proof without client",
        _with(("security", "attachment_proof"), "mobile-node"),
        Severity.ERROR,
        "§6 Authority",
        "mn1",
    ),
    (
        "prefixes of nobody",
        _with(("nodes", "controller", "serves"), ["2001:db8:b::/48"]),
        Severity.WARNING,
        "R_II",
        "2001:db8:a::1/128",
    ),
    (
        "pull alone",
        _with(("policies",), [{"ingress": "ingress", "mode": "pull"}]),
        Severity.WARNING,
        "§5 No blackhole",
        "first packets",
    ),
    ("far away", _with(("links",), MANY_LINKS), Severity.WARNING, "timers", "retransmit"),
    ("host routes", _with(MEANS, "host-route"), Severity.ERROR, "§5 No loop", "router"),
    (
        "translated IPv4",
        _with((*MN1, "prefixes"), ["10.10.0.1/32"]) | {"forwarding": {"means": "translation"}},
        Severity.ERROR,
        "§7 Forwarding",
        "IPv4",
    ),
    (
        "translated networks",
        _with((*MN1, "prefixes"), ["2001:db8:a::/64"]) | {"forwarding": {"means": "translation"}},
        Severity.ERROR,
        "§7 Forwarding",
        "network prefix",
    ),
    (
        "an uplink by host routes",
        _with(("forwarding",), {"means": "host-route", "uplink": "tunnel"}),
        Severity.ERROR,
        "§7 Forwarding",
        "carry packets",
    ),
    (
        "an uplink without FE_I",
        _with(("forwarding",), {"uplink": "tunnel"}),
        Severity.WARNING,
        "§5 Uplink",
        "FE_I",
    ),
    (
        "a filter without access links",
        _with(("nodes", "router", "source_filter"), True),
        Severity.WARNING,
        "§5 Uplink",
        "no anchor",
    ),
    (
        "a filter for visitors",
        _with(("nodes", "anchor-b", "source_filter"), True),
        Severity.NOTE,
        "§5 Uplink",
        "anchor-b",
    ),
    (
        "a small core",
        _with(("forwarding",), {"core_mtu": 1500}),
        Severity.WARNING,
        "§7 Forwarding",
        "1540",
    ),
    (
        "nothing to allocate",
        _with((*MN1, "simultaneous"), True)
        | {"nodes": _with(("nodes", "anchor-b", "pools"), [])["nodes"]},
        Severity.ERROR,
        "RFC 8885",
        "anchor-b",
    ),
]


@pytest.mark.parametrize(
    ("content", "severity", "section", "words"), [c[1:] for c in CASES], ids=[c[0] for c in CASES]
)
def test_a_placement_is_judged(
    content: dict[str, Any], severity: Severity, section: str, words: str
) -> None:
    found = _found(content)
    assert any(
        finding.severity is severity and finding.section == section and words in finding.message
        for finding in found
    ), "\n".join(f"{f.severity} {f.section}: {f.message}" for f in found)


def test_an_egress_apart_cannot_be_reached_by_host_routes() -> None:
    content = _without("anchor-b", "FE_E")
    content["nodes"]["router"]["entities"] = ["FE_R", "FE_I", "FE_E"]
    content["forwarding"]["means"] = "host-route"
    assert any("cannot tell packets" in f.message for f in _only(content, Severity.ERROR))


def test_condensed_is_noted_as_stretched_through_the_home_anchor() -> None:
    content = _without("ingress", "FE_I")
    for anchor in ("anchor-a", "anchor-b"):
        content["nodes"][anchor]["entities"] += ["FE_I", "FE_IEC"]
    assert not _only(content, Severity.ERROR)
    assert any(f.section == "draft §4.1" for f in _only(content, Severity.NOTE))


def test_a_standby_and_a_delegation_take_the_notes_about_survival_away() -> None:
    content = _content()
    content["nodes"]["second"] = {"entities": ["FE_IEC"], "standby_for": "controller"}
    content["links"].append({"between": ["ingress", "second"]})
    content["security"] = {"attachment_proof": "mobile-node", "delegation": True}
    content["mobile_nodes"]["mn1"]["client"] = True
    assert not [f for f in _found(content) if f.section == "§5 Survival"]


def test_what_weighs_most_comes_first() -> None:
    severities = [finding.severity for finding in _found(_with(MEANS, "host-route"))]
    assert severities == sorted(severities, key=list(Severity).index)


def _checked(tmp_path: Path, content: dict[str, Any], *options: str) -> tuple[int, str]:
    path = tmp_path / "checked.yaml"
    path.write_bytes(msgspec.yaml.encode(content))
    result = CliRunner().invoke(check, [str(path), *options], standalone_mode=False)
    assert result.exception is None
    return result.return_value, result.output


def test_check_ends_with_0_when_there_are_only_notes(tmp_path: Path) -> None:
    code, output = _checked(tmp_path, _content())
    assert code == 0
    assert "works" in output


def test_check_ends_with_1_when_something_cannot_work(tmp_path: Path) -> None:
    code, output = _checked(tmp_path, _with(MEANS, "host-route"))
    assert code == 1
    assert "cannot work as it stands" in output


def test_check_ends_with_3_and_names_the_place_of_a_mistake(tmp_path: Path) -> None:
    code, output = _checked(tmp_path, _with(("colour",), "red"))
    assert code == 3
    line = 1 + (tmp_path / "checked.yaml").read_text().splitlines().index("colour: red")
    assert f"checked.yaml:{line}:1: unknown field `colour`" in output


def test_check_gives_findings_with_their_lines_as_json(tmp_path: Path) -> None:
    code, output = _checked(tmp_path, _with(MEANS, "host-route"), "-o", "json")
    decoded = msgspec.json.decode(output)
    worst = decoded["findings"][0]
    assert (code, worst["severity"], worst["section"]) == (1, "error", "§5 No loop")
    assert worst["line"] > 1
    assert decoded["mistakes"] == []


def test_check_gives_mistakes_as_json(tmp_path: Path) -> None:
    code, output = _checked(tmp_path, _with(("colour",), "red"), "-o", "json")
    decoded = msgspec.json.decode(output)
    assert code == 3
    assert decoded["mistakes"][0]["line"] >= 1
    assert "colour" in decoded["mistakes"][0]["message"]
