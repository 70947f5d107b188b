"""How surely copies are found, how rarely others are called copies, and how long it takes at NewsCLIPpings' size.

``python benchmarks/guard`` prints a line each; ``make bench-guard`` sets the paths.
"""

from __future__ import annotations

import random
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[2] / "tests" / "data" / "toys"))

from photographs import altered, photograph

from harness.guard.outlines import SIDE, Bytes, stacked, thumbnail
from harness.guard.registration import copies
from harness.guard.wording import said_again

ORIGINALS, DISTINCT = 300, 2000
# NewsCLIPpings, merged and balanced: 71,072 training items, 7,264 test items.
TRAIN, TEST = 71_072, 7_264


def main() -> None:
    """Rates first, then time and memory."""
    photos = stacked([thumbnail(photograph(seed)) for seed in range(DISTINCT)])
    rates(photos)
    half = DISTINCT // 2
    false = len(copies(photos[:half], photos[half:]))
    print(f"false alarms: {false} in {half:,} x {half:,} pairs of different pictures")
    captions()
    size()


def rates(photos: Bytes) -> None:
    """Of each kind of copy, the share that is found with its own original among all."""
    kinds: dict[str, list[bytes]] = {}
    for seed in range(ORIGINALS):
        for name, picture in altered(photograph(seed), seed):
            kinds.setdefault(name, []).append(thumbnail(picture))
    for name, own in kinds.items():
        alike = copies(photos, stacked(own))
        right = sum(alike.get(seed, (-1,))[0] == seed for seed in range(ORIGINALS))
        print(f"copies found: {100 * right / ORIGINALS:5.1f} %  {name}")


def captions() -> None:
    """One word changed, at every length; and captions that differ in more."""
    rng = random.Random(0)
    words = [f"w{number}" for number in range(5000)]
    for length in (4, 6, 12, 30):
        ones = [rng.sample(words, length) for _ in range(1000)]
        others = [[*one[:place], "new", *one[place + 1 :]] for one in ones for place in (rng.randrange(length),)]
        same, nearly = said_again([" ".join(one) for one in ones], [" ".join(other).upper() for other in others])
        right = sum((same | nearly).get(place) == place for place in range(1000))
        print(f"captions found: {right / 10:5.1f} %  one of {length} words changed, in capitals")
    ones = [" ".join(rng.sample(words, rng.randint(4, 20))) for _ in range(2000)]
    print(f"false alarms: {sum(map(len, said_again(ones[:1000], ones[1000:])))} in 1,000 x 1,000 different captions")


def size() -> None:
    """Random pictures with the spectrum of photographs, a hundredth of the test items copies; random captions."""
    train, test = pictures(TRAIN, 1), pictures(TEST, 2)
    test[:72] = train[:72]
    with clocked(f"images: {TRAIN:,} x {TEST:,}"):
        assert len(copies(train, test)) >= 72
    rng = random.Random(0)
    words = [f"w{number}" for number in range(30_000)]
    ones, others = ([" ".join(rng.choices(words, k=rng.randint(8, 22))) for _ in range(n)] for n in (TRAIN, TEST))
    with clocked(f"captions: {TRAIN:,} x {TEST:,}"):
        said_again(ones, others)


def pictures(count: int, seed: int) -> Bytes:
    rng = np.random.default_rng(seed)
    waves = np.hypot(np.fft.fftfreq(SIDE)[:, None], np.fft.rfftfreq(SIDE)[None, :])
    waves[0, 0] = np.inf
    parts = []
    for start in range(0, count, 4096):
        spectrum = np.fft.rfft2(rng.normal(size=(min(4096, count - start), SIDE, SIDE))) / waves
        field = np.fft.irfft2(spectrum, (SIDE, SIDE))
        field = 128 + 50 * field / field.std((1, 2), keepdims=True)
        parts.append(np.clip(field, 0, 255).astype(np.uint8))
    return np.concatenate(parts)


@contextmanager
def clocked(what: str) -> Iterator[None]:
    """Seconds of this process, and the most memory that it has had."""
    start = time.process_time()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{what}: {time.process_time() - start:.0f} s of one core, at most {peak:,.0f} MB", flush=True)


if __name__ == "__main__":
    main()
