"""For every test: Hypothesis draws by itself, however slow a machine is; and English is told, whatever its locale."""

from __future__ import annotations

import os

from hypothesis import HealthCheck, settings

settings.register_profile("shared", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("shared")
os.environ["TOKENWORKS_LANG"] = "en"  # also of the processes that tests start
