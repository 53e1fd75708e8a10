"""Every kind of mistake in a constellation file is named with its place and what would be right.

Each case changes the text of a right file; `§` stands where the mistake must be found.
"""

from pathlib import Path

import pytest

from opendmm.constellation.reading import ConstellationError, load

RIGHT = """\
constellation: small
nodes:
  cn: {}
  ingress:
    entities: [FE_R, FE_I]
  controller:
    entities: [FE_IEC]
  anchor-a:
    entities: [FE_MA_C, FE_MU_C, FE_MCTX, FE_E]
    pools: ["2001:db8:a::/48", "10.10.0.0/16"]
  anchor-b:
    entities: [FE_MA_C, FE_MU_C, FE_MCTX, FE_E]
    pools: ["2001:db8:b::/48"]
links:
  - {between: [cn, ingress]}
  - {between: [ingress, controller], delay: 2ms}
  - {between: [ingress, anchor-a]}
  - {between: [ingress, anchor-b]}
policies:
  - {ingress: ingress, mode: push}
mobile_nodes:
  mn1:
    home: anchor-a
    prefixes: ["2001:db8:a::100/128"]
  mn2:
    home: anchor-b
    prefixes: ["2001:db8:b::200/128"]
scenario:
  duration: 5s
  attachments:
    - {at: 0s, mobile_node: mn1, to: anchor-a}
    - {at: 2s, mobile_node: mn1, to: anchor-b}
  traffic:
    - {kind: udp, correspondent: cn, mobile_node: mn1}
  faults:
    - {at: 3s, kind: kill, node: controller, lasts: 1s}
  expect:
    paths:
      - {move: 1, touches: [ingress]}
"""

Case = tuple[str, str, str, str]
"""What is replaced, by what (with the mark), words of the message, words of the hint."""

