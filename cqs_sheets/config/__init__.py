"""Configuration: file, environment and command line, read once into frozen settings."""

from cqs_sheets.config.document import FILE_NAME, sample, schema
from cqs_sheets.config.environment import Environment, process_environ
from cqs_sheets.config.load import home_folder, load
from cqs_sheets.config.places import Place, is_google, spreadsheet_id
from cqs_sheets.config.settings import ApiSettings, Overrides, Settings, TargetSettings

__all__ = [
    "FILE_NAME",
    "ApiSettings",
    "Environment",
    "Overrides",
    "Place",
    "Settings",
    "TargetSettings",
    "home_folder",
    "is_google",
    "load",
    "process_environ",
    "sample",
    "schema",
    "spreadsheet_id",
]
