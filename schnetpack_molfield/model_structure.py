"""A model's structure as plain data, and a model made of it again without running any of its code.

Every object is described by the name of its class and by its attributes; tensors stand apart, by
name. To make the model again, objects are created empty and given their attributes: no constructor,
no `__setstate__` and no function of the file's choice is called, and only classes and functions of
trusted packages are looked up at all. What is shared between modules is shared again.

| data | stands for |
|---|---|
| null, true, 1, 0.5, "text", [...] | itself |
| `{"dict": [[key, value], ...]}`, `{"tuple": [...]}`, `{"set": [...]}` | these collections |
| `{"tensor": name, "shape": [...]}`, also `parameter`, `array` | a tensor or array of that name |
| `{"dtype": "float32"}`, `{"device": "cpu"}` | torch's |
| `{"name": "module:name"}` | a function or class |
| `{"partial": function, "args": [...], "keywords": {...}}` | `functools.partial` |
| `{"class": "module:name", "attributes": {...}, ...}` | an object, with the parts of a module |
| `{"same": path}` | the object that stands at that path already |
"""

from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from functools import partial
from importlib import import_module
from types import BuiltinFunctionType, FunctionType
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

__all__ = ["TRUSTED", "describe", "rebuild"]

#: Packages whose classes a file may name: parts of models, nothing that reads files or programs.
TRUSTED = (
    "schnetpack.atomistic",
    "schnetpack.model",
    "schnetpack.nn",
    "schnetpack.representation",
    "schnetpack.transform.atomistic",
    "schnetpack.transform.casting",
    "schnetpack.transform.response",
    "schnetpack_molfield.atomistic",
    "schnetpack_molfield.fields",
    "schnetpack_molfield.generation",
    "schnetpack_molfield.nn",
    "schnetpack_molfield.representation",
    "schnetpack_molfield.transform",
    "torch.nn",
)

#: Packages whose functions it may name: of numbers alone.
_FUNCTIONS = ("schnetpack.nn", "schnetpack_molfield.nn", "torch.nn")
#: Where functions written in C, such as `torch.tanh`, are looked for: they know no module.
_C_FUNCTIONS = ("torch", "torch.nn.functional", "torch.special")
#: Parts of a module that aren't attributes, and are described by themselves.
_PARTS = {"parameters": "_parameters", "buffers": "_buffers", "modules": "_modules"}
_COLLECTIONS: dict[str, type] = {"tuple": tuple, "set": set, "frozenset": frozenset}

Tensors = dict[str, Tensor]


def describe(model: nn.Module) -> tuple[dict[str, Any], Tensors]:
    """Take a model apart.

    Returns:
        Its structure, ready for JSON, and its tensors, each with memory of its own.

    Raises:
        TypeError: for a part that plain data can't stand for, by its place in the model: a hook,
            TorchScript, a class of a script or inside a function.
    """
    writer = _Writer()
    structure = writer.encode(model, "")
    return structure, writer.tensors


def rebuild(structure: Any, tensors: Mapping[str, Tensor], trusted: Sequence[str] = ()) -> Any:
    """Make the model that `describe` took apart.

    Args:
        structure: what `describe` has returned, whoever wrote it.
        tensors: its tensors; they become part of the model.
        trusted: further packages whose classes and functions it may name, beside `TRUSTED`.

    Raises:
        ValueError: for a class or function of another package or that doesn't exist, a tensor that
            is missing, left over or of another shape, and for anything that isn't a structure.
    """
    reader = _Reader(tensors, trusted)
    try:
        model = reader.decode(structure, "")
    except (KeyError, TypeError, AttributeError, IndexError, RecursionError) as error:
        raise ValueError(f"its structure is damaged ({type(error).__name__}: {error})") from error
    unused = sorted(tensors.keys() - reader.used)
    if unused:
        raise ValueError(f"the tensor {unused[0]!r} has no place in its structure")
    return model