FORM: list[Case] = [
    ("constellation: small", "§constelation: small", "unknown field", "did you mean"),
    ("constellation: small", "§constellation: Small!", "malformed", "lower case letters"),
    ("  cn: {}", "  cn: [", "not YAML", ""),
    ("  cn: {}", "  cn: {}\n  §cn: {}", "given twice", "keep one"),
    ("FE_R, FE_I]", "FE_R, §FE_X]", "none of these", ""),
    ("FE_R, FE_I]", "FE_R, §FE_IEK]", "none of these", "did you mean `FE_IEC`"),
    ("delay: 2ms", "§delay: 2 parsecs", "malformed", "a number with its unit"),
    ("delay: 2ms", "§loss: much", "malformed", "percent"),
    ("delay: 2ms", "§rate: 10Mb", "malformed", "Mbit"),
    ("delay: 2ms", "§cost: 0", "cost", ""),
    ("delay: 2ms", "§cost: dear", "whole number", ""),
    ("delay: 2ms", "§colour: red", "unknown field `colour`", "there are"),
    ("  - {between: [cn, ingress]}", "  - §{delay: 2ms}", "lacks `between`", ""),
    ("mode: push", "§mode: shove", "none of these", ""),
    ("    home: anchor-a\n", "", "lacks `home`", "home anchor"),
    ("  duration: 5s", "  §duration: long", "malformed", "20ms"),
    (
        "    home: anchor-b\n",
        "    home: anchor-b\n    §link_layer_id: 03-00-5E-00-00-01\n",
        "malformed",
        "02:00:5e:10:00:01",
    ),
    ("kind: udp", "§kind: sctp", "none of these", "tcp"),
    ("lasts: 1s", "§lasts: soon", "malformed", "unit"),
    ("move: 1", "§move: 0", "move", ""),
]
MEANING: list[Case] = [
    (
        '    home: anchor-a\n    prefixes: ["2001:db8:a::100/128"]\n  mn2:\n',
        '    home: anchor-a\n    prefixes: ["2001:db8:a::100/128"]\n'
        '    link_layer_id: "02:00:5e:00:00:0A"\n  mn2:\n    §link_layer_id: "02:00:5e:00:00:0a"\n',
        "02:00:5e:00:00:0a is `mn1`'s already",
        "tell mobile nodes apart",
    ),
    ("[cn, ingress]", "[cn, §ingres]", "no node `ingres`", "did you mean `ingress`"),
    ("between: [cn, ingress]", "§between: [cn, cn]", "two different nodes", ""),
    ("[ingress, anchor-b]}", "[ingress, anchor-b]}\n  - {§between: [cn, ingress]}", "already", ""),
    ('"10.10.0.0/16"', '§"10.10.0.1/16"', "no prefix", "write it like"),
    ('"2001:db8:b::/48"', '§"2001:db8:a:1::/64"', "overlaps", "disjoint"),
    ('"2001:db8:b::/48"', '§"fd00:d::/40"', "locators are numbered", "outside"),
    ('"10.10.0.0/16"', '§"10.254.7.0/24"', "links are numbered", "outside"),
    ("entities: [FE_IEC]", 'entities: [FE_IEC]\n    §locator: "fd00:d:2::9"', "same /64", "own"),
    ("entities: [FE_IEC]", 'entities: [FE_IEC]\n    §locator: "10.0.0.1"', "IPv6 address", ""),
    ("entities: [FE_IEC]", 'entities: [FE_IEC]\n    §locator: "ff02::1"', "routed", ""),
    (
        "entities: [FE_IEC]",
        'entities: [FE_IEC]\n    §locator: "2001:db8:a::1"',
        "overlaps pool",
        "another /64",
    ),
    ("entities: [FE_IEC]", "entities: [FE_IEC]\n    §standby_for: ingress", "no FE_IEC on", ""),
    ("entities: [FE_IEC]", "entities: [FE_IEC]\n    §standby_for: controller", "itself", ""),
    (
        "entities: [FE_R, FE_I]",
        'entities: [FE_R, FE_I]\n    §serves: ["::/0"]',
        "no FE_IEC",
        "add",
    ),
    (
        "entities: [FE_R, FE_I]",
        'entities: [FE_R, FE_I]\n    §pools: ["2001:db8:c::/48"]',
        "no FE_MA_C",
        "add FE_MA_C",
    ),
    ("entities: [FE_R, FE_I]", "§entities: [FE_R, FE_R, FE_I]", "twice", "once"),
    ("entities: [FE_R, FE_I]", "§entities: [FE_R, FE_I, FE_MCTX]", "no FE_MA_C", "R_XA"),
    ("    entities: [FE_IEC]", "    entities: [FE_R]", "has no FE_IEC to hear from", "add FE_IEC"),
    ("  cn: {}", "  cn: {}\n  §lo: {}", "interface of the kernel", "another name"),
    ("  cn: {}", "  cn: {}\n  far: {}", "no link leads to far", "add links"),
    ("{ingress: ingress", "{§ingress: controller", "no FE_I", "there are ingress"),
    ("mode: push}", "mode: push}\n  - {§ingress: ingress}", "policy already", "join"),
    ("    home: anchor-a", "    §home: ingress", "no anchor", "there are anchor-a"),
    ("  mn2:", "  §cn:", "name of a node", "unique"),
    ("  mn2:\n", "  mn2:\n    §id: mn1@example.org\n", "id of `mn1`", "own"),
    ('"2001:db8:b::200/128"', '§"2001:db8:c::1/128"', "not out of the pools", "2001:db8:b::/48"),
    ('2001:db8:a::100/128"]', '2001:db8:a::100/128", §"2001:db8:a::/64"]', "overlaps", "once"),
    ("    home: anchor-b\n", "    home: anchor-b\n    access: [§anchor]\n", "no anchor", "mean"),
    (
        '    prefixes: ["2001:db8:a::100/128"]',
        '    prefixes: ["2001:db8:a::100/128"]\n    access: [anchor-a]',
        "no access to `anchor-b`",
        "its access is",
    ),
    ("mobile_node: mn1, to: anchor-a", "§mobile_node: mn3, to: anchor-a", "no mobile node", ""),
    ("to: anchor-b", "§to: ingress", "no anchor", ""),
    ("{at: 2s", "{§at: 7s", "after the end", "lasts 5s"),
    (
        "to: anchor-b}",
        "to: anchor-b}\n    - {§at: 1s, mobile_node: mn1, to: anchor-a}",
        "before",
        "",
    ),
    ("{at: 2s,", "{§at: 50ms, order: predicted,", "sooner than its lead", "first sign"),
    ("correspondent: cn", "§correspondent: nobody", "no node", ""),
    ("mobile_node: mn1}", "§mobile_node: mn2}", "never attaches", "attachment"),
    ("mobile_node: mn1}", "mobile_node: mn1, §family: ipv4}", "no ipv4 prefix", "family"),
    ("node: controller", "§node: cn", "no node with entities", ""),
    ("{at: 3s, kind: kill, node: controller", "§{at: 3s, kind: kill", "needs `node:`", "daemon"),
    ("kind: kill, node: controller", "kind: reset, §node: controller", "speaks BGP", ""),
    (
        "policies:",
        "security:\n  §mobility_headers: esp\npolicies:",
        "no reference point",
        "encrypted by TLS",
    ),
    (
        "policies:",
        "reference_points: {R_XU: mipv6, R_XX: pmipv6}\nsecurity:\n"
        "  §mobility_headers: esp\npolicies:",
        "RFC 6275 §5.1",
        "RFC 4285",
    ),
    ("{at: 3s, kind: kill, node: controller", "§{at: 3s, kind: cut", "needs `link:", "two ends"),
    ("kind: kill, node: controller", "kind: cut, §link: [cn, controller]", "no link", ""),
    ("touches: [ingress]", "touches: [§egress]", "no node `egress`", "ingress"),
    ("{move: 1", "{§move: 4", "has 1 moves", "first attachment"),
]


