"""Configuration: file, environment and command line, read once into frozen settings."""

from cqs_sheets.config.document import FILE_NAME, sample, schema, where_of
from cqs_sheets.config.load import home_folder, load
from cqs_sheets.config.settings import (
    AlertSettings,
    ApiSettings,
    Environment,
    OutcomesSettings,
    Overrides,
    Settings,
    TargetSettings,
    is_google,
    machine_zone,
    process_environ,
    spreadsheet_id,
)

__all__ = [
    "FILE_NAME",
    "AlertSettings",
    "ApiSettings",
    "Environment",
    "OutcomesSettings",
    "Overrides",
    "Settings",
    "TargetSettings",
    "home_folder",
    "is_google",
    "load",
    "machine_zone",
    "process_environ",
    "sample",
    "schema",
    "spreadsheet_id",
    "where_of",
]
