"""A worker process from inside: reads its job and then items (see `xret.engines.lines`).

Answers: ``{"ready": true}`` when the state is made, and ``{"result": …}`` or ``{"error": …}`` for each item (see
`xret.engines.calls.report`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from xret.engines.calls import Bench, Job, report
from xret.engines.lines import Say, listening

__all__ = ["serve"]


def serve() -> None:
    """Work until stdin ends."""
    listening(_work, leave=lambda: None)


def _work(messages: Iterator[dict[str, Any]], say: Say) -> None:
    job = Job(**next(messages))
    say.log(job.level)
    try:
        bench = Bench(job)
    except Exception as error:
        say(error=report(error))
        return
    say(ready=True)
    for item in messages:
        try:
            result = bench.run(item, lambda count: say(done=count))
        except BrokenPipeError:
            raise
        except Exception as error:
            say(error=report(error))
        else:
            say(result=result)


if __name__ == "__main__":
    serve()
