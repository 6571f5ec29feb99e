"""Configuration: file, environment and command line, read once into frozen settings."""

from cqs_sheets.config.document import FILE_NAME, sample, schema
from cqs_sheets.config.environment import Environment, machine_zone, process_environ
from cqs_sheets.config.load import home_folder, load
from cqs_sheets.config.places import Place, is_google, spreadsheet_id
from cqs_sheets.config.settings import ApiSettings, Overrides, Settings, TargetSettings
from cqs_sheets.config.where import where_of
from cqs_sheets.config.writing import Answers, config_text

__all__ = [
    "FILE_NAME",
    "Answers",
    "ApiSettings",
    "Environment",
    "Overrides",
    "Place",
    "Settings",
    "TargetSettings",
    "config_text",
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