class _Writer:
    """Turns values into plain data; a path says where in the model a value stands."""

    def __init__(self) -> None:
        self.tensors: Tensors = {}
        self._places: dict[int, str] = {}
        self._kept: list[object] = []  # an identity is one only as long as its object lives

    def encode(self, value: Any, path: str) -> Any:
        """Plain data for a value of any kind, at its place."""
        if value is None or type(value) in (bool, int, float, str):
            return value
        if type(value) is list:
            return self._items(value, path)
        if type(value) is dict:
            pairs = [
                [self.encode(k, path), self.encode(v, f"{path}.{k}")] for k, v in value.items()
            ]
            return {"dict": pairs}
        for kind, collection in _COLLECTIONS.items():
            if type(value) is collection:
                return {kind: self._items(value, path)}
        if isinstance(value, torch.Size):
            return {"size": list(value)}
        if isinstance(value, torch.dtype | torch.device):
            return {type(value).__name__: str(value).removeprefix("torch.")}
        if isinstance(value, partial):
            return self._partial(value, path)
        if isinstance(value, type | FunctionType | BuiltinFunctionType):
            return {"name": _name(value, path)}
        return self._object(value, path)

    def _items(self, values: Any, path: str) -> list[Any]:
        return [self.encode(value, f"{path}.{i}") for i, value in enumerate(values)]

    def _partial(self, value: partial, path: str) -> dict[str, Any]:
        keywords = {name: self.encode(v, f"{path}.{name}") for name, v in value.keywords.items()}
        args = self._items(value.args, path)
        return {"partial": self.encode(value.func, path), "args": args, "keywords": keywords}

    def _object(self, value: Any, path: str) -> dict[str, Any]:
        """A value that may stand at several places of the model, and is described at the first."""
        if id(value) in self._places:
            return {"same": self._places[id(value)]}
        self._places[id(value)] = path
        self._kept.append(value)
        if isinstance(value, Tensor):
            kind = "parameter" if isinstance(value, nn.Parameter) else "tensor"
            return self._tensor(kind, value, path) | (
                {"frozen": True} if kind == "parameter" and not value.requires_grad else {}
            )
        if isinstance(value, np.ndarray | np.generic):
            return self._array(value, path)
        if isinstance(value, nn.Module):
            return self._module(value, path)
        if not hasattr(value, "__dict__") or isinstance(value, Enum):
            raise TypeError(f"{path} is a {type(value).__name__}, which plain data can't stand for")
        return {"class": _name(type(value), path), "attributes": self._named(vars(value), path)}

    def _tensor(self, kind: str, value: Tensor, path: str) -> dict[str, Any]:
        self.tensors[path] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
        return {kind: path, "shape": list(value.shape)}

    def _array(self, value: np.ndarray | np.generic, path: str) -> dict[str, Any]:
        try:
            tensor = torch.from_numpy(np.array(value))
        except TypeError:
            raise TypeError(f"{path} is an array of {value.dtype}, numbers were expected") from None
        kind = "array" if isinstance(value, np.ndarray) else "number"
        return self._tensor(kind, tensor, path)

    def _module(self, module: nn.Module, path: str) -> dict[str, Any]:
        if isinstance(module, torch.jit.ScriptModule):
            raise TypeError(f"{path or 'the model'} is TorchScript, not a module")
        state = vars(module)
        empty = vars(nn.Module())
        hooks = [name for name in empty if name.endswith("hooks") and state.get(name)]
        if hooks:
            raise TypeError(f"{path or 'the model'} has {hooks[0].strip('_')}, which are code")
        attributes = {
            name: value
            for name, value in state.items()
            if name not in _PARTS.values() and (name not in empty or value != empty[name])
        }
        parts = {
            kind: self._named(state[name], path) for kind, name in _PARTS.items() if state[name]
        }
        name = _name(type(module), path)
        return {"class": name, "attributes": self._named(attributes, path)} | parts

    def _named(self, values: Mapping[str, Any], path: str) -> dict[str, Any]:
        prefix = f"{path}." if path else ""
        return {name: self.encode(value, prefix + name) for name, value in values.items()}


def _name(value: Any, path: str) -> str:
    """`module:name` of a class or function that is found again by it."""
    name = getattr(value, "__qualname__", "")
    candidates = [str(getattr(value, "__module__", ""))]
    if isinstance(value, BuiltinFunctionType):
        name, candidates = value.__name__, list(_C_FUNCTIONS)
    for module in candidates:
        try:
            if module != "__main__" and _look_up(module, name) is value:
                return f"{module}:{name}"
        except (ImportError, AttributeError, ValueError):
            continue
    raise TypeError(
        f"{path or 'the model'} uses {name or value!r} of {candidates[0] or 'nowhere'}, which "
        "can't be found by its name: define it at the top of a module that can be imported"
    )


def _look_up(module: str, name: str) -> Any:
    found: Any = import_module(module)
    for part in name.split("."):
        found = getattr(found, part)
    return found


