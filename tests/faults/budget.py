"""A sample of the laboratory says its seed, and what it used of the time that it has on two cores that nobody else uses."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest


@contextmanager
def said(request: pytest.FixtureRequest, what: str, seed: int, budget_s: int) -> Iterator[None]:
    began = time.monotonic()
    yield
    used = f"\n{what}: FAULTS_SEED={seed}; {time.monotonic() - began:.0f} s used of {budget_s}"
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        print(used)
