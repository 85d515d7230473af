"""Protocols by name: definitions as data, what a scored row carries, and why two rows may not be compared.

protocol.py    `Protocol`: what it fixes, its printed text and its identity
bitext.py, pools.py, retrieval.py, answers.py   the definitions, by family
scored.py      `Scored`, a row of numbers with all that it hangs on
comparison.py  `compare`, which refuses unlike rows
"""

from xret.errors import UsageError
from xret.eval.protocols.answers import ANSWERS
from xret.eval.protocols.bitext import BITEXT
from xret.eval.protocols.comparison import compare
from xret.eval.protocols.pools import POOLS
from xret.eval.protocols.protocol import Kind, Protocol
from xret.eval.protocols.retrieval import RETRIEVAL
from xret.eval.protocols.scored import Scored, read_scored, write_scored
from xret.suggest import did_you_mean

__all__ = [
    "PROTOCOLS",
    "Kind",
    "Protocol",
    "Scored",
    "compare",
    "protocol",
    "read_scored",
    "write_scored",
]

PROTOCOLS: dict[str, Protocol] = {each.name: each for each in (*BITEXT, *POOLS, *RETRIEVAL, *ANSWERS)}


def protocol(name: str) -> Protocol:
    """The protocol of this name.

    Raises:
        UsageError: there is none; names the nearest.
    """
    if name not in PROTOCOLS:
        raise UsageError(f"no protocol '{name}'; {did_you_mean(name, PROTOCOLS)}")
    return PROTOCOLS[name]