class _Reader:
    """Turns plain data into values; nothing that the data says is trusted."""

    def __init__(self, tensors: Mapping[str, Tensor], trusted: Sequence[str]) -> None:
        self.tensors = tensors
        self.used: set[str] = set()
        self._trusted = trusted
        self._places: dict[str, Any] = {}
        self._kinds: dict[str, Callable[[dict[str, Any], str], Any]] = {
            "dict": lambda data, path: {
                self.decode(k, path): self.decode(v, f"{path}.{k}") for k, v in data["dict"]
            },
            "size": lambda data, path: torch.Size(data["size"]),
            "dtype": lambda data, path: _dtype(data["dtype"]),
            "device": lambda data, path: torch.device(data["device"]),
            "name": lambda data, path: self._find(data["name"], _FUNCTIONS),
            "partial": self._partial,
            "same": lambda data, path: self._places[data["same"]],
            "class": self._object,
        }
        self._kinds |= dict.fromkeys(_COLLECTIONS, self._collection)
        self._kinds |= dict.fromkeys(("tensor", "parameter", "array", "number"), self._tensor)

    def decode(self, data: Any, path: str) -> Any:
        """The value that plain data stands for, at its place."""
        if isinstance(data, list):
            return [self.decode(item, f"{path}.{i}") for i, item in enumerate(data)]
        if isinstance(data, dict):
            return self._kinds[next(iter(data), "")](data, path)
        return data

    def _collection(self, data: dict[str, Any], path: str) -> Any:
        kind, items = next(iter(data.items()))
        return _COLLECTIONS[kind](self.decode(items, path))

    def _partial(self, data: dict[str, Any], path: str) -> partial:
        keywords = {name: self.decode(v, f"{path}.{name}") for name, v in data["keywords"].items()}
        return partial(
            self.decode(data["partial"], path), *self.decode(data["args"], path), **keywords
        )

    def _tensor(self, data: dict[str, Any], path: str) -> Any:
        kind, name = next(iter(data.items()))
        if name not in self.tensors:
            raise ValueError(f"the tensor {name!r} is missing")
        tensor, shape = self.tensors[name], data["shape"]
        if list(tensor.shape) != shape:
            raise ValueError(
                f"the tensor {name!r} has shape {tuple(tensor.shape)}, its structure says "
                f"{tuple(shape)}"
            )
        self.used.add(name)
        value: Any = tensor
        if kind == "parameter":
            value = nn.Parameter(tensor, requires_grad="frozen" not in data)
        elif kind != "tensor":
            value = tensor.numpy() if kind == "array" else tensor.numpy()[()]
        self._places[path] = value
        return value

    def _object(self, data: dict[str, Any], path: str) -> Any:
        found = self._find(data["class"], TRUSTED)
        if not isinstance(found, type):
            raise ValueError(f"{data['class']} is no class")
        value: Any = object.__new__(found)
        self._places[path] = value
        if isinstance(value, nn.Module):
            nn.Module.__init__(value)
            for kind, name in _PARTS.items():
                vars(value)[name].update(self._named(data.get(kind, {}), path))
        vars(value).update(self._named(data["attributes"], path))
        return value

    def _named(self, data: Mapping[str, Any], path: str) -> dict[str, Any]:
        prefix = f"{path}." if path else ""
        return {name: self.decode(value, prefix + name) for name, value in data.items()}

    def _find(self, name: str, packages: Sequence[str]) -> Any:
        """A class or function that is defined in one of the packages, or in one of the user's."""
        module, _, qualified = name.partition(":")
        trusted = any(f"{module}.".startswith(f"{p}.") for p in (*packages, *self._trusted))
        if not trusted and module not in _C_FUNCTIONS:
            raise ValueError(
                f"it holds {qualified} of {module}, which isn't in a trusted package: if you trust "
                f"it, set the environment variable MOLFIELD_TRUST={module.partition('.')[0]}"
            )
        try:
            found = _look_up(module, qualified)
        except (ImportError, AttributeError) as error:
            raise ValueError(f"there is no {qualified} in {module} here ({error})") from error
        in_c = module in _C_FUNCTIONS and isinstance(found, BuiltinFunctionType)
        if not (in_c or trusted and getattr(found, "__module__", None) == module):
            raise ValueError(f"{qualified} isn't defined in {module}")
        return found


def _dtype(name: str) -> torch.dtype:
    found = getattr(torch, name)
    if not isinstance(found, torch.dtype):
        raise ValueError(f"{name} is no dtype of torch")
    return found
