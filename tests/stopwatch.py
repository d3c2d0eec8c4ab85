"""Processor time that some code took, without the collector's: in a long test run that looks at everybody's garbage."""

import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass


@dataclass
class Spent:
    """Filled when the block ends."""

    seconds: float = 0.0


@contextmanager
def stopwatch() -> Iterator[Spent]:
    """Measure a block in processor seconds of this process."""
    spent = Spent()
    gc.disable()
    begun = time.process_time()
    try:
        yield spent
    finally:
        spent.seconds = time.process_time() - begun
        gc.enable()
