"""What the action is given, and where it runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from cqs_sheets.core.toml import duration
from cqs_sheets.errors import UsageError
from cqs_sheets.github.chain import workflow_file
from cqs_sheets.github.state import Owner
from cqs_sheets.values import dataclass

_SANDBOX_TARGET = "sandbox.xlsx"


@dataclass(frozen=True, slots=True, kw_only=True)
class Inputs:
    """What the action was given, and where the run is; times in seconds."""

    to: tuple[str, ...]
    config: str
    template: str
    every: str
    lasting: str
    keep_every: float
    sandbox: bool
    renew: bool
    keeps: bool
    premium_in_public: bool
    page: bool
    branch: str
    owner: Owner
    workspace: Path
    temp: Path

    @classmethod
    def read(cls, environ: Mapping[str, str]) -> Inputs:
        """From the action's variables. Raises UsageError."""

        def given(name: str) -> str:
            return environ.get(f"INPUT_{name}", "").strip()

        sandbox = given("SANDBOX") == "true"
        try:
            keep_every = duration(given("KEEP_EVERY") or "5m")
        except ValueError:
            raise UsageError(
                f"{given('KEEP_EVERY')!r} is no duration.",
                meaning="Nothing was asked.",
                hint="Give keep-every: 5m",
            ) from None
        return cls(
            to=(_SANDBOX_TARGET,)
            if sandbox
            else tuple(filter(None, map(str.strip, given("TO").splitlines()))),
            config=given("CONFIG"),
            template=given("TEMPLATE"),
            every=given("EVERY") or "60s",
            lasting=given("FOR") or "55m",
            keep_every=float(keep_every),
            sandbox=sandbox,
            renew=given("RENEW") == "true" and not sandbox,
            keeps=given("STATE") != "none",
            premium_in_public=given("PREMIUM_IN_PUBLIC") == "true",
            page=given("PAGE") == "true" and not sandbox,
            branch=given("BRANCH"),
            owner=Owner(
                workflow=workflow_file(environ),
                name="" if given("NAME") == "default" else given("NAME"),
                sandbox=sandbox,
            ),
            workspace=Path(environ.get("GITHUB_WORKSPACE") or ".").resolve(),
            temp=Path(environ.get("RUNNER_TEMP") or ".").resolve(),
        )

    @property
    def arguments(self) -> tuple[str, ...]:
        """The options of sync and watch."""
        options = [
            ("--config", self.config),
            ("--template", self.template),
            *(("--to", to) for to in self.to),
        ]
        return (*(part for name, value in options if value for part in (name, value)),
                *(["--sandbox"] if self.sandbox else []))  # fmt: skip
