"""Opens targets: what kind a place is, and what its destination needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from platformdirs import user_config_dir

from cqs_sheets import config
from cqs_sheets.cli.interrupt import Interruption
from cqs_sheets.destinations.base import Destination
from cqs_sheets.destinations.excel.destination import ExcelDestination
from cqs_sheets.destinations.google.address import gid_in
from cqs_sheets.destinations.google.destination import GoogleDestination
from cqs_sheets.destinations.google.wire.sheets_http import SheetsHttp
from cqs_sheets.run.deliver import Target
from cqs_sheets.template_files import load_template

if TYPE_CHECKING:
    from cqs_sheets.destinations.google.wire.exchange import Wire


class Targets:
    """Opens the targets of one run: a template is read once, Google's quota is shared."""

    def __init__(
        self,
        settings: config.Settings,
        environment: config.Environment,
        interruption: Interruption,
        *,
        force: bool,
    ) -> None:
        self._settings = settings
        self._interruption = interruption
        self._force = force
        self._template = cache(load_template)
        self._google = SheetsHttp(open_google(settings, environment), sleep=interruption.sleep)

    def open(self, target: config.TargetSettings) -> Target:
        """A target ready to be written; raises CqsError if its template cannot be used."""
        return Target(
            settings=target,
            template=self._template(target.template),
            destination=self._destination(target),
            zone=self._settings.zone,
        )

    def close(self) -> None:
        """Give connections back."""
        self._google.close()

    def _destination(self, target: config.TargetSettings) -> Destination:
        if target.place.spreadsheet:
            return GoogleDestination(
                target.place.spreadsheet,
                http=self._google,
                gid=gid_in(target.to),
                zone_name=str(self._settings.zone),
            )
        return ExcelDestination(
            target.path or Path(target.to),
            backups=target.backups,
            lock_wait=target.lock_wait,
            force=self._force,
            sleep=self._interruption.sleep,
        )


def open_google(settings: config.Settings, environment: config.Environment) -> Callable[[], tuple[Wire, str]]:
    """What opens a connection to Google when the first request needs one, with the account to share with."""

    def connect() -> tuple[Wire, str]:
        from cqs_sheets.destinations.google.account.auth import open_wire  # noqa: PLC0415 - google-auth is slow to import

        return open_wire(
            root=settings.sheets_url,
            config_folder=config_folder(),
            file_named=environment.google_credentials,
        )

    return connect


def config_folder() -> Path:
    """Where a signed-in user's token is kept: the platform's folder for a user's settings."""
    return Path(user_config_dir("cqs-sheets"))
