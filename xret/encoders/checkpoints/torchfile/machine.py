"""A small machine for the part of pickle's language in which checkpoints are written; it can build data, never call.

The standard library only splits the bytes into opcodes (`pickletools.genops`); what each does is here. An opcode that
is not in `_OPCODES` does not exist, and neither does a name outside `xret.encoders.checkpoints.torchfile.values.KNOWN`.
"""

from __future__ import annotations

import pickletools
from typing import Any, BinaryIO

from xret.encoders.checkpoints.torchfile.values import KNOWN, Name, Ordered, Record, Refused, Storage, storage

__all__ = ["run"]

_STEPS = 3_000_000  # opcodes; a vocabulary of 250 000 words takes a million
_KEYS = 1 << 32  # integer keys beyond could be chosen to collide


def run(stream: BinaryIO, *, legacy: dict[str, Storage] | None = None) -> Any:
    """The data that one pickle describes; the stream is left behind its last byte.

    Args:
        stream: at the pickle's first byte.
        legacy: for files before torch 1.6: takes up the storages named, by key.

    Raises:
        Refused: an opcode, a global or a use of one that weights have no need of, or too many of them.
        Exception: damaged bytes make `pickletools` and the stack fail in many ways.
    """
    machine = _Machine(legacy)
    for step, (opcode, argument, _) in enumerate(pickletools.genops(stream)):
        if step >= _STEPS:
            raise Refused(f"has more than {_STEPS:,} pickle operations")
        if opcode.name == "STOP":
            break
        do = _OPCODES.get(opcode.name)
        if do is None:
            raise Refused(f"uses the pickle operation {opcode.name}, which weights have no need of")
        do(machine, argument)
    (result,) = machine.stack
    return result


