"""The signals API over HTTP."""

from cqs_sheets.api.client import Answer, ApiClient
from cqs_sheets.api.transport import DOCUMENTED_PATHS, endpoint

__all__ = ["DOCUMENTED_PATHS", "Answer", "ApiClient", "endpoint"]
