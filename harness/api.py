"""The plugin author's whole world."""

import typing as _typing

from harness.component import Component
from harness.components import Benchmark, ConflictRule, Executor, Report, Strategy, Student, Teacher
from harness.deprecation import renamed as _renamed
from harness.details import Details
from harness.errors import (
    DataError,
    HarnessError,
    MissingDependency,
    TrainingError,
    UnreadableImage,
)
from harness.handed import Panel, Pool, Shelf, Workbench
from harness.hookspec import hookimpl
from harness.identity import canonical, digest, file_digest, folder_digest, seed_from, sha256_of
from harness.nesting import Named
from harness.recipe import Accepts, Job, Need, Objective, Recipe
from harness.redaction import redact
from harness.thumbnail import thumbnail
from harness.types import (
    SPLITS,
    VERDICTS,
    Annotation,
    Evidence,
    Example,
    Exported,
    Image,
    Item,
    Outcome,
    Prediction,
    Preference,
    Preview,
    Ranked,
    Split,
    Target,
    Usage,
    Verdict,
    opposite,
    verdict_of,
)
from harness.view import RunView

if not _typing.TYPE_CHECKING:
    # Names that have moved would stand here for a while: {"Old": Renamed("New", New, gone_in="0.3")}.
    __getattr__ = _renamed(__name__, {})

__all__ = [
    "SPLITS",
    "VERDICTS",
    "Accepts",
    "Annotation",
    "Benchmark",
    "Component",
    "ConflictRule",
    "DataError",
    "Details",
    "Evidence",
    "Example",
    "Executor",
    "Exported",
    "HarnessError",
    "Image",
    "Item",
    "Job",
    "MissingDependency",
    "Named",
    "Need",
    "Objective",
    "Outcome",
    "Panel",
    "Pool",
    "Prediction",
    "Preference",
    "Preview",
    "Ranked",
    "Recipe",
    "Report",
    "RunView",
    "Shelf",
    "Split",
    "Strategy",
    "Student",
    "Target",
    "Teacher",
    "TrainingError",
    "UnreadableImage",
    "Usage",
    "Verdict",
    "Workbench",
    "canonical",
    "digest",
    "file_digest",
    "folder_digest",
    "hookimpl",
    "opposite",
    "redact",
    "seed_from",
    "sha256_of",
    "thumbnail",
    "verdict_of",
]