class _Machine:
    def __init__(self, legacy: dict[str, Storage] | None) -> None:
        self.stack: list[Any] = []
        self.marked: list[list[Any]] = []  # the stacks below each mark
        self.memo: dict[int, Any] = {}
        self.legacy = legacy

    def push(self, value: Any) -> None:
        self.stack.append(value)

    def skip(self, _: Any) -> None:
        """PROTO and FRAME."""

    def mark(self, _: Any) -> None:
        self.marked.append(self.stack)
        self.stack = []

    def since_mark(self) -> list[Any]:
        items, self.stack = self.stack, self.marked.pop()
        return items

    def empty_list(self, _: Any) -> None:
        self.push([])

    def empty_dict(self, _: Any) -> None:
        self.push({})

    def empty_tuple(self, _: Any) -> None:
        self.push(())

    def none(self, _: Any) -> None:
        self.push(None)

    def true(self, _: Any) -> None:
        self.push(True)

    def false(self, _: Any) -> None:
        self.push(False)

    def tuple(self, _: Any) -> None:
        items = self.since_mark()
        self.push((*items,))

    def last(self, count: int) -> None:
        if len(self.stack) < count:
            raise Refused("is damaged: its pickle takes more than there is")
        self.stack[-count:] = [(*self.stack[-count:],)]

    def append(self, _: Any) -> None:
        item = self.stack.pop()
        self.extend([item])

    def appends(self, _: Any) -> None:
        self.extend(self.since_mark())

    def extend(self, items: list[Any]) -> None:
        if type(self.stack[-1]) is not list:
            raise Refused("appends to something that is no list")
        self.stack[-1].extend(items)

    def setitem(self, _: Any) -> None:
        value, key = self.stack.pop(), self.stack.pop()
        self.update([key, value])

    def setitems(self, _: Any) -> None:
        self.update(self.since_mark())

    def update(self, items: list[Any]) -> None:
        if not isinstance(target := self.stack[-1], dict):
            raise Refused("sets items of something that is no dictionary")
        for key, value in zip(items[::2], items[1::2], strict=True):
            if not (isinstance(key, str) or key is None or (isinstance(key, int) and abs(key) < _KEYS)):
                raise Refused("has a dictionary key that is neither text nor a small whole number")
            target[key] = value

    def put(self, place: int) -> None:
        self.memo[place] = self.stack[-1]

    def memoize(self, _: Any) -> None:
        self.memo[len(self.memo)] = self.stack[-1]

    def get(self, place: int) -> None:
        self.push(self.memo[place])

    def text_global(self, argument: str) -> None:
        module, _, name = argument.partition(" ")
        self.name(module, name)

    def stack_global(self, _: Any) -> None:
        name, module = self.stack.pop(), self.stack.pop()
        self.name(module, name)

    def name(self, module: Any, name: Any) -> None:
        full = f"{module}.{name}" if isinstance(module, str) and isinstance(name, str) else "?"
        if full not in KNOWN:
            raise Refused(f"names {full[:80]!r}, which weights have no need of; nothing in it was executed")
        self.push(Name(full))

    def reduce(self, _: Any) -> None:
        arguments, what = self.stack.pop(), self.stack.pop()
        make = KNOWN[what.name] if isinstance(what, Name) else None
        if make is None or not isinstance(arguments, tuple):
            raise Refused("calls something that is not to be called")
        if make is Ordered and arguments:  # one list could be copied again and again
            raise Refused("fills an OrderedDict in one call")
        self.push(make(*arguments))

    def newobj(self, _: Any) -> None:
        arguments, what = self.stack.pop(), self.stack.pop()
        if what != Name("argparse.Namespace") or arguments != ():
            raise Refused("makes an object that is neither data nor argparse.Namespace")
        self.push(Record("argparse.Namespace"))

    def build(self, _: Any) -> None:
        state, target = self.stack.pop(), self.stack[-1]
        if isinstance(target, Ordered) and isinstance(state, dict):
            return  # `_metadata`: versions of torch modules
        if isinstance(target, Record) and target.name == "numpy.dtype" and isinstance(state, tuple):
            if state[1] in ("<", "|"):
                return
            raise Refused("has NumPy numbers that are not little-endian")
        if not isinstance(target, Record) or target.fields is not None or type(state) is not dict:
            raise Refused("sets the state of something that is no plain record")
        target.fields = state

    def persistent(self, _: Any) -> None:
        found = storage(self.stack.pop(), legacy=self.legacy is not None)
        if self.legacy is not None and self.legacy.setdefault(found.key, found) != found:
            raise Refused("gives one storage two types or lengths")
        self.push(found)


_PUSH, _PUT, _GET = _Machine.push, _Machine.put, _Machine.get
_OPCODES: dict[str, Any] = {
    "PROTO": _Machine.skip, "FRAME": _Machine.skip, "MARK": _Machine.mark, "NONE": _Machine.none,
    "NEWTRUE": _Machine.true, "NEWFALSE": _Machine.false, "BININT": _PUSH, "BININT1": _PUSH, "BININT2": _PUSH,
    "LONG1": _PUSH, "BINFLOAT": _PUSH, "BINUNICODE": _PUSH, "SHORT_BINUNICODE": _PUSH, "SHORT_BINBYTES": _PUSH,
    "EMPTY_TUPLE": _Machine.empty_tuple, "TUPLE": _Machine.tuple,
    "TUPLE1": lambda machine, _: machine.last(1),
    "TUPLE2": lambda machine, _: machine.last(2),
    "TUPLE3": lambda machine, _: machine.last(3),
    "EMPTY_LIST": _Machine.empty_list, "APPEND": _Machine.append, "APPENDS": _Machine.appends,
    "EMPTY_DICT": _Machine.empty_dict, "SETITEM": _Machine.setitem, "SETITEMS": _Machine.setitems,
    "BINPUT": _PUT, "LONG_BINPUT": _PUT, "MEMOIZE": _Machine.memoize, "BINGET": _GET, "LONG_BINGET": _GET,
    "GLOBAL": _Machine.text_global, "STACK_GLOBAL": _Machine.stack_global, "REDUCE": _Machine.reduce,
    "NEWOBJ": _Machine.newobj, "BUILD": _Machine.build, "BINPERSID": _Machine.persistent,
}  # fmt: skip
