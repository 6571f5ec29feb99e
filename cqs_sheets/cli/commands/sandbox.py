"""`cqs-sheets sandbox`."""

from __future__ import annotations

import click

from cqs_sheets import sandbox
from cqs_sheets.cli.session import Interruption
from cqs_sheets.errors import UsageError


@click.command("sandbox")
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="NUMBER", default=8765, show_default=True,
    help="Where it listens on this computer; 0: any free port.",
)  # fmt: skip
@click.option(
    "--seed", type=int, metavar="NUMBER", default=1, show_default=True, help="Another seed, another market."
)
@click.option("--speed", type=click.FloatRange(0.1, 10_000), metavar="TIMES", default=1.0, show_default=True,
              help="How much faster than life signals come and go.")  # fmt: skip
@click.option("--fault", "faults", multiple=True, metavar="NAME[:SHARE][@COUNT]",
              help="Misbehave, e.g. http-503:0.2 or rate-limit@3. Repeatable.")  # fmt: skip
def sandbox_command(port: int, seed: int, speed: float, faults: tuple[str, ...]) -> None:
    """Run a local API with a market that moves, to try things on.

    It keeps the whole contract of the API's guide; its signals are invented. Stop it with Ctrl-C.

    \b
    Example:
      cqs-sheets sandbox --port 8765 --speed 60 --fault http-503:0.1
      CQS_API_URL=http://127.0.0.1:8765 cqs-sheets sync
    """
    try:
        server = sandbox.start(port=port, seed=seed, speed=speed, faults=faults)
    except ValueError as error:
        raise click.UsageError(f"--fault: {error}") from None
    except OSError as error:
        raise UsageError(
            f"Port {port} cannot be used: {error.strerror}.",
            meaning="Nothing was started.",
            hint="Name another with --port; 0 takes any that is free.",
        ) from None
    interruption = Interruption()
    interruption.install()
    with server:
        click.echo(server.url)
        click.echo("Serving invented signals; Ctrl-C stops it.", err=True)
        interruption.wait()
