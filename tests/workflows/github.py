"""GitHub for tests: a stub of its REST API, a bare repository, and `act`, which runs the real workflow file here.

What cannot be downloaded is a stand-in: checkout (act brings the working folder itself), setup-python (a `python`
that installs nothing, and fails as often as it is told to), the cache (it has nothing). act knows no concurrency: a
test runs what was dispatched itself.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from cqs_sheets.github.workflow import pasted_text

ROOT = Path(__file__).parent.parent.parent
SCRIPTS = sysconfig.get_path("scripts")
ACT = shutil.which("act", path=SCRIPTS) or shutil.which("act")
ZIZMOR = shutil.which("zizmor", path=SCRIPTS) or "zizmor"
COMMIT = "0123456789abcdef0123456789abcdef01234567"
ACTION = f"somebody/cqs-sheets@{COMMIT}"
NAME = "me/signals"
WORKFLOW = ".github/workflows/cqs-sheets.yml"
_KEPT = ("PATH", "LANG")
_WATCHES = "if: github.event_name != 'schedule'\n    runs-on: ${{ vars"  # of the job that watches
_RESULT = "${{ needs.watch.result }}"  # act knows no `cancelled`


class RestApi:
    """What a chain of runs asks of GitHub: the repository, its runs and jobs, dispatches, issues, caches."""

    def __init__(self) -> None:
        self.private = True
        self.runs: list[dict[str, Any]] = []
        self.jobs: dict[int, list[dict[str, Any]]] = {}
        self.issues: list[dict[str, Any]] = []
        self.caches: list[str] = []  # the keys of what the version before the state's branch kept
        self.asked: list[tuple[str, str, Any]] = []
        self.refused: dict[str, int] = {}  # a pattern of "METHOD path" -> the status it is answered with
        self.on_dispatch: Callable[[], None] = lambda: None
        self.tokens: set[str] = set()
        self.lock = threading.Lock()

    def dispatches(self) -> int:
        return sum(path.endswith("/dispatches") for _, path, _ in self.asked)

    def answer(  # noqa: C901, PLR0911 - a table of answers
        self, method: str, path: str, body: Any, query: Mapping[str, str]
    ) -> tuple[int, Any]:
        self.asked.append((method, path, body))
        for pattern, status in self.refused.items():
            if re.search(pattern, f"{method} {path}"):
                return status, {"message": f"Refused with {status}"}
        inner = path.removeprefix(f"/repos/{NAME}")
        match method, inner.strip("/").split("/"):
            case "GET", [""]:
                return 200, {"private": self.private}
            case "GET", ["actions", "workflows", file, "runs"]:
                return 200, {
                    "workflow_runs": [run for run in self.runs[::-1] if run["path"].endswith(f"/{file}")]
                }
            case "POST", ["actions", "workflows", file, "dispatches"]:
                self.press_run(f".github/workflows/{file}")
                self.on_dispatch()
                return 204, None
            case "GET", ["actions", "runs", number]:
                return self._found(run for run in self.runs if run["id"] == int(number))
            case "GET", ["actions", "runs", number, "jobs"]:
                return 200, {"jobs": self.jobs.get(int(number), [])}
            case "POST", ["actions", "runs", number, "cancel"]:
                next(run for run in self.runs if run["id"] == int(number)).update(END("cancelled"))
                return 202, {}
            case "GET", ["actions", "caches"]:
                return 200, {"actions_caches": [{"key": key} for key in self.caches]}
            case "GET", ["issues"]:
                label = query.get("labels")
                return 200, [each for each in self.issues[::-1] if not label or label in each["labels"]]
            case "POST", ["issues"]:
                self.issues.append({"number": len(self.issues) + 1, "state": "open", **body})
                return 201, self.issues[-1]
            case "PATCH", ["issues", number]:
                self.issues[int(number) - 1].update(body)
                return 200, self.issues[int(number) - 1]
        return 404, {"message": "Not Found"}

    def begin_run(
        self, status: str, title: str = "Signals", event: str = "workflow_dispatch", workflow: str = WORKFLOW
    ) -> int:
        number = len(self.runs) + 1
        page = f"https://github.com/{NAME}/actions/runs/{number}"
        self.runs.append({"id": number, "event": event, "status": status, "conclusion": None,
                          "display_title": title, "html_url": page, "path": workflow})  # fmt: skip
        return number

    def press_run(self, workflow: str = WORKFLOW) -> int:
        """A run that waits for its turn in the concurrency group, in the place of one that waits there already."""
        for run in self.runs:
            if run["status"] == "queued" and run["path"] == workflow:
                run.update(END("cancelled"))
                self.jobs[run["id"]] = [{"conclusion": "cancelled", "steps": []}]
        return self.begin_run("queued", workflow=workflow)

    @staticmethod
    def _found(found: Iterator[Any]) -> tuple[int, Any]:
        each = next(found, None)
        return (404, {"message": "Not Found"}) if each is None else (200, each)


def END(conclusion: str) -> dict[str, str]:  # noqa: N802
    return {"status": "completed", "conclusion": conclusion}


@contextmanager
def served(api: RestApi) -> Iterator[str]:
    """The API's address for as long."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            length = int(self.headers.get("Content-Length") or 0)
            body = json.loads(self.rfile.read(length)) if length else None
            api.tokens.add(self.headers["Authorization"] or "")
            with api.lock:
                url = urlsplit(self.path)
                status, answer = api.answer(self.command, url.path, body, dict(parse_qsl(url.query)))
            text = b"" if answer is None else json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        do_POST = do_PATCH = do_GET  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


