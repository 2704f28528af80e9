"""Datadog's own engine, loaded from its Python package: the C interface of libddwaf 2 through ctypes. Only for comparisons."""
import ctypes
import json
import pathlib
import platform
import struct

Object = ctypes.c_uint64 * 2
TEXTS, SMALL_TEXT, LIST, MAP, TRUTH, SIGNED, UNSIGNED, REAL = (0x10, 0x12), 0x14, 0x20, 0x40, 2, 4, 6, 8


def package():
    """The folder of the package. It stands beside the environment and not in it: as a part of it, it would load itself into every test."""
    folder = pathlib.Path(__file__).resolve().parents[2] / ".venv/datadog/ddtrace"
    return folder if folder.exists() else None


class Engine:
    def __init__(self, ruleset):
        library = ctypes.CDLL(str(package() / f"appsec/_ddwaf/libddwaf/{platform.machine()}/lib/libddwaf.so"))
        pointer, handle, number = ctypes.POINTER(Object), ctypes.c_void_p, ctypes.c_uint32
        for name, result, arguments in (
            ("get_default_allocator", handle, []), ("object_from_json", ctypes.c_bool, [pointer, ctypes.c_char_p, number, handle]),
            ("object_destroy", None, [pointer, handle]), ("builder_init", handle, []), ("builder_destroy", None, [handle]),
            ("builder_add_or_update_config", ctypes.c_bool, [handle, ctypes.c_char_p, number, pointer, pointer]),
            ("builder_build_instance", handle, [handle]), ("context_init", handle, [handle, handle]), ("context_destroy", None, [handle]),
            ("context_eval", ctypes.c_int, [handle, pointer, handle, pointer, ctypes.c_uint64]),
        ):
            function = getattr(library, "ddwaf_" + name)
            function.restype, function.argtypes = result, arguments
            setattr(self, "_" + name, function)
        self._allocator = self._get_default_allocator()
        builder, config, diagnostics = self._builder_init(), self._object(ruleset), Object()
        self._builder_add_or_update_config(builder, b"r", 1, ctypes.byref(config), ctypes.byref(diagnostics))
        self._handle = self._builder_build_instance(builder)
        self._builder_destroy(builder)
        assert self._handle, "their engine takes no rule of this ruleset"

    def _object(self, value):
        raw, made = json.dumps(value).encode(), Object()
        assert self._object_from_json(ctypes.byref(made), raw, len(raw), self._allocator)
        return made

    def _value(self, address):
        kind, raw = ctypes.c_uint8.from_address(address).value, ctypes.string_at(address, 16)
        if kind in TEXTS:
            return ctypes.string_at(struct.unpack_from("<Q", raw, 8)[0], struct.unpack_from("<I", raw, 4)[0]).decode("utf-8", "replace")
        if kind == SMALL_TEXT:
            return raw[2:2 + raw[1]].decode("utf-8", "replace")
        if kind in (LIST, MAP):
            count, first = struct.unpack_from("<H", raw, 2)[0], struct.unpack_from("<Q", raw, 8)[0]
            if kind == LIST:
                return [self._value(first + 16 * place) for place in range(count)]
            return {self._value(first + 32 * place): self._value(first + 32 * place + 16) for place in range(count)}
        if kind == TRUTH:
            return bool(raw[1])
        return {SIGNED: "<q", UNSIGNED: "<Q", REAL: "<d"}.get(kind) and struct.unpack_from({SIGNED: "<q", UNSIGNED: "<Q", REAL: "<d"}[kind], raw, 8)[0]

    def run(self, *batches):
        """The result of each batch of addresses, in one context."""
        context, results = self._context_init(self._handle, self._allocator), []
        for batch in batches:
            given, result = self._object(batch), Object()
            self._context_eval(context, ctypes.byref(given), self._allocator, ctypes.byref(result), 10_000_000)
            results.append(self._value(ctypes.addressof(result)) or {})
            self._object_destroy(ctypes.byref(result), self._allocator)
        self._context_destroy(context)
        return results


def recommended():
    """The ruleset that comes with the package."""
    return json.loads((package() / "appsec/rules.json").read_text())


def apart(ruleset):
    """The same rules, each of a type of its own: their engine tells only the first match of a type."""
    changed = json.loads(json.dumps(ruleset))
    for rule in changed["rules"] + changed.get("rules_compat", []):
        rule["tags"]["type"] = rule["id"]
        rule.pop("on_match", None)
    return changed
