"""Images that lie below the folder of a data set: which are there, and what becomes of items without theirs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Literal

from harness.api import Benchmark, DataError, DataFile, Image, digest
from harness_benchmarks.published import image_in, pictures


class WithImages(Benchmark):
    """A published benchmark whose files name images by their path below a folder."""

    images: str | None = None
    """Folder below which the images lie by their published paths; by default that of the published files."""
    with_images: bool = True
    """Whether items have their image; without images, captions are judged by themselves."""
    missing_images: Literal["skip", "refuse"] = "skip"
    """What becomes of an item whose image is not there: it is left out and listed, or the data are refused."""

    def gives(self) -> frozenset[str]:
        """Images, unless they are left out."""
        return frozenset({"image"} if self.with_images else ())

    def pictured(self, default: Path, names: Mapping[str, str]) -> dict[str, Image]:
        """Images by item id, from their published paths; raises `DataError` where one is missing that must not."""
        if not self.with_images:
            return {}
        folder = self._folder(default)
        found = pictures(self.name, folder, names, flat=False)
        missing = [name for key, name in names.items() if key not in found]
        if missing and self.missing_images == "refuse":
            raise DataError(
                f"{len(missing):,} of {len(names):,} items lack their image, the first {missing[0]!r} in {folder}",
                place=self.name,
                remedy="fetch the images, or say  missing_images: skip  to leave these items out",
            )
        return found

    def image_files(self, default: Path | None, names: Iterable[str], origin: str) -> Sequence[DataFile]:
        """How many of the images are there; nothing where items have no image."""
        if not self.with_images:
            return ()
        wanted = set(names)
        folder = self._folder(default) if default or self.images else None
        found = len(sizes_of(folder, wanted)) if folder else 0
        return (DataFile("images", str(folder or "not known"), found, len(wanted), needed=False, origin=origin),)

    def images_digest(self, default: Path, names: Iterable[str]) -> str:
        """Hex digest of the names and sizes of the images that are there; reading them all would take an hour."""
        return digest(sorted(sizes_of(self._folder(default), names).items()) if self.with_images else [])

    def _folder(self, default: Path | None) -> Path:
        return Path(self.images) if self.images else default or Path()


def sizes_of(folder: Path, names: Iterable[str]) -> dict[str, int]:
    """Bytes of each file that is there, by its path below the folder."""
    return {name: path.stat().st_size for name in names if (path := image_in(folder, name, flat=False))}
