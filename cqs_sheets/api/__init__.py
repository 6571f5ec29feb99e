"""The signals API over HTTP."""

from cqs_sheets.api.address import DOCUMENTED_PATHS, endpoint
from cqs_sheets.api.client import PRODUCTION_URL, Answer, ApiClient

__all__ = ["DOCUMENTED_PATHS", "PRODUCTION_URL", "Answer", "ApiClient", "endpoint"]
