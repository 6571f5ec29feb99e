"""The tenants: every config of a folder, read again when it changes."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from threading import Lock

from cqs_sheets.config import Environment, Settings, load
from cqs_sheets.errors import CqsError, UsageError
from cqs_sheets.run import Session
from cqs_sheets.values import dataclass, replace

_log = logging.getLogger(__name__)
_NOT_ANYBODYS = {"CQS_API_KEY", "CQS_CONFIG"}
"""What stands for all of a machine must not reach a tenant that names none of its own."""

_AFRESH = 300.0  # seconds after which a key is asked for again: it may have been replaced


@dataclass(frozen=True, slots=True)
class _Read:
    stamp: tuple[int, int]
    at: float
    settings: Settings | None
    problem: str


class Tenants:
    """Settings by tenant's name: the config file's name without its ending, or what its [journal] says.

    A config that cannot be used is told once and left out, until it changes; so is a second one of a tenant.
    """

    def __init__(
        self,
        folder: Path,
        environ: Mapping[str, str],
        *,
        stop: Callable[[], CqsError | None],
        sleep: Callable[[float], None],
    ) -> None:
        self._folder = folder.absolute()
        self._environ = {name: value for name, value in environ.items() if name not in _NOT_ANYBODYS}
        self._stop = stop
        self._sleep = sleep
        self._read: dict[Path, _Read] = {}
        self._paths: dict[str, Path] = {}
        self._twice: set[Path] = set()
        self._lock = Lock()

    def all(self) -> dict[str, Settings]:
        """Every tenant whose config can be used here and now."""
        found: dict[str, Settings] = {}
        with self._lock:
            files = dict.fromkeys(sorted(self._folder.glob("*.toml")))
            self._read = {path: read for path, read in self._read.items() if path in files}
            for path in files:
                settings = self._settings(path)
                if settings is None:
                    continue
                if settings.tenant not in found:
                    found[settings.tenant] = settings
                    self._paths[settings.tenant] = path
                elif path not in self._twice:
                    other = self._paths[settings.tenant].name
                    _log.error(
                        "%s is left out: %s is of the tenant %s, too", path.name, other, settings.tenant
                    )
                    self._twice.add(path)
        return found

    def session(self, tenant: str) -> Session | None:
        """The session of a tenant, None for one that is not here (any more)."""
        with self._lock:
            path = self._paths.get(tenant)
            settings = self._settings(path) if path else None
        if settings is None or settings.tenant != tenant:
            settings = self.all().get(tenant)
        if settings is None:
            return None
        return Session(
            settings=settings, environment=Environment.read(self._environ), sleep=self._sleep, stop=self._stop
        )

    def _settings(self, path: Path) -> Settings | None:
        with suppress(OSError):
            status = path.stat()
            stamp, now = (status.st_mtime_ns, status.st_size), time.monotonic()
            known = self._read.get(path)
            if known is None or known.stamp != stamp or now - known.at > _AFRESH:
                known = _Read(stamp, now, *self._loaded(path, known))
                self._read[path] = known
            return known.settings
        return None

    def _loaded(self, path: Path, before: _Read | None) -> tuple[Settings | None, str]:
        try:
            settings = load(config=path, environ=self._environ, cwd=path.parent, search=False)
            if settings.journal_url is None:
                raise UsageError(
                    "its journal is no PostgreSQL.",
                    meaning="Workers share a journal.",
                    hint="Set CQS_JOURNAL, or name one in [journal].",
                )
        except CqsError as error:
            problem = str(error)
            if before is None or before.problem != problem:
                _log.error("%s is left to other workers: %s", path.name, problem)
            return None, problem
        named = settings.tenant if settings.tenant_named else path.stem
        if before is None or before.settings is None:
            _log.info("tenant %s: %s", named, path.name)
        return replace(settings, tenant=named), ""
