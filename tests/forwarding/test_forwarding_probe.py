import pytest
from forwarding_network import why_not

from opendmm.forwarding.kernel.means import MEANS
from opendmm.forwarding.kernel.probe import available_means, forwarding_problems, probe_means

PROBLEM = why_not()


@pytest.mark.lab
@pytest.mark.skipif(bool(PROBLEM), reason=PROBLEM)
def test_every_means_is_tried_and_host_routes_work_wherever_live_tests_do() -> None:
    reports = probe_means()
    assert [report.name for report in reports] == list(MEANS)
    assert all(report.available or report.problem for report in reports)
    assert "host-route" in available_means()


def test_a_means_that_does_not_work_says_what_it_needs(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_means: str) -> str:
        return "device dmm-vx of kind vxlan cannot be made"

    monkeypatch.setattr("opendmm.forwarding.kernel.probe._try_apart", refuse)
    vxlan = next(report for report in probe_means() if report.name == "vxlan")
    assert not vxlan.available
    assert "CONFIG_VXLAN" in vxlan.needs
    assert available_means() == ()


def test_problems_with_settings_come_with_their_cure() -> None:
    assert all("sysctl -w net.ipv" in problem for problem in forwarding_problems())
