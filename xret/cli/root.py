"""`xret`: finds the command, and turns errors into one line and an exit code."""

from __future__ import annotations

import importlib
import logging
import os
import sys

import click

from xret.cli.options import verbose_option
from xret.cli.terminate import terminable
from xret.errors import XretError
from xret.suggest import did_you_mean

__all__ = ["main", "xret"]

# command -> (module:attribute, one-line help); help is repeated here so that `xret --help` imports nothing.
COMMANDS: dict[str, tuple[str, str]] = {
    "demo": ("xret.cli.demo:demo", "Mine, search and evaluate a bundled sample: the one-minute tour."),
    "mine": ("xret.cli.mine:mine", "Find translated sentence pairs in two monolingual files."),
    "merge": ("xret.cli.merge:merge", "Join the shards of a mining run."),
    "score": ("xret.cli.score:score", "Give margin scores to given sentence pairs."),
    "tune": ("xret.cli.tune:tune", "Find a threshold and probabilities for mined pairs, with or without gold."),
    "filter": ("xret.cli.filter:filter_pairs", "Drop bad sentence pairs, for reasons that are counted."),
    "lexicon": ("xret.cli.lexicon:lexicon", "Learn from sentence pairs which words translate which."),
    "align": ("xret.cli.align:align", "Align documents, and the sentences within them."),
    "encode": ("xret.cli.encode:encode", "Turn a corpus into vectors."),
    "expand": ("xret.cli.expand:expand", "Expand passages by queries in other languages."),
    "index": ("xret.cli.index:index", "Build, extend and look at search indexes."),
    "store": ("xret.cli.store:store", "Load vectors into a store, a Milvus server or a folder, and look after it."),
    "search": ("xret.cli.search:search", "Search an index with queries in any language."),
    "rerank": ("xret.cli.rerank:rerank", "Rescore a run with exact MaxSim between token vectors."),
    "fuse": ("xret.cli.fuse:fuse", "Merge several runs into one."),
    "eval": ("xret.cli.eval:evaluate", "Score runs, mined pairs and encoders by the standard protocols."),
    "models": ("xret.cli.models:models", "List, inspect, build and train encoders."),
    "run": ("xret.cli.run:run", "Run a pipeline file."),
    "plan": ("xret.cli.plan:plan", "Estimate bytes, hours and machines of a job before it is begun."),
    "serve": ("xret.cli.serve:serve", "Serve indexes over HTTP, with a search page."),
}

EXAMPLE = """
\b
Examples:
  xret demo
  xret mine --help
"""


class LazyGroup(click.Group):
    """A group whose commands live in modules that are imported only when called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names in the order of a user's day, not of the alphabet."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and give the command; of an unknown one, say which is nearest."""
        if cmd_name not in COMMANDS:
            ctx.fail(f"no command '{cmd_name}'; {did_you_mean(cmd_name, COMMANDS)}")
        module, attribute = COMMANDS[cmd_name][0].split(":")
        command = getattr(importlib.import_module(module), attribute)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands from the table above, importing none."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


def _version(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted and not ctx.resilient_parsing:
        from xret import __version__

        click.echo(f"xret {__version__}")
        ctx.exit()


@click.group(
    cls=LazyGroup, epilog=EXAMPLE, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110}
)
@click.option(
    "--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Print the version."
)
@verbose_option
def xret() -> None:
    """xret: cross-lingual retrieval. Mine parallel corpora, search multilingual collections, evaluate both."""


def main(arguments: list[str] | None = None) -> None:
    """Entry point.

    Exits 0 when all went well, 1 for errors in data or files, 2 for wrong usage, 130 on Ctrl-C, 143 on SIGTERM.
    """
    if sys.stderr is None:  # closed (2>&-): what is said goes nowhere
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    logger = logging.getLogger("xret")
    logger.setLevel(logging.WARNING)  # until -v says otherwise
    if not any(isinstance(handler, _Talk) for handler in logger.handlers):
        logger.addHandler(_Talk())
    with terminable():
        code = _run(arguments)
    sys.exit(code)


class _Talk(logging.Handler):
    """Log lines to the stderr of the moment, above a progress bar if there is one."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line."""
        if "tqdm" in sys.modules:
            sys.modules["tqdm"].tqdm.write(self.format(record), file=sys.stderr)
        else:
            click.echo(self.format(record), err=True)


def _run(arguments: list[str] | None) -> int:
    """Call the command and give the exit code; every error that is the user's to mend becomes one line on stderr."""
    stdout = sys.stdout
    if stdout is None:  # before work of which nothing could be shown; files opened now would take its place
        click.echo("xret: stdout is closed; leave it open, or send it elsewhere (>/dev/null)", err=True)
        return 1
    try:
        # Outside of its standalone mode click gives back the code of `ctx.exit(code)`, and what the command returns.
        code = xret(arguments, prog_name="xret", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("xret: interrupted; commands that can resume say so in their help", err=True)
        return 130
    except SystemExit as stop:
        # click exits when it meets a closed pipe while printing, after putting another stdout in place of that one.
        return _code(stop) if sys.stdout is stdout else 0
    except BrokenPipeError:
        # The reader (head, less) has gone: that is its right. Point stdout elsewhere: exit must not flush into it.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except XretError as error:
        click.echo(f"xret: {error}", err=True)
        return error.exit_code
    except MemoryError:
        click.echo("xret: out of memory; use smaller blocks or batches (see the command's --help)", err=True)
        return 1
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        click.echo(f"xret: {where}{error.strerror or error}", err=True)
        return 1


def _code(stop: SystemExit) -> int:
    if stop.code is None or isinstance(stop.code, int):
        return stop.code or 0
    click.echo(f"xret: {stop.code}", err=True)
    return 1
