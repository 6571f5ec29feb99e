"""A fuzzer that coverage guides: `python -m tests.fuzz.guided body|sheet|template [FOLDER] [-max_total_time=3600]`.

It needs atheris (`pip install atheris`), which runs on Linux; what it looks for is what the other fuzzers look for.
FOLDER keeps what it learns between runs; a small part of that is in `corpus/`, which the ordinary tests go through.
"""

from __future__ import annotations

import sys


def main() -> None:
    """Fuzz until something is found, or the time is over."""
    import atheris  # noqa: PLC0415 - only this needs it

    with atheris.instrument_imports(include=["cqs_sheets"], enable_loader_override=False):
        from tests.fuzz.checks import CHECKS, CORPUS  # noqa: PLC0415 - instrumented
    check = CHECKS[sys.argv[1]]

    def once(data: bytes) -> None:
        check(data)

    atheris.Setup([sys.argv[0], *sys.argv[2:], str(CORPUS / sys.argv[1])], once)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
