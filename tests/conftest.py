"""What holds for all tests."""

from hypothesis import HealthCheck, settings

# How long an example takes depends on what else the machine does; that is no failure.
settings.register_profile("opendmm", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("opendmm")
