"""The parts of the Google Sheets emulator; tests import from tests.emulators.google_sheets."""
