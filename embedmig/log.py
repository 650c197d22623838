"""The logger `embedmig`. The library never configures logging, and does not even load it for what nobody can hear:
as long as no one has imported `logging`, an INFO line has no listener. A warning always has one.
"""

from __future__ import annotations

import sys


def info(message: str, *args: object) -> None:
    if "logging" in sys.modules:
        logger = sys.modules["logging"].getLogger("embedmig")
        if logger.isEnabledFor(20):  # INFO
            logger.info(message, *args, stacklevel=2)


def warning(message: str, *args: object) -> None:
    import logging

    logging.getLogger("embedmig").warning(message, *args, stacklevel=2)
