"""`python -m fuzz --seconds 60`: damages messages at random; whatever breaks a promise is kept in tests/fuzz/found.

A kept input is replayed by every test run from then on: mend the product, and commit both.
"""

import argparse
import hashlib
import random
import sys
import time
import traceback
from pathlib import Path

from fuzz.mutation import LARGEST, mutate
from fuzz.seeds import FOUND, load_seeds
from fuzz.target import play


def main() -> int:
    """0: nothing was found; 1: something was, and is kept."""
    parser = argparse.ArgumentParser(prog="fuzz", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0)
    parser.add_argument("--seed", type=int, default=None, help="the same seed damages in the same way")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(2**32) if options.seed is None else options.seed
    tried, kept = _fuzz(random.Random(seed), time.monotonic() + options.seconds)
    print(f"seed {seed}: {tried} messages, {len(kept)} of them break a promise")  # noqa: T201  # a tool's result
    return 1 if kept else 0


def _fuzz(dice: random.Random, until: float) -> tuple[int, list[Path]]:
    seeds, kept, tried = load_seeds(), {}, 0
    while time.monotonic() < until:
        raw = mutate(dice.choice(seeds), seeds, dice)
        tried += 1
        try:
            play(raw)
        except Exception as fault:
            where = traceback.extract_tb(fault.__traceback__)[-1]
            kept.setdefault((where.filename, where.lineno), _keep(raw, fault))  # one of each kind is enough
    return tried, list(kept.values())


def _keep(raw: bytes, fault: Exception) -> Path:
    path = FOUND / f"{type(fault).__name__}-{hashlib.sha256(raw).hexdigest()[:12]}.eml"
    FOUND.mkdir(exist_ok=True)
    path.write_bytes(raw[:LARGEST])
    traceback.print_exception(fault)
    return path


if __name__ == "__main__":
    sys.exit(main())