@dataclass
class Done:
    """One run of the workflow: the log, summaries among it, and how its jobs ended."""

    log: str
    jobs: Mapping[str, str]

    @property
    def ok(self) -> bool:
        return "failed" not in self.jobs.values()


@dataclass
class GitHub:
    """A repository with the workflow in it, its API, and runners that each begin with nothing."""

    folder: Path
    api: RestApi
    url: str
    environ: dict[str, str]
    texts: dict[str, str] = field(default_factory=lambda: {WORKFLOW: pasted_text(ACTION)})
    variables: dict[str, str] = field(default_factory=lambda: {"CQS_EVERY": "30s", "CQS_FOR": "1s"})
    secrets: dict[str, str] = field(default_factory=dict)
    failing_installs: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.remote = self.folder / "remote.git"
        self.checkout = self.folder / "signals"
        git(self.folder, "init", "--quiet", "--bare", "--initial-branch=main", str(self.remote))
        git(self.folder, "init", "--quiet", "--initial-branch=main", str(self.checkout))
        git(self.checkout, "remote", "add", "origin", f"https://github.com/{NAME}.git")
        instead = self.folder / "gitconfig"
        instead.write_text(f'[url "{self.remote.as_uri()}"]\n  insteadOf = https://github.com/{NAME}.git\n')
        self._action()
        self._stand_ins()

    def _action(self) -> None:
        """What a runner downloads; not the folder itself, in which other tests write meanwhile."""
        for name in ("cqs_sheets", "templates", ".github"):
            ignored = shutil.ignore_patterns("__pycache__")
            shutil.copytree(ROOT / name, self.folder / "action" / name, ignore=ignored)
        shutil.copy(ROOT / "action.yml", self.folder / "action")

    def commit(self, files: Mapping[str, str]) -> None:
        """Put files on the default branch, the workflows among them."""
        for name, text in {**self.texts, **files}.items():
            (self.checkout / name).parent.mkdir(parents=True, exist_ok=True)
            (self.checkout / name).write_text(text, encoding="utf-8")
        git(self.checkout, "add", "--all", "--force")
        git(self.checkout, "commit", "--quiet", "--allow-empty", "-m", "As it is")

    def run(
        self,
        *,
        event: str = "workflow_dispatch",
        sandbox: bool = False,
        files: Mapping[str, str] | None = None,
        workflow: str = WORKFLOW,
        cancelled_after: int | None = None,
        **environ: str,
    ) -> Done:
        """One run, that is the one that waits, or a new one.

        GitHub calls a job cancelled that was, or that ran out of its time; it is told so, after so many minutes.
        """
        title = "Trial in the sandbox" if sandbox else "Signals"
        with self.lock:
            self.commit(files or {})
            waiting = [run for run in self.api.runs
                       if (run["status"], run["event"], run["path"]) == ("queued", event, workflow)]  # fmt: skip
            number = (
                waiting[0]["id"]
                if waiting and not sandbox
                else self.api.begin_run("in_progress", title, event, workflow)
            )
            self.api.runs[number - 1]["status"] = "in_progress"
            (self.folder / "installs").write_text("x" * self.failing_installs)
        rules = self.texts[workflow]
        if cancelled_after is not None:
            begun = datetime.now(UTC) - timedelta(minutes=cancelled_after)
            self.api.jobs[number] = [
                {"conclusion": "cancelled", "steps": [{}], "started_at": begun.isoformat()}
            ]
            rules = rules.replace(_RESULT, "cancelled")
        done = self._act(number, event, rules, environ, sandbox=sandbox, workflow=workflow)
        ok = done.jobs and done.jobs.get("watch", "succeeded") == "succeeded"
        ended = "success" if ok else "failure" if cancelled_after is None else "cancelled"
        self.api.runs[number - 1].update(END(ended))
        return done

    def after(self, number: int, result: str) -> Done:
        """What follows a run whose watch never began, or whose runner was lost."""
        rules = (
            self.texts[WORKFLOW]
            .replace(_WATCHES, "if: false\n    runs-on: ${{ vars")
            .replace(_RESULT, result)
        )
        rules = re.sub(
            r"\$\{\{ needs\.watch\.outputs\.\w+ \}\}", '""', rules
        )  # act shows what never was as it is written
        return self._act(number, "workflow_dispatch", rules, {}, sandbox=False, workflow=WORKFLOW)

    def _act(
        self, number: int, event: str, rules: str, environ: Mapping[str, str], *, sandbox: bool, workflow: str
    ) -> Done:
        file = self.folder / f"{number}-{len(list(self.folder.glob('*.yml')))}.yml"
        file.write_text(rules, encoding="utf-8")
        home = self.folder / f"runner{number}"
        home.mkdir(exist_ok=True)
        command = self._command(number, event, file, workflow, environ, sandbox=sandbox)
        ran = subprocess.run(
            command, cwd=self.checkout, capture_output=True, text=True, check=False, timeout=600,
            env={**{name: os.environ[name] for name in _KEPT if name in os.environ}, "HOME": str(home)},
        )  # fmt: skip
        log = ran.stdout + ran.stderr
        named = {
            "Start a run if none is there": "start",
            "Watch the signals": "watch",
            "Publish the page": "page",
            "Tell what failed, and go on": "after",
        }
        jobs = {
            named[job]: how
            for job, how in re.findall(r"^\[[\w-]+/([^\]]+?) *\] 🏁  Job (\w+)", log, re.MULTILINE)
        }
        return Done(log=log, jobs=jobs)

    def show(self, path: str, branch: str = "cqs-sheets") -> bytes:
        """A file of a branch."""
        done = subprocess.run(
            ["git", "show", f"{branch}:{path}"], cwd=self.remote, capture_output=True, check=True
        )
        return done.stdout

    def branches(self) -> set[str]:
        return set(git(self.remote, "branch", "--format=%(refname:short)").split())

    def _command(
        self, number: int, event: str, file: Path, workflow: str, more: Mapping[str, str], *, sandbox: bool
    ) -> list[str]:
        assert ACT
        environ = {
            **self.environ,
            **more,
            "GITHUB_API_URL": self.url,
            "GITHUB_RUN_ID": str(number),
            "GITHUB_WORKFLOW_REF": f"{NAME}/{workflow}@refs/heads/main",
            "GIT_CONFIG_GLOBAL": str(self.folder / "gitconfig"),
            "PIP_PAUSES": "0 0 0 0",
        }
        actions = {
            ACTION: self.folder / "action",
            **{f"{name}@{commit}": self.folder / "actions" / name.replace("/", "+")
               for text in (file.read_text(), (ROOT / "action.yml").read_text())
               for name, commit in re.findall(r"uses: ([\w-]+/[\w-]+)[\w/-]*@(\w+)", text)
               if name != "somebody/cqs-sheets"},
        }  # fmt: skip
        return [
            ACT, event, "-P", "ubuntu-24.04=-self-hosted", "--secret", "GITHUB_TOKEN=s3cret-token", "--rm",
            "--workflows", str(file), "--input", f"sandbox={str(sandbox).lower()}",
            *(part for name, path in actions.items() for part in ("--local-repository", f"{name}={path}")),
            *(part for name, value in environ.items() for part in ("--env", f"{name}={value}")),
            *(part for name, value in self.variables.items() for part in ("--var", f"{name}={value}")),
            *(part for name, value in self.secrets.items() for part in ("--secret", f"{name}={value}")),
        ]  # fmt: skip

    def _stand_ins(self) -> None:
        """Small local actions in the place of those that would be downloaded."""
        programs = self.folder / "bin"
        programs.mkdir()
        installs = self.folder / "installs"
        (programs / "python").write_text(
            f'#!/bin/sh\n[ "$3" = pip ] || exec "{sys.executable}" "$@"\n'
            f'[ -s "{installs}" ] || exit 0\n'
            f'truncate -s -1 "{installs}"; echo "ERROR: the index is away" >&2; exit 1\n'
        )
        # where nothing is installed
        (programs / "python3").write_text(f'#!/bin/sh\nexec "{sys.executable}" -S "$@"\n')
        # a server that is away for as many requests as the file has letters, or refuses what it says
        real, away, refuses = shutil.which("git"), self.folder / "away", self.folder / "refuses"
        away.touch()
        (programs / "git").write_text(
            "#!/bin/sh\n"
            f'if [ "$1" = push ] && [ -e "{refuses}" ]; then cat "{refuses}" >&2; exit 128; fi\n'
            'case "$1" in ls-remote|fetch|push)\n'
            f'  if [ -s "{away}" ]; then truncate -s -1 "{away}"\n'
            '    echo "fatal: unable to access: Could not resolve host" >&2; exit 128; fi;;\n'
            f'esac\nexec {real} "$@"\n'
        )
        for program in programs.iterdir():
            program.chmod(0o755)
        for name, step in {
            "actions+checkout": "true",
            "actions+setup-python": f'echo "{programs}" >> "$GITHUB_PATH"',
            "actions+cache/restore": "true",
            "actions+upload-artifact": "true",
            "actions+upload-pages-artifact": "true",
            "actions+deploy-pages": "true",
            "google-github-actions+auth": "true",
        }.items():
            place = self.folder / "actions" / name
            place.mkdir(parents=True)
            (place / "action.yml").write_text(
                f"name: {name}\nruns:\n  using: composite\n  steps:\n    - shell: bash\n      run: {json.dumps(step)}\n"
            )


def git(folder: Path, *arguments: str) -> str:
    who = ["-c", "user.name=Ann", "-c", "user.email=ann@example.com"]
    return subprocess.run(
        ["git", *who, *arguments], cwd=folder, capture_output=True, text=True, check=True
    ).stdout.strip()
