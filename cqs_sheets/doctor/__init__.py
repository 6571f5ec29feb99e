"""What can be wrong on this computer and beyond, looked at one by one; nothing is changed by looking."""

from cqs_sheets.doctor.examination import Examination
from cqs_sheets.doctor.finding import Finding, Level, exit_code, findings_json, mended

__all__ = ["Examination", "Finding", "Level", "exit_code", "findings_json", "mended"]
