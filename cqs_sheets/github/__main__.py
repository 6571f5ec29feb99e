"""What the actions call: `python -P -m cqs_sheets.github run | keep | start | after`."""

from __future__ import annotations

import sys
from collections.abc import Mapping

from cqs_sheets.config import process_environ
from cqs_sheets.core.text import harmless, one_line
from cqs_sheets.errors import CqsError
from cqs_sheets.github.api import GitHubApi
from cqs_sheets.github.chain import Chain, Here
from cqs_sheets.unexpected import explained


def main(word: str, environ: Mapping[str, str]) -> int:
    """The exit code. Of what `start` and `after` do, nothing needs more than Python itself."""
    try:
        if word in ("run", "keep"):
            return _watch(word, environ)
        chain = Chain(GitHubApi.of_run(environ), Here.read(environ))
        if word == "start":
            done = chain.start_if_none()
        else:
            final, problem = environ.get("FINAL") == "true", environ.get("PROBLEM", "")
            done = chain.after(environ.get("RESULT", ""), final=final, problem=problem)
    except Exception as error:  # noqa: BLE001 - a disk, git or an answer that nobody foresaw; never a traceback
        return _told(explained(error))
    sys.stdout.write(f"{one_line(done)}\n")
    return 0


def _watch(word: str, environ: Mapping[str, str]) -> int:
    from cqs_sheets.github.action import Outputs  # noqa: PLC0415 - the rest works where nothing is installed
    from cqs_sheets.github.unattended import Unattended  # noqa: PLC0415

    try:
        run = Unattended(environ)
    except Exception as unforeseen:  # noqa: BLE001 - as above
        error = explained(unforeseen)
        _told(error)
        Outputs(error=f"{error.message} {error.hint}").write(environ.get("GITHUB_OUTPUT"), error.exit_code)
        return error.exit_code
    try:
        return run.run() if word == "run" else run.keep_once()
    except Exception as unforeseen:  # noqa: BLE001 - as above
        error = explained(unforeseen)
        _told(error)
        return run.failed(error)


def _told(error: CqsError) -> int:
    text = " ".join(filter(None, (error.message, error.meaning, error.hint))).replace("%", "%25")
    sys.stdout.write("::error title=cqs-sheets::" + harmless(" ".join(text.split())) + "\n")
    return error.exit_code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], process_environ()))
