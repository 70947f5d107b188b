"""A library some of whose names have moved, as names of harness.api may."""

from harness.api import Teacher
from harness.deprecation import Renamed, renamed

__getattr__ = renamed(__name__, {"Annotator": Renamed("Teacher", Teacher, gone_in="0.3")})
