"""The version that dead letters and the job carry."""

from typing import Final

VERSION: Final = "0.1.0"
