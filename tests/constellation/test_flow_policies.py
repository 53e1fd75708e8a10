"""Flows in the policies of a constellation file: what they mean, and every mistake in them."""

from pathlib import Path

import pytest

from opendmm.constellation.findings import Finding, Severity
from opendmm.constellation.reading import ConstellationError, load, load_deployment
from opendmm.constellation.reasoning import reason
from opendmm.model.flow import PROTOCOLS, FlowRule, PortRange
from opendmm.model.identity import NodeId

EXAMPLE = (Path(__file__).parents[2] / "examples" / "flows.yaml").read_text()
FLOW = "{mobile_node: mn1, protocol: tcp, source_port: 8080}"
ENTITIES = "[FE_R, FE_MA_C, FE_MA_U, FE_MU_C, FE_MCTX, FE_I, FE_E]"

MISTAKES = [
    (FLOW, "{§protocl: udp}", "unknown field", "did you mean `protocol`"),
    (FLOW, "{§protocol: upd}", "none of these", "did you mean `udp`"),
    (FLOW, "{§mobile_node: mn7}", "no mobile node `mn7`", "did you mean `mn1`"),
    (FLOW, "{§group: '2001:db8:a::1/48'}", "is no prefix", "write it like"),
    (FLOW, "{§source: '192.0.2.0/33'}", "is no prefix", "write it like"),
    (FLOW, "{protocol: udp, §source_port: 0}", "cannot be 0", "1 to 65534"),
    (FLOW, "{protocol: udp, §source_port: 70000}", "cannot be 70000", "1 to 65534"),
    (FLOW, "{protocol: udp, §source_port: 'http'}", "malformed", "5000-5099"),
    (FLOW, "{protocol: udp, §source_port: [1, 2]}", "must be text", "5000-5099"),
    (FLOW, "{protocol: udp, §source_port: 9-8}", "no range", "8-9"),
    (FLOW, "{protocol: udp, §destination_port: '65000-65535'}", "cannot be selected", "65534"),
    (FLOW, "§{destination_port: 5001}", "nothing matches", "protocol: udp"),
    (FLOW, "§{protocol: icmp, source_port: 5001}", "nothing matches", "protocol: udp"),
    (FLOW, "§{protocol: icmp, source: '2001:db8::/32'}", "nothing matches", "of its family"),
    (FLOW, "§{source: '::/0'}", "nothing matches", "leave the source out"),
    (FLOW, "{mobile_node: mn1, §group: '2001:db8:b::/48'}", "no prefix under", "one is enough"),
    (
        "  - ingress: ingress\n",
        "  - groups: []\n  - §groups: []\n",
        "without `ingress` already",
        "join",
    ),
    (
        "port: 6001}\n    - {kind: udp",
        "§port: 5001}\n    - {kind: udp",
        "has port 5001",
        "of its own",
    ),
    ("port: 6001, touches: [anchor-a, anchor-b]", "§port: 6002", "port 6002", "give the session"),
]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "flows.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize(("right", "wrong", "message", "hint"), MISTAKES)
def test_every_mistake_is_named_with_its_place_and_what_would_be_right(
    tmp_path: Path, right: str, wrong: str, message: str, hint: str
) -> None:
    assert right in EXAMPLE
    marked = EXAMPLE.replace(right, wrong, 1)
    before = marked[: marked.index("§")]
    with pytest.raises(ConstellationError) as caught:
        load(written(tmp_path, marked.replace("§", "")))
    [problem, *_] = caught.value.problems
    assert (problem.line, problem.column) == (
        before.count("\n") + 1,
        len(before) - before.rfind("\n"),
    ), str(caught.value)
    assert message in problem.message
    assert hint in problem.hint


def test_flows_are_resolved_for_the_ingress_that_names_them(tmp_path: Path) -> None:
    deployment = load_deployment(written(tmp_path, EXAMPLE))
    mobile = next(iter(deployment.subscribers.values()))
    flows = (
        FlowRule(PROTOCOLS["udp"], destination_ports=PortRange(5000, 5099)),
        FlowRule(PROTOCOLS["tcp"], source_ports=PortRange(8080, 8080)),
    )
    assert deployment.ingresses[NodeId("ingress")].flows_of(mobile) == flows
    assert deployment.ingresses[NodeId("anchor-a")].flows_of(mobile) == ()
    assert deployment.flows == flows


def test_a_policy_without_an_ingress_is_that_of_all_without_one_of_their_own(
    tmp_path: Path,
) -> None:
    text = EXAMPLE.replace("  - ingress: ingress\n    flows", "  - ingress: anchor-a\n  - flows", 1)
    text = text.replace("      - {mobile_node: mn1, protocol", "    - {mobile_node: mn1, protocol")
    deployment = load_deployment(written(tmp_path, text))
    limited = {node for node, plan in deployment.ingresses.items() if plan.flows}
    assert limited == {"ingress", "anchor-b"}


def found(tmp_path: Path, text: str, severity: Severity) -> list[Finding]:
    findings = reason(load_deployment(written(tmp_path, text)))
    return [finding for finding in findings if finding.severity is severity]


def test_flows_that_nobody_redirects_are_warned_of(tmp_path: Path) -> None:
    assert not found(tmp_path, EXAMPLE, Severity.WARNING)
    without = EXAMPLE.replace(ENTITIES, ENTITIES.replace("FE_I, ", ""))
    [warning] = found(tmp_path, without, Severity.WARNING)
    assert "of flows that no policy of `ingress` names are lost" in warning.message
    assert "FE_I without `flows`" in warning.hint


@pytest.mark.parametrize("means", ["host-route", "translation"])
def test_a_means_that_cannot_tell_flows_apart_is_an_error(tmp_path: Path, means: str) -> None:
    text = EXAMPLE.replace("policies:", f"forwarding: {{means: {means}}}\npolicies:")
    errors = found(tmp_path, text, Severity.ERROR)
    assert any("cannot tell the flows apart" in error.message for error in errors)
