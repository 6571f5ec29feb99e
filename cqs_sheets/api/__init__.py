"""The signals API over HTTP."""

from cqs_sheets.api.address import DOCUMENTED_PATHS, endpoint
from cqs_sheets.api.client import Answer, ApiClient

__all__ = ["DOCUMENTED_PATHS", "Answer", "ApiClient", "endpoint"]
