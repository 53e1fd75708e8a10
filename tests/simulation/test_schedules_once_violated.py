"""Schedules that once violated an invariant, spelt out so that they stay what they were."""

import pytest

from opendmm.simulation.schedules import Attach, Crash, Cut, Detach, Expect, Schedule
from opendmm.simulation.trial import try_schedule

LOSS_OF_AN_ATTACHMENT_NOT_YET_HEARD_AT_HOME = Schedule(
    kind="mixed",
    seed=90446,
    constellation="condensed",
    skews={"anchor-a": 0.184, "anchor-b": 0.434, "anchor-c": 0.108},
    happenings=(
        Attach(0.5, "mn1", "anchor-a"),
        Attach(1.751977756371442, "mn1", "anchor-b"),
        Detach(1.8, "mn1", "anchor-a"),
        Attach(2.0257213732035413, "mn1", "anchor-c"),
        Cut(2.051199519653638, 2, 7.96964137401984),
        Detach(2.137092627311781, "mn1", "anchor-b"),
        Crash(2.141044155408093, "anchor-b", 9, 0.10219353234553216),
    ),
    until=12.0,
)
END_OF_FORMER_EGRESSES_DECIDED_BUT_NOT_TOLD = Schedule(
    kind="crash",
    seed=93539,
    constellation="condensed",
    happenings=(
        Attach(0.5, "mn1", "anchor-a"),
        Attach(1.5, "mn1", "anchor-c"),
        Detach(1.5582880188738888, "mn1", "anchor-a"),
        Attach(1.5637066368720243, "mn1", "anchor-b"),
        Detach(1.583884708371963, "mn1", "anchor-c"),
        Attach(2.155030951701005, "mn1", "anchor-a"),
        Detach(2.2263791154794528, "mn1", "anchor-b"),
        Crash(2.8415962817760776, "anchor-a", 1, 0.9146177472604733),
    ),
    until=5.0,
)

REDIRECTION_OF_A_CONTROLLER_THAT_DIED_BEFORE_TELLING_ITS_STANDBY = Schedule(
    kind="failover",
    seed=720419,
    constellation="standby",
    happenings=(
        Attach(0.5, "mn1", "anchor-a"),
        Attach(0.5, "mn2", "anchor-b"),
        Detach(1.5, "mn1", "anchor-a"),
        Crash(1.5428871702963776, "control", 4, None),
        Attach(1.581615160093924, "mn1", "anchor-b"),
        Attach(1.5880323881117882, "mn1", "anchor-c"),
        Detach(1.5886714087696714, "mn1", "anchor-b"),
        Attach(1.5893879376432825, "mn2", "anchor-c"),
        Detach(1.5896420933019455, "mn2", "anchor-b"),
        Attach(1.6168649503141357, "mn1", "anchor-a"),
        Detach(1.6169983822153677, "mn1", "anchor-c"),
    ),
    until=3.0,
)
ONE_OF_TWO_LINKS_TO_GATEWAYS_OF_ONE_ANCHOR_GOES = Schedule(
    kind="two-claims",
    seed=705420,
    constellation="gateways",
    happenings=(
        Attach(0.5, "mn1", "mag-c"),
        Attach(1.5, "mn1", "mag-a"),
        Attach(1.500001, "mn1", "mag-a2"),
        Detach(1.55, "mn1", "mag-c"),
        Detach(1.6024695688300512, "mn1", "mag-a2"),
    ),
    until=3.0,
)
A_GUEST_WITH_TWO_NEW_LINKS_AT_ONE_INSTANT = Schedule(
    kind="two-claims",
    seed=7000296,
    constellation="guests",
    happenings=(
        Attach(0.5, "mn1", "anchor-a"),
        Attach(1.5, "mn1", "ar-a"),
        Attach(1.5, "mn1", "ar-b"),
        Detach(1.55, "mn1", "anchor-a"),
    ),
    until=2.0,
)
AN_ANCHOR_THAT_A_GUEST_LEFT_WITHOUT_A_WORD_IS_PREDICTED_NEXT = Schedule(
    kind="mixed",
    seed=7001420,
    constellation="guests",
    skews={"anchor-a": -0.297, "anchor-b": 0.254, "anchor-c": -0.367},
    happenings=(
        Attach(0.5, "mn1", "anchor-a"),
        Attach(1.5, "mn1", "ar-b"),
        Detach(1.51, "mn1", "anchor-a"),
        Attach(2.7, "mn1", "ar-a"),
        Detach(2.71, "mn1", "ar-b"),
        Expect(2.75, "mn1", "ar-b"),
    ),
    until=4.0,
)
AN_ANCHOR_CUT_OFF_FROM_HOME_UNTIL_THE_BINDING_IS_OVER = Schedule(
    kind="out-of-reach",
    seed=21,
    constellation="tunnel",
    happenings=(
        Attach(0.5, "mn1", "anchor-a"),
        Detach(1.5, "mn1", "anchor-a"),
        Attach(1.5302468370979874, "mn1", "anchor-c"),
        Cut(1.5532454119033778, 3, 199.6623154488422),
    ),
    until=201.3,
)


@pytest.mark.parametrize(
    "schedule",
    [
        LOSS_OF_AN_ATTACHMENT_NOT_YET_HEARD_AT_HOME,
        END_OF_FORMER_EGRESSES_DECIDED_BUT_NOT_TOLD,
        REDIRECTION_OF_A_CONTROLLER_THAT_DIED_BEFORE_TELLING_ITS_STANDBY,
        ONE_OF_TWO_LINKS_TO_GATEWAYS_OF_ONE_ANCHOR_GOES,
        A_GUEST_WITH_TWO_NEW_LINKS_AT_ONE_INSTANT,
        AN_ANCHOR_THAT_A_GUEST_LEFT_WITHOUT_A_WORD_IS_PREDICTED_NEXT,
        AN_ANCHOR_CUT_OFF_FROM_HOME_UNTIL_THE_BINDING_IS_OVER,
    ],
    ids=[
        "loss-not-heard",
        "end-not-told",
        "standby-not-told",
        "other-link-remains",
        "one-instant",
        "left-without-a-word",
        "out-of-reach",
    ],
)
def test_a_schedule_that_once_violated_an_invariant_does_not_any_more(schedule: Schedule) -> None:
    assert [str(violation) for violation in try_schedule(schedule).violations] == []