def _mistakes(tmp_path: Path, text: str) -> ConstellationError:
    path = tmp_path / "case.yaml"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ConstellationError) as raised:
        load(path)
    return raised.value


def _place(marked: str) -> tuple[int, int] | None:
    before, mark, _ = marked.partition("§")
    if not mark:
        return None
    return before.count("\n") + 1, len(before) - before.rfind("\n")


def test_the_file_that_the_cases_change_is_right(tmp_path: Path) -> None:
    path = tmp_path / "right.yaml"
    path.write_text(RIGHT, encoding="utf-8")
    assert load(path).constellation == "small"


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"), FORM + MEANING, ids=[c[1][:40] for c in FORM + MEANING]
)
def test_a_mistake_is_named_with_its_place_and_what_would_be_right(
    tmp_path: Path, old: str, new: str, message: str, hint: str
) -> None:
    assert old in RIGHT
    marked = RIGHT.replace(old, new, 1)
    error = _mistakes(tmp_path, marked.replace("§", ""))
    found = [p for p in error.problems if message in p.message and hint in p.hint]
    assert found, f"{message!r} ({hint!r}) is not in:\n{error}"
    place = _place(marked)
    if place is not None:
        assert place in [(p.line, p.column) for p in found], str(error)
    assert f"{error.file}:{found[0].line}:{found[0].column}: " in str(error)


def test_all_mistakes_are_named_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = RIGHT.replace("mode: push", "mode: shove").replace("kind: udp", "kind: sctp")
    problems = _mistakes(tmp_path, text).problems
    assert len(problems) == 2
    assert problems == sorted(problems)


@pytest.mark.parametrize("content", [b"", b"# nothing\n", b"\xff\xfe\x00", b"- a\n- b\n", b"7\n"])
def test_what_is_no_constellation_at_all_is_said_so(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "none.yaml"
    path.write_bytes(content)
    with pytest.raises(ConstellationError):
        load(path)


def test_aliases_that_multiply_beyond_measure_are_refused(tmp_path: Path) -> None:
    lines = ["a: &a [x, x, x, x, x, x, x, x, x, x]"]
    for this, last in zip("bcdefgh", "abcdefg", strict=True):
        lines.append(f"{this}: &{this} [{', '.join([f'*{last}'] * 10)}]")
    problems = _mistakes(tmp_path, "\n".join(lines)).problems
    assert "values" in problems[0].message


def test_an_alias_of_itself_is_refused(tmp_path: Path) -> None:
    assert "deeply" in str(_mistakes(tmp_path, "constellation: &a [*a]\n"))
