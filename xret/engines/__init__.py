"""Work spread over processes and machines: one door, and who stands behind it.

A job is many units: a function that can be imported, and an item for each call, in plain JSON (paths and a frozen
recipe). The function reads and writes files and answers with a small manifest; no array travels. Results do not depend
on who works, on how many do, or on who died meanwhile.

engine.py    the door: `Engine.map`, and `Engine.run`, which leaves out units that are done
units.py     manifests of units
calls.py     the far side of a call: state made once, units run, errors and log lines as JSON
ledger.py    which units are to do, lost or failed
local.py     this process, or several on this machine: process.py, and worker.py inside
ray.py       a Ray cluster: driver.py the process that speaks to it, actors.py its actors
lines.py     how these processes are spoken to
ambient.py   the engine in use, for stages
"""

from xret.engines.ambient import current_engine, use_engine
from xret.engines.choice import ENGINES, make_engine
from xret.engines.engine import Engine, State
from xret.engines.ledger import EngineError
from xret.engines.local import LocalEngine

__all__ = ["ENGINES", "Engine", "EngineError", "LocalEngine", "State", "current_engine", "make_engine", "use_engine"]
